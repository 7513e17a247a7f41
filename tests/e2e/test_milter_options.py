"""The milter's options where they show at Postfix."""

import contextlib

import dkim
import pytest

from conftest import PASSWORD
from lab import mail
from lab.lab import MILTER_CONF
from lab.world import FORGER_IP, SENDER_IP

ALICE = "alice@home.test"


@contextlib.contextmanager
def milter_with(ride, options):
    lab = ride.lab
    lab.configure(lab.milter, MILTER_CONF, options)
    lab.milter.restart()
    try:
        yield lab.milter
    finally:
        lab.configure(lab.milter, MILTER_CONF)
        lab.milter.restart()


def test_observing_milter_changes_and_refuses_nothing_but_logs(ride, subject):
    planted = b"X-Outrider-Quarantine: planted\r\n"
    with milter_with(ride, "mode = observe") as milter:
        forged = planted + mail.compose("sam@sender.test", ALICE, subject)
        ride.inbound(forged, "sam@sender.test", ALICE, FORGER_IP, helo="host66.elsewhere.test")
        got = ride.read(subject, folder="Junk")
        assert got["Authentication-Results"] is None
        assert got["X-Outrider-Quarantine"] == "planted"
        line = [line for line in milter.log().splitlines() if "mode=observe" in line][-1]
        assert "dmarc=fail" in line and "action=reject" in line, line
        ride.submit(mail.compose(ALICE, ALICE, "own " + subject), ALICE, ALICE)
        assert ride.read("own " + subject)["DKIM-Signature"] is None
        assert "signed=" in milter.log().splitlines()[-1]


def test_unsigned_mail_is_refused_where_on_none_says_so(ride, subject):
    with milter_with(ride, "on-none = reject\non-fail = quarantine"):
        with pytest.raises(mail.Reply) as refused:
            ride.inbound(mail.compose("sam@sender.test", ALICE, subject), "sam@sender.test", ALICE, SENDER_IP)
        assert refused.value.code == 550 and "5.7.20" in refused.value.text
        assert "not signed" in refused.value.text
        ride.inbound(ride.signed(subject) + b"one more line\r\n", "sam@sender.test", ALICE, SENDER_IP)
        got = ride.read(subject, folder="Junk")
        assert "body hash" in got["X-Outrider-Quarantine"], "SPF alone makes DMARC pass, on-fail is stricter"
        ride.inbound(ride.signed("good " + subject), "sam@sender.test", ALICE, SENDER_IP)
        assert ride.read("good " + subject)["X-Outrider-Quarantine"] is None


def test_some_authors_get_other_actions(ride, subject):
    sections = """
on-none = quarantine
from ".sender.test" { on-none = reject }
from "sam@sender.test" { on-none = accept on-fail = reject }
from "sender.test" { on-none = default }
"""
    with milter_with(ride, sections):
        ride.inbound(mail.compose("Sam <Sam@Sender.test>", ALICE, subject), "sam@sender.test", ALICE, SENDER_IP)
        assert ride.read(subject)["X-Outrider-Quarantine"] is None
        with pytest.raises(mail.Reply) as refused:
            ride.inbound(ride.signed("broken " + subject) + b"one more line\r\n", "sam@sender.test", ALICE, SENDER_IP)
        assert refused.value.code == 550 and "body hash" in refused.value.text
        ride.inbound(mail.compose("tom@sender.test", ALICE, "tom " + subject), "tom@sender.test", ALICE, SENDER_IP)
        assert ride.read("tom " + subject, folder="Junk")["X-Outrider-Quarantine"]


def test_subdomain_is_signed_with_its_parents_key(ride, subject):
    ride.lab.must_cli("domain", "add", "dept.home.test", config=ride.lab.authd)
    ride.lab.add_user("dora@dept.home.test", PASSWORD)
    message = mail.compose("dora@dept.home.test", ALICE, subject)
    with milter_with(ride, "sign-subdomains = true\nsignature-lifetime = 7d\noversign-headers = {}"):
        ride.submit(message, "dora@dept.home.test", ALICE)
        got = ride.read(subject)
        assert "d=home.test;" in got["DKIM-Signature"] and "x=" in got["DKIM-Signature"]
        with ride.mailbox() as box:
            assert dkim.DKIM(box.raw(subject)).verify(dnsfunc=ride.world.txt)


def test_signatures_say_no_time_where_that_is_wanted(ride, subject):
    with milter_with(ride, "signature-time = false"):
        ride.submit(mail.compose(ALICE, ALICE, subject), ALICE, ALICE)
        got = ride.read(subject)
        assert "d=home.test;" in got["DKIM-Signature"] and " t=" not in got["DKIM-Signature"]
        with ride.mailbox() as box:
            assert dkim.DKIM(box.raw(subject)).verify(dnsfunc=ride.world.txt)


def test_status_finds_our_keys_in_dns_and_misses_those_that_are_not(ride):
    lab = ride.lab
    words = ("dkim", "status", f"--dns={lab.nsd.server}")
    status, output = lab.cli(*words, "home.test", config=lab.milter)
    assert status == 0 and output.count("published d=home.test") == 2, output
    lab.must_cli("dkim", "keygen", "unpublished.test", "--owner=nobody", "--algorithm=ed25519", config=lab.milter)
    status, output = lab.cli(*words, config=lab.milter)
    assert status == 1 and "missing d=unpublished.test" in output, output
