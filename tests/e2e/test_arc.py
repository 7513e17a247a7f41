"""A milter that seals: what it adds, in the eyes of a validator that we did not write."""

import dkim
import pytest

from lab import mail
from lab.lab import MILTER_CONF
from lab.world import SENDER_IP

ALICE = "alice@home.test"


@pytest.fixture(autouse=True, scope="module")
def sealing(ride):
    ride.lab.configure(ride.lab.milter, MILTER_CONF, 'arc-seal = always\narc-seal-domain = "home.test"')
    ride.lab.milter.restart()


def arrived(ride, message, subject):
    ride.inbound(message, "sam@sender.test", ALICE, SENDER_IP)
    with ride.mailbox() as box:
        raw = box.raw(subject)
    return raw, dkim.arc_verify(raw, dnsfunc=ride.world.txt)


def test_first_set_is_ours_and_carries_our_results(ride, subject):
    raw, (result, sets, why) = arrived(ride, ride.signed(subject), subject)
    assert result == b"pass", why
    assert [found["cv"] for found in sets] == [b"none"]
    said = b" ".join(sets[0]["aar-value"].split())
    for part in (b"i=1; mx.home.test", b"dkim=pass", b"spf=pass", b"dmarc=pass"):
        assert part in said
    assert b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=home.test" in raw


def test_second_set_goes_on_top_of_a_forwarder_s(ride, subject):
    sealed = mail.arc_seal(ride.signed(subject), "list.test", "s1", ride.world.keys["list.test"])
    _, (result, sets, why) = arrived(ride, sealed, subject)
    assert result == b"pass", why
    assert [(found["cv"], found["ams-valid"]) for found in sets] == [(b"pass", True), (b"none", True)]


def test_broken_chain_is_sealed_as_broken_and_then_left_alone(ride, subject):
    sealed = mail.arc_seal(ride.signed(subject), "list.test", "s1", ride.world.keys["list.test"])
    raw, (result, _, why) = arrived(ride, sealed + b"footer\r\n", subject)
    assert b"ARC-Seal: i=2; a=rsa-sha256; cv=fail; d=home.test" in raw
    assert result is None, why
    again = raw[raw.index(b"ARC-Seal: i=2"):].replace(subject.encode(), b"again " + subject.encode())
    raw, _ = arrived(ride, again, "again " + subject)
    assert b"ARC-Seal: i=3" not in raw
    assert "not-sealed=" in ride.lab.milter.log()


def test_our_own_users_mail_is_not_sealed(ride, subject):
    ride.submit(mail.compose(ALICE, "bob@home.test", subject), ALICE, "bob@home.test")
    message = ride.read(subject, "bob@home.test")
    assert message["DKIM-Signature"] and message["ARC-Seal"] is None
