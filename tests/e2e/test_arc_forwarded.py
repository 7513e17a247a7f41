"""arc-seal = forwarded: only what goes to a recipient elsewhere is sealed, by sections `seal` with the key of their
choice; Postfix then tells recipients to the milter."""

import pytest

from lab.lab import MILTER_CONF
from lab.world import SENDER_IP


@pytest.fixture(autouse=True, scope="module")
def sealing(ride):
    ride.lab.make_dkim_keys("lists.test")
    ride.lab.configure(
        ride.lab.milter,
        MILTER_CONF,
        'arc-seal = forwarded\narc-seal-domain = "home.test"\n'
        'local-domains = {"home.test"}\nforwarded-recipients = {"bob@home.test"}',
    )
    ride.lab.milter.restart()


@pytest.mark.parametrize("recipient, sealed", [("alice@home.test", False), ("bob@home.test", True)])
def test_recipient_decides_about_the_seal(ride, subject, recipient, sealed):
    ride.inbound(ride.signed(subject), "sam@sender.test", recipient, SENDER_IP)
    message = ride.read(subject, recipient)
    assert (message["ARC-Seal"] is not None) == sealed
    assert message["Authentication-Results"]


@pytest.mark.parametrize(
    "section, sealed_by",
    [
        ('seal "bob@home.test" { domain = "lists.test" }', "lists.test"),
        ('seal "bob@home.test" { domain = "" }', "home.test"),
        ('seal "alice@home.test" { domain = "lists.test" }', "home.test"),  # alice's mail stays here
        ('seal "bob@home.test" { never = true }', None),
    ],
)
def test_section_chooses_the_key(ride, subject, section, sealed_by):
    ride.lab.configure(
        ride.lab.milter,
        MILTER_CONF,
        'arc-seal = forwarded\narc-seal-domain = "home.test"\n'
        'local-domains = {"home.test"}\nforwarded-recipients = {"bob@home.test"}\n' + section,
    )
    ride.lab.milter.restart()
    ride.inbound(ride.signed(subject), "sam@sender.test", ["alice@home.test", "bob@home.test"], SENDER_IP)
    seal = ride.read(subject, "bob@home.test")["ARC-Seal"]
    assert (seal and f"d={sealed_by};" in seal) if sealed_by else seal is None
