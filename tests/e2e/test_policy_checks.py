"""policyd's checks over its socket and through Postfix: greylisting, limits, scopes, a store that several share."""

import os
import pathlib
import shutil
import subprocess
import threading
import time

import pytest

from lab import mail
from lab.daemons import Daemon
from lab.lab import POLICYD_CONF
from lab.process import Process, can_connect
from policy_tools import Policy

CONF = """\
user = "root"
listen policy {{ address = {{"unix:{d}/{name}"}} group = "root" }}
listen srs {{ address = {{"unix:{d}/{name}-srs"}} group = "root" }}
store = "{store}"
decisions = ""
store-timeout = 500ms
dns {{ servers = {{"127.0.0.1:1"}} timeout = 200ms }}
{extra}
"""

GREYLIST = """\
checks = {"rate", "greylist"}
greylist-delay = 2s
greylist-auto-allow = 0
check "greylist" {
    skip-recipients = {"postmaster@"}
    skip-senders = {"friend.test"}
}
rate "users" {
    by = {"sasl-user"}
    limits = {"100/1h"}
    count = recipients
}
rate "nets" {
    by = {"client-net", "sender-domain"}
    limits = {"5/1d", "1000/31d"}
    action = hold
}
"""


class World:
    def __init__(self, build, directory):
        self.build, self.directory = build, directory
        self.daemons = []
        self.redis = None

    def start(self, name, extra, store=None):
        d = self.directory
        store = store or f"sqlite:{d}/{name}.sqlite"
        daemon = Daemon(str(self.build), d, name, "outrider-policyd",
                        CONF.format(d=d, name=name, store=store, extra=extra), [f"{d}/{name}", f"{d}/{name}-srs"])
        self.daemons.append(daemon.start())
        return daemon

    def connect(self, name):
        return Policy(f"{self.directory}/{name}")

    def start_redis(self):
        path = f"{self.directory}/redis.sock"
        self.redis = Process("redis", ["redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                                       "--appendonly", "no", "--dir", self.directory],
                             f"{self.directory}/redis.log", {})
        self.redis.start(ready=lambda: can_connect(f"unix:{path}"))
        return f"redis:unix:{path}"

    def stop(self):
        for daemon in self.daemons:
            daemon.stop()
        if self.redis:
            self.redis.stop()


@pytest.fixture
def world(build, temp_directory):
    directory = os.path.join(temp_directory, f"w{time.monotonic_ns()}")
    os.makedirs(directory)
    world = World(build, directory)
    yield world
    world.stop()
    shutil.rmtree(directory, ignore_errors=True)


def test_first_mail_waits_and_its_kind_passes_from_then_on(world):
    daemon = world.start("policy", GREYLIST)
    policy = world.connect("policy")
    first = policy.ask()
    assert first == "DEFER_IF_PERMIT 4.7.1 greylisted: first mail of this kind, try again in 2 seconds"
    assert policy.ask(client_address="192.0.2.99").startswith("DEFER_IF_PERMIT"), "the same /24, still too early"
    time.sleep(2.1)
    assert policy.ask(client_address="192.0.2.99") == "DUNNO"
    assert policy.ask() == "DUNNO"
    assert policy.ask(sender="b@far.test").startswith("DEFER_IF_PERMIT")
    log = daemon.log()
    assert "greylist=new" in log and "greylist=early" in log and "greylist=known" in log
    assert "greylist=waited:2s" in log or "greylist=waited:3s" in log, "in whole seconds of the clock"
    daemon.restart()
    assert world.connect("policy").ask() == "DUNNO", "what passed is known after a restart"


@pytest.mark.parametrize("attributes", [
    {"recipient": "Postmaster@home.test"},
    {"sender": "x@friend.test"},
    {"sasl_username": "alice"},
    {"client_address": "127.0.0.1"},
    {"client_address": "unknown"},
    {"protocol_state": "DATA"},
])
def test_who_is_not_greylisted(world, attributes):
    world.start("policy", GREYLIST)
    assert world.connect("policy").ask(**attributes) == "DUNNO"


def test_a_check_in_shadow_mode_only_talks(world):
    daemon = world.start("policy", GREYLIST.replace('check "greylist" {', 'check "greylist" {\n    mode = shadow'))
    assert world.connect("policy").ask() == "DUNNO"
    assert "greylist=new greylist=shadow:DEFER_IF_PERMIT" in daemon.log()


def test_limits_by_user_count_recipients_over_messages(world):
    daemon = world.start("policy", GREYLIST)
    policy = world.connect("policy")
    message = {"protocol_state": "END-OF-MESSAGE", "sasl_username": "alice", "client_address": "127.0.0.1"}
    assert policy.ask(**message, recipient_count="60") == "DUNNO"
    refused = policy.ask(**message, recipient_count="60")
    assert refused.startswith("450 4.7.1 more than 100 recipients (limit users); try again in "), refused
    assert policy.ask(**message, recipient_count="40") == "DUNNO", "a refusal costs nothing"
    assert policy.ask(**message, recipient_count="1").startswith("450")
    assert policy.ask(**{**message, "sasl_username": "bob"}, recipient_count="1") == "DUNNO"
    assert policy.ask(**{**message, "protocol_state": "DATA"}) == "DUNNO", "another stage"
    assert "rate=over:users" in daemon.log()


def test_several_keys_make_one_limit_and_hold_holds(world):
    world.start("policy", GREYLIST)
    policy = world.connect("policy")

    def message(client, sender):
        return policy.ask(protocol_state="END-OF-MESSAGE", client_address=client, sender=sender, recipient_count="1")

    answers = [message(f"198.51.100.{i}", f"user{i}@far.test") for i in range(7)]
    assert answers[:5] == ["DUNNO"] * 5
    assert all(answer.startswith("HOLD more than 5 messages (limit nets)") for answer in answers[5:]), answers
    assert message("198.51.100.1", "x@other.test") == "DUNNO"
    assert message("198.51.101.1", "x@far.test") == "DUNNO"


def test_two_daemons_on_one_redis_share_exactly_and_live_without_it(world):
    store = world.start_redis()
    daemons = [world.start(name, GREYLIST, store) for name in ("one", "two")]
    one, two = world.connect("one"), world.connect("two")
    assert one.ask().startswith("DEFER_IF_PERMIT")
    time.sleep(2.1)
    assert two.ask() == "DUNNO"
    assert one.ask() == "DUNNO"

    granted = []

    def send(name):
        policy = world.connect(name)
        for _ in range(40):
            granted.append(policy.ask(protocol_state="END-OF-MESSAGE", sasl_username="alice", sender="",
                                      client_address="127.0.0.1", recipient_count="1") == "DUNNO")

    threads = [threading.Thread(target=send, args=(name,)) for name in ("one", "two") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 320 and sum(granted) == 100

    world.redis.stop()
    started = time.monotonic()
    for _ in range(50):
        assert one.ask(sender="new@far.test") == "DUNNO", "nobody waits for a store that is gone"
    assert time.monotonic() - started < 5
    assert "greylist=unknown" in daemons[0].log()
    assert daemons[0].log().count("left out until it is back") == 1
    world.start_redis()
    time.sleep(1.2)
    assert one.ask(sender="new@far.test").startswith("DEFER_IF_PERMIT")
    assert "back" in daemons[0].log()


def test_access_rules_are_followed_as_they_change(world):
    path = pathlib.Path(world.directory, "access")
    path.write_text('client 192.0.2.1 recipient bob@home.test reject "not to bob"\n'
                    "sasl-user alice hold\nsender far.test accept\n")
    daemon = world.start("policy", f'checks = {{"access", "greylist"}}\naccess-file = "{path}"')
    policy = world.connect("policy")
    assert policy.ask() == "550 5.7.1 not to bob"
    assert policy.ask(sasl_username="alice", client_address="127.0.0.1") == "HOLD access rule"
    assert policy.ask(recipient="carl@home.test") == "DUNNO", "accept ends the checks: no greylisting"
    assert policy.ask(recipient="carl@home.test", sender="x@else.test").startswith("DEFER_IF_PERMIT")
    assert "access=reject:line=1" in daemon.log()

    path.write_text("client nonsense reject\n")
    time.sleep(1.2)
    assert policy.ask() == "550 5.7.1 not to bob"
    assert "line 1: client: " in daemon.log() and "stay in force" in daemon.log()
    path.write_text("client 192.0.2.1 defer\n")
    time.sleep(1.2)
    assert policy.ask() == "450 4.7.1 try again later"


def test_brake_holds_an_account_that_sends_too_much(world):
    hook, told = pathlib.Path(world.directory, "hook"), pathlib.Path(world.directory, "told")
    hook.write_text(f'#!/bin/sh\necho "$1|$2" >> {told}\n')
    hook.chmod(0o755)
    daemon = world.start("policy", f'checks = {{"brake"}}\nbrake-min-recipients = 10\nbrake-hook = "{hook}"')
    policy = world.connect("policy")

    def send(recipients, login="alice@home.test"):
        return policy.ask(protocol_state="END-OF-MESSAGE", sasl_username=login, sender=login, recipient="",
                          client_address="192.0.2.9", recipient_count=str(recipients))

    assert send(10) == "DUNNO"
    reason = "11 recipients in an hour, usual are 0 at most"
    assert send(1) == f"HOLD account held: {reason}"
    assert send(1).startswith("HOLD")
    assert send(1, "bob@home.test") == "DUNNO"
    time.sleep(0.5)
    assert told.read_text() == f"alice@home.test|{reason}\n", "once"
    assert daemon.log().count("brake: mail of alice@home.test is put on hold") == 1

    def outrider(*words):
        result = subprocess.run([f"{world.build}/outrider", "brake", *words, "--config", daemon.config_path], capture_output=True,
                                text=True, check=False)
        return result.returncode, result.stdout + result.stderr

    assert outrider("list") == (0, f"alice@home.test: {reason}\n")
    assert outrider("release", "alice@home.test")[0] == 0
    assert outrider("release", "alice@home.test")[0] == 1
    assert outrider("list") == (0, "nobody is held\n")
    assert send(10) == "DUNNO"


def test_greylisted_mail_is_delivered_on_the_second_try(ride, subject):
    lab = ride.lab
    lab.configure(lab.policyd, POLICYD_CONF, 'checks = {"spf", "greylist"}\ngreylist-delay = 2s')
    lab.policyd.restart()
    try:
        message = ride.signed(subject)
        with pytest.raises(mail.Reply) as refused:
            ride.inbound(message, "sam@sender.test", "alice@home.test")
        assert refused.value.code == 450 and "greylisted" in refused.value.text, refused.value.text
        time.sleep(2.1)
        ride.inbound(message, "sam@sender.test", "alice@home.test")
        got = ride.read(subject)
        assert got["Received-SPF"].startswith("pass"), "the field comes with the answer that lets it in"
        assert "greylist=waited" in lab.policyd.log()
    finally:
        lab.configure(lab.policyd, POLICYD_CONF)
        lab.policyd.restart()
