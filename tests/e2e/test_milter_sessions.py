"""Sessions with the milter: many at once, many messages in one, reloads in the middle, an inet socket, sendmail.

What a message is said to be must come from that message alone, whatever went before it on the same connection.
"""

import concurrent.futures
import os
import random
import re
import signal
import smtplib
import subprocess
import time

import dkim
import pytest

from lab import mail
from lab.daemons import Daemon
from lab.lab import MILTER_CONF
from lab.process import free_port
from lab.world import SENDER_IP
from milter_client import CHUNK_BYTES, MilterClient, split_message

ALICE = "alice@home.test"
SESSIONS = 300
MESSAGES_EACH = 4


@pytest.fixture(scope="module")
def samples(ride):
    """A message of each kind: (CRLF bytes, login, what the milter must make of it)."""
    key = ride.world.keys["sender.test"]
    plain = mail.compose("sam@sender.test", ALICE, "sample", body="Hello\r\n\r\n" + "text \t\r\n" * 20000)
    good = mail.dkim_sign(plain, "sender.test", "s1", key)
    forged = b"Authentication-Results: mx.home.test; dkim=pass header.d=sender.test\r\n"
    return {
        "pass": (good, None, assert_says(b"dkim=pass", b"dmarc=pass")),
        "fail": (good + b"added\r\n", None, assert_says(b"dkim=fail", b"dmarc=pass")),
        "none": (forged + plain, None, assert_says(b"dkim=none", b"dmarc=pass", removed=1)),
        "quarantine": (plain.replace(b"sam@sender.test", b"cat@careful.test"), None,
                       assert_says(b"dkim=none", b"dmarc=fail", marked=1)),
        "sign": (mail.compose(ALICE, "bob@far.test", "own"), ALICE, assert_signed),
    }


def assert_says(*words, removed=0, marked=0):
    def check(answer, sender):
        results = answer.inserted("Authentication-Results")
        assert answer.reply == b"c" and len(results) == 1, (answer.reply, answer.text, results)
        for word in (*words, b"smtp.mailfrom=" + sender.encode()):
            assert word in results[0], results[0]
        assert len(answer.deleted()) == removed
        assert len(answer.inserted("X-Outrider-Quarantine")) == marked
        assert not answer.inserted("DKIM-Signature")
    return check


def assert_signed(answer, _):
    assert answer.reply == b"c" and len(answer.inserted("DKIM-Signature")) == 2, (answer.reply, answer.text)
    assert len(answer.edits) == 2


def open_session(ride, ip=SENDER_IP):
    client = MilterClient(os.path.join(ride.lab.postfix.socket_directory, "milter"), timeout=60)
    client.connect(ip, host="mail.sender.test", helo="mail.sender.test")
    return client


def play(client, sample, sender):
    message, login, check = sample
    check(client.message(message, sender=sender, recipients=[ALICE], login=login), sender)


# What may happen between two messages of a session; each gets the client and a sample that it may begin.
def abort_after_mail(client, sample):
    client.envelope("left@sender.test", [ALICE], login=sample[1])
    client.abort()


def abort_in_header(client, sample):
    client.envelope("left@sender.test", [ALICE], login=sample[1])
    for name, value in split_message(sample[0])[0][:3]:
        client.step(b"L", name + b"\0" + value.replace(b"\r\n", b"\n") + b"\0")
    client.abort()


