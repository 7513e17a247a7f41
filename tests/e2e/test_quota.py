"""Quotas over all parts: set with outrider, told by authd, kept by lmtpd and Dovecot, refused by Postfix at RCPT."""

import email
import email.policy
import json
import pathlib
import re
import smtplib
import subprocess
import threading
import time

import pytest

import lmtp_tools
from conftest import PASSWORD
from lab import mail
from lab.daemons import program_path
from lab.lab import LMTPD_CONF, POLICYD_CONF

DOVECOT = """\
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = maildir:User quota
}
"""


WARNING = """\
quota-warning "50%" {{ message = false command = {{"{directory}/warn", "first"}} }}
quota-warning "90%" {{ subject = "Voll zu {{percent}}: \u00fcbervoll" text = "{{user}} {{used}} {{limit}}" }}
"""

COUNT = DOVECOT.replace("maildir:User quota", "count:User quota\n  quota_vsizes = yes")


@pytest.fixture(scope="module")
def quota(ride):
    """The lab with quotas: .set(user, limit), .sum(user) of maildirsize, .files(user) counted by hand."""
    lab = ride.lab
    # A second address for policyd, which may not enter Postfix's directory.
    second = LMTPD_CONF.replace('/lmtp"}} group = "postfix"', '/lmtp", "unix:{run}/lmtp"}} mode = "0666"')
    lab.configure(lab.lmtpd, second, 'quota-grace = "0"')
    place = Quota(ride, second)
    lab.configure(lab.policyd, POLICYD_CONF, f'checks = {{"quota"}}\nquota-lmtp = "unix:{lab.run_directory}/lmtp"')
    for daemon in (lab.lmtpd, lab.policyd):
        daemon.write_config()
        daemon.restart()
    place.restart_dovecot(DOVECOT)
    return place


