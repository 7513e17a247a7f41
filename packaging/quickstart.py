#!/usr/bin/python3
"""The demonstration: mail in, mail out, and what each of the four daemons says to it.

Called by quickstart.sh, which installs and builds first. Every step states what should happen, does it, shows
what was decided and why, and is listed in the table at the end.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import dkim  # noqa: E402

from lab import mail  # noqa: E402
from lab.lab import Lab  # noqa: E402
from lab.sink import Sink  # noqa: E402
from lab.world import CAREFUL_IP, FORGER_IP, LIST_IP, SENDER_IP, World  # noqa: E402

ALICE = "alice@home.test"
PASSWORD = "correct horse battery staple"
SHOWN = ("Authentication-Results", "Received-SPF", "X-Outrider-Quarantine", "DKIM-Signature", "Delivered-To",
         "Return-Path")


class StepFailed(Exception):
    """A step did not end as it should; the text says how it ended."""


def check(condition, text):
    if not condition:
        raise StepFailed(text)


def say(text):
    print(textwrap.fill(text, 100, initial_indent="   ", subsequent_indent="   "))


def show_headers(message, names=SHOWN):
    for name, value in message.items():
        if name in names:
            lines = f"{name}: {value}".replace("\r", "").split("\n")
            if name == "DKIM-Signature":  # nobody reads base64
                lines = lines[:2] + [" ..."]
            print("\n".join("     | " + line.replace("\t", "    ") for line in lines))


class Demonstration:
    def __init__(self, lab, world, sink):
        self.lab, self.world, self.sink = lab, world, sink
        self.results = []

    def step(self, title, function):
        print(f"\n-- {title}")
        try:
            function()
            self.results.append((title, True, ""))
        except Exception as error:  # whatever it is, the other steps and the table follow
            self.results.append((title, False, str(error)))
            print(f"   NOT AS IT SHOULD BE: {error}")
            self.show_logs()

    def show_logs(self):
        for daemon in self.lab.daemons:
            tail = "".join(f"     {daemon.name}| {line}\n" for line in daemon.log().splitlines()[-6:])
            print(tail, end="")

    def from_outside(self, message, sender, source, helo):
        return mail.send(self.lab.postfix.smtp_port, message, sender, ALICE, source=source, helo=helo)

    def read(self, subject, folder="INBOX"):
        with mail.Mailbox(self.lab.dovecot.imap_port, ALICE, PASSWORD) as box:
            message = box.find(subject, folder)
        check(message is not None, f"no message with the subject {subject!r} in {folder}")
        return message

    def refused(self, message, sender, source, helo, code):
        try:
            reply = self.from_outside(message, sender, source, helo)
        except mail.Reply as reply:
            say(f"Postfix answered: {reply.code} {reply.text}")
            check(reply.code == code, f"expected {code}")
            return reply
        raise StepFailed(f"it was accepted: {reply}")

    # (1)
    def signed_message(self):
        message = mail.compose("Sam <sam@sender.test>", ALICE, "signed and aligned")
        message = mail.dkim_sign(message, "sender.test", "s1", self.world.keys["sender.test"])
        say(f"sam@sender.test writes to {ALICE} from {SENDER_IP}, which sender.test's SPF names, signed with its key.")
        self.from_outside(message, "sam@sender.test", SENDER_IP, "mail.sender.test")
        got = self.read("signed and aligned")
        say(f"Read back over IMAP; authd proved {ALICE}'s password to Dovecot:")
        show_headers(got)
        results = " ".join(got.get_all("Authentication-Results", []))
        for word in ("spf=pass", "dkim=pass", "dmarc=pass"):
            check(word in results, f"{word} is not in Authentication-Results")

    # (2)
    def forged_reject(self):
        say(f"The same From, but from {FORGER_IP}, unsigned. sender.test publishes p=reject; SPF fails too: two reasons.")
        message = mail.compose("Sam <sam@sender.test>", ALICE, "forged reject")
        reply = self.refused(message, "sam@sender.test", FORGER_IP, "host66.elsewhere.test", 550)
        check("sender.test" in reply.text, "the reply does not name the domain")

    def forged_quarantine(self):
        say("A forged careful.test, which publishes p=quarantine: taken, but into Junk.")
        message = mail.compose("Cara <cara@careful.test>", ALICE, "forged quarantine")
        self.from_outside(message, "cara@careful.test", FORGER_IP, "host66.elsewhere.test")
        got = self.read("forged quarantine", "Junk")
        show_headers(got)
        check("dmarc=fail" in " ".join(got.get_all("Authentication-Results", [])), "no dmarc=fail")

    def mailing_list(self):
        say(f"A mailing list at {LIST_IP} passes Sam's signed message on and adds a footer, which breaks the signature. "
            "p=reject alone is not enough to refuse it (RFC 9989): it goes to Junk, with the reason.")
        message = mail.compose("Sam <sam@sender.test>", "chat@list.test", "list copy", List_Id="Chat <chat.list.test>")
        message = mail.dkim_sign(message, "sender.test", "s1", self.world.keys["sender.test"]) + b"-- \r\nchat list\r\n"
        self.from_outside(message, "chat-bounces@list.test", LIST_IP, "lists.list.test")
        got = self.read("list copy", "Junk")
        show_headers(got)
        check(got["X-Outrider-Quarantine"], "the reason is missing")

    # (3)
    def submission(self):
        say(f"{ALICE} submits over STARTTLS with AUTH PLAIN, checked by authd, a message for the outside.")
        message = mail.compose(f"Alice <{ALICE}>", "bob@elsewhere.test", "from home")
        mail.send(self.lab.postfix.submission_port, message, ALICE, "bob@elsewhere.test", login=(ALICE, PASSWORD),
                  starttls=True)
        self.lab.postfix.wait_for_log(r"status=sent \(250 2\.0\.0 kept\)")
        sent = self.sink.messages[-1][1]
        parser = dkim.DKIM(sent)
        signatures = [value for name, value in parser.headers if name.lower() == b"dkim-signature"]
        check(len(signatures) == 2, f"{len(signatures)} signatures instead of two")
        say("It left with two signatures; python3-dkim, which is not ours, says of them:")
        for index in range(len(signatures)):
            verifier = dkim.DKIM(sent)
            good = verifier.verify(idx=index, dnsfunc=self.world.txt)
            tags = b" ".join(signatures[index].split()).decode()
            algorithm = next(part.strip() for part in tags.split(";") if part.strip().startswith("a="))
            say(f"{algorithm} d={verifier.domain.decode()} s={verifier.selector.decode()}: "
                f"{'pass' if good else 'FAIL'}")
            check(good, f"the {algorithm} signature does not verify")

    def relay_without_auth(self):
        say("Without AUTH, mail for the outside is refused on both ports, and so is alice's address as its sender.")
        message = mail.compose(f"Alice <{ALICE}>", "bob@elsewhere.test", "no auth")
        ports = (self.lab.postfix.submission_port, self.lab.postfix.smtp_port)
        for port, sender in ((ports[0], ALICE), (ports[0], "x@elsewhere.test"), (ports[1], "x@elsewhere.test")):
            try:
                mail.send(port, message, sender, "bob@elsewhere.test", source=FORGER_IP, starttls=port == ports[0])
            except mail.Reply as reply:
                say(f"Postfix answered: {reply.code} {reply.text}")
                check(reply.code in (553, 554), f"unexpected code {reply.code}")
            else:
                raise StepFailed(f"port {port} relayed it")

    def wrong_password(self):
        say("With a wrong password, AUTH is refused.")
        message = mail.compose(f"Alice <{ALICE}>", "bob@elsewhere.test", "wrong password")
        try:
            mail.send(self.lab.postfix.submission_port, message, ALICE, "bob@elsewhere.test", login=(ALICE, "wrong"),
                      starttls=True)
        except mail.Reply as reply:
            say(f"Postfix answered: {reply.code} {reply.text}")
            check(reply.code == 535, f"unexpected code {reply.code}")
            return
        raise StepFailed("it was accepted")

    def run(self):
        self.step("(1) signed message from outside: delivered, everything passes", self.signed_message)
        self.step("(2) forged From, p=reject: refused with 550", self.forged_reject)
        self.step("(2) forged From, p=quarantine: in Junk", self.forged_quarantine)
        self.step("(2) mailing-list copy of a p=reject domain: in Junk, not refused", self.mailing_list)
        self.step("(3) submission with AUTH: signed twice, verified by python3-dkim", self.submission)
        self.step("(3) submission without AUTH: relaying refused", self.relay_without_auth)
        self.step("(3) submission with a wrong password: refused", self.wrong_password)

    def table(self):
        print("\n== what was shown")
        for title, good, why in self.results:
            print(f"   {'ok    ' if good else 'NOT OK'}  {title}{': ' + why.splitlines()[0] if why else ''}")
        return all(good for _, good, _ in self.results)


def set_up(directory, build):
    lab = Lab(directory, build)
    world = World(lab)
    sink = Sink().start()
    lab.postfix.relayhost = f"[127.0.0.1]:{sink.port}"
    lab.prepare()
    world.publish()
    lab.add_domain("home.test")
    lab.add_user(ALICE, PASSWORD)
    lab.make_dkim_keys("home.test")
    shutil.chown(os.path.join(directory, "authd", "accounts.sqlite"), "nobody", "nogroup")
    return lab, world, sink


def print_kept(lab, directory):
    print(f"""
