"""Rewritten senders: through a real Postfix, and compared with Debian's postsrsd address by address."""

import os
import random
import socket
import subprocess
import time
import urllib.parse

import pytest

from lab import mail
from lab.daemons import Daemon
from lab.lab import POLICYD_CONF
from lab.process import Process, can_connect, free_port

SECRETS = "tops3cr3t\nthe one of last year\n"
ADDRESSES = 10000

CONF = """\
user = "root"
listen policy {{ address = {{"unix:{d}/policy"}} group = "root" }}
listen srs {{ address = {{"unix:{d}/srs"}} group = "root" }}
store = "sqlite:{d}/state.sqlite"
decisions = ""
srs-domain = "srs.test"
srs-local-domains = {{"home.test", ".home.test"}}
srs-secrets-file = "{d}/secrets"
{extra}
"""


class Tables:
    """A socketmap client: netstrings as Postfix sends them."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def ask(self, table, key):
        request = f"{table} {key}".encode()
        self.socket.sendall(b"%d:%s," % (len(request), request))
        length = b""
        while (byte := self.file.read(1)) != b":":
            assert byte, "the connection was closed"
            length += byte
        return self.file.read(int(length) + 1)[:-1].decode()

    def value(self, table, key):
        """The value, or None when there is none."""
        word, _, text = self.ask(table, key).partition(" ")
        assert word in ("OK", "NOTFOUND"), (word, text)
        return text if word == "OK" else None


class TcpTable:
    """A tcp_table(5) client, which is what PostSRSd 1 speaks."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")

    def value(self, key):
        self.socket.sendall(b"get " + urllib.parse.quote(key, safe="@=").encode() + b"\n")
        code, _, text = self.file.readline().decode().strip().partition(" ")
        return urllib.parse.unquote(text) if code == "200" else None


class Srs:
    def __init__(self, build, directory):
        self.directory = directory
        self.build = build
        secrets = os.path.join(directory, "secrets")
        with open(secrets, "w", encoding="ascii") as out:
            out.write(SECRETS)
        os.chmod(secrets, 0o600)
        self.daemon = None

    def start(self, extra=""):
        d = self.directory
        if self.daemon:
            self.daemon.stop()
        self.daemon = Daemon(str(self.build), d, "policyd", "outrider-policyd", CONF.format(d=d, extra=extra),
                             [f"{d}/policy", f"{d}/srs"]).start()
        return Tables(f"{d}/srs")


@pytest.fixture(scope="module")
def srs(build, temp_directory):
    srs = Srs(build, temp_directory)
    yield srs
    srs.daemon.stop()


@pytest.fixture(scope="module")
def postsrsd(srs):
    """(forward, reverse) tables of Debian's postsrsd with the same secrets."""
    forward, reverse = free_port(), free_port()
    process = Process("postsrsd", ["postsrsd", "-s", os.path.join(srs.directory, "secrets"), "-d", "srs.test",
                                   "-f", str(forward), "-r", str(reverse), "-l", "127.0.0.1", "-4"],
                      os.path.join(srs.directory, "postsrsd.log"), {})
    process.start(ready=lambda: can_connect(("127.0.0.1", forward)) and can_connect(("127.0.0.1", reverse)))
    yield TcpTable(forward), TcpTable(reverse)
    process.stop()


def generated_addresses(count):
    """Senders as they occur: short and long, VERP, dots, plus, other people's SRS. The same ones every time."""
    rng = random.Random(7208)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    odd = letters + ".+-_=!#$%&'*/?^`{|}~"

    def word(alphabet, shortest, longest):
        return "".join(rng.choice(alphabet) for _ in range(rng.randint(shortest, longest)))

    addresses = []
    while len(addresses) < count:
        domain = ".".join(word(letters, 1, 8).lower() for _ in range(rng.randint(1, 2))) + ".example"
        local = word(letters, 1, 3) + word(odd, 0, 12) + word(letters, 1, 3)
        if ".." in local:
            continue
        kind = len(addresses) % 10
        if kind == 8:
            local = f"SRS0={word(letters, 4, 4)}={word('ABCDEFGH234567', 2, 2)}=a{word(letters, 1, 6)}.example={local[:6].rstrip('.')}"
        if kind == 9:
            local = f"SRS1={word(letters, 4, 4)}=b{word(letters, 1, 6)}.example==XYZA=2W=c.example={local[:4].rstrip('.')}"
        # Shorter than what would make a local part of over 64 octets, where PostSRSd 1 breaks RFC 5321.
        if len(local) + len(domain) <= (50 if kind < 8 else 56) and len(local) <= 64:
            addresses.append(f"{local}@{domain}")
    return addresses


