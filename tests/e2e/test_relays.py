"""A border relay of ours passes mail on: what it found counts, and nobody else can say it found it."""

import pytest

from lab import mail
from lab.lab import MILTER_CONF
from lab.world import FORGER_IP, LIST_IP

ALICE = "alice@home.test"
RELAY_IP = LIST_IP
FOUND = b"Authentication-Results: border.home.test;\r\n spf=pass smtp.mailfrom=sam@sender.test\r\n"


@pytest.fixture(autouse=True, scope="module")
def relaying(ride):
    ride.lab.configure(
        ride.lab.milter,
        MILTER_CONF,
        f'trusted-relays = {{"{RELAY_IP}"}}\ntrusted-authserv-ids = {{"border.home.test"}}',
    )
    ride.lab.milter.restart()


def said_of(message):
    return [" ".join(value.split()) for value in message.get_all("Authentication-Results")]


def test_spf_of_the_relay_decides_dmarc(ride, subject):
    ride.inbound(FOUND + mail.compose("sam@sender.test", ALICE, subject), "sam@sender.test", ALICE, RELAY_IP)
    ours, border = said_of(ride.read(subject))
    assert 'spf=pass reason="reported by a relay of ours (border.home.test)" smtp.mailfrom=sam@sender.test' in ours
    assert "dmarc=pass" in ours
    assert border.startswith("border.home.test;")


def test_forged_word_of_the_relay_is_removed_and_does_not_count(ride, subject):
    forged = FOUND + mail.compose("sam@sender.test", ALICE, subject)
    with pytest.raises(mail.Reply) as refused:
        ride.inbound(forged, "sam@sender.test", ALICE, FORGER_IP)
    assert refused.value.code == 550
    ride.inbound(FOUND + ride.signed(subject), "sam@sender.test", ALICE, FORGER_IP)
    (ours,) = said_of(ride.read(subject))
    assert "spf=fail" in ours and "dkim=pass" in ours
