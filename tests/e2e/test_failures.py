"""A part that is gone, a DNS that is dead: mail waits; none is lost, none slips through unchecked."""

import re
import time

import pytest

from lab import mail
from lab.lab import MILTER_CONF, POLICYD_CONF
from lab.process import free_port
from lab.world import FORGER_IP, SENDER_IP

ALICE = "alice@home.test"


def test_policyd_gone_defers_and_later_delivers(ride, subject):
    ride.lab.policyd.stop()
    try:
        with pytest.raises(mail.Reply) as deferred:
            ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
        assert 400 <= deferred.value.code < 500
    finally:
        ride.lab.policyd.start()
    ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
    assert ride.read(subject) is not None


def test_policyd_gone_between_rcpt_and_data_defers_the_message(ride, subject):
    """The milter cannot get its verdict: tempfail is the shipped policyd-failure."""
    lab = ride.lab
    lab.postfix.settings["smtpd_recipient_restrictions"] = "permit_mynetworks, reject_unauth_destination"
    lab.postfix.reload()
    lab.policyd.stop()
    try:
        with pytest.raises(mail.Reply) as deferred:
            ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
        assert 400 <= deferred.value.code < 500
    finally:
        lab.policyd.start()
        del lab.postfix.settings["smtpd_recipient_restrictions"]
        lab.postfix.reload()


def test_milter_gone_defers(ride, subject):
    ride.lab.milter.stop()
    try:
        with pytest.raises(mail.Reply) as deferred:
            ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
        assert 400 <= deferred.value.code < 500
    finally:
        ride.lab.milter.start()


def test_authd_gone_fails_auth_temporarily_and_defers_delivery(ride, subject):
    ride.inbound(ride.signed("before " + subject), "sam@sender.test", ALICE, SENDER_IP)
    assert ride.read("before " + subject) is not None
    ride.lab.authd.stop()
    try:
        with pytest.raises(mail.Reply) as deferred:
            ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
        assert 400 <= deferred.value.code < 500, "Postfix's tables are authd's: no recipient can be known"
    finally:
        ride.lab.authd.start()


def test_authd_gone_after_acceptance_delivery_waits_and_comes(ride, subject):
    """Accepted while authd was up, delivered to lmtpd while it is gone."""
    lab = ride.lab
    lab.lmtpd.stop()
    ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
    lab.authd.stop()
    lab.lmtpd.start()
    lab.postfix.flush()
    lab.postfix.wait_for_log(r"status=deferred.*451|451 4\.3\.0")
    lab.authd.start()
    lab.postfix.flush()
    assert ride.read(subject, timeout=40) is not None


def test_lmtpd_gone_keeps_the_message_in_the_queue(ride, subject):
    ride.lab.lmtpd.stop()
    ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
    time.sleep(1)
    assert any(ALICE in line for line in ride.lab.postfix.queue())
    ride.lab.lmtpd.start()
    ride.lab.postfix.flush()
    assert ride.read(subject, timeout=40) is not None


def test_dead_dns_is_temperror_within_the_deadline(ride, subject):
    lab = ride.lab
    dead = f"127.0.0.1:{free_port()}"
    lab.configure(lab.policyd, POLICYD_CONF, dns=dead)
    lab.configure(lab.milter, MILTER_CONF, "verify-timeout = 3s", dns=dead)
    lab.policyd.restart()
    lab.milter.restart()
    started = time.monotonic()
    try:
        try:
            ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
        except mail.Reply as reply:
            assert 400 <= reply.code < 500
        assert time.monotonic() - started < 60
        said = lab.policyd.log() + lab.milter.log()
        assert re.search(r"temperror", said)
        with_forger = time.monotonic()
        with pytest.raises(mail.Reply) as deferred:
            ride.inbound(mail.compose("sam@sender.test", ALICE, subject), "sam@sender.test", ALICE, FORGER_IP)
        assert 400 <= deferred.value.code < 500, "unchecked mail must not slip through"
        assert time.monotonic() - with_forger < 60
    finally:
        lab.configure(lab.policyd, POLICYD_CONF)
        lab.configure(lab.milter, MILTER_CONF)
        lab.policyd.restart()
        lab.milter.restart()


@pytest.mark.parametrize("name", ["policyd", "authd", "lmtpd", "milter"])
def test_sigterm_drains_and_exits_zero(ride, name):
    daemon = getattr(ride.lab, name)
    try:
        assert daemon.stop() == 0
    finally:
        daemon.start()


@pytest.mark.parametrize("name", ["policyd", "authd", "lmtpd", "milter"])
def test_sighup_with_a_wrong_configuration_keeps_the_old_one(ride, name, subject):
    import signal
    daemon = getattr(ride.lab, name)
    good = daemon.config
    daemon.write_config(good + "\nno-such-option = 1\n")
    try:
        daemon.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 60
        while "no-such-option" not in daemon.log() and time.monotonic() < until:
            time.sleep(0.05)
        assert re.search(r"\.conf:\d+: .*no-such-option", daemon.log())
    finally:
        daemon.write_config(good)
    ride.inbound(ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
    assert ride.read(subject) is not None
    daemon.process.send_signal(signal.SIGHUP)
    ride.inbound(ride.signed("2 " + subject), "sam@sender.test", ALICE, SENDER_IP)
    assert ride.read("2 " + subject) is not None
