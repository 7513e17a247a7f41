"""Recipients looked up at stock Dovecot's auth-userdb; what was delivered is read by stock Dovecot."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

import lmtp_tools
from lab.process import Process, can_connect

UID = 20003

CONFIG = """
{version}
base_dir = {run}
state_dir = {run}
log_path = {directory}/dovecot.log
protocols =
ssl = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1000
{mail}
passdb {passdb} {{
  driver = passwd-file
  {passwd_file}
}}
userdb {userdb} {{
  driver = passwd-file
  {passwd_file}
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0660
    user = nobody
    group = nogroup
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


def version():
    out = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in out.split()[0].split(".")[:2])


def write_config(directory, passwd):
    new = version() >= (2, 4)
    text = CONFIG.format(
        version="dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0" if new else "",
        directory=directory,
        run=os.path.join(directory, "run"),
        mail="mail_driver = maildir\nmail_path = ~/Maildir" if new else "mail_location = maildir:~/Maildir",
        passdb="passwd-file" if new else "",
        userdb="passwd-file" if new else "",
        passwd_file=f"passwd_file_path = {passwd}" if new else f"args = username_format=%u {passwd}",
    )
    path = os.path.join(directory, "dovecot.conf")
    pathlib.Path(path).write_text(text, encoding="utf-8")
    return path


class Place:
    def __init__(self, directory, build):
        self.directory = directory
        self.home = os.path.join(directory, "alice")
        os.mkdir(self.home, 0o700)
        os.chown(self.home, UID, UID)
        passwd = os.path.join(directory, "passwd")
        pathlib.Path(passwd).write_text(f"alice@dovecot.test:{{PLAIN}}x:{UID}:{UID}::{self.home}::\n", encoding="utf-8")
        self.config = write_config(directory, passwd)
        self.auth = os.path.join(directory, "run", "auth-userdb")
        self.dovecot = Process("dovecot", ["dovecot", "-F", "-c", self.config], os.path.join(directory, "out.log"))
        run = os.path.join(directory, "lmtpd")
        os.mkdir(run, 0o755)
        self.lmtpd = lmtp_tools.Lmtpd(build, run, f"unix:{self.auth}", 'userdb-timeout = "5s"')

    def send(self, recipient, marker="m"):
        with lmtp_tools.Lmtp(self.lmtpd.socket_path) as client:
            return next(client.deliver([recipient], lmtp_tools.body_with_digest(marker, 500)))

    def doveadm(self, *arguments, errors="strict"):
        command = ["doveadm", "-c", self.config, *arguments]
        return subprocess.run(command, capture_output=True, encoding="utf-8", errors=errors, check=True).stdout


@pytest.fixture(scope="module")
def place(build):
    directory = tempfile.mkdtemp(prefix="outrider-userdb-")
    os.chmod(directory, 0o755)
    place = Place(directory, build)
    try:
        place.dovecot.start(ready=lambda: can_connect(f"unix:{place.auth}"))
        place.lmtpd.start()
        yield place
    finally:
        place.lmtpd.stop()
        place.dovecot.stop()
        shutil.rmtree(directory)


def test_lmtp_known_user_is_delivered_and_read_by_dovecot(place):
    assert place.send("alice@dovecot.test", "hello").startswith("250 2.0.0")
    (path,) = lmtp_tools.files(os.path.join(place.home, "Maildir"))
    lmtp_tools.check_sizes(path)
    content = path.read_bytes()
    listed = place.doveadm("-f", "flow", "fetch", "-u", "alice@dovecot.test", "size.physical size.virtual", "ALL")
    assert f"size.physical={len(content)} " in listed
    assert f"size.virtual={len(content) + content.count(bytes([10]))}" in listed
    assert "Subject: hello" in place.doveadm("fetch", "-u", "alice@dovecot.test", "text", "ALL")


def test_lmtp_unknown_user_is_550(place):
    assert place.send("nobody@dovecot.test").startswith("550 5.1.1 <nobody@dovecot.test> ")


def test_lmtp_quarantined_is_in_the_junk_folder_that_dovecot_sees(place):
    message = b"X-Outrider-Quarantine: dmarc\n" + lmtp_tools.body_with_digest("junk", 10)
    with lmtp_tools.Lmtp(place.lmtpd.socket_path) as client:
        assert next(client.deliver(["alice@dovecot.test"], message)).startswith("250")
    assert "Subject: junk" in place.doveadm("fetch", "-u", "alice@dovecot.test", "text", "mailbox", "Junk")


def test_lmtp_subaddress_reaches_a_folder_that_dovecot_made(place):
    place.doveadm("mailbox", "create", "-u", "alice@dovecot.test", "Entwürfe")
    with lmtp_tools.Lmtp(place.lmtpd.socket_path) as client:
        client.send("MAIL FROM:<> SMTPUTF8\r\nRCPT TO:<alice+Entwürfe@dovecot.test>\r\nDATA\r\n".encode())
        assert [client.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        client.send(b"Subject: umlaut\r\n\r\nbody\r\n.\r\n")
        assert client.reply().startswith("250")
    assert "Subject: umlaut" in place.doveadm("fetch", "-u", "alice@dovecot.test", "text", "mailbox", "Entwürfe")


def test_lmtp_dovecot_gone_is_451_and_back_is_250(place):
    place.dovecot.stop()
    assert place.send("alice@dovecot.test").startswith("451 4.3.0 ")
    place.dovecot.start(ready=lambda: can_connect(f"unix:{place.auth}"))
    assert place.send("alice@dovecot.test", "again").startswith("250 2.0.0")


def test_lmtp_binary_chunks_are_read_back_by_dovecot(place):
    header = b"Subject: binary\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    body = bytes(byte for byte in range(1, 256)) * 100 + b"\r\n.\r\n\n\r"
    with lmtp_tools.Lmtp(place.lmtpd.socket_path) as client:
        client.command("MAIL FROM:<> BODY=BINARYMIME", 250)
        client.command("RCPT TO:<alice@dovecot.test>", 250)
        client.send(b"BDAT %d\r\n" % len(header) + header + b"BDAT %d LAST\r\n" % len(body) + body)
        client.expect(250)
        client.expect(250)
    paths = lmtp_tools.files(os.path.join(place.home, "Maildir"))
    (path,) = [p for p in paths if b"Subject: binary\n" in p.read_bytes()] or [None]
    content = path.read_bytes() if path else b""
    assert content.endswith(b"binary\n\n" + body)
    wire_size = len(content) + content.count(b"\n") - content.count(b"\r\n")
    assert path.name.endswith(f",S={len(content)},W={wire_size}")
    # What the name says is what Dovecot counts when it reads all of it.
    query = ("fetch", "-u", "alice@dovecot.test", "size.virtual text", "header", "Subject", "binary")
    assert f"size.virtual: {wire_size}" in place.doveadm(*query, errors="replace")
