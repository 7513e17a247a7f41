"""policyd's checks of clients, HELO names, senders and DNS lists, with a real DNS server and through Postfix."""

import os
import socket
import threading
import time

import pytest

from lab import mail
from lab.daemons import Daemon
from lab.lab import POLICYD_CONF
from lab.nsd import Nsd
from lab.world import FORGER_IP, SENDER_IP
from policy_tools import Policy

CONF = """\
user = "root"
hostname = "mx.home.test"
listen policy {{ address = {{"unix:{d}/{name}"}} group = "root" }}
listen srs {{ address = {{"unix:{d}/{name}-srs"}} group = "root" }}
store = "sqlite:{d}/{name}.sqlite"
dns {{ servers = {{"{dns}"}} timeout = 5s try-timeout = 4s }}
{extra}
"""

LISTS = """\
checks = {"dnsbl"}
dnslist "zen.test" { codes = {"127.0.0.2-9=5", "127.0.0.10-11=3"} }
dnslist "dbl.test" { kinds = {"sender-domain", "helo"} }
dnslist "allow.test" { weight = -4 }
dnslist "wild.test" { }
dnslist "public.test" { }
"""


class SlowDns:
    """Passes UDP questions on to nsd after a while; questions for names below dead.test get no answer."""

    def __init__(self, nsd, delay):
        self.upstream, self.delay = (nsd.address, nsd.port), delay
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.server = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                question, client = self.socket.recvfrom(4096)
            except OSError:
                return
            self.asked += 1
            threading.Thread(target=self.answer, args=(question, client), daemon=True).start()

    def answer(self, question, client):
        if b"\x04dead\x04test" in question:
            return
        time.sleep(self.delay)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.sendto(question, self.upstream)
            self.socket.sendto(s.recv(4096), client)

    def stop(self):
        self.socket.close()


@pytest.fixture(scope="module")
def nsd(temp_directory):
    server = Nsd(os.path.join(temp_directory, "lists-nsd"))
    listed = {"9.2.0.192.zen.test": "127.0.0.4", "10.2.0.192.zen.test": "127.0.0.10",
              "11.2.0.192.zen.test": "127.0.0.4", "11.2.0.192.allow.test": "127.0.5.3",
              "spam.test.dbl.test": "127.0.1.2", "12.2.0.192.public.test": "127.255.255.254",
              "12.2.0.192.allow.test": "127.0.5.3", "*.wild.test": "203.0.113.80",
              "mail.spam.test": "192.0.2.9", "lan.inside.test": "10.0.0.1"}
    for name, address in listed.items():
        server.add(name, "A", address)
    server.add("1.0.0.0." + "0." * 20 + "8.b.d.0.1.0.0.2.zen.test", "A", "127.0.0.2")
    server.add_txt("9.2.0.192.zen.test", "https://check.test/?ip=192.0.2.9")
    server.add("null.test", "MX", "0 .")
    server.add("inside.test", "MX", "10 lan.inside.test.")
    server.add("20.2.0.192.in-addr.arpa", "PTR", "elsewhere.test.")
    server.add("21.2.0.192.in-addr.arpa", "PTR", "mail.far.test.")
    server.add("mail.far.test", "A", "192.0.2.21")
    server.add("far.test", "MX", "10 mail.far.test.")
    for i in range(10):
        server.add(f"9.2.0.192.list{i}.test", "A", "127.0.0.2")
    server.start()
    yield server
    server.stop()


class Asked:
    def __init__(self, daemon, policy):
        self.daemon, self.ask = daemon, policy.ask

    def timed(self, **attributes):
        started = time.monotonic()
        action = self.ask(**attributes)
        return action, time.monotonic() - started

    def log(self):
        return self.daemon.log()


@pytest.fixture
def start(build, temp_directory):
    """A policyd with further options and that DNS, asked over its socket."""
    daemons = []

    def start(extra, server):
        name = f"c{time.monotonic_ns()}"
        daemon = Daemon(str(build), temp_directory, name, "outrider-policyd",
                        CONF.format(d=temp_directory, name=name, dns=server, extra=extra),
                        [f"{temp_directory}/{name}", f"{temp_directory}/{name}-srs"])
        daemons.append(daemon.start())
        return Asked(daemon, Policy(f"{temp_directory}/{name}"))

    yield start
    for daemon in daemons:
        daemon.stop()
        assert "Sanitizer" not in daemon.log() and "runtime error:" not in daemon.log(), daemon.log()


