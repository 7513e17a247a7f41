"""Memory of the release build: under 16 MiB RSS after start, under 48 MiB with 1,000 idle connections, no more for a
large message than for a small one, and under 64 MiB in the milter for a hundred large ones at the same time."""

import contextlib
import os
import resource
import shutil
import socket
import struct
import tempfile
import time

import pytest

import lmtp_tools
from conftest import PASSWORD
from lab import mail
from lab.lab import Lab
from lab.world import SENDER_IP, World
from milter_client import ALL_ACTIONS, ALL_STEPS, CHUNK_BYTES, MilterClient, packet, split_message

MIB = 1024 * 1024
CONNECTIONS = 1000


@pytest.fixture(scope="module")
def started(release_build):
    directory = tempfile.mkdtemp(prefix="outrider-memory-")
    lab = Lab(directory, release_build.path)
    try:
        lab.prepare()
        lab.world = World(lab)
        lab.world.publish()
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
    # What Postfix offers, then connection, HELO and MAIL, which the milter does not answer.
    "milter": ("milter", b"".join(packet(*words) for words in (
        (b"O", struct.pack("!III", 6, ALL_ACTIONS, ALL_STEPS)),
        (b"C", b"client.test\x004" + struct.pack("!H", 25) + b"192.0.2.1\0"),
        (b"H", b"client.test\0"),
        (b"M", b"<sam@sender.test>\0"),
    )), b""),
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


LARGE_SESSIONS = 100
LARGE_BYTES = 25 * MIB


def play_large_messages(lab, message, ip):
    """All sessions are in the middle of their messages at the same time; their answers."""
    fields, body = split_message(message)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(MilterClient(os.path.join(lab.postfix.socket_directory, "milter"), timeout=120))
                   for _ in range(LARGE_SESSIONS)]
        for number, client in enumerate(clients):
            client.connect(ip, host="mail.sender.test")
            client.envelope("sam@sender.test", ["alice@home.test"], queue_id=f"Q{number}")
            client.header(fields)
        for at in range(0, len(body), CHUNK_BYTES):
            for client in clients:
                client.step(b"B", body[at : at + CHUNK_BYTES])
        return [client.end() for client in clients]


@pytest.mark.parametrize("work", ["signing", "verifying"])
def test_hundred_sessions_with_25_mib_each_stay_below_64_mib(started, work):
    milter = started.milter.restart()
    body = ("0123456789" * 7 + "\r\n") * (LARGE_BYTES // 72)
    author = "alice@home.test" if work == "signing" else "sam@sender.test"
    message = mail.compose(author, "bob@elsewhere.test", work, body=body)
    if work == "verifying":
        message = mail.dkim_sign(message, "sender.test", "s1", started.world.keys["sender.test"])
    answers = play_large_messages(started, message, "127.0.0.1" if work == "signing" else SENDER_IP)
    peak = milter.status_bytes("VmHWM")
    print(f"{work}: peak {peak / MIB:.1f} MiB")
    for answer in answers:
        assert answer.reply == b"c"
        if work == "signing":
            assert len(answer.inserted("DKIM-Signature")) == 2
        else:
            assert b"dkim=pass" in answer.inserted("Authentication-Results")[0]
    assert peak < 64 * MIB


DELIVERED_BYTES = 50 * MIB


def test_hundred_deliveries_of_50_mib_at_once_stay_below_64_mib(started):
    """All sessions are in the middle of their messages at the same time."""
    free = shutil.disk_usage(started.directory).free
    if free < 2 * LARGE_SESSIONS * DELIVERED_BYTES:
        pytest.skip(f"{free // MIB} MiB of disk are not enough for {LARGE_SESSIONS} messages of 50 MiB")
    lmtpd = started.lmtpd.restart()
    path = os.path.join(started.postfix.socket_directory, "lmtp")
    piece = ("0123456789" * 7 + "\r\n").encode() * (MIB // 72)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(lmtp_tools.Lmtp(path, timeout=300)) for _ in range(LARGE_SESSIONS)]
        for number, client in enumerate(clients):
            client.send(b"MAIL FROM:<sam@sender.test>\r\nRCPT TO:<alice+Large@home.test>\r\nDATA\r\n")
            for code in (250, 250, 354):
                client.expect(code)
            client.send(f"Subject: large {number}\r\n\r\n".encode())
        for _ in range(DELIVERED_BYTES // len(piece) + 1):
            for client in clients:
                client.send(piece)
        peak_inside = lmtpd.status_bytes("VmHWM")
        for client in clients:
            client.send(b".\r\n")
        for client in clients:
            client.expect(250)
    peak = lmtpd.status_bytes("VmHWM")
    print(f"peak {peak_inside / MIB:.1f} MiB in the middle, {peak / MIB:.1f} MiB in all")
    assert peak < 64 * MIB
    for path in started.wait_delivered("alice@home.test", LARGE_SESSIONS):
        os.unlink(path)
