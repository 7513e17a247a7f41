"""A list breaks its members' signatures and seals what it found: whose word outweighs DMARC is the admin's to say."""

import pytest

from lab import mail
from lab.lab import POLICYD_CONF
from lab.world import LIST_IP

ALICE = "alice@home.test"


@pytest.fixture(autouse=True, scope="module")
def trusting(ride):
    ride.lab.configure(ride.lab.policyd, POLICYD_CONF, 'trusted-sealers = {"list.test"}')
    ride.lab.policyd.restart()


def list_copy(ride, subject, sealer, results):
    """Signed by sender.test (p=reject), a footer put under it, sealed by `sealer` with its results."""
    message = ride.signed(subject, List_Id="<chat.list.test>") + b"-- \r\nchat list\r\n"
    seen = f"Authentication-Results: {sealer}; arc=none; {results}\r\n".encode() + message
    fields = mail.dkim.arc_sign(seen, b"s1", sealer.encode(), ride.world.keys[sealer], sealer.encode())
    return b"".join(field.rstrip(b"\r\n") + b"\r\n" for field in fields) + message


def test_trusted_sealer_s_dmarc_pass_outweighs_ours(ride, subject):
    copy = list_copy(ride, subject, "list.test", "dmarc=pass header.from=sender.test")
    ride.inbound(copy, "bounces@list.test", ALICE, LIST_IP)
    message = ride.read(subject)
    said = " ".join(message["Authentication-Results"].split())
    assert "dkim=fail" in said and "arc=pass" in said
    assert 'dmarc=fail reason="trusted_forwarder (arc=pass as[1].d=list.test)" header.from=sender.test' in said
    assert 'override=trusted_forwarder voucher="arc=pass as[1].d=list.test"' in ride.lab.policyd.log()


@pytest.mark.parametrize(
    "sealer, results",
    [
        ("careful.test", "dmarc=pass header.from=sender.test"),
        ("list.test", "dmarc=fail header.from=sender.test"),
        ("list.test", "dmarc=pass header.from=careful.test"),
        ("list.test", "spf=fail smtp.mailfrom=\"; dmarc=pass header.from=sender.test\"@list.test"),
    ],
)
def test_other_seals_change_nothing(ride, subject, sealer, results):
    ride.inbound(list_copy(ride, subject, sealer, results), "bounces@list.test", ALICE, LIST_IP)
    message = ride.read(subject, folder="Junk")
    assert 'dmarc=fail reason="mailing_list"' in " ".join(message["Authentication-Results"].split())


def test_chain_that_was_changed_after_sealing_is_worth_nothing(ride, subject):
    copy = list_copy(ride, subject, "list.test", "dmarc=pass header.from=sender.test") + b"changed\r\n"
    ride.inbound(copy, "bounces@list.test", ALICE, LIST_IP)
    said = " ".join(ride.read(subject, folder="Junk")["Authentication-Results"].split())
    assert "arc=fail" in said and 'dmarc=fail reason="mailing_list"' in said
