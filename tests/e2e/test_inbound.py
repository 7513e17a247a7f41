"""Mail from outside: checked, decided, delivered, read over IMAP."""

import os

import pytest

from lab import mail
from lab.world import CAREFUL_IP, FORGER_IP, LIST_IP, SENDER_IP

ALICE = "alice@home.test"


def results(message):
    return " ".join(" ".join(message.get_all("Authentication-Results", [])).split())


def test_signed_and_aligned_message_passes_everything(ride, subject):
    ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
    got = ride.read(subject)
    assert "dkim=pass" in results(got) and "header.d=sender.test" in results(got)
    assert "spf=pass" in results(got) and "smtp.mailfrom=sam@sender.test" in results(got)
    assert "dmarc=pass" in results(got) and "header.from=sender.test" in results(got)
    assert got["Received-SPF"].startswith("pass")
    assert got["Return-Path"] == "<sam@sender.test>"
    assert got["Delivered-To"] == ALICE
    assert len(got.get_all("Authentication-Results")) == 1


def test_spf_alone_is_enough_for_dmarc(ride, subject):
    message = mail.compose("sam@sender.test", ALICE, subject)
    ride.inbound(message, "sam@sender.test", ALICE, SENDER_IP)
    got = ride.read(subject)
    assert "dkim=none" in results(got) and "dmarc=pass" in results(got)


def test_altered_body_is_told_apart_from_a_bad_signature(ride, subject):
    message = ride.signed(subject) + b"one more line\r\n"
    ride.inbound(message, "sam@sender.test", ALICE, SENDER_IP)
    assert "dkim=fail" in results(ride.read(subject))
    assert "body hash" in results(ride.read(subject))


def test_forged_from_of_a_reject_domain_is_refused_with_help(ride, subject):
    message = mail.compose("sam@sender.test", ALICE, subject)
    with pytest.raises(mail.Reply) as refused:
        ride.inbound(message, "sam@sender.test", ALICE, FORGER_IP, helo="host66.elsewhere.test")
    assert refused.value.code == 550
    assert "5.7.26" in refused.value.text and "sender.test" in refused.value.text
    assert ride.read(subject, timeout=1) is None


def test_forged_from_of_a_quarantine_domain_lands_in_junk(ride, subject):
    message = mail.compose("cara@careful.test", ALICE, subject)
    ride.inbound(message, "cara@careful.test", ALICE, FORGER_IP, helo="host66.elsewhere.test")
    got = ride.read(subject, folder="Junk")
    assert "dmarc=fail" in results(got)
    assert got["X-Outrider-Quarantine"]


def test_mailing_list_copy_of_a_reject_domain_lands_in_junk_with_the_reason(ride, subject):
    message = ride.signed(subject, List_Id="<chat.list.test>") + b"-- \r\nfooter\r\n"
    ride.inbound(message, "chat-bounces@list.test", ALICE, LIST_IP, helo="lists.list.test")
    got = ride.read(subject, folder="Junk")
    assert "dmarc=fail" in results(got) and "dkim=fail" in results(got)
    assert "list" in got["X-Outrider-Quarantine"].lower()