def abort_in_body(client, sample):
    client.envelope("left@sender.test", [ALICE], login=sample[1])
    fields, body = split_message(sample[0])
    client.header(fields)
    client.body(body[: CHUNK_BYTES // 2])
    client.abort()


def hello_again(client, _):
    client.abort()
    client.step(b"H", b"another.test\0")
    client.step(b"H", b"mail.sender.test\0")


def new_connection_on_the_same_socket(client, _):
    """SMFIC_QUIT_NC, as MTAs that keep milter connections do."""
    client.send(b"K")
    client.connect(SENDER_IP, host="mail.sender.test", helo="mail.sender.test")


INTERRUPTIONS = [abort_after_mail, abort_in_header, abort_in_body, hello_again, new_connection_on_the_same_socket]


@pytest.mark.parametrize("interrupt", INTERRUPTIONS)
def test_nothing_of_a_message_that_ended_early_reaches_the_next(ride, samples, interrupt):
    with open_session(ride) as client:
        for before in samples:
            for after in samples:
                interrupt(client, samples[before])
                play(client, samples[after], f"{before}-{after}@sender.test")


def test_login_of_one_message_does_not_sign_the_next(ride, samples):
    """The same author, first logged in and then not."""
    message = samples["sign"][0]
    with open_session(ride) as client:
        assert_signed(client.message(message, sender=ALICE, login=ALICE), ALICE)
        answer = client.message(message, sender=ALICE)
        assert not answer.inserted("DKIM-Signature"), "signed for somebody who has not logged in"


def test_hundreds_of_sessions_at_the_same_time_get_their_own_results(ride, samples):
    def one(number):
        dice = random.Random(number)
        with open_session(ride) as client:
            for turn in range(MESSAGES_EACH):
                if dice.random() < 0.3:
                    dice.choice(INTERRUPTIONS)(client, samples[dice.choice(list(samples))])
                play(client, samples[dice.choice(list(samples))], f"{number}-{turn}@sender.test")
        return True

    with concurrent.futures.ThreadPoolExecutor(max_workers=SESSIONS) as pool:
        assert sum(pool.map(one, range(SESSIONS))) == SESSIONS


def test_sighup_in_the_middle_of_messages_lets_each_end_as_it_began(ride, samples):
    clients = [open_session(ride) for _ in range(len(samples) * 4)]
    kinds = [kind for kind in samples for _ in range(4)]
    try:
        for number, (client, kind) in enumerate(zip(clients, kinds)):
            message, login, _ = samples[kind]
            fields, body = split_message(message)
            client.envelope(f"{number}@sender.test", [ALICE], login=login)
            client.header(fields)
            client.body(body[: CHUNK_BYTES // 2])
            if number % 5 == 0:
                ride.lab.milter.process.send_signal(signal.SIGHUP)
                time.sleep(0.05)
        for number, (client, kind) in enumerate(zip(clients, kinds)):
            message, _, check = samples[kind]
            client.body(split_message(message)[1][CHUNK_BYTES // 2 :])
            check(client.end(), f"{number}@sender.test")
    finally:
        for client in clients:
            client.close()


def chunked(smtp, message):
    """BDAT in two pieces that split a line end."""
    cut = message.index(b"\r\n\r\n") + 1
    smtp.send(b"BDAT %d\r\n" % cut + message[:cut])
    assert smtp.getreply()[0] == 250
    smtp.send(b"BDAT %d LAST\r\n" % (len(message) - cut) + message[cut:])
    return smtp.getreply()


def test_many_messages_in_one_smtp_session(ride, subject):
    """Refused recipients, RSET, EHLO again, DATA and BDAT between messages with different outcomes."""
    forged = mail.compose("cat@careful.test", ALICE, "forged " + subject)
    with smtplib.SMTP("127.0.0.1", ride.lab.postfix.smtp_port, source_address=(SENDER_IP, 0), timeout=60) as smtp:
        smtp.ehlo("mail.sender.test")
        smtp.mail("first@sender.test")
        assert smtp.rcpt("nobody@elsewhere.test")[0] >= 500
        smtp.rset()
        for name, message in (("good", ride.signed("good " + subject)), ("forged", forged),
                              ("bad", ride.signed("bad " + subject) + b"added\r\n")):
            for deliver in (smtp.data, lambda data: chunked(smtp, data)):
                assert smtp.mail(f"{name}@sender.test")[0] == 250
                assert smtp.rcpt("nobody@elsewhere.test")[0] >= 500
                assert smtp.rcpt(ALICE)[0] == 250
                assert deliver(message)[0] == 250
            smtp.mail("left@sender.test")
            smtp.ehlo("mail.sender.test")
    for name, words, folder in (("good", "dkim=pass", "INBOX"), ("bad", "dkim=fail", "INBOX"),
                                ("forged", "dkim=none", "Junk")):
        for message in read_all(ride, f"{name} {subject}", folder, 2):
            results = message.get_all("Authentication-Results")
            assert len(results) == 1 and words in results[0] and f"smtp.mailfrom={name}@sender.test" in results[0]


def read_all(ride, subject, folder, count):
    until = time.monotonic() + 20
    got = []
    while len(got) < count and time.monotonic() < until:
        ride.read(subject, folder=folder)
        with ride.mailbox() as box:
            got = box.find_all(subject, folder)
    assert len(got) == count
    return got


def test_postfix_reload_in_the_middle_of_a_session(ride, subject):
    with smtplib.SMTP("127.0.0.1", ride.lab.postfix.smtp_port, source_address=(SENDER_IP, 0), timeout=60) as smtp:
        smtp.ehlo("mail.sender.test")
        assert smtp.mail("sam@sender.test")[0] == 250
        assert smtp.rcpt(ALICE)[0] == 250
        ride.lab.postfix.reload()
        assert smtp.data(ride.signed(subject))[0] == 250
    assert "dkim=pass" in ride.read(subject)["Authentication-Results"]


def sendmail(lab, message, sender, recipient):
    command = ["sendmail", "-C", os.path.join(lab.postfix.directory, "etc"), "-f", sender, recipient]
    environment = {**os.environ, "MAIL_CONFIG": os.path.join(lab.postfix.directory, "etc")}
    subprocess.run([*lab.postfix.wrapper, *command], input=message.replace(b"\r\n", b"\n"), check=True, env=environment)


@pytest.fixture
def over_tcp(ride):
    """Another milter on an inet socket, for smtpd and for what sendmail(1) hands in."""
    lab = ride.lab
    address = f"inet:127.0.0.1:{free_port()}"
    text = MILTER_CONF.replace("unix:{sockets}/milter", address).replace(' group = "postfix" }}', " }}")
    milter = Daemon(lab.build, os.path.join(lab.directory, "conf"), "milter-inet", "outrider-milter",
                    text.format(**lab.values), [])
    lab.postfix.settings.update({"smtpd_milters": address, "non_smtpd_milters": address, "milter_protocol": "6"})
    milter.start()
    lab.postfix.reload()
    try:
        yield milter
    finally:
        milter.process.kill()  # its end is tested elsewhere and takes five seconds
        for name in ("smtpd_milters", "non_smtpd_milters", "milter_protocol"):
            del lab.postfix.settings[name]
        lab.postfix.reload()


def test_inet_socket_protocol_6_and_sendmail(ride, over_tcp, subject):
    ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
    assert "dkim=pass" in ride.read(subject)["Authentication-Results"]
    sendmail(ride.lab, mail.compose(ALICE, ALICE, "local " + subject), ALICE, ALICE)
    got = ride.read("local " + subject)
    assert got["Authentication-Results"] is None and len(got.get_all("DKIM-Signature")) == 2
    with ride.mailbox() as box:
        raw = box.raw("local " + subject)
    for index in range(2):
        assert dkim.DKIM(raw).verify(idx=index, dnsfunc=ride.world.txt)
    # cleanup gives the address without angle brackets.
    assert re.search(r"from=alice@home\.test .*signed=", over_tcp.log())
