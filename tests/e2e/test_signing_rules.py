"""Who is signed with what: rules, keys from elsewhere, macros, a socket for submission, rights to a From."""

import contextlib
import os
import re
import signal
import subprocess
import time
import urllib.request

import pytest

from lab import mail
from lab.lab import MILTER_CONF
from lab.process import can_connect, free_port
from test_submission import sent_to_sink

ALICE, BOB = "alice@home.test", "bob@home.test"
OUTSIDE = "friend@elsewhere.test"


@contextlib.contextmanager
def milter_with(ride, options, listens=()):
    lab = ride.lab
    lab.configure(lab.milter, MILTER_CONF, options)
    usual = lab.milter.listens
    lab.milter.listens = [*usual, *listens]
    lab.milter.restart()
    try:
        yield lab.milter
    finally:
        lab.milter.listens = usual
        lab.configure(lab.milter, MILTER_CONF)
        lab.milter.restart()


def signatures(message):
    """[(d, s)] of a message's DKIM-Signature fields, sorted."""
    fields = re.findall(rb"^DKIM-Signature:(.*?)(?=^\S)", message, re.M | re.S | re.I)
    found = []
    for field in fields:
        tags = dict(tag.strip().split(b"=", 1) for tag in field.replace(b"\r\n", b"").split(b";") if b"=" in tag)
        found.append((tags[b"d"].decode(), tags[b"s"].decode()))
    return sorted(found)


def submit(ride, sender, subject, login=ALICE, **headers):
    """Sends with a From of `sender` and an envelope of the login; what left."""
    ride.submit(mail.compose(sender, OUTSIDE, subject, **headers), login, OUTSIDE)
    return sent_to_sink(ride, subject)


@pytest.fixture(scope="module")
def keys(ride):
    """A key of esp.test outside the key directory, and one that others can read."""
    paths = {}
    for name, mode in (("esp", 0o600), ("open", 0o644)):
        path = os.path.join(ride.lab.directory, f"{name}.pem")
        subprocess.run(["openssl", "genrsa", "-out", path, "1024"], check=True, capture_output=True)
        subprocess.run(["chown", "nobody", path], check=True)
        os.chmod(path, mode)
        paths[name] = path
    return paths


def test_rules_choose_domain_and_key(ride, keys, subject):
    rules = f"""
key "esp1" {{ domain = "esp.test" file = "{keys['esp']}" }}
key "other" {{ domain = "esp.test" selector = "bad" file = "{keys['open']}" }}
sign "partner.test" {{ domain = "esp.test" }}
sign "secret@partner.test" {{ never = true }}
sign ".home.test" {{ domain = "home.test" }}
sign "/^news-[0-9]+@/" {{ domain = "esp.test" selectors = {{"esp1"}} }}
sender-fallback = true
"""
    with milter_with(ride, rules) as milter:
        own = signatures(submit(ride, ALICE, subject))
        assert {d for d, _ in own} == {"home.test"} and len(own) == 2
        assert signatures(submit(ride, "x@partner.test", "third " + subject)) == [("esp.test", "esp1")]
        assert signatures(submit(ride, "x@a.b.home.test", "sub " + subject)) == own
        assert signatures(submit(ride, "news-17@far.test", "regex " + subject)) == [("esp.test", "esp1")]
        assert signatures(submit(ride, "news-x@far.test", "none " + subject)) == []
        assert signatures(submit(ride, "secret@partner.test", "never " + subject)) == []
        assert signatures(submit(ride, "x@far.test", "sender " + subject, Sender=f"Alice <{ALICE}>")) == own
        log = milter.log()
        assert 'not-signed="no key for far.test"' in log
        assert "says never" in log
        assert "key left out: " in log and "open.pem" in log
        assert "key esp1 of esp.test has 1024 bits; 2048 are advised" in log


