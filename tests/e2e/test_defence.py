"""Guessing: bans through stock Dovecot and Postfix, on two machines with one Redis, told to hooks, explained by the CLI."""

import base64
import imaplib
import json
import os
import pathlib
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import time

import pytest

from conftest import BUILD, PASSWORD
from lab.daemons import Daemon, program_path
from lab.lab import AUTHD_CONF, Lab
from lab.process import Process, can_connect

CONF = """\
user = "root"
database = "{d}/accounts.sqlite"
store = "{store}"
logins = "{d}/{name}-logins.sqlite"
mail-uid = 5000
mail-gid = 5000
failure-delay = 0s
ban-threshold = 5
ban-time = {ban_time}
ban-hook = "{d}/hook"
login-notice-hook = "{d}/hook"
listen sasl {{ address = {{"unix:{d}/{name}-sasl"}} group = "root" }}
listen maps {{ address = {{"unix:{d}/{name}-maps"}} group = "root" }}
listen dovecot-login {{ address = {{"unix:{d}/{name}-login"}} group = "root" }}
listen dovecot-master {{ address = {{"unix:{d}/{name}-master"}} group = "root" }}
{extra}
"""
HOOK = """#!/bin/sh
echo "$@" >> {d}/told
"""
CLIENT = "192.0.2.9"
BOB = "bob@home.test"