def test_ten_thousand_addresses_are_those_of_postsrsd_and_come_back_in_both(srs, postsrsd):
    """srs-alphabet = base64 is what PostSRSd 1 writes; it reads nothing else."""
    ours = srs.start("srs-alphabet = base64")
    their_forward, their_reverse = postsrsd
    for address in generated_addresses(ADDRESSES):
        made = ours.value("srs-forward", address)
        assert made == their_forward.value(address), address
        assert len(made.rpartition("@")[0]) <= 64, made
        back = ours.value("srs-reverse", made)
        assert back == their_reverse.value(made), made
        assert back is not None, made
        assert back == address or address.startswith("SRS1="), (address, made, back)


def test_the_safe_alphabet_differs_in_two_characters_only(srs, postsrsd):
    ours = srs.start()
    their_forward, _ = postsrsd
    safe = 0
    for address in generated_addresses(1000):
        made, theirs = ours.value("srs-forward", address), their_forward.value(address)
        tag, their_tag = made[5:9], theirs[5:9]
        assert made[9:] == theirs[9:] and tag == their_tag.replace("+", "-").replace("/", "_")
        assert ours.value("srs-reverse", theirs) is not None
        safe += tag != their_tag
    assert safe > 50


@pytest.mark.parametrize("key", [
    '""', "postmaster", "", "someone@home.test", "someone@dept.home.test", "SRS0=9KJ-=2W=otherdomain.com=x@srs.test",
    "double-bounce@home.test", "user@[192.0.2.1]", "a@b@c", "@example.org", "x" * 3000 + "@example.org",
])
def test_what_is_ours_or_no_address_is_left_alone(srs, key):
    tables = srs.start()
    assert tables.ask("srs-forward", key) == "NOTFOUND "
    assert tables.ask("srs-reverse", key) == "NOTFOUND "


def test_other_peoples_srs_addresses_are_never_an_error(srs):
    """PostSRSd 2 once answered PERM for these, and Postfix deferred all mail."""
    tables = srs.start()
    made = tables.value("srs-forward", "sender@far.example")
    assert tables.ask("srs-reverse", made.replace("@srs.test", "@elsewhere.test")) == "NOTFOUND "
    assert tables.ask("srs-reverse", made.replace(made[5:9], "AAAA")) == "NOTFOUND "
    assert tables.ask("srs-reverse", made.replace("SRS0", "srs0").lower()) == "OK sender@far.example"
    assert "not made with one of our secrets" in srs.daemon.log()


def test_quoted_and_international_senders_survive(srs):
    tables = srs.start()
    for sender in ('"a b"@far.example', "grün@exämple.example", '"x@y"@far.example', "o'neil+tag@far.example"):
        made = tables.value("srs-forward", sender)
        assert made.endswith("@srs.test"), made
        assert tables.value("srs-reverse", made) == sender


def test_long_senders_go_through_the_store_and_survive_a_restart(srs):
    tables = srs.start()
    sender = "bounce-" + "0123456789abcdef" * 3 + "@mail.far.example"
    made = tables.value("srs-forward", sender)
    assert made == tables.value("srs-forward", sender), "the same sender has one key"
    assert len(made.rpartition("@")[0]) <= 64
    assert "=1=" in made
    tables = srs.start()
    assert tables.value("srs-reverse", made) == sender
    assert tables.value("srs-reverse", made.lower()) == sender


