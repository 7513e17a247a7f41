"""Mailboxes on another machine: the message is passed on, and each recipient gets the reply of its own server."""

import os
import shutil
import socket
import tempfile
import threading

import pytest

import lmtp_tools
from lab.process import free_port

UID = 20001


class Place:
    """`front` asks a userdb that sends alice, gone, dead and mad elsewhere and keeps bob; `back` has alice."""

    def __init__(self, build):
        self.directory = tempfile.mkdtemp(prefix="outrider-proxy-")
        os.chmod(self.directory, 0o755)
        self.port, self.dead_port, self.mad_port, self.loop_port = (free_port() for _ in range(4))
        elsewhere = "proxy\thost=127.0.0.1\tport="
        self.back_users = {"alice@proxy.test": self._local("alice")}
        self.front_users = {
            "alice@proxy.test": f"{elsewhere}{self.port}",
            "gone@proxy.test": f"{elsewhere}{self.port}",
            "dead@proxy.test": f"{elsewhere}{self.dead_port}",
            "mad@proxy.test": f"{elsewhere}{self.mad_port}",
            "loop@proxy.test": f"{elsewhere}{self.loop_port}",
            "bob@proxy.test": self._local("bob"),
        }
        self.userdbs, self.daemons = [], []
        self.back = self._start(build, "back", self.back_users, inet=self.port)
        options = "proxy-timeout = 2s\nmax-received = 10\n"
        self.front = self._start(build, "front", self.front_users, inet=self.loop_port, options=options)

    def _local(self, name):
        home = os.path.join(self.directory, name)
        os.mkdir(home, 0o700)
        os.chown(home, UID, UID)
        return f"uid={UID}\tgid={UID}\thome={home}"

    def _start(self, build, name, users, **options):
        run = os.path.join(self.directory, f"run-{name}")
        os.mkdir(run, 0o755)
        self.userdbs.append(lmtp_tools.UserDb(os.path.join(run, "userdb"), users))
        daemon = lmtp_tools.Lmtpd(build, run, self.userdbs[-1].address, **options).start()
        self.daemons.append(daemon)
        return daemon

    def maildir(self, name):
        return os.path.join(self.directory, name, "Maildir")

    def send(self, names, message, sender="sender@client.test"):
        with lmtp_tools.Lmtp(self.front.socket_path) as client:
            return [r[:9] for r in client.deliver([f"{n}@proxy.test" for n in names], message, sender)]

    def take(self, name):
        """The only message of a mailbox, which is removed."""
        (path,) = lmtp_tools.files(self.maildir(name))
        lmtp_tools.check_sizes(path)
        content = path.read_bytes()
        path.unlink()
        return content

    def close(self):
        statuses = [daemon.stop() for daemon in self.daemons]
        for userdb in self.userdbs:
            userdb.close()
        shutil.rmtree(self.directory)
        assert statuses == [0, 0]


@pytest.fixture(scope="module")
def place(build):
    place = Place(build)
    yield place
    place.close()


@pytest.mark.parametrize("size", (10, 4000, 3000000))
def test_lmtp_message_for_another_server_arrives_as_it_was(place, size):
    message = lmtp_tools.body_with_digest("passed-on", size)
    assert place.send(["alice"], message) == ["250 2.0.0"]
    content = place.take("alice")
    assert content.endswith(message)
    assert content.startswith(b"Return-Path: <sender@client.test>\nDelivered-To: alice@proxy.test\nReceived: from mx.test")
    assert content.count(b"\nReceived: ") == 2
    assert "relay=inet:127.0.0.1" in place.front.log()


def test_lmtp_each_recipient_has_the_reply_of_its_server(place):
    message = lmtp_tools.body_with_digest("mixed", 500)
    replies = place.send(["alice", "dead", "bob", "gone"], message, sender="")
    assert replies == ["250 2.0.0", "451 4.4.1", "250 2.0.0", "550 5.1.1"]
    assert place.take("alice").endswith(message)
    assert place.take("bob").endswith(message)


def test_lmtp_subaddress_is_passed_on(place):
    with lmtp_tools.Lmtp(place.front.socket_path) as client:
        (reply,) = client.deliver(["alice+Lists@proxy.test"], b"Subject: x\n\n")
    assert "<alice+Lists@proxy.test>" in reply
    assert b"Delivered-To: alice+Lists@proxy.test\n" in place.take("alice")


def test_lmtp_refused_message_reaches_no_server(place):
    with lmtp_tools.Lmtp(place.front.socket_path) as client:
        for line, code in (("MAIL FROM:<>", 250), ("RCPT TO:<alice@proxy.test>", 250), ("DATA", 354)):
            client.command(line, code)
        client.send(b"Subject: x\r\n\r\n" + b"text\r\n" * 10000 + b"bare\nline feed\r\n.\r\n")
        client.expect(550)
    assert lmtp_tools.files(place.maildir("alice")) == []


def test_lmtp_mailbox_that_is_nowhere_ends_in_5_4_6(place):
    (reply,) = place.send(["loop"], lmtp_tools.body_with_digest("round and round", 100))
    assert reply == "554 5.4.6"


@pytest.mark.parametrize("words", (
    [],  # accepts and hangs up
    [b"220 mad\r\n", b"250 mad\r\n", b"250 ok\r\n", b"250 ok\r\n"],  # is lost before DATA
    [b"220 mad\r\n", b"250 mad\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n"],  # no 354
    [b"220 mad\r\n", b"250 mad\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"garbage\r\n"],
    [b"220 mad\r\n", b"250 mad\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"354 go\r\n"],
    [b"220-mad\r\n" * 100],
))
def test_lmtp_server_that_loses_its_mind_defers_its_recipient_only(place, words):
    listener = socket.create_server(("127.0.0.1", place.mad_port))

    def serve():
        peer = listener.accept()[0]
        with peer:
            peer.settimeout(10)
            for word in words:
                peer.sendall(word)
                if not peer.recv(65536):
                    break

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert place.send(["mad", "bob"], lmtp_tools.body_with_digest("m", 100)) == ["451 4.4.2", "250 2.0.0"]
        place.take("bob")
    finally:
        thread.join(20)
        listener.close()


def test_lmtp_silent_server_costs_its_timeout(place):
    listener = socket.create_server(("127.0.0.1", place.mad_port))
    try:
        assert place.send(["mad", "bob"], lmtp_tools.body_with_digest("m", 100)) == ["451 4.4.2", "250 2.0.0"]
        place.take("bob")
    finally:
        listener.close()


def test_lmtp_binary_message_is_not_passed_on(place):
    with lmtp_tools.Lmtp(place.front.socket_path) as client:
        client.command("MAIL FROM:<> BODY=BINARYMIME", 250)
        client.command("RCPT TO:<alice@proxy.test>", 250)
        client.send(b"BDAT 3 LAST\r\n\r\n\n")
        assert client.reply().startswith("554 5.6.1")