def test_sender_cannot_mark_mail_for_junk_or_claim_our_results(ride, subject):
    forged = ("Authentication-Results: mx.home.test; dmarc=pass header.from=bank.test\r\n"
              "Authentication-Results: (x) \"mx.home.test\" ; spf=pass\r\n"
              "Authentication-Results: other.test; spf=pass smtp.mailfrom=kept.test\r\n"
              "X-Outrider-Quarantine: planted\r\n").encode()
    ride.inbound(forged + ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
    got = ride.read(subject)
    assert "bank.test" not in results(got)
    assert "kept.test" in results(got), "the field of another host is not ours to remove"
    assert len(got.get_all("Authentication-Results")) == 2
    assert got["X-Outrider-Quarantine"] is None


def test_chain_sealed_by_a_forwarder_passes_and_a_changed_one_fails(ride, subject):
    sealed = mail.arc_seal(ride.signed(subject), "list.test", "s1", ride.world.keys["list.test"])
    ride.inbound(sealed, "sam@sender.test", ALICE, SENDER_IP)
    assert "arc=pass" in results(ride.read(subject))
    ride.inbound(sealed.replace(subject.encode(), b"changed " + subject.encode()), "sam@sender.test", ALICE, SENDER_IP)
    got = results(ride.read("changed " + subject))
    assert "arc=fail" in got and "message signature" in got


def test_unknown_recipient_is_refused_at_rcpt(ride):
    with pytest.raises(mail.Reply) as refused:
        ride.inbound(b"Subject: x\r\n\r\nx\r\n", "sam@sender.test", "nobody@home.test", SENDER_IP)
    assert refused.value.code == 550 and "5.1.1" in refused.value.text


def test_relaying_is_refused_without_authentication(ride):
    with pytest.raises(mail.Reply) as refused:
        ride.inbound(b"Subject: x\r\n\r\nx\r\n", "sam@sender.test", "x@elsewhere.test", SENDER_IP)
    assert refused.value.code in (550, 554)


def test_alias_reaches_all_its_members(ride, subject):
    ride.lab.must_cli("alias", "add", "team@home.test", "bob@home.test", "carol@home.test", config=ride.lab.authd)
    ride.inbound(ride.signed(subject, "team@home.test"), "sam@sender.test", "team@home.test", SENDER_IP)
    for user in ("bob@home.test", "carol@home.test"):
        assert ride.read(subject, user) is not None, user


def test_one_body_is_linked_into_several_mailboxes(ride, subject):
    before = {user: set(ride.lab.delivered_files(user)) for user in ("bob@home.test", "carol@home.test")}
    recipients = list(before)
    ride.inbound(ride.signed(subject), "sam@sender.test", recipients, SENDER_IP)
    inodes = set()
    for user, old in before.items():
        new = set(ride.lab.wait_delivered(user, len(old) + 1)) - old
        assert len(new) == 1
        inodes.add(os.stat(new.pop()).st_ino)
    assert len(inodes) == 1


def test_subaddress_is_delivered_into_an_existing_folder(ride, subject):
    with ride.mailbox() as box:
        box.imap.create("Projects")
    ride.inbound(ride.signed(subject), "sam@sender.test", "alice+Projects@home.test", SENDER_IP)
    assert ride.read(subject, folder="Projects") is not None


def test_null_sender_is_checked_by_helo(ride, subject):
    ride.lab.nsd.add_txt("mail.sender.test", "v=spf1 a -all")
    ride.lab.nsd.reload()
    ride.inbound(mail.compose("postmaster@sender.test", ALICE, subject), "", ALICE, SENDER_IP)
    got = ride.read(subject)
    assert got["Return-Path"] == "<>"
    assert "spf=pass" in results(got)


def test_smtputf8_message_is_delivered(ride, subject):
    message = mail.compose("Zoë <sam@sender.test>", ALICE, subject)
    ride.inbound(message, "sam@sender.test", ALICE, SENDER_IP, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    got = ride.read(subject)
    assert "dmarc=pass" in results(got)


def test_file_names_carry_exact_sizes(ride, subject):
    before = set(ride.lab.delivered_files("bob@home.test"))
    ride.inbound(ride.signed(subject), "sam@sender.test", "bob@home.test", SENDER_IP)
    new = set(ride.lab.wait_delivered("bob@home.test", len(before) + 1)) - before
    path = new.pop()
    data = open(path, "rb").read()
    fields = dict(part.split("=") for part in os.path.basename(path).split(":")[0].split(",")[1:])
    assert int(fields["S"]) == len(data)
    assert int(fields["W"]) == len(data) + data.count(b"\n") - data.count(b"\r\n")


def test_body_arrives_byte_for_byte(ride, subject):
    odd = "x" * 990 + "\r\n" + "  trailing  \r\n.leading dot\r\n..two\r\n\r\n\r\nümlaut\r\n"
    message = mail.compose("sam@sender.test", ALICE, subject, body=odd)
    ride.inbound(message, "sam@sender.test", ALICE, SENDER_IP, mail_options=["BODY=8BITMIME"])
    with ride.mailbox() as box:
        raw = box.raw(subject)
    assert raw.split(b"\r\n\r\n", 1)[1] == odd.encode()


def test_careful_domain_from_its_own_server_is_not_junk(ride, subject):
    message = mail.compose("cara@careful.test", ALICE, subject)
    ride.inbound(message, "cara@careful.test", ALICE, CAREFUL_IP, helo="mail.careful.test")
    assert "dmarc=pass" in results(ride.read(subject))


@pytest.mark.parametrize("header_from", [
    "sam@sender.test, mallory@elsewhere.test",
    "sam@sender.test\r\nFrom: mallory@elsewhere.test",
    "Sam <sam@sender.test> <mallory@elsewhere.test>",
])
def test_ambiguous_from_does_not_reach_the_inbox(ride, subject, header_from):
    message = mail.compose(header_from, ALICE, subject)
    try:
        ride.inbound(message, "x@elsewhere.test", ALICE, FORGER_IP, helo="host66.elsewhere.test")
    except mail.Reply as reply:
        assert reply.code in (550, 554)
        return
    assert ride.read(subject, timeout=2) is None
    assert ride.read(subject, folder="Junk") is not None


def test_messages_of_one_session_do_not_touch_each_other(ride, subject):
    """Refused, aborted, passed, unsigned: four messages on one connection, each with results of its own."""
    import smtplib
    good = ride.signed(f"good {subject}")
    plain = mail.compose("sam@sender.test", ALICE, f"plain {subject}")
    forged = mail.compose("Sam <sam@sender.test> <x@y.test>", ALICE, f"forged {subject}")
    with smtplib.SMTP("127.0.0.1", ride.lab.postfix.smtp_port, local_hostname="mail.sender.test",
                      source_address=(SENDER_IP, 0), timeout=60) as smtp:
        with pytest.raises(smtplib.SMTPDataError):
            smtp.sendmail("sam@sender.test", ALICE, forged)
        smtp.mail("sam@sender.test")
        smtp.rcpt(ALICE)
        smtp.rset()
        smtp.sendmail("sam@sender.test", ALICE, good)
        smtp.sendmail("sam@sender.test", ALICE, plain)
    assert "dkim=pass" in results(ride.read(f"good {subject}"))
    second = ride.read(f"plain {subject}")
    assert "dkim=none" in results(second) and "dmarc=pass" in results(second)
    assert len(second.get_all("Authentication-Results")) == 1