@pytest.mark.parametrize("rule, said", [
    ('sign "a.test" { domain = "nokey.test" }', r'sign "a.test" \(line \d+\): there is no usable key of nokey.test'),
    ('sign "/(/" { }', "missing closing parenthesis"),
    ('originating-macros = {"daemon_name"}', "is not {name}=value"),
    ('key "k" { file = "/x" }', r'key "k" \(line \d+\) domain: not set'),
])
def test_rules_that_cannot_be_are_named(ride, tmp_path, rule, said):
    config = tmp_path / "rules.conf"
    config.write_text(ride.lab.milter.config + rule + "\n")
    done = subprocess.run([ride.lab.milter.path, "-c", str(config), "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 78 and re.search(said, done.stderr), done.stderr


def test_a_macro_of_postfix_marks_our_own_mail(ride, subject):
    """Mail from 127.0.0.10 is a stranger's, unless the service's milter_macro_daemon_name says otherwise."""
    lab = ride.lab
    lab.postfix.settings["milter_macro_daemon_name"] = "ORIGINATING"
    lab.postfix.reload()
    try:
        with milter_with(ride, 'originating-macros = {"{daemon_name}=OTHER", "{daemon_name}=ORIGINATING"}'):
            ride.inbound(mail.compose(ALICE, BOB, subject), ALICE, BOB)
            got = ride.read(subject, user=BOB)
            assert got["DKIM-Signature"] and got["Authentication-Results"] is None
        with milter_with(ride, 'originating-macros = {"{daemon_name}=OTHER"}'):
            with pytest.raises(mail.Reply):
                ride.inbound(mail.compose(ALICE, BOB, "other " + subject), ALICE, BOB)
    finally:
        del lab.postfix.settings["milter_macro_daemon_name"]
        lab.postfix.reload()


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return [int(child) for child in children.read().split()]


def wait_until(condition, timeout=15):
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_socket_for_submission_signs_all_that_comes(ride, subject):
    lab = ride.lab
    path = f"{lab.postfix.socket_directory}/submission"
    port = free_port()
    options = (f'listen submission {{ address = {{"unix:{path}"}} group = "postfix" }}\ninternal-networks = {{}}\n'
               f'metrics-listen = "inet:127.0.0.1:{port}"')
    with milter_with(ride, options, [path]) as milter:
        lab.postfix.settings["smtpd_milters"] = "unix:outrider/submission"
        lab.postfix.reload()
        try:
            ride.inbound(mail.compose(ALICE, BOB, subject), ALICE, BOB)
            assert ride.read(subject, user=BOB)["DKIM-Signature"]
            os.kill(milter.process.pid, signal.SIGHUP)
            assert wait_until(lambda: milter.log().count("configuration reloaded") >= 2), "both processes reload"
            ride.inbound(mail.compose(ALICE, BOB, "again " + subject), ALICE, BOB)
            assert ride.read("again " + subject, user=BOB)["DKIM-Signature"]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
                assert 'outrider_milter_signatures_total{result="made"} 4' in page.read().decode(), "both count in one place"
        finally:
            del lab.postfix.settings["smtpd_milters"]
            lab.postfix.reload()
        (child,) = children_of(milter.process.pid)
    assert not alive(child), "it ends with its parent"


@pytest.mark.parametrize("victim", ["parent", "child"])
def test_neither_process_survives_the_other(ride, victim):
    path = f"{ride.lab.postfix.socket_directory}/submission"
    options = f'listen submission {{ address = {{"unix:{path}"}} group = "postfix" }}'
    with milter_with(ride, options, [path]) as milter:
        parent = milter.process.pid
        # The parent listens for both before it forks.
        assert wait_until(lambda: children_of(parent))
        (child,) = children_of(parent)
        os.kill(parent if victim == "parent" else child, signal.SIGKILL)
        assert wait_until(lambda: not alive(child) and not alive(parent)), "one of them is left"
        if victim == "child":
            assert "has ended by itself" in milter.log()
        assert not can_connect(f"unix:{path}")


def test_a_from_that_is_not_the_users_is_not_signed(ride, subject):
    lab = ride.lab
    lab.must_cli("alias", "add", "team@home.test", ALICE, config=lab.authd)
    maps = f"unix:{lab.postfix.socket_directory}/maps"
    with milter_with(ride, f'require-sender-match = true\nauthd = "{maps}"') as milter:
        assert len(signatures(submit(ride, f"Alice <{ALICE}>", subject))) == 2
        assert len(signatures(submit(ride, "team@home.test", "alias " + subject))) == 2
        assert len(signatures(submit(ride, "alice+tag@home.test", "detail " + subject))) == 2
        assert signatures(submit(ride, BOB, "forged " + subject)) == []
        assert f"{ALICE} may not send as {BOB}" in milter.log()
        assert f"not-signed=\"{ALICE} may not send as {BOB}\"" in milter.log()


def test_without_the_table_of_senders_mail_waits(ride, subject):
    with milter_with(ride, 'require-sender-match = true\nauthd = "unix:/nowhere/maps"\nauthd-timeout = 1s') as milter:
        with pytest.raises(mail.Reply) as refused:
            ride.submit(mail.compose(ALICE, OUTSIDE, subject), ALICE, OUTSIDE)
        assert refused.value.code == 451 and "table of senders" in refused.value.text
        assert "/nowhere/maps" in milter.log()
        # Mail of our own machine has no login to ask about.
        ride.inbound(mail.compose(ALICE, BOB, "local " + subject), ALICE, BOB, source="127.0.0.1")
        assert ride.read("local " + subject, user=BOB)["DKIM-Signature"]


def test_a_login_is_asked_for_every_author(ride, subject):
    maps = f"unix:{ride.lab.postfix.socket_directory}/maps"
    with milter_with(ride, f'require-sender-match = true\nauthd = "{maps}"') as milter:
        message = submit(ride, f"{ALICE}, {BOB}", subject)
        assert signatures(message) == [], "several authors are nobody's to sign"
        assert "2 addresses in the From field" in milter.log()
