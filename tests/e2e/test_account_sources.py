"""Accounts from several sources, asked in order: the daemon's database beside files made for Dovecot."""

import base64
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from lab.daemons import Daemon, program_path

CONF = """\
user = "root"
database = "{d}/accounts.sqlite"
store = "sqlite:{d}/state.sqlite"
logins = "{d}/logins.sqlite"
mail-uid = 5000
mail-gid = 5000
mail-home = "/srv/mail/%d/%n"
failure-delay = 0s
listen sasl {{ address = {{"unix:{d}/sasl"}} group = "root" }}
listen maps {{ address = {{"unix:{d}/maps"}} group = "root" }}
listen dovecot-login {{ address = {{"unix:{d}/login"}} group = "root" }}
listen dovecot-master {{ address = {{"unix:{d}/master"}} group = "root" }}
{extra}
"""

SOURCES = """\
accounts "old" {{ kind = passwd-file  file = "{d}/users"  domains = {{"old.test", "both.test"}} }}
accounts "new" {{ kind = sqlite }}
"""


def hash_of(password):
    out = subprocess.run(["openssl", "passwd", "-6", password], capture_output=True, text=True, check=True)
    return out.stdout.strip()


class Place:
    def __init__(self, build, directory):
        self.directory, self.build = directory, str(build)
        self.users = pathlib.Path(directory, "users")
        self.authd = Daemon(self.build, directory, "authd", "outrider-authd",
                            CONF.format(d=directory, extra=SOURCES.format(d=directory)),
                            [f"{directory}/{name}" for name in ("sasl", "maps", "login", "master")])
        self.authd.write_config()

    def cli(self, *words, stdin=None):
        command = [program_path(self.build, "outrider"), *words, f"--database={self.directory}/accounts.sqlite"]
        subprocess.run(command, input=stdin, capture_output=True, text=True, check=True)

    def talk(self, name, *lines):
        """The last line that answers."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(15)
            s.connect(f"{self.directory}/{name}")
            file = s.makefile("r", encoding="utf-8")
            first = file.readline()
            while name == "sasl" and first != "DONE\n":
                first = file.readline()
                assert first
            if name == "master":
                file.readline()
            s.sendall("".join(f"{line}\n" for line in lines).encode())
            return file.readline().rstrip("\n")

    def login(self, user, password):
        resp = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        return self.talk("sasl", "VERSION\t1\t0", "CPID\t1", f"AUTH\t1\tPLAIN\tservice=smtp\tnologin\tresp={resp}")

    def user(self, name):
        return self.talk("master", "VERSION\t1\t0", f"USER\t1\t{name}\tservice=lmtp")


@pytest.fixture(scope="module")
def place(build, temp_directory):
    place = Place(build, temp_directory)
    place.users.write_text(f"ann@old.test:{hash_of('from file')}:1234:1235::/home/ann\n"
                           f"joe@both.test:{{SHA512-CRYPT}}{hash_of('in the file')}\n"
                           f"sly@new.test:{hash_of('not asked')}\n", encoding="utf-8")
    for domain in ("new.test", "both.test"):
        place.cli("domain", "add", domain)
    place.cli("user", "add", "bob@new.test", "--password-stdin", stdin="from database\n")
    place.cli("user", "add", "joe@both.test", "--password-stdin", stdin="in the database\n")
    place.cli("user", "add", "kim@both.test", "--password-stdin", stdin="in the database\n")
    place.authd.start()
    yield place
    place.authd.stop()


def test_each_source_answers_for_its_own(place):
    assert place.login("ann@old.test", "from file") == "OK\t1\tuser=ann@old.test"
    assert place.login("bob@new.test", "from database") == "OK\t1\tuser=bob@new.test"
    assert place.login("ann@old.test", "from database").startswith("FAIL\t1")
    assert place.user("ann@old.test") == "USER\t1\tann@old.test\tuid=1234\tgid=1235\thome=/home/ann"
    assert place.user("bob@new.test").endswith("\thome=/srv/mail/new.test/bob")


def test_the_first_that_knows_the_address_wins(place):
    assert place.login("joe@both.test", "in the file").startswith("OK\t1")
    assert place.login("joe@both.test", "in the database").startswith("FAIL\t1")
    assert place.login("kim@both.test", "in the database").startswith("OK\t1")


def wait_until(condition, what):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.1)


def test_exported_file_follows_the_accounts(build, temp_directory):
    """Changes while it runs and while it does not, kill -9, a directory that is away for a while, a reload."""
    directory = os.path.join(temp_directory, "followed")
    os.makedirs(directory)
    path = pathlib.Path(directory, "out/users")
    path.parent.mkdir()
    place = Place(build, directory)
    plain = CONF.format(d=directory, extra="")
    place.authd.config = plain + f'export-passwd-file = "{path}"\n'
    place.authd.write_config()
    place.cli("domain", "add", "follow.test")
    place.cli("user", "add", "one@follow.test", "--password-stdin", stdin="first\n")
    place.authd.start()

    def names():
        return [line.split(":")[0].split("@")[0] for line in path.read_text(encoding="ascii").splitlines()] if path.exists() else []

    try:
        wait_until(lambda: names() == ["one"], "written at the start")
        assert path.stat().st_mode & 0o777 == 0o600
        place.cli("user", "add", "two@follow.test", "--password-stdin", stdin="second\n")
        wait_until(lambda: names() == ["one", "two"], "a change while it runs")
        before = path.read_text(encoding="ascii")
        place.cli("user", "passwd", "one@follow.test", "--password-stdin", stdin="third\n")
        wait_until(lambda: path.read_text(encoding="ascii") != before, "a new password")
        place.authd.process.kill()
        place.cli("user", "del", "one@follow.test")
        place.authd.start()
        wait_until(lambda: names() == ["two"], "a change while it was dead")
        path.parent.rename(f"{directory}/away")
        place.cli("user", "add", "three@follow.test", "--password-stdin", stdin="third\n")
        wait_until(lambda: "export-passwd-file: " in place.authd.log(), "a complaint")
        pathlib.Path(directory, "away").rename(path.parent)
        wait_until(lambda: names() == ["three", "two"], "the directory is back")
        place.authd.config = plain
        place.authd.write_config()
        os.kill(place.authd.process.pid, signal.SIGHUP)
        wait_until(lambda: "configuration reloaded" in place.authd.log(), "the reload")
    finally:
        assert place.authd.stop() == 0
    assert not pathlib.Path(f"{path}.new").exists()


def test_exported_accounts_are_the_same(build, temp_directory, place):
    """What was exported, read back by authd as a source and by stock Dovecot."""
    config = f"{temp_directory}/authd.conf"
    outrider = [program_path(str(build), "outrider"), "user", "export", "--config", config]
    path = f"{temp_directory}/exported"
    pathlib.Path(path).write_text("old", encoding="ascii")
    os.chmod(path, 0o644)  # Dovecot reads it as its own user
    place.cli("user", "set", "kim@both.test", "--quota=10M,100")
    place.cli("user", "add", "off@new.test", "--password-stdin", stdin="never\n")
    place.cli("user", "set", "off@new.test", "--disable")
    done = subprocess.run([*outrider, f"--passwd-file={path}"], capture_output=True, text=True, check=True)
    assert done.stdout == f"exported 4 accounts to {path}\n" and not os.path.exists(f"{path}.new")
    assert os.stat(path).st_mode & 0o777 == 0o644
    assert subprocess.run(outrider, capture_output=True, text=True, check=True).stdout == pathlib.Path(path).read_text(encoding="ascii")
    directory = os.path.join(temp_directory, "second")
    os.makedirs(directory)
    second = Place(build, directory)
    second.authd.config = CONF.format(d=directory, extra=f'accounts "x" {{ kind = passwd-file  file = "{path}" }}')
    second.authd.write_config()
    second.authd.start()
    try:
        assert second.login("kim@both.test", "in the database") == "OK\t1\tuser=kim@both.test"
        assert second.user("kim@both.test") == place.user("kim@both.test")
        assert second.login("off@new.test", "never").startswith("FAIL\t1")
    finally:
        second.authd.stop()
    conf = pathlib.Path(directory, "dovecot.conf")
    conf.write_text(f"base_dir = {directory}/run\nlog_path = {directory}/log\nprotocols =\nssl = no\nuserdb {{\n  driver = passwd-file\n"
                    f"  args = {path}\n}}\npassdb {{\n  driver = passwd-file\n  args = {path}\n}}\n", encoding="ascii")
    dovecot = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", conf])
    try:
        doveadm = ["doveadm", "-c", str(conf)]
        until = time.monotonic() + 20
        while subprocess.run([*doveadm, "user", "kim@both.test"], capture_output=True, check=False).returncode != 0:
            assert time.monotonic() < until
            time.sleep(0.2)
        shown = subprocess.run([*doveadm, "user", "kim@both.test"], capture_output=True, text=True, check=True).stdout
        assert "home\t/srv/mail/both.test/kim" in shown and "uid\t5000" in shown and "*:bytes=10485760:messages=100" in shown
    finally:
        dovecot.terminate()
        dovecot.wait(20)


def test_a_source_is_not_asked_about_other_domains(place):
    assert place.login("sly@new.test", "not asked").startswith("FAIL\t1")
    assert place.user("sly@new.test") == "NOTFOUND\t1"


def test_a_changed_file_counts_and_a_changed_password_at_once(place):
    assert place.login("ann@old.test", "from file").startswith("OK\t1"), "and is remembered"
    place.users.write_text(f"ann@old.test:{hash_of('changed')}:1234:1235::/home/ann\nbroken line\n", encoding="utf-8")
    time.sleep(1.1)
    assert place.login("ann@old.test", "from file").startswith("FAIL\t1")
    assert place.login("ann@old.test", "changed").startswith("OK\t1")
    assert f"{place.users}:2: no colon after the user; line left out" in place.authd.log()


def test_a_store_that_fails_is_named_and_nobody_else_is_asked(place):
    with sqlite3.connect(f"{place.directory}/accounts.sqlite") as accounts:
        accounts.execute("ALTER TABLE accounts RENAME TO hidden")
    try:
        assert place.user("kim@both.test").startswith("FAIL\t1\treason=accounts new:")
        assert place.user("ann@old.test").startswith("USER\t1")
    finally:
        with sqlite3.connect(f"{place.directory}/accounts.sqlite") as accounts:
            accounts.execute("ALTER TABLE hidden RENAME TO accounts")
    assert place.user("kim@both.test").startswith("USER\t1")


@pytest.mark.parametrize("extra, says", [
    ('accounts "x" { kind = passwd-file }', "a passwd-file needs `file`"),
    ('accounts "x" { kind = passwd-file  file = "/nowhere" }', "/nowhere: No such file"),
    ('accounts "x" { domains = {"Home.TEST"} }', 'write the domain "Home.TEST" as "home.test"'),
    ('accounts "x" { domains = {"../x"} }', "../x"),
    ('accounts "x" { kind = oracle }', "oracle"),
])
def test_mistakes_are_named(place, extra, says):
    conf = pathlib.Path(place.directory, "wrong.conf")
    conf.write_text(CONF.format(d=place.directory, extra=extra), encoding="utf-8")
    found = subprocess.run([program_path(place.build, "outrider-authd"), "-t", "-c", conf], capture_output=True, text=True,
                           check=False)
    assert found.returncode == 78 and says in found.stderr and "wrong.conf" in found.stderr, found.stderr


def test_reload_takes_other_sources(place):
    place.authd.write_config(CONF.format(d=place.directory, extra=""))
    os.kill(place.authd.process.pid, signal.SIGHUP)
    for _ in range(50):
        if place.user("ann@old.test") == "NOTFOUND\t1":
            break
        time.sleep(0.1)
    assert place.login("ann@old.test", "changed").startswith("FAIL\t1")
    assert place.login("joe@both.test", "in the database").startswith("OK\t1")
