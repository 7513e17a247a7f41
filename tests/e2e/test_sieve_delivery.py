"""Scripts at delivery, seen by stock Dovecot: folders, flags and keywords over IMAP, rejections by Postfix."""

import os
import shutil
import threading
import time

import pytest

from conftest import Ride
from lab import mail
from lab.lab import MAIL_UID

FRONT = 'require ["fileinto", "mailbox", "imap4flags", "envelope", "reject", "variables", "subaddress", "copy"];\n'


@pytest.fixture
def script(ride):
    """Writes a user's script as ManageSieve does: a file beside, and a symbolic link to it."""
    links = []

    def write(text, front=FRONT, user="alice"):
        home = os.path.join(ride.lab.directory, "mail/home.test", user)
        link = os.path.join(home, ".dovecot.sieve")
        links.append(link)
        os.makedirs(os.path.join(home, "sieve"), exist_ok=True)
        path = os.path.join(home, "sieve", "test.sieve")
        with open(path, "w", encoding="utf-8") as out:
            out.write(front + text)
        for each in (home, os.path.dirname(path), path):
            shutil.chown(each, MAIL_UID, MAIL_UID)
        if not os.path.islink(link):
            os.symlink("sieve/test.sieve", link)

    yield write
    for link in links:
        if os.path.islink(link):
            os.unlink(link)


def sent_on(ride, subject, timeout=60):
    """What came to the outside world."""
    until = time.monotonic() + timeout
    while not (found := [(envelope, data) for envelope, data in ride.sink.messages if subject.encode() in data]):
        if time.monotonic() > until:
            return None
        time.sleep(0.1)
    return found[0]


def send(ride: Ride, subject, recipient="alice@home.test"):
    message = mail.compose("Sam <sam@sender.test>", recipient, subject)
    return ride.inbound(message, "sam@sender.test", [recipient])


def number_of(box, folder, subject, timeout=60):
    """The message's number in the folder, which stays selected for writing."""
    until = time.monotonic() + timeout
    while True:
        if box.imap.select(f'"{folder}"')[0] == "OK":
            numbers = box.imap.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
            if numbers:
                return numbers[-1]
        assert time.monotonic() < until, (folder, subject)
        time.sleep(0.1)


def flags_of(ride, folder, subject):
    with ride.mailbox() as box:
        kind, data = box.imap.fetch(number_of(box, folder, subject), "(FLAGS)")
        assert kind == "OK"
        return set(data[0].decode().split("FLAGS (")[1].split(")")[0].split()) - {"\\Recent"}


def test_folder_and_flags(ride, script, subject):
    script('fileinto :create :flags ["\\\\Flagged", "$Work", "Later"] "Entw\u00fcrfe/Neu";')
    send(ride, subject)
    assert flags_of(ride, "Entw&APw-rfe.Neu", subject) == {"\\Flagged", "$Work", "Later"}


def test_keywords_beside_dovecots(ride, script, subject):
    """While a session sets keywords of its own, ours get letters of their own."""
    script('keep :flags "First";')
    send(ride, subject + " one")
    assert flags_of(ride, "INBOX", subject + " one") == {"First"}
    with ride.mailbox() as box:
        assert box.imap.store(number_of(box, "INBOX", subject + " one"), "+FLAGS", "(Second)")[0] == "OK"
    script('keep :flags ["Third", "second"];')
    send(ride, subject + " two")
    assert flags_of(ride, "INBOX", subject + " two") == {"Third", "Second"}
    assert flags_of(ride, "INBOX", subject + " one") == {"First", "Second"}


