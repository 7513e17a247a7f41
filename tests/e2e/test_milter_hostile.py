"""What hostile or broken peers do to the milter: wrong packets, wrong order, monstrous headers, a dead DNS, kill -9.

After each of them the same process must serve a good message well.
"""

import concurrent.futures
import os
import random
import shutil
import signal
import smtplib
import socket
import struct
import subprocess
import time

import pytest

from lab import mail
from lab.daemons import Daemon
from lab.lab import MILTER_CONF
from lab.process import free_port
from lab.world import SENDER_IP
from milter_client import Closed, MilterClient, packet

ALICE = "alice@home.test"
KIB, MIB = 1024, 1024 * 1024


@pytest.fixture(autouse=True)
def unharmed(ride):
    """The process goes on, and does its work."""
    before = ride.lab.milter.process.pid
    yield
    assert ride.lab.milter.process.pid == before and ride.lab.milter.process.is_running(), ride.lab.milter.log()[-4000:]
    with session(ride) as client:
        answer = client.message(ride.signed("after the attack"), "sam@sender.test", [ALICE])
        assert b"dkim=pass" in answer.inserted("Authentication-Results")[0]


def session(ride, ip=SENDER_IP, negotiate=True):
    client = MilterClient(os.path.join(ride.lab.postfix.socket_directory, "milter"), timeout=30, negotiate=negotiate)
    if negotiate:
        client.connect(ip, host="mail.sender.test", helo="mail.sender.test")
    return client


def send_and_drain(client, data):
    """Everything at once; what comes back until the milter closes or has nothing more to say."""
    back = b""
    try:
        client.link.sendall(data)
        client.link.shutdown(socket.SHUT_WR)
        while more := client.link.recv(65536):
            back += more
    except OSError:
        pass  # the milter has closed first
    finally:
        client.close()
    return back