class Place:
    """One or two authds over one database; the same store when it is Redis."""

    def __init__(self, build, directory):
        self.build, self.d = str(build), directory
        self.daemons, self.redis = {}, None
        self.store = f"sqlite:{directory}/state.sqlite"
        hook = pathlib.Path(directory, "hook")
        hook.write_text(HOOK.format(d=directory), encoding="ascii")
        hook.chmod(0o755)
        self.run("domain", "add", "home.test", f"--database={directory}/accounts.sqlite")
        self.run("user", "add", BOB, "--password-stdin", f"--database={directory}/accounts.sqlite", stdin="right\n")

    def start_redis(self):
        path = f"{self.d}/redis.sock"
        self.redis = Process("redis", ["redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                                       "--appendonly", "no", "--dir", self.d], f"{self.d}/redis.log", {})
        self.redis.start(ready=lambda: can_connect(f"unix:{path}"))
        self.store = f"redis:unix:{path}"

    def start(self, name="authd", extra="", ban_time="60s"):
        self.daemons[name] = Daemon(self.build, self.d, name, "outrider-authd",
                                    CONF.format(d=self.d, store=self.store, name=name, extra=extra, ban_time=ban_time),
                                    [f"{self.d}/{name}-{service}" for service in ("sasl", "maps", "login", "master")])
        return self.daemons[name].start()

    def run(self, *words, stdin=None):
        return subprocess.run([program_path(self.build, "outrider"), *words], input=stdin, capture_output=True, text=True,
                              check=False, timeout=30)

    def cli(self, *words, name="authd"):
        return self.run(*words, "--config", f"{self.d}/{name}.conf")

    def login(self, password, client=CLIENT, user=BOB, name="authd"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(f"{self.d}/{name}-login")
            file = s.makefile("r", encoding="utf-8")
            while file.readline() != "DONE\n":
                pass
            resp = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            s.sendall(f"VERSION\t1\t2\nCPID\t{os.getpid()}\nAUTH\t1\tPLAIN\tservice=imap\tsecured=tls\trip={client}\tresp={resp}\n".encode())
            return file.readline().rstrip("\n")

    def probe(self, client=CLIENT, name="authd"):
        """Costs no points but for the first one."""
        return self.login("x", client, "nobody@home.test", name)

    def guess(self, count, client=CLIENT, user=BOB, name="authd"):
        return [self.login(f"guess {time.monotonic_ns()}", client, user, name) for _ in range(count)]

    def told(self, text, timeout=10):
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            path = pathlib.Path(self.d, "told")
            if path.exists() and text in path.read_text(encoding="utf-8"):
                return True
            time.sleep(0.05)
        return False


@pytest.fixture
def place(build, temp_directory):
    directory = os.path.join(temp_directory, f"w{time.monotonic_ns()}")
    os.makedirs(directory)
    place = Place(build, directory)
    yield place
    for daemon in place.daemons.values():
        daemon.stop()
        assert "Sanitizer" not in daemon.log() and "runtime error:" not in daemon.log()
    if place.redis:
        place.redis.stop()


def within(seconds, question):
    until = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < until
        time.sleep(0.1)


def is_banned(answer):
    return answer.startswith("FAIL\t1") and "Too many failed logins" in answer


def test_ban_begins_and_ends(place):
    place.start(ban_time="4s")
    assert not any(is_banned(answer) for answer in place.guess(5))
    assert is_banned(place.login("right")), "the right password is not even looked at"
    assert place.login("right", client="192.0.2.77").startswith("OK\t1"), "another address"
    assert place.told(f"ban {CLIENT} ")
    listed = place.cli("ban", "list")
    assert listed.stdout.startswith(f"{CLIENT} since ") and "failed logins: 5 points" in listed.stdout
    explained = json.loads(place.cli("ban", "explain", CLIENT, "--json").stdout)
    assert explained["bans"][0]["network"] == CLIENT
    within(5, lambda: json.loads(place.cli("ban", "explain", CLIENT, "--json").stdout)["logins"])
    within(10, lambda: place.login("right").startswith("OK\t1"))
    assert place.told(f"unban {CLIENT} 0 ")
    assert "right" not in place.daemons["authd"].log() and "guess" not in place.daemons["authd"].log()


def test_administrator_bans_and_lifts(place):
    place.start()
    added = place.cli("ban", "add", "--for=1h", "--reason=sends rubbish", "198.51.100.0/24")
    assert (added.returncode, added.stdout) == (0, "banned 198.51.100.0/24\n")
    within(5, lambda: is_banned(place.probe("198.51.100.200")))
    assert place.login("right").startswith("OK\t1")
    assert place.cli("ban", "remove", "198.51.100.0/24").stdout == "removed 198.51.100.0/24\n"
    within(5, lambda: not is_banned(place.probe("198.51.100.200")))
    again = place.cli("ban", "remove", "198.51.100.0/24")
    assert (again.returncode, again.stderr) == (1, "outrider: 198.51.100.0/24 is not banned\n")
    for wrong in (["add", "nonsense"], ["add", "--for=1y", CLIENT], ["add", "--for=0s", CLIENT], ["explain", "1.2.3"],
                  ["add", "--reason=a\nb", CLIENT]):
        assert place.cli("ban", *wrong).returncode == 2, wrong
    assert place.cli("ban", "list").stdout == "nobody is banned\n"


def test_user_is_let_in_from_where_he_was(place):
    place.start()
    assert place.login("right").startswith("OK\t1")
    place.guess(8, user="nobody@home.test")
    assert is_banned(place.guess(1, user="nobody@home.test")[0])
    assert place.login("right").startswith("OK\t1")
    place.daemons["authd"].restart()
    assert place.login("right").startswith("OK\t1")
    assert is_banned(place.guess(1, user="nobody@home.test")[0]), "a restart lifts no ban"


def test_log_of_a_user(place):
    place.start()
    within(5, lambda: place.cli("user", "log", BOB).returncode == 1)
    place.login("right")
    place.guess(2)
    place.login("x", user="stranger@home.test")
    within(5, lambda: place.cli("user", "log", BOB).stdout.count("\n") == 3)
    lines = place.cli("user", "log", BOB).stdout.splitlines()
    assert "action=accept" in lines[0] and f"client={CLIENT}" in lines[0] and "mech=PLAIN" in lines[0]
    assert "action=refuse" in lines[2] and "reason=wrong user or password" in lines[2]
    logins = json.loads(place.cli("user", "log", "BOB@Home.test", "--json").stdout)["logins"]
    assert [login["action"] for login in logins] == ["accept", "refuse", "refuse"]
    assert place.cli("user", "log", "stranger@home.test").returncode == 1, "no account of ours"


def test_first_login_from_elsewhere_is_told(place):
    pathlib.Path(place.d, "countries").write_text("192.0.2.0/24,DE\n198.51.100.0/24,DE\n203.0.113.0/24,FR\n",
                                                  encoding="ascii")
    place.start(extra=f'country-file = "{place.d}/countries"')
    for client in ("192.0.2.1", "192.0.2.2", "198.51.100.1"):
        assert place.login("right", client=client).startswith("OK\t1")
    assert place.login("right", client="203.0.113.5").startswith("OK\t1")
    assert place.told(f"{BOB} 203.0.113.5 FR imap")
    assert pathlib.Path(place.d, "told").read_text(encoding="utf-8").count(BOB) == 1


def test_two_machines_share_a_redis(place):
    place.start_redis()
    place.start("one")
    place.start("two")
    assert place.login("right", client="203.0.113.1", name="one").startswith("OK\t1")
    place.guess(5, name="one")
    within(5, lambda: is_banned(place.probe(name="two")))
    place.guess(9, client="203.0.113.1", user="nobody@home.test", name="two")
    assert place.login("right", client="203.0.113.1", name="two").startswith("OK\t1"), "known from the other machine"
    # Without the store logins go on, and so do the bans that are known.
    place.redis.stop()
    place.redis = None
    assert is_banned(place.probe(name="two"))
    assert place.login("right", client="203.0.113.99", name="two").startswith("OK\t1")
    place.guess(5, client="203.0.114.1", name="two")
    assert is_banned(place.probe("203.0.114.1", "two"))
    place.start_redis()
    added = place.cli("ban", "add", "203.0.115.1", name="one")
    assert added.returncode == 0, added.stderr
    within(5, lambda: is_banned(place.probe("203.0.115.1", "two")))


@pytest.fixture(scope="module")
def lab(temp_directory):
    lab = Lab(temp_directory, BUILD)
    try:
        lab.configure(lab.authd, AUTHD_CONF, 'ban-threshold = 4\nban-time = 1h\nnever-ban = {"10.0.0.0/8"}\nfailure-delay = 50ms')
        lab.prepare()
        lab.add_domain("home.test")
        lab.add_user(BOB, PASSWORD)
        lab.make_dkim_keys("home.test")
        shutil.chown(f"{temp_directory}/authd/accounts.sqlite", "nobody", "nogroup")
        lab.start()
        yield lab
    finally:
        lab.stop()


def test_stock_dovecot_and_postfix(lab):
    """Guessing over IMAP is paid for at submission, too."""
    for number in range(4):
        imap = imaplib.IMAP4("127.0.0.1", lab.dovecot.imap_port, timeout=30)
        imap.starttls(ssl._create_unverified_context())
        with pytest.raises(imaplib.IMAP4.error):
            imap.login(BOB, f"guess {number}")
        imap.shutdown()
    with smtplib.SMTP("127.0.0.1", lab.postfix.submission_port, timeout=30) as smtp:
        smtp.starttls(context=ssl._create_unverified_context())
        with pytest.raises(smtplib.SMTPAuthenticationError, match="Too many failed logins"):
            smtp.login(BOB, PASSWORD)
    imap = imaplib.IMAP4("127.0.0.1", lab.dovecot.imap_port, timeout=30)
    imap.starttls(ssl._create_unverified_context())
    with pytest.raises(imaplib.IMAP4.error, match="Too many failed logins"):
        imap.login(BOB, PASSWORD)
    imap.shutdown()
    assert lab.cli("ban", "remove", "127.0.0.1", config=lab.authd)[0] == 0
    within(5, lambda: can_log_in(lab))


def can_log_in(lab):
    imap = imaplib.IMAP4("127.0.0.1", lab.dovecot.imap_port, timeout=30)
    imap.starttls(ssl._create_unverified_context())
    try:
        return imap.login(BOB, PASSWORD)[0] == "OK"
    except imaplib.IMAP4.error:
        return False
    finally:
        imap.shutdown()


FAIL2BAN = pathlib.Path(__file__).parents[2] / "packaging" / "fail2ban" / "outrider-authd.conf"


def test_fail2ban_filter_finds_the_client_of_a_wrong_password_only(place):
    authd = place.start()
    place.login("right", client="198.51.100.1")
    place.guess(1, client="198.51.100.2", user='x client=198.51.100.3 service=imap user=y action=refuse reason="wrong user or password"')
    within(60, lambda: authd.log().count("mech=PLAIN") >= 2)
    # The two words of fail2ban in it: what syslog puts before a line, and an address.
    pattern = re.search(r"^failregex = (.*)$", FAIL2BAN.read_text(encoding="utf-8"), re.M).group(1)
    pattern = pattern.replace("%(__prefix_line)s", "").replace("<ADDR>", "(?P<addr>[0-9a-fA-F.:]+)")
    lines = [re.sub(r"^.*?outrider-authd\[\d+\]: ", "", line) for line in authd.log().splitlines()]
    found = [match.group("addr") for match in (re.search(pattern, line) for line in lines) if match]
    assert found == ["198.51.100.2"], authd.log()