def test_many_keywords_at_once(ride, script, subject):
    """Eight deliveries and an IMAP session add keywords to one folder: each message has exactly its own."""
    script('if header :matches "subject" "* *" { fileinto :create :flags "K${2}" "Busy"; }')
    threads = [threading.Thread(target=send, args=(ride, f"{subject.replace(' ', '-')} {number}")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(8):
        assert flags_of(ride, "Busy", f"{subject.replace(' ', '-')} {number}") == {f"K{number}"}


def test_reject_goes_back_to_the_sender(ride, script, subject):
    script('reject "I do not read this";')
    send(ride, subject)
    until = time.monotonic() + 30
    while not (bounces := [(envelope, data) for envelope, data in ride.sink.messages if b"I do not read this" in data]):
        assert time.monotonic() < until
        time.sleep(0.1)
    envelope, data = bounces[0]
    assert envelope["from"].startswith("MAIL FROM:<>") and b"550 5.7.1" in data


def test_broken_script_keeps_the_mail(ride, script, subject):
    """Its owner is told once a day; with one message for each account."""
    script("this is no script", front="", user="bob")
    for number in range(3):
        send(ride, f"{subject} {number}", "bob@home.test")
        assert ride.read(f"{subject} {number}", "bob@home.test")
    assert ".dovecot.sieve:1:1" in ride.lab.lmtpd.log()
    with ride.mailbox("bob@home.test") as box:
        number = number_of(box, "INBOX", "Your mail filter has a mistake")
        text = box.imap.fetch(number, "(RFC822)")[1][0][1].decode()
        assert len(box.imap.search(None, "SUBJECT", '"mail filter has a mistake"')[1][0].split()) == 1
    assert "\r\n    .dovecot.sieve:1:18: " in text, text
    assert "From: Mail system <postmaster@home.test>" in text


def test_detail_and_discard(ride, script, subject):
    script('if envelope :detail "to" "never" { discard; } else { keep; }')
    send(ride, subject + " gone", "alice+never@home.test")
    send(ride, subject + " here")
    assert ride.read(subject + " here")
    with ride.mailbox() as box:
        assert box.find(subject + " gone", timeout=1) is None


def test_redirect(ride, script, subject):
    script('redirect "friend@far.test";')
    message = mail.compose("Sam <sam@sender.test>", "alice@home.test", subject, body="a line\n.\n..dots\n")
    ride.inbound(message, "sam@sender.test", ["alice@home.test"])
    envelope, data = sent_on(ride, subject)
    assert envelope["from"].startswith("MAIL FROM:<sam@sender.test>")
    assert [line.split(">")[0] for line in envelope["to"]] == ["RCPT TO:<friend@far.test"]
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"X-Sieve-Redirected-From: alice@home.test" in head and b"Delivered-To" not in head
    assert b"Return-Path" not in head and b"a line\r\n.\r\n..dots\r\n" in body
    with ride.mailbox() as box:
        assert box.find(subject, timeout=1) is None


def test_redirect_with_copy(ride, script, subject):
    script('redirect :copy "friend@far.test";')
    message = mail.compose("Sam <sam@sender.test>", "alice@home.test", subject, body=".\r\n.a\r\n" + 300 * "long line " + "\r\n\r\n")
    ride.inbound(message, "sam@sender.test", ["alice@home.test"])
    sent = sent_on(ride, subject)[1].partition(b"\r\n\r\n")[2]
    with ride.mailbox() as box:
        assert box.raw(subject).partition(b"\r\n\r\n")[2] == sent, "byte for byte"


def test_redirect_in_a_circle_ends(ride, script, subject):
    """Alice to bob, bob to alice: it stays with whom it comes back to."""
    script('redirect "bob@home.test";')
    script('redirect "alice@home.test";', user="bob")
    send(ride, subject)
    assert ride.read(subject)
    with ride.mailbox("bob@home.test") as box:
        assert box.find(subject, timeout=1) is None


AWAY = 'require ["vacation", "fcc", "mailbox", "imap4flags"];\n'


def answers(ride, to, subject, timeout=30):
    """What `to` was answered to messages with that subject; waits for at least one unless timeout is 0."""
    until = time.monotonic() + timeout
    while True:
        found = [(envelope, data) for envelope, data in ride.sink.messages
                 if f"TO:<{to}>" in envelope["to"][0] and b"Auto-Submitted: auto-replied" in data
                 and subject.encode() in data]
        if found or time.monotonic() >= until:
            return found
        time.sleep(0.1)


def no_answer(ride, to, subject, reason, timeout=60):
    """The daemon has decided against it, for this reason."""
    line = f"no answer to <{to}>: {reason}"
    until = time.monotonic() + timeout
    while line not in ride.lab.lmtpd.log():
        assert time.monotonic() < until, line
        time.sleep(0.1)
    assert not answers(ride, to, subject, timeout=0)


def write_to_alice(ride, sender, subject, **headers):
    ride.inbound(mail.compose(f"Sam <{sender}>", "alice@home.test", subject, **headers), sender, ["alice@home.test"])


def test_vacation_answers_once(ride, script, subject):
    """Over a restart after kill -9, too; with a copy in a folder that the script makes."""
    script('vacation :fcc "Answers" :create :flags "\\\\Seen" "I am in Gr\u00f6nland.";', front=AWAY)
    write_to_alice(ride, "once@sender.test", subject, References="<before@lab.test>")
    (envelope, data), = answers(ride, "once@sender.test", subject)
    assert envelope["from"].startswith("MAIL FROM:<>")
    head, _, body = data.partition(b"\r\n\r\n")
    for field in (b"From: alice@home.test", b"To: once@sender.test", f"Subject: Auto: {subject}".encode(),
                  b"References:\r\n <before@lab.test>\r\n <", b"In-Reply-To: <"):
        assert field in head, field
    assert body.decode("utf-8") == "I am in Gr\u00f6nland.\r\n"
    assert ride.read(subject), "it is delivered all the same"
    assert flags_of(ride, "Answers", subject) == {"\\Seen"}
    ride.lab.lmtpd.process.kill()
    ride.lab.lmtpd.start()
    write_to_alice(ride, "once@sender.test", subject + " again")
    no_answer(ride, "once@sender.test", subject + " again", "one was sent not long ago")
    write_to_alice(ride, "other@sender.test", subject + " again")
    assert len(answers(ride, "other@sender.test", subject + " again")) == 1


def test_vacation_answers_no_machine(ride, script, subject):
    script('vacation "away";', front=AWAY)
    write_to_alice(ride, "list@sender.test", subject, List_Id="<list.sender.test>")
    no_answer(ride, "list@sender.test", subject, "it came over a mailing list")
    write_to_alice(ride, "robot@sender.test", subject, Auto_Submitted="auto-generated")
    no_answer(ride, "robot@sender.test", subject, "it is an automatic message")
    ride.inbound(mail.compose("Sam <bcc@sender.test>", "everybody@sender.test", subject), "bcc@sender.test",
                 ["alice@home.test"])
    no_answer(ride, "bcc@sender.test", subject, "it does not name the owner")


def test_two_on_vacation_answer_once_each(ride, script, subject):
    """No ping-pong: an answer is not answered."""
    script('vacation :subject "alice is away" "a";', front=AWAY)
    script('vacation :subject "bob is away" "b";', front=AWAY, user="bob")
    message = mail.compose("Alice <alice@home.test>", "bob@home.test", subject)
    ride.submit(message, "alice@home.test", ["bob@home.test"])
    with ride.mailbox() as box:
        assert number_of(box, "INBOX", "bob is away", timeout=60)
    until = time.monotonic() + 60
    while "alice@home.test: no answer to <>: its sender is <>" not in ride.lab.lmtpd.log():
        assert time.monotonic() < until
        time.sleep(0.1)
    with ride.mailbox("bob@home.test") as box:
        assert box.find("alice is away", timeout=1) is None


def test_vacation_that_cannot_be_sent_is_tried_again(ride, script, subject):
    """The relay is gone: the mail is delivered, the sender not marked as answered."""
    lab = ride.lab
    script('vacation "away";', front=AWAY)
    kept = lab.lmtpd.config
    lab.lmtpd.stop()
    lab.lmtpd.config = kept.replace(f'sieve-relay = "inet:127.0.0.1:{lab.postfix.smtp_port}"', 'sieve-relay = "unix:/nowhere/smtp"')
    lab.lmtpd.write_config()
    lab.lmtpd.start()
    write_to_alice(ride, "later@sender.test", subject)
    assert ride.read(subject)
    lab.lmtpd.stop()
    lab.lmtpd.config = kept
    lab.lmtpd.write_config()
    lab.lmtpd.start()
    write_to_alice(ride, "later@sender.test", subject + " again")
    assert len(answers(ride, "later@sender.test", subject + " again")) == 1


def test_notify(ride, script, subject):
    """By mail to another address; no notification of automatic mail, so that two of them cannot go round for ever."""
    script('notify :from "Alice <alice@home.test>" :message "Neu: \u00e4rgerlich" :fcc "Notes" :create '
           f'"mailto:phone@far.test?cc=pager@far.test&body=about%20{subject.replace(" ", "%20")}";',
           front='require ["enotify", "fcc", "mailbox"];\n')
    write_to_alice(ride, "robot@sender.test", subject + " robot", Auto_Submitted="auto-generated")
    write_to_alice(ride, "sam@sender.test", subject)
    assert ride.read(subject) and ride.read(subject + " robot")
    envelope, data = sent_on(ride, "about " + subject)
    assert envelope["from"].startswith("MAIL FROM:<alice@home.test>")
    assert sorted(line.split(">")[0] for line in envelope["to"]) == ["RCPT TO:<pager@far.test", "RCPT TO:<phone@far.test"]
    for field in (b"To: phone@far.test\r\n", b"Cc: pager@far.test\r\n", b"Subject: =?utf-8?B?",
                  b'Auto-Submitted: auto-notified; owner-email="alice@home.test"'):
        assert field in data, field
    assert "no notification: the message is an automatic one" in ride.lab.lmtpd.log()
    with ride.mailbox() as box:
        assert number_of(box, "Notes", "rgerlich")


def test_duplicate(ride, script, subject):
    """The second copy is seen, also by a daemon that was started anew."""
    script('if duplicate { fileinto :create "Twice"; }', front='require ["duplicate", "fileinto", "mailbox"];\n')
    message = mail.compose("Sam <sam@sender.test>", "alice@home.test", subject)
    ride.inbound(message, "sam@sender.test", ["alice@home.test"])
    assert ride.read(subject)
    ride.lab.lmtpd.stop()  # which ends what is under way
    ride.lab.lmtpd.start()
    ride.inbound(message, "sam@sender.test", ["alice@home.test"])
    with ride.mailbox() as box:
        assert number_of(box, "Twice", subject)
        assert number_of(box, "INBOX", subject)
        assert len(box.imap.search(None, "SUBJECT", f'"{subject}"')[1][0].split()) == 1


def test_redirect_is_not_repeated(ride, script, subject):
    """The message was sent on, but not placed: Postfix brings it again until it is, and it is not sent on again."""
    script('redirect :copy "friend@far.test"; fileinto :create "Locked";', front='require ["copy", "fileinto", "mailbox"];\n')
    folder = os.path.join(ride.lab.directory, "mail/home.test/alice/Maildir/.Locked")
    message = mail.compose("Sam <sam@sender.test>", "alice@home.test", subject)
    ride.inbound(message, "sam@sender.test", ["alice@home.test"])
    with ride.mailbox() as box:
        assert number_of(box, "Locked", subject)
    before = len([data for _, data in ride.sink.messages if subject.encode() in data])
    seen = len(ride.lab.lmtpd.log())
    os.rename(os.path.join(folder, "new"), os.path.join(folder, "gone"))
    with open(os.path.join(folder, "new"), "w", encoding="ascii"):
        pass
    try:
        ride.inbound(message.replace(subject.encode(), subject.encode() + b" again"), "sam@sender.test", ["alice@home.test"])
        assert sent_on(ride, subject + " again")
        until = time.monotonic() + 60
        while "action=deferred" not in ride.lab.lmtpd.log()[seen:]:
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        os.unlink(os.path.join(folder, "new"))
        os.rename(os.path.join(folder, "gone"), os.path.join(folder, "new"))
    ride.lab.postfix.flush()
    with ride.mailbox() as box:
        assert number_of(box, "Locked", subject + " again")
    assert "it was sent on when it came before" in ride.lab.lmtpd.log()
    assert before == 1
    assert len([data for _, data in ride.sink.messages if subject.encode() + b" again" in data]) == 1


def test_include(ride, script, subject):
    """Of the scripts beside the active one; an edited one counts at once, a missing one keeps the mail."""
    script('include "sorting";', front='require "include";\n')
    path = os.path.join(ride.lab.directory, "mail/home.test/alice/sieve/sorting.sieve")

    def sort_into(folder):
        with open(path + ".tmp", "w", encoding="utf-8") as out:
            out.write(f'require ["fileinto", "mailbox"];\nfileinto :create "{folder}";\n')
        os.chmod(path + ".tmp", 0o644)
        os.rename(path + ".tmp", path)

    try:
        for folder in ("First", "Second"):
            sort_into(folder)
            send(ride, f"{subject} {folder}")
            with ride.mailbox() as box:
                assert number_of(box, folder, f"{subject} {folder}")
    finally:
        os.unlink(path)
    send(ride, subject + " lost")
    assert ride.read(subject + " lost")
    assert 'include: there is no script "sorting"' in ride.lab.lmtpd.log()


def test_edited_header(ride, script, subject):
    """In the mailbox and in what is sent on, each as it was when the script said so; the body stays."""
    script('redirect "before@far.test"; addheader :last "X-Added" "Gr\u00fc\u00dfe"; deleteheader "X-Old";\n'
           'redirect "after@far.test"; fileinto :create "Edited";',
           front='require ["editheader", "fileinto", "mailbox"];\n')
    body = "a line\r\n.\r\n..dots\r\n" + 60 * "long line " + "\r\n\r\n"
    message = mail.compose("Sam <sam@sender.test>", "alice@home.test", subject, body=body, X_Old="gone")
    ride.inbound(message, "sam@sender.test", ["alice@home.test"])
    with ride.mailbox() as box:
        number = number_of(box, "Edited", subject)
        size, raw = box.imap.fetch(number, "(RFC822.SIZE BODY.PEEK[])")[1][0]
    assert f"RFC822.SIZE {len(raw)} ".encode() in size
    head, _, kept = raw.partition(b"\r\n\r\n")
    assert b"X-Added: =?utf-8?B?" in head and b"X-Old" not in head and kept == body.encode()
    until = time.monotonic() + 60
    while len(sent := {envelope["to"][0].split("<")[1].split(">")[0]: data for envelope, data in ride.sink.messages
                       if subject.encode() in data}) < 2:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert b"X-Old: gone" in sent["before@far.test"] and b"X-Added" not in sent["before@far.test"]
    assert b"X-Old" not in sent["after@far.test"] and b"X-Added: =?utf-8?B?" in sent["after@far.test"]
    for data in sent.values():
        assert data.partition(b"\r\n\r\n")[2] == body.encode()
        assert b"X-Sieve-Redirected-From: alice@home.test" in data and b"Delivered-To" not in data
    for complaint in ("Corrupted", "wrong size", "Cached message size", "Panic"):
        assert complaint not in ride.lab.dovecot.log()
