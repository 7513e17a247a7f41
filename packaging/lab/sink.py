"""A mail server of the outside world: takes every message and keeps it, so that what we send can be looked at."""

import socketserver
import threading


class _Session(socketserver.StreamRequestHandler):
    timeout = 60

    def reply(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.reply("220 sink.test ESMTP")
        envelope = {"from": None, "to": []}
        while line := self.rfile.readline(4096):
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO"):
                self.reply("250-sink.test\r\n250-8BITMIME\r\n250 SMTPUTF8")
            elif verb == b"MAIL":
                envelope = {"from": line.strip().decode("utf-8", "replace"), "to": []}
                self.reply("250 2.1.0 ok")
            elif verb == b"RCPT":
                envelope["to"].append(line.strip().decode("utf-8", "replace"))
                self.reply("250 2.1.5 ok")
            elif verb == b"DATA":
                self.reply("354 go on")
                self.server.messages.append((envelope, self.read_message()))
                self.reply("250 2.0.0 kept")
            elif verb == b"QUIT":
                self.reply("221 2.0.0 bye")
                return
            else:
                self.reply("250 2.0.0 ok")

    def read_message(self):
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)


class Sink(socketserver.ThreadingTCPServer):
    """`messages` is a list of (envelope, bytes)."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Session)
        self.messages = []
        self.port = self.server_address[1]
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.shutdown()
        self.server_close()
