"""Plays Postfix towards a milter: the milter protocol, version 6, as its MTA side speaks it.

MilterClient sends whole messages in the right order; `send` and `step` are there for tests that want another one.
"""

import contextlib
import re
import socket
import struct

ALL_ACTIONS = 0x1FF
ALL_STEPS = 0x1FFFFF  # what Postfix 3.7 offers
LEADING_SPACE = 0x100000
CHUNK_BYTES = 65535

# Steps that the filter does not want, and those that it does not answer, by command.
NOT_WANTED = {b"C": 0x1, b"H": 0x2, b"M": 0x4, b"R": 0x8, b"B": 0x10, b"L": 0x20, b"N": 0x40, b"T": 0x200}
NOT_ANSWERED = {b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000, b"T": 0x10000, b"L": 0x80, b"N": 0x40000,
                b"B": 0x80000}
MODIFICATIONS = b"+-2bhimqep"  # replies to end of message that are not the last one
PROGRESS = b"p"


class Closed(Exception):
    """The milter has closed the connection."""


class Answer:
    """What a milter made of a message: the last reply and the edits before it."""

    def __init__(self, reply, text, edits):
        self.reply, self.text, self.edits = reply, text, edits

    def inserted(self, name):
        """Values of the fields of that name that the milter inserts or adds, in its order."""
        values = []
        for command, data in self.edits:
            if command in (b"i", b"h"):
                field, value = data[4 if command == b"i" else 0 :].rstrip(b"\0").split(b"\0", 1)
                if field.lower() == name.lower().encode():
                    values.append(value)
        return values

    def deleted(self):
        """(name, occurrence) of the fields that the milter deletes."""
        return [(data[4:].split(b"\0")[0].decode(), struct.unpack("!I", data[:4])[0])
                for command, data in self.edits if command == b"m" and data.endswith(b"\0\0")]


def packet(command, data=b""):
    return struct.pack("!I", len(data) + 1) + command + data


def split_message(message):
    """(list of (name, value after the colon), body) of a CRLF message."""
    header, _, body = message.partition(b"\r\n\r\n")
    fields = []
    for field in re.split(rb"\r\n(?![ \t])", header):
        name, _, value = field.partition(b":")
        fields.append((name, value))
    return fields, body


def insert_fields(message, answer):
    """The message as Postfix would pass it on after the edits that insert fields at its top or append them."""
    for command, data in answer.edits:
        if command not in (b"i", b"h"):
            continue
        name, value = data[4 if command == b"i" else 0 :].rstrip(b"\0").split(b"\0", 1)
        field = name + b":" + value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"
        if command == b"i":
            message = field + message
        else:
            header, _, body = message.partition(b"\r\n\r\n")
            message = header + b"\r\n" + field + b"\r\n" + body
    return message


class MilterClient(contextlib.AbstractContextManager):
    """`address`: a unix socket's path, or (host, port)."""

    def __init__(self, address, timeout=30, negotiate=True):
        self.link = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.link.settimeout(timeout)
        self.link.connect(address)
        self.protocol = 0
        if negotiate:
            self.negotiate()

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.link.close()

    def send(self, command, data=b""):
        self.link.sendall(packet(command, data))

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            try:
                more = self.link.recv(n - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed()
            data += more
        return data

    def receive(self):
        packet = self._exactly(struct.unpack("!I", self._exactly(4))[0])
        return packet[:1], packet[1:]

    def negotiate(self, version=6, actions=ALL_ACTIONS, steps=ALL_STEPS):
        self.send(b"O", struct.pack("!III", version, actions, steps))
        command, data = self.receive()
        assert command == b"O", command
        self.version, self.actions, self.protocol = struct.unpack("!III", data[:12])

    def step(self, command, data=b""):
        """Sends it if the filter wants it; the reply, or b"c" when it gives none."""
        if self.protocol & NOT_WANTED.get(command, 0):
            return b"c"
        self.send(command, data)
        if self.protocol & NOT_ANSWERED.get(command, 0):
            return b"c"
        return self.receive()[0]

    def macros(self, command, **values):
        """Names longer than a letter go without their braces."""
        words = [(name if len(name) == 1 else "{" + name + "}", value) for name, value in values.items()]
        self.send(b"D", command + "".join(f"{name}\0{value}\0" for name, value in words).encode())

    def connect(self, ip="127.0.0.1", host="client.test", helo="client.test"):
        self.step(b"C", host.encode() + b"\0" + b"4" + struct.pack("!H", 2525) + ip.encode() + b"\0")
        return self.step(b"H", helo.encode() + b"\0")

    def envelope(self, sender, recipients, queue_id="NOQUEUE", login=None):
        # {mail_addr} is there for every message, so that libmilter never keeps the macros of the last one.
        self.macros(b"M", mail_addr=sender, **({"auth_type": "PLAIN", "auth_authen": login} if login else {}))
        self.step(b"M", b"<" + sender.encode() + b">\0")
        for recipient in recipients:
            self.step(b"R", b"<" + recipient.encode() + b">\0")
        self.macros(b"T", i=queue_id)
        self.step(b"T")

    def header(self, fields):
        for name, value in fields:
            if not self.protocol & LEADING_SPACE and value.startswith(b" "):
                value = value[1:]
            self.step(b"L", name + b"\0" + value.replace(b"\r\n", b"\n") + b"\0")
        self.step(b"N")

    def body(self, body):
        for at in range(0, len(body), CHUNK_BYTES):
            self.step(b"B", body[at : at + CHUNK_BYTES])

    def end(self):
        """End of message: the Answer."""
        edits = []
        self.send(b"E")
        while True:
            command, data = self.receive()
            if command not in MODIFICATIONS:
                return Answer(command, data.rstrip(b"\0"), edits)
            if command != PROGRESS:
                edits.append((command, data))

    def message(self, message, sender="ann@sender.test", recipients=("bob@home.test",), queue_id="4bXk2", login=None):
        """One whole message in a session that has said hello."""
        fields, body = split_message(message)
        self.envelope(sender, recipients, queue_id, login)
        self.header(fields)
        self.body(body)
        return self.end()

    def abort(self):
        self.send(b"A")
