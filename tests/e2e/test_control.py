"""The command line asks the running authd: at once, one writer, nothing acknowledged is lost."""

import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from lab.daemons import Daemon, program_path

CONF = """\
user = "root"
database = "{d}/accounts.sqlite"
store = "sqlite:{d}/state.sqlite"
logins = "{d}/logins.sqlite"
mail-uid = 5000
mail-gid = 5001
failure-delay = 100ms
listen sasl {{ address = {{"unix:{d}/sasl"}} group = "root" }}
listen maps {{ address = {{"unix:{d}/maps"}} group = "root" }}
listen dovecot-login {{ address = {{"unix:{d}/login"}} group = "root" }}
listen dovecot-master {{ address = {{"unix:{d}/master"}} group = "root" }}
listen saslauthd {{ address = {{"unix:{d}/mux"}} }}
listen control {{ address = {{"unix:{d}/control"}} mode = "0666" }}
"""


class Authd(Daemon):
    def __init__(self, build, directory):
        self.directory = directory
        os.chmod(directory, 0o755)
        super().__init__(build, directory, "authd", "outrider-authd", CONF.format(d=directory),
                         [f"{directory}/{name}" for name in ("sasl", "mux", "control")])
        self.cli_path = program_path(build, "outrider")

    def cli(self, *words, stdin=None, uid=None):
        command = [self.cli_path, *words, f"--config={self.config_path}"]
        if uid is not None:
            command = ["setpriv", f"--reuid={uid}", "--regid=65534", "--clear-groups", *command]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)

    def must(self, *words, **options):
        done = self.cli(*words, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def logs_in(self, user, password):
        done = subprocess.run(["testsaslauthd", "-f", f"{self.directory}/mux", "-u", user, "-p", password, "-s", "imap"],
                              capture_output=True, text=True, check=False, timeout=30)
        return done.stdout.startswith("0: OK")


@pytest.fixture(scope="module")
def authd(build, temp_directory):
    daemon = Authd(str(build), temp_directory)
    daemon.start()
    daemon.must("domain", "add", "home.test")
    yield daemon
    daemon.stop()


def add_user(authd, name, password="pw word"):
    authd.must("user", "add", name, "--password-stdin", "--scheme=SHA512-CRYPT", stdin=password + "\n")


def test_changes_go_through_the_daemon_and_count_at_once(authd):
    add_user(authd, "bob@home.test")
    assert "control=user-add uid=0 user=bob@home.test action=done" in authd.log()
    assert authd.logs_in("bob@home.test", "pw word")
    authd.must("user", "passwd", "bob@home.test", "--password-stdin", stdin="new one\n")
    assert not authd.logs_in("bob@home.test", "pw word") and authd.logs_in("bob@home.test", "new one")
    authd.must("user", "set", "bob@home.test", "--disable")
    assert not authd.logs_in("bob@home.test", "new one")
    authd.must("user", "set", "bob@home.test", "--enable")
    secret = authd.must("app-password", "add", "bob@home.test", "phone").split("\n", 1)[0]
    assert authd.logs_in("bob@home.test", secret)
    authd.must("app-password", "del", "bob@home.test", "phone")
    assert not authd.logs_in("bob@home.test", secret)
    for private in ("pw word", "new one", secret, "$6$"):
        assert private not in authd.log()


def test_the_same_answers_with_and_without_the_daemon(authd):
    add_user(authd, "carl@home.test")
    authd.must("alias", "add", "info@home.test", "carl@home.test", "x@else.test")
    questions = [("user", "list"), ("user", "list", "home.test", "--json"), ("alias", "list", "--json"), ("domain", "list"),
                 ("app-password", "list", "carl@home.test", "--json"), ("user", "list", "no.test"),
                 ("user", "add", "carl@home.test", "--password-stdin"), ("alias", "del", "no@home.test"),
                 ("domain", "del", "home.test"), ("user", "del", "no@home.test")]
    with_daemon = [authd.cli(*words, stdin="x\n") for words in questions]
    authd.stop()
    without = [authd.cli(*words, stdin="x\n") for words in questions]
    authd.start()
    for words, a, b in zip(questions, with_daemon, without):
        assert (a.returncode, a.stdout, a.stderr) == (b.returncode, b.stdout, b.stderr), words


def test_others_are_refused(authd):
    done = authd.cli("user", "list", uid=65534)
    assert done.returncode == 1 and "not allowed" in done.stderr
    done = authd.cli("user", "add", "eve@home.test", "--password-stdin", stdin="x\n", uid=65534)
    assert done.returncode == 1 and "not allowed" in done.stderr
    assert "eve@home.test" not in authd.must("user", "list")


def test_roles(authd):
    """A domain's administrator and a mailbox's owner, by the uid that the kernel tells."""
    administrator, owner = 64001, 64002
    authd.must("domain", "add", "one.test")
    add_user(authd, "ann@home.test")
    authd.must("admin", "add", str(administrator), "--domain=one.test")
    authd.must("admin", "add", str(owner), "--owner=ann@home.test")
    authd.must("domain", "set", "one.test", "--max-users=1")

    authd.must("user", "add", "kim@one.test", "--password-stdin", stdin="kims\n", uid=administrator)
    assert authd.logs_in("kim@one.test", "kims")
    assert authd.must("domain", "list", uid=administrator) == "one.test max-users=1\n"
    for words, why in [(("user", "add", "lee@one.test", "--password-stdin"), "more accounts than the domain may have"),
                       (("user", "add", "lee@home.test", "--password-stdin"), "not allowed"),
                       (("user", "passwd", "ann@home.test", "--password-stdin"), "not allowed"),
                       (("admin", "add", str(administrator), "--system"), "not allowed")]:
        done = authd.cli(*words, stdin="x\n", uid=administrator)
        assert done.returncode == 1 and why in done.stderr, (words, done.stderr)

    authd.must("user", "passwd", "ann@home.test", "--password-stdin", stdin="mine\n", uid=owner)
    assert authd.logs_in("ann@home.test", "mine")
    secret = authd.must("app-password", "add", "ann@home.test", "phone", uid=owner).split("\n", 1)[0]
    assert authd.logs_in("ann@home.test", secret)
    done = authd.cli("user", "passwd", "kim@one.test", "--password-stdin", stdin="x\n", uid=owner)
    assert done.returncode == 1 and "not allowed" in done.stderr
    assert authd.logs_in("kim@one.test", "kims")

    authd.must("admin", "del", str(owner), "--owner=ann@home.test")
    assert authd.cli("app-password", "list", "ann@home.test", uid=owner).returncode == 1
    assert "control=user-passwd uid=64002 user=kim@one.test action=refuse" not in authd.log()
    assert "control=user-show uid=64002 user=kim@one.test action=refuse reason=\"not allowed\"" in authd.log()


def test_what_was_acknowledged_survives_kill_9(authd):
    acknowledged = []

    def change():
        with socket.socket(socket.AF_UNIX) as s, s.makefile("rw") as lines:
            s.connect(f"{authd.directory}/control")
            for number in range(100000):
                try:
                    print(json.dumps({"command": "alias-add", "address": f"n{number}@home.test",
                                      "targets": ["x@else.test"]}), file=lines, flush=True)
                    answer = lines.readline()
                except OSError:
                    return
                if not answer.endswith("\n"):
                    return
                assert json.loads(answer) == {"status": "ok"}
                acknowledged.append(f"n{number}@home.test")
                if number == 50:
                    enough.set()

    enough = threading.Event()
    worker = threading.Thread(target=change)
    worker.start()
    assert enough.wait(30)
    authd.process.send_signal(signal.SIGKILL)
    worker.join(30)
    authd.process.kill()
    authd.start()
    there = {alias["alias"] for alias in json.loads(authd.must("alias", "list", "--json"))["aliases"]}
    assert set(acknowledged) <= there and len(acknowledged) > 50
