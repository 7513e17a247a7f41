"""Public keys are looked up while the body still arrives: slow DNS and a slow body cost the longer of the two."""

import os
import socket
import sys
import threading
import time

import dns.message
import dns.rcode
import dns.rrset
import pytest

from conftest import ROOT
from lab import mail
from lab.daemons import Daemon
from lab.process import run

sys.path.insert(0, str(ROOT / "tests" / "support"))
from milter_client import CHUNK_BYTES, MilterClient, split_message  # noqa: E402

SIGNATURES = 10
DELAY = 1.0

CONF = """\
user = "root"
listen milter {{ address = {{"unix:{directory}/milter"}} group = "root" }}
authserv-id = "mx.test"
policyd = ""
key-directory = "{directory}/dkim"
state-directory = "{directory}"
dns {{ servers = {{"127.0.0.1:{port}"}} timeout = 10s try-timeout = 5s }}
verify-timeout = 4s
"""


class SlowDns(threading.Thread):
    """Answers every question for a selector's key with the same key, `delay` seconds later; None: never."""

    def __init__(self, record):
        super().__init__(daemon=True)
        self.record, self.delay, self.asked = record, DELAY, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            data, peer = self.socket.recvfrom(4096)
            query = dns.message.from_wire(data)
            self.asked.append(query.question[0].name.to_text())
            if self.delay is None:
                continue
            reply = dns.message.make_response(query)
            reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", self.record))
            threading.Timer(self.delay, self.socket.sendto, (reply.to_wire(), peer)).start()


class Milter:
    def __init__(self, build, directory):
        self.directory = directory
        private = os.path.join(directory, "key.pem")
        run(["openssl", "genrsa", "-traditional", "-out", private, "1024"])
        body = run(["openssl", "rsa", "-in", private, "-pubout"]).split("-----")[2]
        with open(private, "rb") as pem:
            self.key = pem.read()
        self.dns = SlowDns('"v=DKIM1; k=rsa; p=' + "".join(body.split()) + '"')
        os.makedirs(os.path.join(directory, "dkim"))
        self.daemon = Daemon(str(build), directory, "milter", "outrider-milter",
                             CONF.format(directory=directory, port=self.dns.port), [f"{directory}/milter"])

    def signed(self, first, count=SIGNATURES):
        """A message with signatures under selectors of its own."""
        message = mail.compose("sam@sender.test", "bob@home.test", "slow", body="x" * 70 + "\r\n")
        plain = message
        for number in range(first, first + count):
            field = mail.dkim_sign(plain, "sender.test", f"k{number}", self.key)
            message = field[: len(field) - len(plain)] + message
        return message

    def verify(self, message, pause=0.0):
        """(seconds from the end of the header, the results); the body comes after a pause."""
        with MilterClient(f"{self.directory}/milter") as client:
            client.connect("192.0.2.1")
            fields, body = split_message(message)
            client.envelope("sam@sender.test", ["bob@home.test"])
            client.header(fields)
            began = time.monotonic()
            time.sleep(pause)
            for at in range(0, len(body), CHUNK_BYTES):
                client.body(body[at:at + CHUNK_BYTES])
            (results,) = client.end().inserted("Authentication-Results")
            return time.monotonic() - began, results


@pytest.fixture(scope="module")
def milter(build, temp_directory):
    milter = Milter(build, temp_directory)
    milter.daemon.start()
    yield milter
    milter.daemon.stop()
    assert "Sanitizer" not in milter.daemon.log(), milter.daemon.log()[-4000:]


def test_ten_keys_come_in_the_time_of_one_while_the_body_comes(milter):
    milter.dns.delay = DELAY
    took, results = milter.verify(milter.signed(100), pause=1.2 * DELAY)
    assert results.count(b"dkim=pass") == SIGNATURES, results
    assert took < 2.2 * DELAY, "one after the other they would take ten seconds"
    asked = len(milter.dns.asked)
    took, results = milter.verify(milter.signed(100))
    assert took < DELAY and len(milter.dns.asked) == asked, "the second time they are there"


def test_a_body_that_is_quicker_than_dns_waits_for_it(milter):
    milter.dns.delay = DELAY
    took, results = milter.verify(milter.signed(200))
    assert results.count(b"dkim=pass") == SIGNATURES, results
    assert 0.9 * DELAY < took < 2.2 * DELAY


def test_dns_that_never_answers_ends_at_the_deadline(milter):
    milter.dns.delay = None
    took, results = milter.verify(milter.signed(300))
    assert results.count(b"dkim=temperror") == SIGNATURES, results
    assert 3.5 < took < 7


def test_senders_that_leave_do_not_hold_the_others_up(milter):
    """Sessions are aborted and closed while their look-ups are under way."""
    milter.dns.delay = None
    for number in range(20):
        with MilterClient(f"{milter.directory}/milter") as client:
            client.connect("192.0.2.1")
            fields, _ = split_message(milter.signed(400 + 2 * number, 2))
            client.envelope("sam@sender.test", ["bob@home.test"])
            client.header(fields)
            if number % 2:
                client.abort()
    milter.dns.delay = 0.05
    took, results = milter.verify(milter.signed(500, 3))
    assert results.count(b"dkim=pass") == 3, results
    assert took < 3


def test_it_stops_with_look_ups_under_way(milter):
    milter.dns.delay = None
    client = MilterClient(f"{milter.directory}/milter")
    client.connect("192.0.2.1")
    fields, _ = split_message(milter.signed(600))
    client.envelope("sam@sender.test", ["bob@home.test"])
    client.header(fields)
    time.sleep(0.2)
    client.close()
    began = time.monotonic()
    assert milter.daemon.stop() == 0
    assert time.monotonic() - began < 6, "verify-timeout bounds it"
    milter.daemon.start()