class Quota:
    def __init__(self, ride, lmtpd_conf):
        self.ride, self.lab, self.lmtpd_conf = ride, ride.lab, lmtpd_conf

    def restart_dovecot(self, extra):
        self.lab.dovecot.stop()
        self.lab.dovecot.extra = extra
        self.lab.dovecot.start()

    def count_virtual_sizes(self):
        self.lab.configure(self.lab.lmtpd, self.lmtpd_conf, 'quota-grace = "0"\nquota-virtual-sizes = true')
        self.lab.lmtpd.write_config()
        self.lab.lmtpd.restart()
        self.restart_dovecot(COUNT)

    def outrider(self, verb, user):
        """(exit status, document) of `outrider quota VERB`."""
        command = [program_path(self.lab.build, "outrider"), "quota", verb, "--json", f"--config={self.lab.lmtpd.config_path}",
                   f"{user}@home.test"]
        run = subprocess.run(command, check=False, capture_output=True, text=True)
        return run.returncode, json.loads(run.stdout)

    def set(self, user, limit):
        command = [program_path(self.lab.build, "outrider"), "user", "set", f"{user}@home.test", f"--quota={limit}",
                   f"--database={self.lab.directory}/authd/accounts.sqlite"]
        subprocess.run(command, check=True, capture_output=True)

    def maildir(self, user):
        return pathlib.Path(self.lab.directory, "mail/home.test", user, "Maildir")

    def sum(self, user):
        lines = self.maildir(user).joinpath("maildirsize").read_text(encoding="ascii").splitlines()
        return tuple(sum(int(line.split()[i]) for line in lines[1:]) for i in (0, 1))

    def files(self, user):
        sizes = [path.stat().st_size for sub in ("new", "cur", ".*/new", ".*/cur") for path in self.maildir(user).glob(f"{sub}/*")]
        return sum(sizes), len(sizes)

    def empty(self, user):
        for path in [*self.maildir(user).glob("new/*"), *self.maildir(user).glob("cur/*")]:
            path.unlink()

    def doveadm(self, *words):
        command = ["doveadm", "-c", self.lab.dovecot.config_path, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def deliver(self, user, count=1, body_bytes=900):
        with lmtp_tools.Lmtp(f"{self.lab.postfix.socket_directory}/lmtp") as client:
            return [next(client.deliver([f"{user}@home.test"], b"Subject: x\n\n" + b"x" * 70 + b"\n" + b"y" * body_bytes + b"\n"))[:9]
                    for _ in range(count)]


def test_postfix_refuses_at_rcpt(quota, subject):
    quota.set("bob", "30K")
    message = mail.compose("Sam <sam@sender.test>", "bob@home.test", subject, body="x\n" * 30000)
    with smtplib.SMTP("127.0.0.1", quota.lab.postfix.smtp_port, source_address=("127.0.0.10", 0)) as client:
        client.ehlo("mail.sender.test")
        refused = client.sendmail("sam@sender.test", ["bob@home.test", "alice@home.test"], message,
                                  mail_options=[f"size={len(message)}"])
    assert list(refused) == ["bob@home.test"], quota.lab.policyd.log()
    code, text = refused["bob@home.test"]
    assert code == 552 and b"5.2.2 <bob@home.test>" in text and b"mailbox is full" in text
    assert quota.ride.read(subject), "the other recipient gets the message"
    assert "quota=full" in quota.lab.policyd.log()


def rcpt(quota, recipient):
    with smtplib.SMTP("127.0.0.1", quota.lab.postfix.smtp_port, source_address=("127.0.0.10", 0)) as client:
        client.ehlo("mail.sender.test")
        client.mail("sam@sender.test")
        return client.rcpt(recipient)[0]


def test_postfix_refuses_anything_once_full(quota):
    quota.set("bob", "30K")
    assert quota.deliver("bob", 15) == ["250 2.0.0"] * 15
    quota.set("bob", "10K")
    assert rcpt(quota, "bob@home.test") == 552
    quota.set("bob", "100K")
    assert rcpt(quota, "bob@home.test") == 250
    assert quota.deliver("bob") == ["250 2.0.0"]


def test_dovecot_says_the_same(quota):
    quota.set("carol", "1M,200")
    assert set(quota.deliver("carol", 5)) == {"250 2.0.0"}
    with mail.Mailbox(quota.lab.dovecot.imap_port, "carol@home.test", PASSWORD) as box:
        box.imap.select()
        box.imap.append("INBOX", None, None, b"Subject: by imap\r\n\r\n" + b"y" * 3000 + b"\r\n")
        box.imap.store("1:2", "+FLAGS", "\\Deleted")
        box.imap.expunge()
        limits = box.imap.getquotaroot("INBOX")
    assert quota.sum("carol") == quota.files("carol")
    assert quota.maildir("carol").joinpath("maildirsize").read_text(encoding="ascii").startswith("1048576S,200C\n")
    assert "(STORAGE 7 1024 MESSAGE 4 200)" in str(limits), limits
    table = quota.doveadm("-f", "tab", "quota", "get", "-u", "carol@home.test")
    assert re.search(r"MESSAGE\t4\t200\t", table), table


def everything_at_once(quota):
    """Eight sessions deliver to carol while four IMAP clients copy and expunge."""
    failures = []

    def deliver():
        failures.extend(reply for reply in quota.deliver("carol", 25) if not reply.startswith("250"))

    def tidy_up():
        with mail.Mailbox(quota.lab.dovecot.imap_port, "carol@home.test", PASSWORD) as box:
            imap = box.imap
            imap.create("Old")
            for _ in range(15):
                imap.select()
                imap.copy("1", "Old")
                imap.store("1", "+FLAGS", "\\Deleted")
                imap.expunge()

    workers = [threading.Thread(target=deliver) for _ in range(8)] + [threading.Thread(target=tidy_up) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def test_sums_agree_after_everything_at_once(quota):
    quota.set("carol", "100M")
    quota.deliver("carol")  # the limits are others now: counted anew
    everything_at_once(quota)
    assert quota.sum("carol") == quota.files("carol")
    before = quota.doveadm("-f", "tab", "quota", "get", "-u", "carol@home.test")
    quota.doveadm("quota", "recalc", "-u", "carol@home.test")
    assert quota.doveadm("-f", "tab", "quota", "get", "-u", "carol@home.test") == before


def test_show_and_recalc(quota):
    quota.set("carol", "50M,5000")
    size, messages = quota.files("carol")
    document = {"user": "carol@home.test", "bytes": size, "bytes_limit": 50 << 20, "messages": messages, "messages_limit": 5000}
    assert quota.outrider("show", "carol") == (0, document)
    stray = quota.maildir("carol") / "new/1.stray.mx"
    stray.write_bytes(b"x" * 777)
    assert quota.outrider("show", "carol") == (0, document), "nobody told maildirsize"
    assert quota.outrider("recalc", "carol") == (0, document | {"bytes": size + 777, "messages": messages + 1})
    assert quota.sum("carol") == (size + 777, messages + 1)
    stray.unlink()
    assert quota.outrider("recalc", "carol") == (0, document)
    assert quota.maildir("carol").joinpath("maildirsize").stat().st_uid == quota.maildir("carol").stat().st_uid
    quota.set("carol", "none")
    assert quota.outrider("show", "carol") == (0, document | {"bytes_limit": None, "messages_limit": None})
    assert quota.outrider("show", "nobody")[0] == 1


@pytest.fixture
def warned(quota):
    """What the command at 50 % was called with, a line for each call."""
    calls = pathlib.Path(quota.lab.directory, "warn.calls")
    calls.touch()
    calls.chmod(0o666)
    program = pathlib.Path(quota.lab.directory, "warn")
    program.write_text(f'#!/bin/sh\necho "$# $*" >> {calls}\n', encoding="ascii")
    program.chmod(0o755)
    quota.lab.configure(quota.lab.lmtpd, quota.lmtpd_conf,
                        'quota-grace = "0"\n' + WARNING.format(directory=quota.lab.directory))
    quota.lab.lmtpd.write_config()
    quota.lab.lmtpd.restart()
    return calls


def wait_for_lines(path, count):
    until = time.monotonic() + 60
    while len(path.read_text(encoding="ascii").splitlines()) < count and time.monotonic() < until:
        time.sleep(0.05)
    return path.read_text(encoding="ascii").splitlines()


def test_warned_once_however_many_deliver(quota, warned):
    quota.set("carol", "none")
    size = quota.files("carol")[0]
    quota.set("carol", str(2 * (size + 50000)))  # 100 messages of about 1100 bytes are to come
    replies = []
    workers = [threading.Thread(target=lambda: replies.extend(quota.deliver("carol", 10))) for _ in range(10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert replies == ["250 2.0.0"] * 100
    assert wait_for_lines(warned, 1) == ["3 first carol@home.test 50"]
    quota.deliver("carol", 2)
    time.sleep(0.3)
    assert len(wait_for_lines(warned, 1)) == 1, quota.lab.lmtpd.log()
    assert quota.lab.lmtpd.log().count("carol@home.test: quota reached 50%") == 1


def test_warned_by_message(quota, warned):
    quota.empty("bob")
    quota.set("bob", "100K")
    assert quota.deliver("bob", 4, body_bytes=24000) == ["250 2.0.0"] * 4
    with mail.Mailbox(quota.lab.dovecot.imap_port, "bob@home.test", PASSWORD) as box:
        box.imap.select()
        count = int(box.imap.search(None, "ALL")[1][0].split()[-1])
        raw = b"".join(part[1] for part in box.imap.fetch("1:*", "(BODY[])")[1] if isinstance(part, tuple)
                       and b"auto-generated" in part[1])
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert count == 5
    assert message["Subject"] == "Voll zu 90%: \u00fcbervoll"
    assert re.fullmatch(r"bob@home.test 9\d\.\d kB 100 kB\s*", message.get_content())
    assert message["From"] == "Mail system <postmaster@home.test>"
    assert quota.sum("bob") == quota.files("bob")
    assert wait_for_lines(warned, 1)[-1] == "3 first bob@home.test 50"


def dovecot_count(quota):
    """(bytes, messages) as Dovecot's backend count has them; kilobytes rounded as in its answer to GETQUOTA."""
    status = quota.doveadm("-f", "tab", "mailbox", "status", "-u", "carol@home.test", "vsize messages", "*").splitlines()
    columns = status[0].split("\t")
    rows = [dict(zip(columns, line.split("\t"))) for line in status[1:]]
    table = quota.doveadm("-f", "tab", "quota", "get", "-u", "carol@home.test")
    kilobytes = int(re.search(r"STORAGE\t(\d+)\t", table).group(1))
    size = sum(int(row["vsize"]) for row in rows)
    assert kilobytes == (size + 1023) // 1024, table
    return size, sum(int(row["messages"]) for row in rows)


def test_backend_count_agrees(quota):
    quota.set("carol", "100M")
    quota.count_virtual_sizes()
    everything_at_once(quota)
    size, messages = dovecot_count(quota)
    assert size > quota.files("carol")[0], "every line end counts two bytes"
    status, ours = quota.outrider("recalc", "carol")
    assert (status, ours["bytes"], ours["messages"]) == (0, size, messages)
    assert quota.deliver("carol", 3) == ["250 2.0.0"] * 3
    assert quota.sum("carol") == dovecot_count(quota), "what a delivery adds is counted the same way"


def test_backend_count_deleted_mail_makes_room(quota):
    quota.empty("bob")
    quota.set("bob", "30K")
    replies = quota.deliver("bob", 40)
    assert replies[-1] == "552 5.2.2"
    with mail.Mailbox(quota.lab.dovecot.imap_port, "bob@home.test", PASSWORD) as box:
        box.imap.select()
        box.imap.store("1:*", "+FLAGS", "\\Deleted")
        box.imap.expunge()
    assert quota.outrider("recalc", "bob")[1]["bytes"] == 0
    assert quota.deliver("bob", 20) == ["250 2.0.0"] * 20
    with mail.Mailbox(quota.lab.dovecot.imap_port, "bob@home.test", PASSWORD) as box:
        box.imap.select()
        box.imap.store("1:*", "+FLAGS", "\\Deleted")
        box.imap.expunge()
    assert quota.deliver("bob", 1, body_bytes=20000) == ["250 2.0.0"], "counted anew before it is refused"