== left running (--keep)
   SMTP        127.0.0.1:{lab.postfix.smtp_port}
   submission  127.0.0.1:{lab.postfix.submission_port} (STARTTLS, AUTH PLAIN)
   IMAP, POP3  127.0.0.1:{lab.dovecot.imap_port}, 127.0.0.1:{lab.dovecot.pop3_port} (STARTTLS)
   account     {ALICE}, password "{PASSWORD}"
   DNS         {lab.nsd.server} (dig @{lab.nsd.address} -p {lab.nsd.port} TXT _dmarc.sender.test)
   configured  {directory}/conf/*.conf, {directory}/postfix/etc, {lab.dovecot.config_path}
   logs        {directory}/conf/*.log, {directory}/postfix/mail.log, {directory}/dovecot/dovecot.log
   stop it     sh {directory}/stop.sh   (stops everything and removes {directory})
   Mail for the outside stays in Postfix's queue now: the server that took it was part of the demonstration.
""")


def write_stop_script(lab, directory):
    pids = [daemon.process.pid for daemon in lab.daemons] + [lab.dovecot.process.pid, lab.nsd.process.pid]
    postfix = subprocess.list2cmdline(["postfix", "-c", f"{directory}/postfix/etc", "stop"])
    with open(os.path.join(directory, "stop.sh"), "w", encoding="ascii") as out:
        # A process id may belong to somebody else by then: the command line tells.
        out.write(f"#!/bin/sh\n{postfix}\nfor pid in {' '.join(map(str, pids))}; do\n"
                  f"    grep -qs '{directory}' /proc/$pid/cmdline && kill $pid\ndone\n"
                  f"sleep 2\nrm -rf '{directory}'\n")


def main():
    parser = argparse.ArgumentParser(prog="quickstart.sh", description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="directory with the programs")
    parser.add_argument("--keep", action="store_true", help="leave it running and say how to use it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = tempfile.mkdtemp(prefix="outrider-quickstart-")
    lab = sink = None
    keep = False
    try:
        print("== starting nsd, the four daemons, Dovecot and Postfix in " + directory)
        lab, world, sink = set_up(directory, os.path.abspath(options.build))
        lab.start()
        demonstration = Demonstration(lab, world, sink)
        demonstration.run()
        good = demonstration.table()
        if options.keep:
            write_stop_script(lab, directory)
            print_kept(lab, directory)
            keep = True
        return 0 if good else 1
    finally:
        if sink is not None:
            sink.stop()
        if lab is not None and not keep:
            lab.stop()
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
