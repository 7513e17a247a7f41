"""A user's own mail: authenticated by authd, signed by the milter, verified by programs that we did not write."""

import re
import subprocess
import time

import dkim
import pytest

from conftest import PASSWORD
from lab import mail

ALICE = "alice@home.test"
OUTSIDE = "friend@elsewhere.test"


def sent_to_sink(ride, subject, timeout=20):
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        for _, message in reversed(ride.sink.messages):
            if subject.encode() in message:
                return message
        time.sleep(0.05)
    raise AssertionError(f"nothing with {subject!r} left\n" + ride.lab.postfix.log()[-3000:])


def algorithms(message):
    return sorted(re.findall(rb"DKIM-Signature:.*?a=([a-z0-9-]+)", message, re.S | re.I))


def test_submission_is_signed_with_both_algorithms(ride, subject):
    ride.submit(mail.compose(f"Alice <{ALICE}>", OUTSIDE, subject), ALICE, OUTSIDE)
    message = sent_to_sink(ride, subject)
    assert algorithms(message) == [b"ed25519-sha256", b"rsa-sha256"]
    for index in range(2):
        assert dkim.DKIM(message).verify(idx=index, dnsfunc=ride.world.txt), index
    assert " signed=" in ride.lab.milter.log()


def test_our_own_cli_verifies_what_we_sent(ride, subject, tmp_path):
    ride.submit(mail.compose(ALICE, OUTSIDE, subject), ALICE, OUTSIDE)
    path = tmp_path / "sent.eml"
    path.write_bytes(sent_to_sink(ride, subject))
    status, output = ride.lab.cli("dkim", "verify", str(path), f"--dns={ride.lab.nsd.server}", "--json")
    assert status == 0, output
    assert output.count('"pass"') >= 2, output


def test_auth_login_works_too(ride, subject):
    import smtplib
    import ssl
    context = ssl._create_unverified_context()
    with smtplib.SMTP("127.0.0.1", ride.lab.postfix.submission_port, timeout=30) as smtp:
        smtp.starttls(context=context)
        smtp.ehlo()
        assert "LOGIN" in smtp.esmtp_features["auth"] and "PLAIN" in smtp.esmtp_features["auth"]
        smtp.user, smtp.password = ALICE, PASSWORD
        assert smtp.auth("LOGIN", smtp.auth_login)[0] == 235


@pytest.mark.parametrize("login", [(ALICE, "wrong"), ("nobody@home.test", PASSWORD), (ALICE, "")])
def test_wrong_credentials_are_535(ride, subject, login):
    with pytest.raises(mail.Reply) as refused:
        ride.submit(mail.compose(ALICE, OUTSIDE, subject), ALICE, OUTSIDE, login=login)
    assert refused.value.code in (535, 501)


def test_user_may_not_send_as_another(ride, subject):
    with pytest.raises(mail.Reply) as refused:
        ride.submit(mail.compose("bob@home.test", OUTSIDE, subject), "bob@home.test", OUTSIDE, login=(ALICE, PASSWORD))
    assert refused.value.code == 553


def test_alias_owner_may_send_as_the_alias(ride, subject):
    ride.lab.must_cli("alias", "add", "sales@home.test", ALICE, config=ride.lab.authd)
    ride.submit(mail.compose("sales@home.test", OUTSIDE, subject), "sales@home.test", OUTSIDE, login=(ALICE, PASSWORD))
    assert algorithms(sent_to_sink(ride, subject))


def test_without_auth_nothing_is_relayed(ride, subject):
    with pytest.raises(mail.Reply) as refused:
        mail.send(ride.lab.postfix.submission_port, mail.compose(ALICE, OUTSIDE, subject), ALICE, OUTSIDE, starttls=True)
    assert refused.value.code in (550, 553, 554)


def test_from_of_a_domain_without_key_is_not_signed_and_the_log_says_why(ride, subject):
    message = mail.compose("alice@keyless.test", OUTSIDE, subject)
    ride.submit(message, ALICE, OUTSIDE)
    assert not algorithms(sent_to_sink(ride, subject))
    assert re.search(r"not.signed.*keyless\.test", ride.lab.milter.log())


def test_mail_between_our_users_is_delivered_signed(ride, subject):
    ride.submit(mail.compose(ALICE, "bob@home.test", subject), ALICE, "bob@home.test")
    got = ride.read(subject, "bob@home.test")
    assert got["DKIM-Signature"]


def test_local_submission_is_signed(ride, subject):
    lab = ride.lab
    message = mail.compose(ALICE, OUTSIDE, subject).replace(b"\r\n", b"\n")
    command = lab.postfix.command("sendmail")
    command = command[:-2] + ["-C", command[-1], "-f", ALICE, OUTSIDE]
    subprocess.run(command, input=message, check=True, timeout=30)
    assert algorithms(sent_to_sink(ride, subject))
