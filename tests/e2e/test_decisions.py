"""What policyd keeps of its decisions, and the verbs that look at them: policy explain, policy test, rate."""

import glob
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.request

import pytest

from lab.daemons import Daemon, program_path
from lab.lab import POLICYD_CONF
from lab.process import Process, can_connect, free_port

CONF = """\
user = "root"
listen policy {{ address = {{"unix:{d}/policy"}} group = "root" }}
listen srs {{ address = {{"unix:{d}/srs"}} group = "root" }}
store = "{store}"
decisions = "{decisions}"
dns {{ servers = {{"127.0.0.1:1"}} timeout = 200ms }}
checks = {{{checks}"rate", "spf", "greylist"}}
spf-on-fail = reject
check "greylist" {{ skip-recipients = {{"postmaster@"}} }}
rate "users" {{ by = {{"sasl-user"}} limits = {{"100/1h", "500/1d"}} count = recipients }}
{extra}
"""
ZONE = 'far.test TXT "v=spf1 ip4:192.0.2.1 -all"\n'
REQUEST = {"request": "smtpd_access_policy", "protocol_state": "RCPT", "client_address": "192.0.2.1",
           "helo_name": "mx.far.test", "sender": "a@far.test", "recipient": "bob@home.test", "instance": "1.2.3"}