def test_a_client_can_add_no_more_long_senders_than_it_may(srs):
    tables = srs.start("srs-long-sender-limit = 3")

    def sender(i, client):
        address = f"long-{client}-{i}-" + "x" * 50 + "@far.example"
        with socket.socket(socket.AF_UNIX) as policy:
            policy.connect(f"{srs.directory}/policy")
            policy.sendall(f"request=smtpd_access_policy\nprotocol_state=DATA\nclient_address=192.0.{client}.{i + 1}\n"
                           f"sender={address}\n\n".encode())
            assert policy.recv(1000).startswith(b"action=")
        return tables.value("srs-forward", address)

    first = [sender(i, 2) for i in range(5)]
    assert [made is None for made in first] == [False, False, False, True, True], "one /24 is one client"
    assert sender(0, 3) is not None, "another network has its own share"
    assert sender(0, 2) == first[0], "what is known costs nothing"
    assert "srs-long-sender-limit" in srs.daemon.log()


@pytest.fixture
def rewriting(ride):
    """The lab with the tables in Postfix, as README shows them."""
    lab = ride.lab
    secrets = os.path.join(lab.directory, "srs.secrets")
    with open(secrets, "w", encoding="ascii") as out:
        out.write(SECRETS)
    os.chmod(secrets, 0o600)
    subprocess.run(["chown", "nobody", secrets], check=True)
    lab.configure(lab.policyd, POLICYD_CONF,
                  f'srs-domain = "home.test"\nsrs-local-domains = {{"home.test"}}\nsrs-secrets-file = "{secrets}"')
    lab.policyd.restart()
    lab.postfix.settings.update({
        "sender_canonical_maps": "socketmap:unix:outrider/srs:srs-forward",
        "sender_canonical_classes": "envelope_sender",
        "recipient_canonical_maps": "socketmap:unix:outrider/srs:srs-reverse",
        "recipient_canonical_classes": "envelope_recipient, header_recipient",
    })
    lab.postfix.reload()
    yield ride
    for name in [name for name in lab.postfix.settings if "canonical" in name]:
        del lab.postfix.settings[name]
    lab.postfix.reload()
    lab.configure(lab.policyd, POLICYD_CONF)
    lab.policyd.restart()


def wait_for(sink, subject, timeout=20):
    for _ in range(timeout * 20):
        for envelope, message in list(sink.messages):
            if subject.encode() in message:
                return envelope, message
        time.sleep(0.05)
    raise AssertionError(f"{subject} did not arrive")


def test_forwarded_mail_leaves_with_our_sender_and_its_bounce_finds_home(rewriting, subject):
    ride = rewriting
    ride.lab.must_cli("alias", "add", "fwd@home.test", "far@away.example", config=ride.lab.authd)
    ride.inbound(ride.signed(subject, recipient="fwd@home.test"), "sam@sender.test", "fwd@home.test")
    envelope, _ = wait_for(ride.sink, subject)
    assert "<SRS0=" in envelope["from"] and envelope["from"].rstrip(">").split(">")[0].endswith("@home.test"), envelope
    rewritten = envelope["from"].split("<")[1].split(">")[0]

    bounce = mail.compose("MAILER-DAEMON@away.example", rewritten, "bounce of " + subject)
    ride.inbound(bounce, "", rewritten)
    back, _ = wait_for(ride.sink, "bounce of " + subject)
    assert back["to"] and "<sam@sender.test>" in back["to"][0], back
    assert "from" in back and "<>" in back["from"], "the null sender stays null"

    own = "own " + subject
    ride.submit(mail.compose("alice@home.test", "far@away.example", own), "alice@home.test", "far@away.example")
    envelope, _ = wait_for(ride.sink, own)
    assert "<alice@home.test>" in envelope["from"], "our own senders stay as they are"


def test_a_forged_srs_recipient_is_an_unknown_user(rewriting, subject):
    ride = rewriting
    with pytest.raises(mail.Reply) as refused:
        ride.inbound(mail.compose("x@sender.test", "y@home.test", subject), "x@sender.test",
                     "SRS0=AAAA=2W=sender.test=sam@home.test")
    assert refused.value.code == 550
