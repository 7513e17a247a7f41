"""Stock Dovecot 2.3 with its own auth, whose passdb, userdb and plugins ask authd's dict."""

import imaplib
import os
import pathlib
import re
import sqlite3
import subprocess
import time

import pytest

from lab.daemons import Daemon, program_path
from lab.process import Process, can_connect, free_port

UID = 20004
PASSWORD = "pw word"

AUTHD = """\
user = "root"
database = "{d}/accounts.sqlite"
store = "sqlite:{d}/state.sqlite"
logins = "{d}/logins.sqlite"
dict-database = "{d}/dict.sqlite"
mail-uid = {uid}
mail-gid = {uid}
mail-home = "{d}/mail/%d/%n"
listen sasl {{ address = {{"unix:{d}/sasl"}} group = "root" }}
listen maps {{ address = {{"unix:{d}/maps"}} group = "root" }}
listen dovecot-login {{ address = {{"unix:{d}/login"}} group = "root" }}
listen dovecot-master {{ address = {{"unix:{d}/master"}} group = "root" }}
listen dict {{ address = {{"unix:{d}/dict"}} mode = "0666" }}
"""

DOVECOT = """\
base_dir = {d}/run
state_dir = {d}/state
log_path = {d}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 500
mail_location = maildir:~/Maildir
mail_attribute_dict = proxy:{d}/dict:metadata
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol imap {{
  mail_plugins = last_login
  imap_metadata = yes
}}
plugin {{
  last_login_dict = proxy:{d}/dict:last-login
  last_login_key = last-login/%u
}}
passdb {{
  driver = dict
  args = {d}/auth-dict.conf.ext
}}
userdb {{
  driver = dict
  args = {d}/auth-dict.conf.ext
}}
"""

AUTH_DICT = """\
uri = proxy:{d}/dict:outrider
iterate_prefix = userdb/
key passdb {{
  key = passdb/%u
  format = json
}}
key userdb {{
  key = userdb/%u
  format = json
}}
passdb_objects = passdb
userdb_objects = userdb
"""


