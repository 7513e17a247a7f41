"""Application passwords through stock Dovecot and Postfix: each opens what it is for."""

import concurrent.futures
import imaplib
import poplib
import smtplib
import ssl
import time

import pytest

from conftest import PASSWORD

USER = "gadget@home.test"
OTHER = "alice@home.test"


def tls():
    return ssl._create_unverified_context()


def imap(ride, user, password):
    box = imaplib.IMAP4("127.0.0.1", ride.lab.dovecot.imap_port, timeout=30)
    try:
        box.starttls(tls())
        box.login(user, password)
        return True
    except imaplib.IMAP4.error:
        return False
    finally:
        box.shutdown()


def pop3(ride, user, password):
    box = poplib.POP3("127.0.0.1", ride.lab.dovecot.pop3_port, timeout=30)
    try:
        box.stls(tls())
        box.user(user)
        box.pass_(password)
        return True
    except poplib.error_proto:
        return False
    finally:
        box.close()


def smtp(ride, user, password):
    with smtplib.SMTP("127.0.0.1", ride.lab.postfix.submission_port, timeout=30) as server:
        server.starttls(context=tls())
        try:
            server.login(user, password)
            return True
        except smtplib.SMTPAuthenticationError:
            return False


def add(ride, name, *options):
    out = ride.lab.must_cli("app-password", "add", USER, name, *options, config=ride.lab.authd)
    return out.split("\n", 1)[0]


@pytest.fixture(scope="module", autouse=True)
def account(ride):
    ride.lab.add_user(USER, PASSWORD)


@pytest.mark.parametrize("scope, opens", [
    ("imap", [True, False, False]),
    ("pop3", [False, True, False]),
    ("smtp", [False, False, True]),
    ("all", [True, True, True]),
])
def test_scope_is_the_service_that_was_asked(ride, scope, opens):
    secret = add(ride, scope, f"--scope={scope}")
    with concurrent.futures.ThreadPoolExecutor() as pool:  # refusals take their time
        logins = [pool.submit(log_in, ride, USER, secret) for log_in in (imap, pop3, smtp)]
    assert [login.result() for login in logins] == opens


def test_nobody_else_gets_in_with_it(ride):
    secret = add(ride, "mine")
    assert imap(ride, USER, secret) and not imap(ride, OTHER, secret)


def test_expired_deleted_and_disabled(ride):
    brief = add(ride, "brief", "--expires=2s")
    lasting = add(ride, "lasting")
    assert imap(ride, USER, brief)
    time.sleep(2.1)
    assert not imap(ride, USER, brief)
    ride.lab.must_cli("user", "set", USER, "--disable", config=ride.lab.authd)
    assert not imap(ride, USER, lasting)
    ride.lab.must_cli("user", "set", USER, "--enable", config=ride.lab.authd)
    assert imap(ride, USER, lasting)
    assert "last-used=20" in ride.lab.must_cli("app-password", "list", USER, config=ride.lab.authd)
    ride.lab.must_cli("app-password", "del", USER, "lasting", config=ride.lab.authd)
    assert not imap(ride, USER, lasting)


def test_own_password_can_be_turned_off(ride):
    secret = add(ride, "only")
    assert imap(ride, USER, PASSWORD)
    ride.lab.must_cli("user", "set", USER, "--app-passwords-only=yes", config=ride.lab.authd)
    assert not imap(ride, USER, PASSWORD)
    assert imap(ride, USER, secret)
    ride.lab.must_cli("user", "set", USER, "--app-passwords-only=no", config=ride.lab.authd)
    assert imap(ride, USER, PASSWORD)
