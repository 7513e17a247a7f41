"""authd is killed and comes back under two hundred open sessions of stock Postfix and Dovecot: none ends, and each smtpd
process has one temporary failure at most."""

import imaplib
import shutil
import smtplib
import ssl
import time

import pytest

from conftest import BUILD, PASSWORD
from lab.lab import Lab

USER = "alice@home.test"
SMTP_SESSIONS = 100
LOGGED_IN = 50
BEFORE_LOGIN = 50


@pytest.fixture(scope="module")
def lab(temp_directory):
    lab = Lab(temp_directory, BUILD)
    lab.postfix.settings = {"default_process_limit": "250"}
    lab.dovecot.extra = "default_process_limit = 250\ndefault_client_limit = 1000\nmail_max_userip_connections = 250\n"
    try:
        lab.prepare()
        lab.add_domain("home.test")
        lab.add_user(USER, PASSWORD)
        lab.make_dkim_keys("home.test")
        shutil.chown(f"{temp_directory}/authd/accounts.sqlite", "nobody", "nogroup")
        lab.start()
        yield lab
    finally:
        lab.stop()


def submission(lab):
    smtp = smtplib.SMTP("127.0.0.1", lab.postfix.submission_port, timeout=60)
    smtp.starttls(context=ssl._create_unverified_context())
    smtp.ehlo()
    return smtp


def imap(lab):
    box = imaplib.IMAP4("127.0.0.1", lab.dovecot.imap_port, timeout=60)
    box.starttls(ssl._create_unverified_context())
    return box


def logs_in(smtp):
    """False: for now not. Anything else that is no success fails the test."""
    code, text = smtp.docmd("AUTH", "PLAIN " + plain())
    assert code in (235, 454), (code, text)
    return code == 235


def plain():
    import base64  # noqa: PLC0415
    return base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()


def log_in_at_last(box, seconds=20):
    """How many temporary failures came before; the connection must stay."""
    until, failures = time.monotonic() + seconds, 0
    while True:
        try:
            assert box.login(USER, PASSWORD)[0] == "OK"
            return failures
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            assert "UNAVAILABLE" in str(error), error
            assert time.monotonic() < until
            failures += 1
            time.sleep(0.5)


def test_no_session_ends(lab):
    smtps = [submission(lab) for _ in range(SMTP_SESSIONS)]
    inside = [imap(lab) for _ in range(LOGGED_IN)]
    for box in inside:
        assert box.login(USER, PASSWORD)[0] == "OK" and box.select()[0] == "OK"
    outside = [imap(lab) for _ in range(BEFORE_LOGIN)]
    lab.authd.process.popen.kill()
    assert lab.authd.process.popen.wait(10) == -9
    lab.authd.start()
    for box in inside:
        assert box.noop()[0] == "OK" and box.select()[0] == "OK"
    failures = []
    for smtp in smtps:
        failed = 0
        while not logs_in(smtp):
            failed += 1
            assert failed <= 1, "more than one temporary failure in one smtpd process"
        failures.append(failed)
    waits = [log_in_at_last(box) for box in outside]
    print(f"temporary failures: {sum(failures)} of {SMTP_SESSIONS} smtpd processes, {sum(waits)} in {BEFORE_LOGIN} logins over IMAP")
    for session in smtps:
        assert session.mail(USER)[0] == 250 and session.rcpt(USER)[0] == 250
        session.quit()
    for box in inside + outside:
        assert box.noop()[0] == "OK"
        box.logout()