class Place:
    def __init__(self, build, directory):
        self.directory, self.port = directory, free_port()
        self.build = str(build)
        self.authd = Daemon(self.build, directory, "authd", "outrider-authd", AUTHD.format(d=directory, uid=UID),
                            [f"{directory}/{name}" for name in ("sasl", "maps", "login", "master", "dict")])
        pathlib.Path(directory, "dovecot.conf").write_text(DOVECOT.format(d=directory, port=self.port), encoding="utf-8")
        pathlib.Path(directory, "auth-dict.conf.ext").write_text(AUTH_DICT.format(d=directory), encoding="utf-8")
        mail = pathlib.Path(directory, "mail")
        mail.mkdir()
        os.chown(mail, UID, UID)
        self.dovecot = Process("dovecot", ["/usr/sbin/dovecot", "-F", "-c", f"{directory}/dovecot.conf"],
                               f"{directory}/start.log")

    def start(self):
        self.authd.write_config()
        self.cli("domain", "add", "home.test")
        for name in ("bob", "eve", "off"):
            self.cli("user", "add", f"{name}@home.test", "--password-stdin", stdin=f"{PASSWORD}\n")
        with sqlite3.connect(f"{self.directory}/accounts.sqlite") as accounts:
            accounts.execute("UPDATE accounts SET enabled = 0 WHERE address = 'off@home.test'")
        self.authd.start()
        self.dovecot.start(ready=lambda: can_connect(("127.0.0.1", self.port)))

    def stop(self):
        self.dovecot.stop()
        self.authd.stop()

    def cli(self, *words, stdin=None):
        command = [program_path(self.build, "outrider"), *words, f"--database={self.directory}/accounts.sqlite"]
        subprocess.run(command, input=stdin, capture_output=True, text=True, check=True)

    def doveadm(self, *words, check=True):
        found = subprocess.run(["doveadm", "-c", f"{self.directory}/dovecot.conf", *words], capture_output=True,
                               text=True, check=False, timeout=30)
        assert not check or found.returncode == 0, found.stderr
        return found.stdout

    def imap(self, user, password=PASSWORD):
        client = imaplib.IMAP4("127.0.0.1", self.port)
        client.login(user, password)
        return client

    def log(self):
        return pathlib.Path(self.directory, "dovecot.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def place(build, temp_directory):
    place = Place(build, temp_directory)
    place.start()
    yield place
    place.stop()


def test_login_with_a_hash_from_the_dict(place):
    with place.imap("bob@home.test") as client:
        assert client.select()[0] == "OK"
    assert os.stat(f"{place.directory}/mail/home.test/bob/Maildir").st_uid == UID


@pytest.mark.parametrize("user, password", [("bob@home.test", "wrong"), ("nobody@home.test", PASSWORD),
                                            ("off@home.test", PASSWORD)])
def test_refused(place, user, password):
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        place.imap(user, password)


def test_accounts_are_listed(place):
    assert place.doveadm("user", "*").split() == ["bob@home.test", "eve@home.test", "off@home.test"]
    shown = place.doveadm("user", "eve@home.test")
    assert re.search(rf"uid\s+{UID}\n", shown) and f"{place.directory}/mail/home.test/eve" in shown


def test_last_login_is_kept(place):
    before = int(time.time())
    place.imap("eve@home.test").logout()
    value = ""
    for _ in range(50):
        value = place.doveadm("dict", "get", "-u", "eve@home.test", f"proxy:{place.directory}/dict:last-login",
                              "shared/last-login/eve@home.test", check=False)
        if value.strip():
            break
        time.sleep(0.1)
    assert before <= int(value) <= time.time(), place.log()


def test_metadata_of_mailboxes(place):
    with place.imap("bob@home.test") as client:
        client.create("Box")
    place.doveadm("mailbox", "metadata", "set", "-u", "bob@home.test", "Box", "/private/comment", "a b\tc")
    place.doveadm("mailbox", "metadata", "set", "-u", "bob@home.test", "Box", "/shared/comment", "for all")
    get = ("mailbox", "metadata", "get", "-u", "bob@home.test", "Box")
    assert place.doveadm(*get, "/private/comment").strip() == "a b\tc"
    listed = place.doveadm("mailbox", "metadata", "list", "-u", "bob@home.test", "Box").split()
    assert listed.count("comment") == 2, "one below /private, one below /shared"
    place.doveadm("mailbox", "metadata", "unset", "-u", "bob@home.test", "Box", "/private/comment")
    assert not place.doveadm(*get, "/private/comment", check=False).strip()


def test_doveadm_dict_walks_adds_and_expires(place):
    uri = f"proxy:{place.directory}/dict:notes"
    for key, value in (("priv/n/a", "1"), ("priv/n/b", "x y"), ("priv/n/c/d", "deep")):
        place.doveadm("dict", "set", "-u", "bob@home.test", uri, key, value)
    place.doveadm("dict", "inc", "-u", "bob@home.test", uri, "priv/n/a", "41")
    assert place.doveadm("dict", "get", "-u", "bob@home.test", uri, "priv/n/a").strip() == "42"
    walk = place.doveadm("-f", "tab", "dict", "iter", "-u", "bob@home.test", uri, "priv/n/")
    assert [line.split("\t") for line in walk.splitlines()[1:]] == [["priv/n/a", "42"], ["priv/n/b", "x y"]] \
        or [line.split(" ", 1) for line in walk.splitlines()] == [["priv/n/a", "42"], ["priv/n/b", "x y"]], walk
    place.doveadm("dict", "unset", "-u", "bob@home.test", uri, "priv/n/a")
    assert not place.doveadm("dict", "get", "-u", "bob@home.test", uri, "priv/n/a", check=False).strip()
    assert not place.doveadm("dict", "get", "-u", "eve@home.test", uri, "priv/n/b", check=False).strip()


def test_kept_over_a_kill(place):
    uri = f"proxy:{place.directory}/dict:notes"
    place.doveadm("dict", "set", "-u", "bob@home.test", uri, "priv/kept", "yes")
    place.authd.process.kill()
    place.authd.start()
    assert place.doveadm("dict", "get", "-u", "bob@home.test", uri, "priv/kept").strip() == "yes"
