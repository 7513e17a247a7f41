"""Programs that check passwords over saslauthd's and Courier's sockets, against authd's."""

import subprocess

import pytest

from lab.daemons import Daemon, program_path

CONF = """\
user = "root"
database = "{d}/accounts.sqlite"
store = "sqlite:{d}/state.sqlite"
logins = "{d}/logins.sqlite"
mail-uid = 5000
mail-gid = 5001
mail-home = "/srv/mail/%d/%n"
failure-delay = 100ms
listen sasl {{ address = {{"unix:{d}/sasl"}} group = "root" }}
listen maps {{ address = {{"unix:{d}/maps"}} group = "root" }}
listen dovecot-login {{ address = {{"unix:{d}/login"}} group = "root" }}
listen dovecot-master {{ address = {{"unix:{d}/master"}} group = "root" }}
listen saslauthd {{ address = {{"unix:{d}/mux"}} }}
listen courier {{ address = {{"unix:{d}/socket"}} }}
"""


@pytest.fixture(scope="module")
def authd(build, temp_directory):
    d = temp_directory
    daemon = Daemon(str(build), d, "authd", "outrider-authd", CONF.format(d=d),
                    [f"{d}/{name}" for name in ("sasl", "maps", "login", "master", "mux", "socket")])
    daemon.write_config()
    daemon.directory = d

    def cli(*words, stdin=None):
        command = [program_path(str(build), "outrider"), *words, f"--database={d}/accounts.sqlite"]
        subprocess.run(command, input=stdin, capture_output=True, text=True, check=True)

    cli("domain", "add", "home.test")
    cli("user", "add", "bob@home.test", "--password-stdin", stdin="pw word\n")
    cli("user", "add", "eve@home.test", "--password-stdin", stdin="other\n")
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.mark.parametrize("arguments, answer", [
    (("-u", "bob@home.test", "-p", "pw word"), '0: OK "Success."'),
    (("-u", "bob", "-r", "home.test", "-p", "pw word", "-s", "smtp"), '0: OK "Success."'),
    (("-u", "bob@home.test", "-p", "wrong"), '0: NO "authentication failed"'),
    (("-u", "nobody@home.test", "-p", "pw word"), '0: NO "authentication failed"'),
])
def test_saslauthd(authd, arguments, answer):
    found = subprocess.run(["testsaslauthd", "-f", f"{authd.directory}/mux", *arguments],
                           capture_output=True, text=True, check=False, timeout=30)
    assert found.stdout.strip() == answer


def courier(authd, *command):
    """Runs a program of courier-authlib, which knows one path only, with our socket there."""
    script = ('mount -t tmpfs none /run && mkdir -p /run/courier/authdaemon && '
              'mount --bind "$0" /run/courier/authdaemon && exec "$@"')
    return subprocess.run(["unshare", "-m", "sh", "-c", script, authd.directory, *command],
                          capture_output=True, text=True, check=False, timeout=30)


def test_courier_password(authd):
    found = courier(authd, "authtest", "bob@home.test", "pw word")
    assert found.returncode == 0, found.stderr
    assert "Authenticated: bob@home.test  (uid 5000, gid 5001)" in found.stdout
    assert "Home Directory: /srv/mail/home.test/bob" in found.stdout
    assert "Encrypted Password: (none)" in found.stdout, "no hash is given out"
    found = courier(authd, "authtest", "bob@home.test", "wrong")
    assert found.returncode != 0 and "FAILED" in found.stderr


def test_courier_account(authd):
    found = courier(authd, "authtest", "eve@home.test")
    assert found.returncode == 0 and "/srv/mail/home.test/eve" in found.stdout + found.stderr
    assert courier(authd, "authtest", "nobody@home.test").returncode != 0


def test_courier_list(authd):
    found = courier(authd, "authenumerate")
    assert [line.split() for line in found.stdout.splitlines()] == [
        ["bob@home.test", "5000", "5001", "/srv/mail/home.test/bob", "Maildir"],
        ["eve@home.test", "5000", "5001", "/srv/mail/home.test/eve", "Maildir"]], found.stderr


def test_logins_are_logged(authd):
    assert "service=imap user=bob@home.test mech=PLAIN action=accept" in authd.log()
    assert 'user=nobody@home.test mech=PLAIN action=refuse reason="wrong user or password"' in authd.log()
    assert "pw word" not in authd.log()
