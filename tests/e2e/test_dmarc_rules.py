"""The site's own rules about mail that fails DMARC, trusted forwarders, and SPF results with consequences."""

import pytest

from lab import mail
from lab.lab import POLICYD_CONF
from lab.world import CAREFUL_IP, FORGER_IP, LIST_IP, SENDER_IP

ALICE = "alice@home.test"
CONF = """
trusted-forwarders = {"list.test"}
spf-on-fail = reject
spf-helo-on-fail = tempfail
dmarc-rule "notices" { authors = {"careful.test"} clients = {"%s"} action = accept }
dmarc-rule "no policy yet" { authors = {"list.test"} action = reject }
""" % FORGER_IP


@pytest.fixture(autouse=True, scope="module")
def ruled(ride):
    ride.lab.configure(ride.lab.policyd, POLICYD_CONF, CONF)
    ride.lab.policyd.restart()


def from_domain(domain, subject):
    return mail.compose(f"Sam <sam@{domain}>", ALICE, subject)


def said(ride, subject, **where):
    return " ".join(ride.read(subject, **where)["Authentication-Results"].split())


def test_rule_lets_in_what_the_owner_would_quarantine(ride, subject):
    ride.inbound(from_domain("careful.test", subject), "x@elsewhere.test", ALICE, FORGER_IP, helo="host66.elsewhere.test")
    assert 'dmarc=fail reason="trusted_forwarder" header.from=careful.test' in said(ride, subject)
    assert 'override=trusted_forwarder rule=notices' in ride.lab.policyd.log()


def test_rule_refuses_where_the_owner_asks_for_nothing(ride, subject):
    with pytest.raises(mail.Reply) as refused:
        ride.inbound(from_domain("list.test", subject), "x@sender.test", ALICE, SENDER_IP)
    assert refused.value.code == 550
    assert "mail from list.test must prove its origin (rule of this server)" in refused.value.text


def test_forwarder_s_mail_is_taken_whatever_spf_and_dmarc_say(ride, subject):
    ride.inbound(from_domain("sender.test", subject), "sam@sender.test", ALICE, LIST_IP, helo="lists.list.test")
    results = said(ride, subject)
    assert "spf=fail" in results
    assert 'dmarc=fail reason="trusted_forwarder (forwarder=list.test)"' in results


@pytest.mark.parametrize(
    "sender, source, helo, code, text",
    [
        ("sam@sender.test", CAREFUL_IP, "mail.careful.test", 550, "5.7.23"),
        ("", CAREFUL_IP, "sender.test", 451, "4.7.23"),
        ("x@elsewhere.test", CAREFUL_IP, "sender.test", 451, "SPF of the HELO name: sender.test does not let"),
    ],
)
def test_spf_results_have_consequences_at_rcpt(ride, subject, sender, source, helo, code, text):
    with pytest.raises(mail.Reply) as refused:
        ride.inbound(from_domain("elsewhere.test", subject), sender, ALICE, source, helo=helo)
    assert refused.value.code == code
    assert text in refused.value.text
