"""outrider-lmtpd by itself: a userdb made of a Python dictionary, a daemon that can be killed, a bare LMTP client."""

import hashlib
import os
import pathlib
import re
import socket
import threading

from lab.daemons import program_path
from lab.process import Process, can_connect


def shim_env(build, root, **settings):
    """The environment that puts cutshim.c under a daemon; `settings` are its CUTSHIM_ variables in lower case."""
    path = pathlib.Path(build) / "tests/support/cutshim/libcutshim.so"
    env = {f"CUTSHIM_{name.upper()}": str(value) for name, value in settings.items() if value is not None}
    # The address sanitizer insists on being loaded first, unless told otherwise.
    asan = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
    return {**env, "LD_PRELOAD": str(path), "CUTSHIM_ROOT": os.path.realpath(root), "ASAN_OPTIONS": asan}


class UserDb:
    """The server's side of Dovecot's auth-master protocol on a unix socket; `users` maps names to reply fields."""

    def __init__(self, path, users):
        self.address = f"unix:{path}"
        self.users = users
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(128)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            peer.sendall(b"VERSION\t1\t1\nSPID\t1\n")
            for line in peer.makefile("r", encoding="utf-8"):
                fields = line.rstrip("\n").split("\t")
                if fields[0] == "USER":
                    peer.sendall(self._answer(fields[1], fields[2]).encode())
        except OSError:
            pass  # killed clients are what this is for
        finally:
            peer.close()

    def _answer(self, number, user):
        if user not in self.users:
            return f"NOTFOUND\t{number}\n"
        return f"USER\t{number}\t{user}\t{self.users[user]}\n"

    def close(self):
        """Wakes the thread before the descriptor goes, which the next listener may get."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class Lmtpd:
    """The daemon as user nobody with the capabilities that root leaves it; start, stop, kill."""

    def __init__(self, build, directory, userdb, options="", env=None, inet=None):
        """`inet`: a port on 127.0.0.1 to listen on as well."""
        self.socket_path = os.path.join(directory, "lmtp")
        self.config_path = os.path.join(directory, "lmtpd.conf")
        self.log_path = os.path.join(directory, "lmtpd.log")
        listen = f'"unix:{self.socket_path}"' + (f', "inet:127.0.0.1:{inet}"' if inet else "")
        pathlib.Path(self.config_path).write_text(
            f'userdb = "{userdb}"\n'
            f'listen lmtp {{ address = {{{listen}}} mode = "0666" group = "nogroup" }}\n'
            f'user = "nobody"\ngroup = "nogroup"\nhostname = "mx.test"\nstore = ""\n{options}\n',
            encoding="utf-8",
        )
        command = [program_path(build, "outrider-lmtpd"), "-c", self.config_path]
        self.process = Process("lmtpd", command, self.log_path, env=env)

    def start(self):
        self.process.start(ready=lambda: can_connect(f"unix:{self.socket_path}"))
        return self

    def kill(self):
        self.process.kill()

    def stop(self):
        return self.process.stop()

    def log(self):
        return pathlib.Path(self.log_path).read_text(encoding="utf-8", errors="replace")


class Lmtp:
    """A client that sees every reply line. Closed connections are ConnectionError."""

    def __init__(self, address, timeout=60):
        """`address`: the path of a unix socket, or (host, port)."""
        if isinstance(address, tuple):
            self.socket = socket.create_connection(address, timeout=timeout)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        self.file = self.socket.makefile("rb")
        self.expect(220)
        self.command("LHLO client.test", 250)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def reply(self):
        """The last line of the next reply, without its line end."""
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise ConnectionError("connection closed in a reply")
            if line[3:4] == b" ":
                return line[:-2].decode()

    def expect(self, code):
        reply = self.reply()
        if not reply.startswith(str(code)):
            raise ConnectionError(f"{reply!r} instead of {code}")
        return reply

    def command(self, line, code):
        self.send(line.encode() + b"\r\n")
        return self.expect(code)

    def deliver(self, recipients, message, sender="sender@client.test"):
        """One pipelined transaction. Yields the reply for each recipient as it comes: of RCPT when that was
        refused, else of the message."""
        lines = [f"MAIL FROM:<{sender}>"] + [f"RCPT TO:<{r}>" for r in recipients] + ["DATA"]
        self.send("".join(line + "\r\n" for line in lines).encode())
        self.expect(250)
        at_rcpt = [self.reply() for _ in recipients]
        at_data = self.reply()
        if at_data.startswith("354"):
            self.send(re.sub(rb"(?m)^\.", b"..", message.replace(b"\n", b"\r\n")) + b".\r\n")
        for reply in at_rcpt:
            yield self.reply() if reply.startswith("250") else reply


def files(maildir, folder=""):
    """The messages in new/ and cur/ of a folder."""
    directories = [pathlib.Path(maildir) / folder / name for name in ("new", "cur")]
    return sorted(path for directory in directories if directory.is_dir() for path in directory.iterdir())


def check_sizes(path):
    """S= and W= must be exact."""
    content = path.read_bytes()
    sizes = re.search(r",S=(\d+),W=(\d+)(:2,[DFRST]*[a-z]*)?$", path.name)
    assert sizes, path.name
    assert int(sizes[1]) == len(content)
    assert int(sizes[2]) == len(content) + content.count(b"\n")


def body_with_digest(marker, size):
    """A message whose body proves itself whole."""
    body = (marker.encode() + b" . line of text\n..\n.\n\n") * (size // 30 + 1)
    digest = hashlib.sha256(body).hexdigest()
    return f"From: a@client.test\nSubject: {marker}\nX-Marker: {marker}\nX-Digest: {digest}\n\n".encode() + body


def read_marker(path):
    """The marker of a stored message; fails when the message is not whole."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    marker = re.search(rb"^X-Marker: (\S+)$", head, re.M)[1].decode()
    digest = re.search(rb"^X-Digest: (\S+)$", head, re.M)[1].decode()
    assert hashlib.sha256(body).hexdigest() == digest, f"{path} is not whole"
    return marker
