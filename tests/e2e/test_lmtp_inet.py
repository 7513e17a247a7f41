"""LMTP over TCP: who the client is, proxies that speak for others, TLS, and how many connections one may have."""

import os
import shutil
import ssl
import subprocess
import tempfile

import pytest

import lmtp_tools
from lab.process import free_port

UID = 20001
OPTIONS = 'xclient-clients = {"127.0.0.1"}\nmax-connections-per-client = 3\n'
CERTIFICATE = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mx.test", "-days", "2"]


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
        self.certificate, self.key = os.path.join(run, "cert.pem"), os.path.join(run, "key.pem")
        subprocess.run([*CERTIFICATE, "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)
        shutil.chown(self.key, "nobody", "nogroup")
        os.chmod(self.key, 0o600)
        options = f'{OPTIONS}tls-certificate = "{self.certificate}"\ntls-key = "{self.key}"\n'
        self.lmtpd = lmtp_tools.Lmtpd(build, run, self.userdb.address, options, inet=self.port).start()

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


def start_tls(client, wanted=None):
    client.command("STARTTLS", 220)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if wanted:
        context.minimum_version = context.maximum_version = wanted
    client.socket = context.wrap_socket(client.socket)
    client.file = client.socket.makefile("rb")
    return client.socket.version()


@pytest.mark.parametrize("version", (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3))
def test_lmtp_starttls_carries_a_delivery(place, version):
    shutil.rmtree(place.maildir, ignore_errors=True)
    message = lmtp_tools.body_with_digest("secret", 3000000)
    with place.client() as client:
        assert start_tls(client, version) in ("TLSv1.2", "TLSv1.3")
        client.command("MAIL FROM:<>", 503)  # RFC 3207 4.2: what was said before is forgotten
        # All in one write: records hold more than lmtpd's buffer takes at a time.
        text = message.replace(b"\n", b"\r\n").replace(b"\r\n.", b"\r\n..")
        client.send(b"LHLO tls.test\r\nMAIL FROM:<>\r\nRCPT TO:<alice@inet.test>\r\nDATA\r\n" + text + b".\r\nNOOP\r\n")
        for code in (250, 250, 250, 354, 250, 250):
            client.expect(code)
        client.command("STARTTLS", 503)
        client.command("QUIT", 221)
    (path,) = lmtp_tools.files(place.maildir)
    assert lmtp_tools.read_marker(path) == "secret"
    assert b"\tby mx.test with LMTPS\n" in path.read_bytes()


def test_lmtp_starttls_is_offered_once(place):
    with place.client() as client:
        client.send(b"LHLO client.test\r\n")
        assert b"250-STARTTLS\r\n" in list(iter(client.file.readline, b"250 SMTPUTF8\r\n"))
        start_tls(client)
        client.send(b"LHLO client.test\r\n")
        assert b"250-STARTTLS\r\n" not in list(iter(client.file.readline, b"250 SMTPUTF8\r\n"))


def test_lmtp_commands_ahead_of_the_handshake_end_the_connection(place):
    """CVE-2011-0411: taken as said inside TLS they would be anybody's who sits on the line."""
    with place.client() as client:
        client.send(b"STARTTLS\r\nNOOP\r\n")
        client.expect(220)
        with pytest.raises((ConnectionError, OSError)):
            client.expect(250)


def test_lmtp_client_that_is_no_tls_client_is_let_go(place):
    with place.client() as client:
        client.command("STARTTLS", 220)
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        try:
            assert b"250" not in client.file.read()
        except ConnectionError:
            pass
    with place.client() as client:
        client.command("NOOP", 250)


def test_lmtp_key_that_others_can_read_is_refused(place):
    os.chmod(place.key, 0o644)
    try:
        done = subprocess.run([*place.lmtpd.process.command, "-t"], capture_output=True, text=True, check=False)
    finally:
        os.chmod(place.key, 0o600)
    assert done.returncode == 78
    assert "others can read this key" in done.stderr


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
