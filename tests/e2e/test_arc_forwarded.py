"""arc-seal = forwarded: only what goes to a recipient elsewhere is sealed; Postfix then tells recipients to the milter."""

import pytest

from lab.lab import MILTER_CONF
from lab.world import SENDER_IP


@pytest.fixture(autouse=True, scope="module")
def sealing(ride):
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
