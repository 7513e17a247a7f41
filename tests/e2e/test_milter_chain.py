"""Our milter before and behind other people's: rspamd and clamav-milter as Debian has them, in one Postfix."""

import email
import os
import re
import time

import dkim
import pytest

import milter_peers
from lab import mail
from lab.process import run
from lab.world import SENDER_IP

ALICE = "alice@home.test"
OURS = "unix:outrider/milter"
ORDERS = [("ours", "clamav", "rspamd"), ("rspamd", "ours", "clamav"), ("rspamd", "clamav", "ours")]


@pytest.fixture(scope="module")
def peers(ride):
    """The other milters, running; rspamd signs home.test too, with a key of its own."""
    for peer in (milter_peers.Rspamd, milter_peers.Clamav):
        if not milter_peers.is_installed(peer):
            pytest.skip(f"{peer.PROGRAM} is not installed")
    lab = ride.lab
    key = os.path.join(lab.directory, "rspamd.home.test.pem")
    run(["openssl", "genrsa", "-traditional", "-out", key, "2048"])
    public = run(["openssl", "rsa", "-in", key, "-pubout", "-outform", "PEM"]).split("-----")[2]
    lab.nsd.add_txt("rspamd._domainkey.home.test", "v=DKIM1; k=rsa; p=" + "".join(public.split()))
    lab.nsd.reload()
    rspamd = milter_peers.Rspamd(os.path.join(lab.directory, "rspamd"), lab.nsd.server, {"home.test": [("rspamd", key)]})
    clamav = milter_peers.Clamav(os.path.join(lab.directory, "clamav"))
    try:
        yield {"rspamd": rspamd.start(), "clamav": clamav.start()}
    finally:
        rspamd.stop()
        clamav.stop()


@pytest.fixture(scope="module", params=ORDERS, ids="-".join, autouse=True)
def chain(request, ride, peers):
    milters = [OURS if name == "ours" else peers[name].milter for name in request.param]
    ride.lab.postfix.settings["smtpd_milters"] = ", ".join(milters)
    ride.lab.postfix.reload()
    return request.param


def assert_no_field_is_lost_or_doubled(message):
    for name in ("From", "To", "Subject", "Date", "Message-ID", "X-Spamd-Result", "X-Virus-Scanned"):
        assert len(message.get_all(name, [])) == 1, name


def test_signed_message_arrives_verified_by_each(ride, subject):
    forged = b"Authentication-Results: mx.home.test; dkim=pass header.d=bank.test\r\n"
    foreign = b"Authentication-Results: relay.test; dkim=pass header.d=relay.test\r\n"
    ride.inbound(forged + foreign + ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
    got = ride.read(subject)
    results = got.get_all("Authentication-Results")
    assert [value.split(";")[0].strip() for value in results] == ["mx.home.test", "relay.test"]
    for word in ("dkim=pass", "spf=pass", "dmarc=pass"):
        assert word in results[0], results[0]
    assert_no_field_is_lost_or_doubled(got)
    assert "R_DKIM_ALLOW" in got["X-Spamd-Result"]
    with ride.mailbox() as box:
        assert dkim.DKIM(box.raw(subject)).verify(dnsfunc=ride.world.txt), "the sender's signature was broken on the way"


def test_broken_signature_fails_for_each(ride, subject):
    message = ride.signed(subject, domain="list.test") + b"added on the way\r\n"
    ride.inbound(message, "sam@list.test", ALICE, "127.0.0.20", helo="lists.list.test")
    got = ride.read(subject)
    assert "dkim=fail" in got["Authentication-Results"]
    assert_no_field_is_lost_or_doubled(got)
    assert "R_DKIM_REJECT" in got["X-Spamd-Result"]


def test_all_our_signatures_verify_after_the_others_changes(ride, subject):
    body = "Grüße,\r\n\r\n..two dots\r\ntrailing space \r\n\t\r\n\r\n"
    message = mail.compose(f"Alice  Liddell <{ALICE}>", "out@far.test", subject, body=body)
    ride.submit(message, ALICE, "out@far.test", mail_options=["BODY=8BITMIME"])
    raw = wait_for_sunk(ride.sink, subject)
    signer = dkim.DKIM(raw)
    count = len(re.findall(rb"(?im)^DKIM-Signature:", raw))
    assert count == 3, "ours are RSA and Ed25519, rspamd's is RSA"
    for index in range(count):
        assert signer.verify(idx=index, dnsfunc=ride.world.txt), raw.decode(errors="replace")
    assert_no_field_is_lost_or_doubled(email.message_from_bytes(raw))


def wait_for_sunk(sink, subject):
    until = time.monotonic() + 20
    while True:
        found = [data for _, data in sink.messages if subject.encode() in data]
        if found or time.monotonic() > until:
            assert len(found) == 1, f"sent {len(found)} times"
            return found[0]
        time.sleep(0.05)


def test_infected_message_is_refused(ride, subject):
    infected = mail.compose("sam@sender.test", ALICE, subject, body=f"See {milter_peers.VIRUS_TEXT} here.\r\n")
    with pytest.raises(mail.Reply) as refused:
        ride.inbound(mail.dkim_sign(infected, "sender.test", "s1", ride.world.keys["sender.test"]), "sam@sender.test",
                     ALICE, SENDER_IP)
    assert refused.value.code == 550 and "infected: Outrider.Test" in refused.value.text
    with pytest.raises(mail.Reply) as own:
        ride.submit(mail.compose(ALICE, ALICE, subject, body=milter_peers.VIRUS_TEXT + "\r\n"), ALICE, ALICE)
    assert own.value.code == 550 and "infected" in own.value.text
