"""Memory of the release build: under 16 MiB RSS after start, under 48 MiB with 1,000 idle connections, and no
more for a large message than for a small one."""

import os
import resource
import shutil
import socket
import tempfile
import time

import pytest

from conftest import PASSWORD
from lab import mail
from lab.lab import Lab
from lab.world import SENDER_IP, World

MIB = 1024 * 1024
CONNECTIONS = 1000


@pytest.fixture(scope="module")
def started(release_build):
    directory = tempfile.mkdtemp(prefix="outrider-memory-")
    lab = Lab(directory, release_build.path)
    try:
        lab.prepare()
        World(lab).publish()
        lab.add_domain("home.test")
        lab.add_user("alice@home.test", PASSWORD)
        lab.make_dkim_keys("home.test")
        shutil.chown(os.path.join(directory, "authd", "accounts.sqlite"), "nobody", "nogroup")
        lab.start()
        yield lab
    finally:
        lab.stop()
        shutil.rmtree(directory, ignore_errors=True)


REQUEST = b"request=smtpd_access_policy\nprotocol_state=RCPT\nsasl_username=x\n\n"
# Per daemon: the socket, what one client says to be greeted or served once, and how the answer ends.
TALK = {
    "policyd": ("policy", REQUEST, b"\n\n"),
    "authd": ("sasl", b"VERSION\t1\t2\nCPID\t%d\n", b"DONE\n"),
    "lmtpd": ("lmtp", b"LHLO client.test\r\n", b"SMTPUTF8\r\n"),
    # SMFIC_OPTNEG, version 6, all actions and protocol steps, as Postfix offers them.
    "milter": ("milter", b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff", b""),
}


def read_until(s, end):
    data = b""
    while not data.endswith(end) or not data:
        more = s.recv(4096)
        assert more, f"closed after {data!r}"
        data += more
    return data


@pytest.mark.parametrize("name", TALK)
def test_rss_after_start_and_with_a_thousand_connections(started, name):
    daemon = next(d for d in started.daemons if d.name == name)
    path, words, end = TALK[name]
    after_start = daemon.status_bytes("VmRSS")
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    connections = []
    try:
        for number in range(CONNECTIONS):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(30)
            s.connect(os.path.join(started.postfix.socket_directory, path))
            s.sendall(words % (number + 1) if b"%d" in words else words)
            read_until(s, end)
            connections.append(s)
        time.sleep(1.0)
        with_connections = daemon.status_bytes("VmRSS")
    finally:
        for s in connections:
            s.close()
    print(f"{name}: {after_start / MIB:.1f} MiB after start, {with_connections / MIB:.1f} MiB with {CONNECTIONS} idle")
    assert after_start < 16 * MIB
    assert with_connections < 48 * MIB


def test_large_message_passes_in_constant_memory(started, subject):
    """100 MiB through Postfix, milter and lmtpd."""
    daemons = (started.milter, started.lmtpd)
    before = [daemon.status_bytes("VmHWM") for daemon in daemons]
    body = ("0123456789" * 7 + "\r\n") * (100 * MIB // 72)
    message = mail.compose("sam@sender.test", "alice@home.test", subject, body=body)
    mail.send(started.postfix.smtp_port, message, "sam@sender.test", "alice@home.test", source=SENDER_IP,
              helo="mail.sender.test")
    paths = started.wait_delivered("alice@home.test", 1, timeout=60)
    assert len(paths) == 1 and os.path.getsize(paths[0]) > 95 * MIB
    grown = [daemon.status_bytes("VmHWM") - old for daemon, old in zip(daemons, before)]
    assert all(more < 8 * MIB for more in grown), grown
