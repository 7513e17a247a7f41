"""The check `quota`: policyd asks stock Dovecot's lmtp whether a mailbox has room."""

import os
import pathlib
import subprocess

import pytest

import lmtp_tools
from lab.daemons import Daemon
from lab.process import Process, can_connect
from policy_tools import Policy

UID = 20005

DOVECOT = """\
base_dir = {d}/run
state_dir = {d}/state
log_path = {d}/dovecot.log
protocols = lmtp
ssl = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1000
mail_location = maildir:~/Maildir
mail_plugins = quota
lmtp_rcpt_check_quota = yes
recipient_delimiter = +
plugin {{
  quota = maildir:User quota
  quota_grace = 100%%
}}
passdb {{
  driver = passwd-file
  args = username_format=%u {d}/passwd
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {d}/passwd
}}
service lmtp {{
  unix_listener {d}/lmtp {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""

POLICYD = """\
user = "root"
store = ""
decisions = ""
listen policy {{ address = {{"unix:{d}/policy"}} }}
listen srs {{ address = {{"unix:{d}/srs"}} group = "root" }}
checks = {{"quota"}}
quota-lmtp = "unix:{d}/lmtp"
"""


class Place:
    def __init__(self, build, directory):
        self.directory = directory
        home = pathlib.Path(directory, "mail")
        home.mkdir()
        os.chown(home, UID, UID)
        accounts = "".join(f"{name}@home.test:{{PLAIN}}x:{UID}:{UID}::{home}/{name}::userdb_quota_rule=*:bytes={limit}\n"
                           for name, limit in (("small", 2500), ("large", 1000000)))
        pathlib.Path(directory, "passwd").write_text(accounts, encoding="utf-8")
        pathlib.Path(directory, "dovecot.conf").write_text(DOVECOT.format(d=directory), encoding="utf-8")
        self.dovecot = Process("dovecot", ["/usr/sbin/dovecot", "-F", "-c", f"{directory}/dovecot.conf"],
                               f"{directory}/start.log")
        self.policyd = Daemon(str(build), directory, "policyd", "outrider-policyd", POLICYD.format(d=directory),
                              [f"{directory}/policy"])
        self.policyd.write_config()

    def start_dovecot(self):
        self.dovecot.start(ready=lambda: can_connect(f"unix:{self.directory}/lmtp"))

    def ask(self, recipient, size="0"):
        return Policy(f"{self.directory}/policy").ask(recipient=recipient, size=size)

    def fill(self, recipient):
        with lmtp_tools.Lmtp(f"{self.directory}/lmtp") as client:
            return next(client.deliver([recipient], b"Subject: x\r\n\r\n" + b"x" * 2500 + b"\r\n"))


@pytest.fixture(scope="module")
def place(build, temp_directory):
    if subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True).stdout >= "2.4":
        pytest.skip("the configuration above is for Dovecot 2.3")
    place = Place(build, temp_directory)
    place.start_dovecot()
    place.policyd.start()
    yield place
    place.policyd.stop()
    place.dovecot.stop()


def test_room(place):
    assert place.ask("small@home.test") == "DUNNO"
    assert place.ask("nobody@home.test") == "DUNNO", "whether there is such a user is not this check's business"


def test_full(place):
    assert place.fill("small@home.test").startswith("250")
    assert place.ask("small+folder@home.test", size="1000").startswith("552 5.2.2 <small+folder@home.test> ")
    assert place.ask("large@home.test", size="1000") == "DUNNO"


def test_server_gone_and_back(place):
    place.dovecot.stop()
    assert place.ask("small@home.test") == "DUNNO"
    assert "quota-lmtp: unix:" in place.policyd.log()
    place.start_dovecot()
    place.policyd.restart()  # else it would leave the server alone for some seconds
    assert place.ask("small@home.test").startswith("552 5.2.2 ")
