"""Accounts on another machine and domains that others keep: what Postfix and lmtpd make of it."""

import os
import shutil
import tempfile
import time

import pytest

import lmtp_tools
from lab import mail
from lab.process import free_port
from lab.sink import Sink

UID = 20011


class Elsewhere:
    """An lmtpd with carol's mailbox, and an SMTP server that keeps far.test."""

    def __init__(self, build):
        self.directory = tempfile.mkdtemp(prefix="outrider-elsewhere-")
        os.chmod(self.directory, 0o755)
        self.port = free_port()
        home = os.path.join(self.directory, "carol")
        os.mkdir(home, 0o700)
        os.chown(home, UID, UID)
        self.maildir = os.path.join(home, "Maildir")
        self.userdb = lmtp_tools.UserDb(os.path.join(self.directory, "userdb"),
                                        {"carol@home.test": f"uid={UID}\tgid={UID}\thome={home}"})
        self.lmtpd = lmtp_tools.Lmtpd(build, self.directory, self.userdb.address, inet=self.port).start()
        self.sink = Sink().start()

    def subjects(self):
        return b"".join(path.read_bytes() for path in lmtp_tools.files(self.maildir)) if os.path.isdir(self.maildir) else b""

    def wait_for(self, subject):
        until = time.monotonic() + 60
        while subject.encode() not in self.subjects():
            assert time.monotonic() < until, self.lmtpd.log()
            time.sleep(0.1)

    def close(self):
        self.lmtpd.stop()
        self.userdb.close()
        self.sink.stop()
        shutil.rmtree(self.directory)


@pytest.fixture(scope="module")
def elsewhere(build):
    place = Elsewhere(build)
    yield place
    place.close()


def change(ride, *words):
    status, output = ride.lab.cli(*words, config=ride.lab.authd)
    assert status == 0, output
    return output


def send(ride, subject, recipient):
    ride.inbound(mail.compose("Sam <sam@sender.test>", recipient, subject), "sam@sender.test", [recipient])


def test_lmtpd_passes_on_what_is_elsewhere(ride, elsewhere, subject):
    change(ride, "user", "set", "carol@home.test", f"--host=127.0.0.1:{elsewhere.port}")
    assert f"host=127.0.0.1:{elsewhere.port}" in change(ride, "user", "list", "home.test")
    send(ride, subject, "carol+lists@home.test")
    elsewhere.wait_for(subject)


def test_postfix_goes_there_itself(ride, elsewhere, subject):
    change(ride, "user", "set", "carol@home.test", f"--host=127.0.0.1:{elsewhere.port}")
    ride.lab.postfix.settings["transport_maps"] = "socketmap:unix:outrider/maps:transports"
    ride.lab.postfix.reload()
    send(ride, subject, "carol@home.test")
    elsewhere.wait_for(subject)
    ride.lab.postfix.wait_for_log(rf"to=<carol@home.test>, relay=127.0.0.1\[127.0.0.1\]:{elsewhere.port}", timeout=60)
    change(ride, "user", "set", "carol@home.test", "--host=none")
    send(ride, subject + " between", "alice@home.test")  # Postfix remembers the address that it asked about last
    send(ride, subject + " here", "carol@home.test")
    assert ride.read(subject + " here", "carol@home.test")


def test_relay_domain(ride, elsewhere, subject):
    """Mail for the domain is taken and goes on; what is no domain of ours is not."""
    change(ride, "domain", "add", "far.test")
    change(ride, "domain", "set", "far.test", f"--relay=[127.0.0.1]:{elsewhere.sink.port}")
    assert f"far.test relay=[127.0.0.1]:{elsewhere.sink.port}" in change(ride, "domain", "list")
    ride.lab.postfix.settings["transport_maps"] = "socketmap:unix:outrider/maps:transports"
    ride.lab.postfix.settings["relay_domains"] = "socketmap:unix:outrider/maps:relay-domains"
    ride.lab.postfix.reload()
    send(ride, subject, "anybody@far.test")
    until = time.monotonic() + 60
    while not any(subject.encode() in data for _, data in elsewhere.sink.messages):
        assert time.monotonic() < until, (elsewhere.sink.port, ride.sink.port, ride.lab.authd.log()[-2000:])
        time.sleep(0.1)
    with pytest.raises(Exception, match="Relay access denied"):
        send(ride, subject, "anybody@nowhere.test")


@pytest.mark.parametrize("words", [
    ("user", "set", "alice@home.test", "--host=mx.far.test"),
    ("user", "set", "alice@home.test", "--host=127.0.0.1:0"),
    ("user", "set", "alice@home.test", "--host=127.0.0.1]:25 x"),
    ("domain", "set", "home.test", "--relay=not a host"),
])
def test_nonsense_is_refused(ride, words):
    status, output = ride.lab.cli(*words, config=ride.lab.authd)
    assert status == 1 and "host" in output