GREETING = packet(b"O", struct.pack("!III", 6, 0x1FF, 0x1FFFFF))
BROKEN = {
    "nothing": b"",
    "half a length": b"\0\0",
    "length zero": struct.pack("!I", 0),
    "largest length": struct.pack("!I", 0xFFFFFFFF) + b"O" + b"x" * 1000,
    "largest positive length": struct.pack("!I", 0x7FFFFFFF) + b"Bxxxx",
    "body beyond its chunk": GREETING + packet(b"M", b"<a@b>\0") + packet(b"B", b"x" * (2 * MIB)),
    "short negotiation": packet(b"O", b"\0\0\0\6"),
    "no actions offered": packet(b"O", struct.pack("!III", 6, 0, 0)),
    "version 1": packet(b"O", struct.pack("!III", 1, 0x3F, 0x7F)),
    "negotiation twice": GREETING * 2,
    "unknown command": GREETING + packet(b"\xff", b"what"),
    "text": b"EHLO client.test\r\nMAIL FROM:<a@b>\r\n",
    "connect without address": GREETING + packet(b"C", b"host\0"),
    "connect without anything": GREETING + packet(b"C"),
    "unknown family": GREETING + packet(b"C", b"host\0X\0\x19junk\0"),
    "bad IPv4": GREETING + packet(b"C", b"host\0" + b"4\0\x19999.1.2.3\0"),
    "bad IPv6": GREETING + packet(b"C", b"host\0" + b"6\0\x19:::::\0"),
    "no terminating NUL": GREETING + packet(b"C", b"host\x004\0\x19127.0.0.1"),
    "macro without value": GREETING + packet(b"D", b"Mi\0"),
    "macro without name": GREETING + packet(b"D", b"M\0\0"),
    "macro for nothing": GREETING + packet(b"D"),
    "macro for no command": GREETING + packet(b"D", b"\xfei\0x\0"),
    "header without value": GREETING + packet(b"M", b"<a@b>\0") + packet(b"L", b"Subject\0"),
    "header without NUL": GREETING + packet(b"M", b"<a@b>\0") + packet(b"L", b"Subject"),
    "mail without sender": GREETING + packet(b"M") + packet(b"E"),
    "mail of an empty word": GREETING + packet(b"M", b"\0") + packet(b"N") + packet(b"E"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_packets(ride, data):
    send_and_drain(session(ride, negotiate=False), data)


MESSAGE = [packet(b"D", b"M{auth_authen}\0alice@home.test\0"), packet(b"M", b"<sam@sender.test>\0"),
           packet(b"R", b"<alice@home.test>\0"), packet(b"D", b"Ti\x004bXk2\0"), packet(b"T"), packet(b"L", b"From\0 alice@home.test\0"),
           packet(b"L", b"DKIM-Signature\0 v=1; a=rsa-sha256; d=sender.test; s=s1; h=from; bh=AA==; b=AA==\0"),
           packet(b"N"), packet(b"B", b"text\r\n"), packet(b"E")]
SESSION = [packet(b"C", b"mail.sender.test\x004\0\x19127.0.0.10\0"), packet(b"H", b"mail.sender.test\0"), *MESSAGE,
           packet(b"A"), *MESSAGE, packet(b"K"), packet(b"U", b"NOOP\0"), *MESSAGE]


def shaken(dice, packets):
    """Some left out, some twice, some in each other's place."""
    out = []
    for one in packets:
        chance = dice.random()
        out += [] if chance < 0.05 else [one, one] if chance < 0.1 else [one]
        if dice.random() < 0.05 and len(out) > 1:
            out[-1], out[-2] = out[-2], out[-1]
    return out


def test_packets_in_any_order(ride):
    """Callbacks must stand every order that libmilter lets through: 300 random ones, always the same."""
    reached_the_end = 0
    for seed in range(300):
        packets = shaken(random.Random(seed), SESSION)
        back = send_and_drain(session(ride, negotiate=False), GREETING + b"".join(packets))
        reached_the_end += packet(b"c") in back or packet(b"t") in back
    assert reached_the_end > 30, "the orders were all refused by libmilter: they prove nothing"


def test_garbage_in_macros_cannot_write_log_lines_of_its_own(ride):
    evil = "x\nmilter: forged line\r\x1b[31m" + "y" * 5000
    with session(ride) as client:
        client.macros(b"M", mail_addr="x", auth_authen=evil)
        client.step(b"M", b"<sam@sender.test>\0")
        client.macros(b"T", i=evil)
        client.macros(b"N", i=evil)
        client.header([(b"From", b" bob@sender.test")])
        assert b"policy service" not in client.end().text
    log = ride.lab.milter.log()
    assert "\nmilter: forged line" not in log and "\x1b" not in log
    assert "forged line" in log


NAMES = [b"", b" ", b"Sub ject", b"Subject:", b"\xff\xfe", b"\x01", b"%s%n", b"From", b"from ", b"x" * 60000, b"DKIM-Signature",
         b"ARC-Seal", b"Authentication-Results", b"List-Id", b"Precedence", "Größe".encode()]
VALUES = [b"", b" ", b"\n", b" a\nInjected: yes", b" a\r\nInjected: yes", b" a\rb", b" \xff\xfe", b" %s%n%n", b" v=1;" * 5000,
          b" i=99999999999; cv=none", b" mx.home.test;" + b"(" * 20000, b" mx.home.test" + b" \n\t" * 10000 + b"; dkim=pass"]


def test_odd_names_and_values(ride):
    """Every odd name with every odd value, in messages to verify and to sign."""
    for ip in (SENDER_IP, "127.0.0.1"):
        for name in NAMES:
            for value in VALUES:
                with session(ride, ip) as client:
                    client.envelope("sam@sender.test", [ALICE])
                    try:
                        client.header([(b"From", b" alice@home.test"), (name, value)])
                        client.body(b"text\r\n")
                        answer = client.end()
                    except (Closed, OSError):
                        continue  # longer than libmilter takes, or a name that it does not
                    assert b"policy service" not in answer.text, (name, value[:80])
                    assert answer.reply in (b"c", b"y", b"t")
                    assert b"\nInjected" not in b"".join(data for _, data in answer.edits)


WORDS = [b"", b" ", b"\n", b"a\nrequest=x\n\n", b"=", b"\xff\xfe", b"%s%n", b"<", b"<>", b"a" * 60000, b"<@a,@b:c@d>",
         b'<"\\\n"@x.test>', b"<a@[127.0.0.1]>"]


@pytest.mark.parametrize("word", WORDS, ids=range(len(WORDS)))
def test_odd_hello_and_sender(ride, word):
    """Each gets a verdict: none may break the question to policyd, or say something in it."""
    with session(ride) as client:
        client.step(b"H", word + b"\0")
        client.macros(b"M", mail_addr="x")
        client.step(b"M", word + b"\0")
        client.header([(b"From", b" sam@sender.test")])
        answer = client.end()
    assert b"policy service" not in answer.text
    assert answer.reply in (b"c", b"y"), (answer.reply, answer.text)


@pytest.mark.parametrize("ip", [SENDER_IP, "127.0.0.1"])
def test_ten_thousand_fields_are_refused_with_words(ride, ip):
    with session(ride, ip) as client:
        message = b"X-Many: one\r\n" * 10000 + ride.signed("many")
        answer = client.message(message, "sam@sender.test", [ALICE])
        assert answer.reply == b"y" and answer.text.startswith(b"552 5.3.4"), (answer.reply, answer.text)


def test_header_beyond_its_ceiling_is_refused_in_bounded_memory(ride):
    with session(ride) as client:
        client.envelope("sam@sender.test", [ALICE])
        client.header([(b"X-Long", b" " + b"x" * 60000)] * 900)
        answer = client.end()
    assert answer.reply == b"y" and b"552 5.3.4" in answer.text


UNREADABLE = [
    b"", b" v=1", b" v=1; a=rsa-sha256; s=s1; h=from; bh=AA==; b=AA==", b" v=1; d=; s=s1", b" v=1; d=a b; s=s1", b" d=" + b"a." * 400,
    b" v=2; d=sender.test", b" v=1; a=rsa-sha256; d=sender.test; s=s1; h=" + b"a:" * 20000, b" =;=", b" v=1; d=\xff.test; s=\xff"]


@pytest.mark.parametrize("value", UNREADABLE, ids=range(len(UNREADABLE)))
def test_signature_that_cannot_be_read_is_a_result_and_defers_nothing(ride, value):
    with session(ride) as client:
        message = b"DKIM-Signature:" + value + b"\r\n" + mail.compose("sam@sender.test", ALICE, "broken")
        answer = client.message(message, "sam@sender.test", [ALICE])
    assert answer.reply == b"c", answer.text
    results = answer.inserted("Authentication-Results")[0]
    assert b"dkim=permerror" in results and b"dmarc=pass" in results, results


def test_thousand_signatures_cost_no_more_than_a_few(ride):
    signed = ride.signed("signatures")
    field = signed[: signed.index(b"From:")]
    started = time.monotonic()
    with session(ride) as client:
        answer = client.message(field.replace(b"s=s1", b"s=s2") * 300 + signed, "sam@sender.test", [ALICE])
    assert answer.reply in (b"c", b"y")
    assert time.monotonic() - started < 5


def test_one_mebibyte_line_in_the_header_through_postfix(ride, subject):
    """Postfix cuts it to its own limit or refuses it; the milter must cope with what is left."""
    message = b"X-Long: " + b"x" * MIB + b"\r\n" + ride.signed(subject)
    with smtplib.SMTP("127.0.0.1", ride.lab.postfix.smtp_port, source_address=(SENDER_IP, 0), timeout=60) as smtp:
        smtp.ehlo("mail.sender.test")
        smtp.mail("sam@sender.test")
        smtp.rcpt(ALICE)
        code, _ = smtp.data(message)
    assert code == 250 or 400 <= code < 600


def test_nul_bytes_in_header_and_body_through_postfix(ride, subject):
    message = mail.compose("sam@sender.test", ALICE, subject, X_Nul="a\0b").replace(b"Hello", b"H\0ello")
    signed = mail.dkim_sign(message, "sender.test", "s1", ride.world.keys["sender.test"])
    ride.inbound(signed, "sam@sender.test", ALICE, SENDER_IP)
    assert "dkim=" in ride.read(subject)["Authentication-Results"]


def test_slow_clients_hold_nobody_up(ride):
    """200 sessions stand in the middle of a packet, 200 in the middle of a message."""
    slow = [session(ride) for _ in range(400)]
    try:
        for number, client in enumerate(slow):
            client.envelope("slow@sender.test", [ALICE])
            if number % 2:
                client.link.sendall(packet(b"L", b"Subject\0 slow\0")[: 4 + number % 7])
        started = time.monotonic()
        with session(ride) as client:
            answer = client.message(ride.signed("quick"), "sam@sender.test", [ALICE])
        assert answer.reply == b"c" and time.monotonic() - started < 20  # the slow ones stay until they are closed
    finally:
        for client in slow:
            client.close()


def wait_until(is_so, words=""):
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until, words
        time.sleep(0.02)


def wait_for_log(daemon, words):
    wait_until(lambda: words in daemon.log(), f"not logged: {words}")


@pytest.fixture
def other_milter(ride):
    """Starts milters beside the lab's, each with a socket and options of its own."""
    lab, started = ride.lab, []

    def start(name, options="", policyd="{sockets}/policy", keys="{directory}/dkim", **changes):
        values = {**lab.values, **changes, "extra": options}
        path = os.path.join(lab.postfix.socket_directory, name)
        text = MILTER_CONF.replace("{sockets}/milter", path).replace("{sockets}/policy", policyd)
        text = text.replace("{directory}/dkim", keys).format(**values)
        daemon = Daemon(lab.build, os.path.join(lab.directory, "conf"), name, "outrider-milter", text, [path])
        started.append(daemon.start())
        wait_for_log(daemon, "DKIM keys loaded")  # it listens first and reads its keys as another user
        return daemon

    yield start
    for daemon in started:
        daemon.process.kill()


def test_sessions_beyond_max_connections_are_put_off_and_the_others_served(ride, other_milter):
    milter = other_milter("few", "max-connections = 5")

    def greet():
        client = MilterClient(milter.listens[0])
        client.connect(SENDER_IP)
        return client

    def reply(client):
        return client.message(ride.signed("crowd"), "sam@sender.test", [ALICE]).reply

    crowd = [greet() for _ in range(8)]
    try:
        replies = [reply(client) for client in crowd]
        assert sorted(replies) == [b"c"] * 5 + [b"t"] * 3
        assert [reply(client) for client in crowd] == replies, "who was let in stays in"
        for client in [crowd[at] for at in range(8) if replies[at] == b"c"][:3]:
            client.close()
        wait_until(lambda: reply(crowd[replies.index(b"t")]) == b"c")
    finally:
        for client in crowd:
            client.close()


def test_dead_dns_costs_one_deadline_however_many_wait(ride, other_milter):
    milter = other_milter("deaf", "verify-timeout = 2s\npolicyd-failure = accept", policyd="/nowhere", dns=f"127.0.0.1:{free_port()}")

    def ask(number):
        with MilterClient(milter.listens[0], timeout=30) as client:
            client.connect(SENDER_IP)
            message = ride.signed(f"deaf {number}").replace(b"s=s1", b"s=s%d" % number)
            return client.message(message, "sam@sender.test", [ALICE])

    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(max_workers=60) as pool:
        answers = list(pool.map(ask, range(60)))
    assert time.monotonic() - started < 10
    assert all(b"dkim=temperror" in answer.inserted("Authentication-Results")[0] for answer in answers)


def test_killed_in_the_middle_of_a_message_defers_and_loses_nothing(ride, other_milter, subject):
    lab = ride.lab
    milter = other_milter("killed")
    lab.postfix.settings["smtpd_milters"] = "unix:outrider/killed"
    lab.postfix.reload()
    try:
        with smtplib.SMTP("127.0.0.1", lab.postfix.smtp_port, source_address=(SENDER_IP, 0), timeout=60) as smtp:
            smtp.ehlo("mail.sender.test")
            smtp.mail("sam@sender.test")
            smtp.rcpt(ALICE)
            assert smtp.docmd("DATA")[0] == 354
            smtp.send(ride.signed("cut " + subject)[:300])
            milter.process.kill()
            smtp.send(b"\r\n\r\nrest\r\n.\r\n")
            assert 400 <= smtp.getreply()[0] < 500
        with pytest.raises(mail.Reply) as deferred:
            ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
        assert 400 <= deferred.value.code < 500
        milter.start()
        ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
        assert "dkim=pass" in ride.read(subject)["Authentication-Results"]
        assert ride.mailbox().find("cut " + subject, timeout=0) is None
    finally:
        del lab.postfix.settings["smtpd_milters"]
        lab.postfix.reload()


def test_key_directory_that_the_milter_may_not_read(ride, other_milter):
    """A start says so and ends; a reload goes on with the keys there were."""
    lab = ride.lab
    keys = os.path.join(lab.directory, "keys-closed-later")
    shutil.copytree(os.path.join(lab.directory, "dkim"), keys)
    subprocess.run(["chown", "-R", "nobody", keys], check=True)
    milter = other_milter("closed", keys=keys)
    shutil.chown(keys, "root")
    os.chmod(keys, 0o700)
    milter.process.send_signal(signal.SIGHUP)
    wait_for_log(milter, f"{keys}: Permission denied")
    with MilterClient(milter.listens[0]) as client:
        client.connect("127.0.0.1")
        answer = client.message(mail.compose(ALICE, ALICE, "own"), ALICE, [ALICE])
        assert len(answer.inserted("DKIM-Signature")) == 2, milter.log()
    milter.process.kill()
    assert subprocess.run([milter.path, "-c", milter.config_path], timeout=20, check=False).returncode == 78


def test_full_disk_makes_keygen_fail_whole(ride):
    """No half key may be left for the milter to find."""
    folder = os.path.join(ride.lab.directory, "full")
    os.makedirs(folder)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", folder], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("this machine lets nobody mount")
    try:
        with open(os.path.join(folder, "filler"), "wb") as filler:
            try:
                filler.write(b"x" * (64 * KIB))
            except OSError:
                pass
        status, output = ride.lab.cli("dkim", "keygen", "full.test", f"--directory={folder}")
        assert status != 0 and "No space left" in output, output
        left = [name for _, _, names in os.walk(folder) for name in names if name != "filler"]
        assert left == []
    finally:
        subprocess.run(["umount", folder], check=True)