class World:
    """One policyd in a directory of its own, and the CLI beside it."""

    def __init__(self, build, directory):
        self.build, self.d = str(build), directory
        self.ring = f"{directory}/decisions.sqlite"
        self.daemon = self.redis = None
        self.checks = ""  # before those of CONF
        self.store = f"sqlite:{directory}/state.sqlite"
        with open(f"{directory}/zone", "w", encoding="ascii") as zone:
            zone.write(ZONE)

    def config(self, extra="", decisions=None):
        return CONF.format(d=self.d, checks=self.checks, store=self.store, decisions=self.ring if decisions is None else decisions,
                           extra=extra)

    def start(self, extra="", decisions=None):
        config = self.config(extra, decisions)
        self.daemon = Daemon(self.build, self.d, "policyd", "outrider-policyd", config,
                             [f"{self.d}/policy", f"{self.d}/srs"]).start()
        self.ask({"protocol_state": "VRFY", "instance": "0"})  # it has opened all it needs, not only its sockets
        return self.daemon

    def start_redis(self):
        path = f"{self.d}/redis.sock"
        self.redis = Process("redis", ["redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                                       "--appendonly", "no", "--dir", self.d], f"{self.d}/redis.log", {})
        self.redis.start(ready=lambda: can_connect(f"unix:{path}"))
        self.store = f"redis:unix:{path}"

    def ask(self, *requests):
        """The actions, over one connection."""
        with socket.socket(socket.AF_UNIX) as policy:
            policy.settimeout(20)
            policy.connect(f"{self.d}/policy")
            answers, file = [], policy.makefile("rb")
            for attributes in requests:
                lines = "".join(f"{name}={value}\n" for name, value in {**REQUEST, **attributes}.items())
                policy.sendall(lines.encode() + b"\n")
                answers.append(file.readline().decode().strip().partition("=")[2])
                while file.readline() != b"\n":
                    pass
            return answers

    def run(self, *arguments, **options):
        return subprocess.run([program_path(self.build, "outrider"), *arguments, "--config", f"{self.d}/policyd.conf"],
                              capture_output=True, text=True, timeout=30, check=False, **options)

    def explain(self, name, blocks, timeout=10):
        """The output once it has that many blocks; a record is on the disk within a second."""
        until = time.monotonic() + timeout
        while True:
            shown = self.run("policy", "explain", name)
            if shown.stdout.count("  request ") == blocks or time.monotonic() > until:
                return shown
            time.sleep(0.1)

    def test(self, *arguments, **options):
        return self.run("policy", "test", f"--dns-file={self.d}/zone", *arguments, **options)

    def state(self):
        """What the store holds."""
        with sqlite3.connect(f"file:{self.d}/state.sqlite?mode=ro", uri=True) as db:
            return sorted(db.execute("SELECT key, value FROM kv"))


@pytest.fixture
def world(build, temp_directory):
    directory = os.path.join(temp_directory, f"w{time.monotonic_ns()}")
    os.makedirs(directory)
    world = World(build, directory)
    yield world
    if world.daemon:
        world.daemon.stop()
        assert "Sanitizer" not in world.daemon.log() and "runtime error:" not in world.daemon.log()
    if world.redis:
        world.redis.stop()
    shutil.rmtree(directory, ignore_errors=True)


def test_explain_joins_the_questions_of_a_mail_by_its_instance(world):
    world.start()
    end = {"protocol_state": "END-OF-MESSAGE", "queue_id": "4bXk2", "recipient_count": "1"}
    verdict = {"request": "outrider_message", "queue_id": "4bXk2", "header_from": "x@far.test"}
    world.ask({}, {"instance": "9.9.9", "helo_name": "other"}, end, verdict)
    for name in ("4bXk2", "1.2.3"):
        shown = world.explain(name, 3)
        assert shown.returncode == 0, shown
        blocks = shown.stdout.strip().split("\n\n")
        assert len(blocks) == 3 and "other" not in shown.stdout
        assert blocks[0].split("\n")[0].endswith("  NOQUEUE") and blocks[1].split("\n")[0].endswith("  4bXk2")
        assert blocks[0].startswith(time.strftime("%Y-%m-%d ")), "local time"
        assert "check        greylist: DEFER_IF_PERMIT 4.7.1 greylisted" in blocks[0]
        assert "spf          temperror" in blocks[0] and "state        RCPT" in blocks[0]
        assert "action       DUNNO" in blocks[1]
        assert "request      outrider_message" in blocks[2] and "dmarc        temperror" in blocks[2]
    shown = world.run("policy", "explain", "--json", "4bXk2")
    decisions = json.loads(shown.stdout)["decisions"]
    assert [d["queue_id"] for d in decisions] == [None, "4bXk2", "4bXk2"]
    assert ["rcpt", "bob@home.test"] in decisions[0]["decision"]
    assert abs(decisions[0]["time_ms"] / 1000 - time.time()) < 60


def test_explain_of_what_is_not_kept_is_no(world):
    world.start()
    world.ask({})
    world.explain("1.2.3", 1)
    shown = world.run("policy", "explain", "4bXk3")
    assert shown.returncode == 1 and "nothing is kept about 4bXk3" in shown.stderr
    assert world.run("policy", "explain", "x", f"--file={world.d}/none").returncode == 1
    assert world.run("policy", "explain", "x", f"--file={world.d}/policyd.conf").returncode == 78
    assert world.run("policy", "explain").returncode == 2


def test_what_was_kept_is_counted(world):
    port = free_port()
    world.start(f'metrics-listen = "inet:127.0.0.1:{port}"')
    world.ask({}, {})
    world.explain("1.2.3", 2)  # and the one of the start
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    assert 'outrider_policyd_decisions_total{result="kept"} 3\n' in text
    assert 'outrider_policyd_decisions_total{result="dropped"} 0\n' in text


def test_kill_9_loses_no_decision_that_was_kept(world):
    daemon = world.start()
    world.ask({})
    world.explain("1.2.3", 1)
    daemon.process.kill()
    assert world.explain("1.2.3", 1).returncode == 0, "the file is read without its daemon"
    world.start()
    world.ask({"sender": "later@far.test"})
    shown = world.explain("1.2.3", 2)
    assert shown.stdout.index("a@far.test") < shown.stdout.index("later@far.test")


def test_what_was_asked_last_is_kept_by_a_stop(world):
    daemon = world.start()
    world.ask(*({"instance": "7.7.7"} for _ in range(50)))
    daemon.stop()
    assert world.explain("7.7.7", 50).stdout.count("  request ") == 50


@pytest.mark.parametrize("kind", ["no directory", "no database", "a directory"])
def test_a_ring_that_cannot_be_used_is_a_warning_and_mail_goes_on(world, kind):
    path = {"no directory": "/nowhere/at/all/decisions.sqlite"}.get(kind, f"{world.d}/bad")
    if kind == "no database":
        with open(path, "w", encoding="ascii") as file:
            file.write("neither a database nor empty\n" * 100)
    if kind == "a directory":
        os.mkdir(path)
    daemon = world.start(decisions=path)
    assert world.ask({"recipient": "postmaster@home.test"})[0].startswith("PREPEND")
    assert daemon.log().count("warning: decisions are not kept: ") == 1, daemon.log()
    assert path in daemon.log()


def test_none_are_kept_where_none_are_wanted(world):
    daemon = world.start(decisions="")
    world.ask({})
    assert "decisions" not in daemon.log()
    assert not glob.glob(f"{world.d}/decisions*")
    shown = world.run("policy", "explain", "1.2.3")
    assert shown.returncode == 78 and "keeps no decisions" in shown.stderr


def test_the_file_stays_within_its_size_and_the_newest_are_there(world):
    daemon = world.start('decisions-max-size = 1M')
    for i in range(30):
        world.ask(*({"instance": f"{i}.{j}", "sasl_username": "al", "sender": "s" * 900, "helo_name": "h" * 900} for j in range(25)))
        time.sleep(0.02)
    daemon.stop()
    assert os.path.getsize(world.ring) <= 1 << 20
    assert world.run("policy", "explain", "29.24").returncode == 0
    assert world.run("policy", "explain", "0.0").returncode == 1


def test_a_test_says_what_each_check_says_and_leaves_no_trace(world):
    world.start()
    world.ask({"recipient": "postmaster@home.test"},
              {"protocol_state": "END-OF-MESSAGE", "sasl_username": "al", "recipient_count": "60"})
    before = world.state()
    mail = [f"{name}={value}" for name, value in REQUEST.items() if name != "protocol_state"]
    shown = world.test(*mail)
    assert shown.returncode == 75, shown
    assert "only read" in shown.stdout
    assert "check        spf: PREPEND Received-SPF: pass" in shown.stdout
    assert "spf=pass (mfrom of far.test, matched ip4:192.0.2.1" in shown.stdout
    assert "check        greylist: DEFER_IF_PERMIT" in shown.stdout and "greylist=new" in shown.stdout
    assert shown.stdout.strip().split("\n")[-1].startswith("action       DEFER_IF_PERMIT 4.7.1")

    mail[mail.index("client_address=192.0.2.1")] = "client_address=192.0.2.2"
    refused = world.test(*mail)
    assert refused.returncode == 1 and "action       550 5.7.23" in refused.stdout
    assert "greylist: not asked, the check before decided" in refused.stdout

    over = world.test("protocol_state=END-OF-MESSAGE", "sasl_username=al", "recipient_count=60")
    assert over.returncode == 75 and "rate=over:users" in over.stdout
    assert world.test("protocol_state=END-OF-MESSAGE", "sasl_username=al", "recipient_count=40").returncode == 0
    assert world.state() == before
    assert world.ask(REQUEST)[0].startswith("DEFER_IF_PERMIT"), "still new for the daemon"


def test_a_test_knows_modes_and_exemptions_and_speaks_json(world):
    world.start('check "spf" { mode = shadow }')
    request = "".join(f"{name}={value}\n" for name, value in
                      {**REQUEST, "client_address": "192.0.2.2", "recipient": "postmaster@home.test"}.items())
    shown = world.test("--json", "-", input=request + "\n")
    assert shown.returncode == 0, shown
    answer = json.loads(shown.stdout)
    checks = {check["check"]: check for check in answer["checks"]}
    assert checks["spf"]["mode"] == "shadow" and checks["spf"]["answer"].startswith("550 5.7.23")
    assert not checks["greylist"]["asked"] and checks["greylist"]["skipped_by"] == "skip-recipients"
    assert answer["action"] == "DUNNO" and answer["store_only_read"] is True


def test_a_test_of_the_brake_tells_nobody(world):
    hook = f"{world.d}/hook"
    with open(hook, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\ntouch {world.d}/told\n")
    os.chmod(hook, 0o755)
    world.checks = '"brake", '
    daemon = world.start(f'brake-min-recipients = 10\nbrake-hook = "{hook}"')
    before = world.state()
    for _ in range(2):
        shown = world.test("protocol_state=END-OF-MESSAGE", "sasl_username=mallory", "recipient_count=1000")
        assert shown.returncode == 1 and "check        brake: HOLD account held: " in shown.stdout, shown
    time.sleep(0.3)
    assert world.state() == before and "brake:" not in shown.stderr + daemon.log()
    assert not os.path.exists(f"{world.d}/told")


def test_a_test_before_the_first_mail_makes_no_store(world):
    with open(f"{world.d}/policyd.conf", "w", encoding="ascii") as conf:
        conf.write(world.config())
    shown = world.test("client_address=192.0.2.1", "sender=a@far.test", "recipient=bob@home.test")
    assert shown.returncode == 0 and "store        none, " in shown.stdout
    assert world.run("rate", "reset", "users", "al").returncode == 1
    assert sorted(os.listdir(world.d)) == ["policyd.conf", "zone"]
    for wrong in (["sender=a@far.test", "word"], [f"{world.d}/none"], ["request=other"]):
        assert world.test(*wrong).returncode == 2, wrong


@pytest.mark.parametrize("backend", ["sqlite", "redis"])
def test_rates_are_listed_and_reset_while_the_daemon_runs(world, backend):
    if backend == "redis":
        world.start_redis()
    world.start()
    end = {"protocol_state": "END-OF-MESSAGE", "client_address": "127.0.0.1"}
    answers = world.ask({**end, "sasl_username": "Alice", "recipient_count": "100"},
                        {**end, "sasl_username": "Alice", "recipient_count": "1"},
                        {**end, "sasl_username": "bob", "recipient_count": "3"})
    assert [answer[:3] for answer in answers] == ["DUN", "450", "DUN"]
    lines = world.run("rate", "list").stdout.splitlines()
    assert [line.split()[:5] for line in lines] == [
        ["users", "alice", "100", "of", "100/1h,"], ["users", "alice", "100", "of", "500/1d,"],
        ["users", "bob", "3", "of", "100/1h,"], ["users", "bob", "3", "of", "500/1d,"]]
    assert "the next one at" in lines[0] and "the next one at" not in lines[1]
    buckets = json.loads(world.run("rate", "list", "--json", "BO").stdout)["buckets"]
    assert [(b["key"], b["used"], b["limit"], b["window_ms"]) for b in buckets] == [
        ("bob", 3, 100, 3600000), ("bob", 3, 500, 86400000)]
    assert world.run("rate", "reset", "users", "alice").returncode == 0
    assert world.ask({**end, "sasl_username": "Alice", "recipient_count": "100"}) == ["DUNNO"]
    assert world.run("rate", "reset", "users", "carol").returncode == 1
    assert world.run("rate", "reset", "nothing", "bob").returncode == 1
    assert world.run("rate", "reset", "users", "bob").returncode == 0
    assert "nothing is in use" in world.run("rate", "list", "bob").stdout


def test_mail_through_postfix_is_explained_by_its_queue_id(ride, subject):
    lab = ride.lab
    lab.configure(lab.policyd, POLICYD_CONF, 'log-level = debug')
    lab.policyd.restart()
    ride.inbound(ride.signed(subject), "sam@sender.test", "alice@home.test")
    ride.read(subject)
    line = next(line for line in lab.policyd.log().splitlines() if " dmarc=pass " in line)
    queue_id = line.split("]: ", 1)[1].split(":", 1)[0]
    until = time.monotonic() + 60
    while True:
        shown = subprocess.run([program_path(str(lab.build), "outrider"), "policy", "explain", queue_id,
                                "--config", lab.policyd.config_path], capture_output=True, text=True, check=False)
        if shown.returncode == 0 or time.monotonic() > until:
            break
        time.sleep(0.1)
    assert "request      outrider_message" in shown.stdout and "dmarc        pass" in shown.stdout, shown