def test_lists_refuse_by_their_sum(start, nsd):
    policy = start(LISTS + "dnslist-defer-score = 3\n", nsd.server)
    refused = policy.ask(client_address="192.0.2.9", sender="x@far.test", helo_name="mail.far.test")
    assert refused == "550 5.7.1 192.0.2.9 is listed by zen.test (https://check.test/?ip=192.0.2.9)"
    deferred = policy.ask(client_address="192.0.2.10")
    assert deferred == "450 4.7.1 192.0.2.10 is listed by zen.test (look up 10.2.0.192.zen.test)"
    assert policy.ask(client_address="192.0.2.11") == "DUNNO", "the allow list outweighs"
    assert policy.ask(client_address="2001:db8::1").startswith("550 5.7.1 2001:db8::1 is listed by zen.test")
    assert policy.ask(client_address="192.0.2.30", sender="x@spam.test").startswith(
        "550 5.7.1 spam.test is listed by dbl.test")
    assert policy.ask(client_address="192.0.2.9", sasl_username="alice") == "DUNNO"
    log = policy.log()
    assert "dnsbl=1:zen.test=127.0.0.4,allow.test=127.0.5.3,wild.test=unknown" in log
    assert log.count("dnslist wild.test: answers with addresses outside 127.0.0.0/8") == 1, "once a minute"


def test_a_refusing_list_is_no_listing_and_is_told(start, nsd):
    policy = start(LISTS, nsd.server)
    for _ in range(3):
        assert policy.ask(client_address="192.0.2.12") == "DUNNO"
    assert policy.log().count("dnslist public.test: answers 127.255.255.254") == 1
    assert "public.test=unknown" in policy.log()


def test_shadow_mode_only_talks(start, nsd):
    policy = start(LISTS + 'check "dnsbl" { mode = shadow }\n', nsd.server)
    assert policy.ask(client_address="192.0.2.9") == "DUNNO"
    assert "dnsbl=shadow:550" in policy.log()


def test_allow_lists_spare_greylisting(start, nsd):
    lists = LISTS.replace('"dnsbl"', '"greylist"')
    policy = start(lists, nsd.server)
    assert policy.ask(client_address="192.0.2.11") == "DUNNO"
    assert "greylist=allowlisted" in policy.log()
    assert policy.ask(client_address="192.0.2.40").startswith("DEFER_IF_PERMIT")
    policy = start(lists + "greylist-skip-allowlisted = false\n", nsd.server)
    assert policy.ask(client_address="192.0.2.11").startswith("DEFER_IF_PERMIT")


def test_allow_lists_spare_refusal_by_spf(start, nsd):
    conf = LISTS.replace('"dnsbl"', '"spf"') + "spf-on-none = reject\n"
    policy = start(conf, nsd.server)
    sender = {"sender": "x@nospf.test"}
    assert policy.ask(client_address="192.0.2.11", **sender).startswith("PREPEND Received-SPF: none")
    assert "spf-refusal=allowlisted" in policy.log()
    assert policy.ask(client_address="192.0.2.40", **sender).startswith("550 5.7.23")
    policy = start(conf + "spf-skip-allowlisted = false\n", nsd.server)
    assert policy.ask(client_address="192.0.2.11", **sender).startswith("550 5.7.23")


def test_slow_lists_are_asked_at_once_and_a_dead_one_delays_nothing(start, nsd):
    slow = SlowDns(nsd, 0.4)
    many = "".join(f'dnslist "list{i}.test" {{ weight = 1 }}\n' for i in range(10))
    policy = start('checks = {"dnsbl"}\n' + many + "dnslist-reject-score = 10\n", slow.server)
    action, seconds = policy.timed(client_address="192.0.2.9")
    assert action.startswith("550 5.7.1 192.0.2.9 is listed by list0.test"), action
    assert seconds < 1.6, "ten lists and one explanation of 0.4 s each"
    assert policy.timed(client_address="192.0.2.9")[1] < 0.2, "the cache has it"
    dead = start('checks = {"dnsbl"}\ndnslist "dead.test" { }\ndnslist "zen.test" { }\ndnslist-timeout = 600ms\n',
                 slow.server)
    for i in range(5):
        action, seconds = dead.timed(client_address=f"192.0.2.{100 + i}")
        assert action == "DUNNO" and 0.5 < seconds < 1.2, seconds
    action, seconds = dead.timed(client_address="192.0.2.9")
    assert action.startswith("550") and "dead.test=paused" in dead.log()
    assert dead.timed(client_address="192.0.2.100")[1] < 0.2
    assert dead.log().count("dnslist dead.test: no answer 5 times in a row") == 1
    slow.stop()


