"""Stock Dovecot with authd as its auth server (IMAP, POP3, doveadm)."""

import imaplib
import poplib
import ssl
import subprocess
import time

import pytest

from conftest import PASSWORD

ALICE = "alice@home.test"


def test_imap_login_proves_the_password(ride):
    with ride.mailbox() as box:
        assert box.imap.state == "AUTH"


def test_imap_wrong_password_is_authenticationfailed(ride):
    imap = imaplib.IMAP4("127.0.0.1", ride.lab.dovecot.imap_port, timeout=30)
    imap.starttls(ssl._create_unverified_context())
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        imap.login(ALICE, "wrong")
    assert imap.login(ALICE, PASSWORD)[0] == "OK", "the connection is still good"
    imap.logout()


def test_pop3_login(ride):
    pop = poplib.POP3("127.0.0.1", ride.lab.dovecot.pop3_port, timeout=30)
    pop.stls(ssl._create_unverified_context())
    pop.user(ALICE)
    assert pop.pass_(PASSWORD).startswith(b"+OK")
    pop.quit()


def test_doveadm_finds_users_in_authd(ride):
    doveadm = ride.lab.dovecot.command("doveadm", "-c", ride.lab.dovecot.config_path, "user")
    out = subprocess.run([*doveadm, ALICE], capture_output=True, text=True, check=True).stdout
    assert "uid\t5000" in out and "/mail/home.test/alice" in out
    listed = subprocess.run([*doveadm, "*"], capture_output=True, text=True, check=True).stdout.split()
    assert {ALICE, "bob@home.test"} <= set(listed)
    missing = subprocess.run([*doveadm, "nobody@home.test"], capture_output=True, text=True, check=False)
    assert missing.returncode != 0


def test_changed_password_counts_at_once(ride):
    ride.lab.add_user("dora@home.test", "first")
    ride.lab.must_cli("user", "passwd", "dora@home.test", "--password-stdin", config=ride.lab.authd, stdin="second\n")
    imap = imaplib.IMAP4("127.0.0.1", ride.lab.dovecot.imap_port, timeout=30)
    imap.starttls(ssl._create_unverified_context())
    with pytest.raises(imaplib.IMAP4.error):
        imap.login("dora@home.test", "first")
    assert imap.login("dora@home.test", "second")[0] == "OK"
    imap.logout()


def test_login_works_again_after_authd_was_restarted(ride):
    with ride.mailbox():
        pass
    ride.lab.authd.restart()
    until = time.monotonic() + 20
    while True:
        try:
            with ride.mailbox():
                return
        except (imaplib.IMAP4.error, OSError):
            assert time.monotonic() < until
            time.sleep(0.5)
