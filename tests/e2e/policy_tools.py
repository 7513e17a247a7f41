"""Asking policyd as smtpd does."""

import socket


class Policy:
    """A connection to the policy socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def ask(self, **attributes):
        attributes = {"request": "smtpd_access_policy", "protocol_state": "RCPT", "client_address": "192.0.2.1",
                      "sender": "a@far.test", "recipient": "bob@home.test", "instance": "1.2.3", **attributes}
        lines = "".join(f"{name}={value}\n" for name, value in attributes.items())
        self.socket.sendall(lines.encode() + b"\n")
        action = self.file.readline().decode().strip()
        assert self.file.readline() == b"\n"
        return action.removeprefix("action=")