@pytest.mark.parametrize("attributes, answer", [
    ({"client_address": "192.0.2.21", "client_name": "mail.far.test"}, "DUNNO"),
    ({"client_address": "192.0.2.21"}, "DUNNO"),
    ({"client_address": "192.0.2.20"}, "550 5.7.25 client 192.0.2.20 is called elsewhere.test by its PTR record"),
    ({"client_address": "192.0.2.22"}, "550 5.7.25 client 192.0.2.22 has no name"),
    ({"helo_name": "mx.home.test"}, "550 5.7.1 HELO name mx.home.test is our own name"),
    ({"helo_name": "[192.0.2.80]", "server_address": "192.0.2.80"}, "550 5.7.1 HELO name [192.0.2.80] is our own"),
    ({"helo_name": "[192.0.2.79]"}, "450 4.7.1 HELO name [192.0.2.79] is not the address of the client"),
    ({"helo_name": "[192.0.2.21]"}, "DUNNO"),
    ({"helo_name": "nowhere.test"}, "550 5.7.1 HELO name nowhere.test has neither an address nor a mail host"),
    ({"sender": "x@null.test"}, "550 5.7.27 sender's domain null.test says that it takes no mail"),
    ({"sender": "x@nowhere.test"}, "550 5.1.8 sender's domain nowhere.test has neither an MX record nor an address"),
    ({"sender": "x@inside.test"}, "550 5.1.8 sender's domain inside.test has no mail host with a public address"),
    ({"sender": ""}, "DUNNO"),
])
def test_clients_helo_names_and_senders(start, nsd, attributes, answer):
    policy = start('checks = {"client", "helo", "sender"}\nclient-no-name = reject\nhelo-wrong-literal = defer\n'
                   "helo-no-address = reject\nsender-bad-mx = reject\n", nsd.server)
    attributes = {"client_address": "192.0.2.21", "client_name": "unknown", "helo_name": "mail.far.test",
                  "sender": "x@far.test", **attributes}
    action = policy.ask(**attributes)
    assert action.startswith(answer), action
    assert policy.ask(**{**attributes, "sasl_username": "alice"}) == "DUNNO"


def test_dns_that_does_not_answer_refuses_nobody(start):
    policy = start('checks = {"client", "helo", "sender", "dnsbl"}\nrequest-timeout = 2s\nclient-no-name = reject\n'
                   'client-no-ptr = reject\nhelo-no-address = reject\ndnslist "zen.test" { }\n', "127.0.0.1:1")
    assert policy.ask(client_address="192.0.2.9", client_name="unknown", helo_name="h.far.test") == "DUNNO"
    assert "client-name=temperror sender-domain=temperror dnsbl=0:zen.test=unknown" in policy.log()


def test_through_postfix(ride, subject):
    lab = ride.lab
    name = "66.0.0.127.bl.test"
    lab.nsd.add(name, "A", "127.0.0.2")
    lab.nsd.add_txt(name, "https://bl.test/why")
    lab.nsd.reload()
    message = ride.signed(subject)
    try:
        lab.configure(lab.policyd, POLICYD_CONF,
                      'checks = {"spf", "client", "helo", "sender", "dnsbl"}\ndnslist "bl.test" { }\n')
        lab.policyd.restart()
        with pytest.raises(mail.Reply) as refused:
            ride.inbound(message, "x@elsewhere.test", "alice@home.test", FORGER_IP, helo="host66.elsewhere.test")
        assert refused.value.code == 550
        assert f"{FORGER_IP} is listed by bl.test (https://bl.test/why)" in refused.value.text
        with pytest.raises(mail.Reply) as refused:
            ride.inbound(message, "sam@sender.test", "alice@home.test", SENDER_IP, helo=lab.hostname)
        assert refused.value.code == 550 and "is our own name" in refused.value.text
        ride.inbound(message, "sam@sender.test", "alice@home.test", SENDER_IP)
        ride.read(subject)

        # A policy of reject needs a second signal: here the list is the only one.
        forged = mail.compose("Sam <sam@sender.test>", "alice@home.test", f"{subject} forged")
        weights = "".join(f"dmarc-weight-{name} = 0\n" for name in ("from-spf-fail", "no-ptr", "no-signature"))
        for lists, outcome in (("", "quarantine"), ('dnslist "bl.test" { weight = 9 }\n', "reject")):
            lab.configure(lab.policyd, POLICYD_CONF, weights + lists)
            lab.policyd.restart()
            if outcome == "reject":
                with pytest.raises(mail.Reply) as refused:
                    ride.inbound(forged, "x@elsewhere.test", "alice@home.test", FORGER_IP)
                assert refused.value.code == 550 and "5.7.26" in refused.value.text
                assert "dnsbl=100%" in lab.policyd.log()
            else:
                ride.inbound(forged, "x@elsewhere.test", "alice@home.test", FORGER_IP)
                ride.read(f"{subject} forged", folder="Junk")
    finally:
        lab.configure(lab.policyd, POLICYD_CONF)
        lab.policyd.restart()
