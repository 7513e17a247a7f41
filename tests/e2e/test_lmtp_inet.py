"""LMTP over TCP: who the client is, proxies that speak for others, and how many connections one may have."""

import os
import shutil
import tempfile

import pytest

import lmtp_tools
from lab.process import free_port

UID = 20001
OPTIONS = 'xclient-clients = {"127.0.0.1"}\nmax-connections-per-client = 3\n'


class Place:
    def __init__(self, build):
        self.directory = tempfile.mkdtemp(prefix="outrider-inet-")
        os.chmod(self.directory, 0o755)
        os.chown(self.directory, UID, UID)
        self.maildir = os.path.join(self.directory, "Maildir")
        run = os.path.join(self.directory, "run")
        os.mkdir(run, 0o755)
        users = {"alice@inet.test": f"uid={UID}\tgid={UID}\thome={self.directory}"}
        self.userdb = lmtp_tools.UserDb(os.path.join(run, "userdb"), users)
        self.port = free_port()
        self.lmtpd = lmtp_tools.Lmtpd(build, run, self.userdb.address, OPTIONS, inet=self.port).start()

    def client(self):
        return lmtp_tools.Lmtp(("127.0.0.1", self.port))

    def received(self, client):
        """The topmost Received field of a message sent now."""
        shutil.rmtree(self.maildir, ignore_errors=True)
        (reply,) = client.deliver(["alice@inet.test"], b"Subject: x\n\nbody\n")
        assert reply.startswith("250 2.0.0")
        (path,) = lmtp_tools.files(self.maildir)
        text = path.read_text(encoding="utf-8")
        return text[text.index("Received:"):].split("\n")[0]

    def close(self):
        status = self.lmtpd.stop()
        self.userdb.close()
        shutil.rmtree(self.directory)
        assert status == 0


@pytest.fixture(scope="module")
def place(build):
    place = Place(build)
    yield place
    place.close()


def test_lmtp_client_on_tcp_is_named_with_its_address(place):
    with place.client() as client:
        assert place.received(client) == "Received: from client.test ([127.0.0.1])"


def test_lmtp_trusted_proxy_speaks_for_its_client(place):
    with place.client() as client:
        client.command("XCLIENT ADDR=IPV6:2001:db8::7 HELO=far.example PORT=1234 PROTO=ESMTP", 220)
        client.command("MAIL FROM:<>", 503)  # the session has begun anew
        client.command("LHLO proxy.test", 250)
        assert place.received(client) == "Received: from far.example ([IPv6:2001:db8::7])"
        client.command("XCLIENT ADDR=[UNAVAILABLE] HELO=<script>", 220)
        client.command("LHLO proxy.test", 250)
        assert place.received(client) == "Received: from unknown"
        client.command("XCLIENT ADDR=nonsense", 501)


def test_lmtp_xclient_waits_for_the_end_of_the_transaction(place):
    with place.client() as client:
        client.command("MAIL FROM:<>", 250)
        client.command("XCLIENT ADDR=192.0.2.1", 503)
        client.command("RSET", 250)
        client.command("XCLIENT ADDR=192.0.2.1", 220)


def test_lmtp_xclient_is_refused_to_strangers(place):
    with lmtp_tools.Lmtp(place.lmtpd.socket_path) as client:
        client.command("XCLIENT ADDR=192.0.2.1", 550)


def test_lmtp_one_address_cannot_take_all_connections(place):
    clients = [place.client() for _ in range(3)]
    with pytest.raises(ConnectionError, match="421 4.7.0"):
        place.client()
    with lmtp_tools.Lmtp(place.lmtpd.socket_path) as local:
        local.command("NOOP", 250)
    clients.pop().command("QUIT", 221)
    for _ in range(100):  # the session is counted out a moment after its last reply
        try:
            clients.append(place.client())
            break
        except ConnectionError:
            continue
    assert len(clients) == 3
    for client in clients:
        client.close()
