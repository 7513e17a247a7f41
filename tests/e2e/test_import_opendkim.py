"""OpenDKIM's tables here: beside the real OpenDKIM in one Postfix, and instead of it."""

import os
import re
import shutil
import subprocess
import time
import types

import dkim
import pytest

from conftest import BUILD, assert_no_sanitizer_spoke
from lab import mail
from lab.lab import Lab
from lab.process import Process, can_connect, free_port, run
from lab.sink import Sink
from lab.world import World

# From address -> (d, s) as OpenDKIM decides by the tables below; None: not signed.
SENDERS = {
    "ann@one.test": [("one.test", "mail")],
    "bob@two.test": [("two.test", "mail")],
    "Cara@THREE.test": [("three.test", "third")],
    "dan@sub.one.test": [],
    "eve@four.test": [],
    "news-7@four.test": [("three.test", "third")],
    "Boss@five.test": [("five.test", "mail")],
    "clerk@five.test": [],
}
KEYS = (("one.test", "mail"), ("two.test", "mail"), ("three.test", "third"), ("four.test", "mail"), ("five.test", "mail"))

OPENDKIM_CONF = """\
Syslog no
Canonicalization relaxed/simple
OversignHeaders From
Mode sv
RequireSafeKeys no
UMask 000
UserID opendkim
Socket inet:{port}@localhost
KeyTable refile:{directory}/KeyTable
SigningTable refile:{directory}/SigningTable
InternalHosts refile:{directory}/TrustedHosts
ExternalIgnoreList refile:{directory}/TrustedHosts
Nameservers {nameserver}
"""


def write_opendkim(lab):
    """The usual howto's files, with keys that only OpenDKIM's user may read. They lie below /tmp, which anybody may
    write to: OpenDKIM calls that unsafe."""
    directory = os.path.join(lab.directory, "opendkim")
    os.makedirs(os.path.join(directory, "keys"))
    table = []
    for domain, selector in KEYS:
        key = os.path.join(directory, "keys", f"{domain}.private")
        run(["openssl", "genrsa", "-traditional", "-out", key, "2048"])
        public = run(["openssl", "rsa", "-in", key, "-pubout"]).split("-----")[2]
        lab.nsd.add_txt(f"{selector}._domainkey.{domain}", "v=DKIM1; k=rsa; p=" + "".join(public.split()))
        shutil.chown(key, "opendkim", "opendkim")
        os.chmod(key, 0o600)
        table.append(f"{selector}._domainkey.{domain} {domain}:{selector}:{key}\n")
    files = {
        "KeyTable": "".join(table),
        "SigningTable": "# from, key\n*@one.test mail._domainkey.one.test\n*@two.test mail._domainkey.two.test\n"
                        "*@three.test third._domainkey.three.test\nbob@two.test third._domainkey.three.test\n"
                        "news-*@four.test third._domainkey.three.test\nboss@five.test mail._domainkey.five.test\n",
        "TrustedHosts": "127.0.0.1\nlocalhost\n",
        "opendkim.conf": OPENDKIM_CONF.format(directory=directory, port=free_port(), nameserver="127.0.0.1"),
    }
    for name, text in files.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as out:
            out.write(text)
    return directory


def start_opendkim(directory):
    conf = os.path.join(directory, "opendkim.conf")
    with open(conf, encoding="utf-8") as lines:
        port = int(re.search(r"inet:(\d+)@", lines.read()).group(1))
    process = Process("opendkim", ["opendkim", "-f", "-x", conf], os.path.join(directory, "log"))
    return process.start(ready=lambda: can_connect(("127.0.0.1", port))), port


@pytest.fixture(scope="module")
def both(temp_directory):
    """Postfix with OpenDKIM signing, and behind it our milter, which observes with the imported files."""
    if shutil.which("opendkim") is None:
        pytest.skip("OpenDKIM is not installed")
    lab, sink = Lab(temp_directory, BUILD), Sink().start()
    world = World(lab)
    lab.postfix.relayhost = f"[127.0.0.1]:{sink.port}"
    directory = write_opendkim(lab)
    imported = os.path.join(temp_directory, "imported")
    opendkim = None
    try:
        lab.prepare()
        world.publish()
        words = ["dkim", "import-opendkim", os.path.join(directory, "opendkim.conf"), "--copy-keys",
                 f"--output={imported}", "--owner=nobody"]
        report = lab.must_cli(*words, "--observe")
        with open(os.path.join(imported, "milter.conf"), encoding="utf-8") as conf:
            use_imported(lab, conf.read())
        opendkim, port = start_opendkim(directory)
        lab.postfix.settings = {"smtpd_milters": f"inet:127.0.0.1:{port}, unix:outrider/milter"}
        lab.postfix.write_config()
        lab.start()
        yield types.SimpleNamespace(lab=lab, sink=sink, world=world, report=report, imported=imported, words=words)
    finally:
        lab.stop()
        if opendkim is not None:
            opendkim.stop()
        sink.stop()
        assert_no_sanitizer_spoke(lab)


def use_imported(lab, text):
    """As it was written, but for what the lab's machine differs in: user, socket, DNS port, log."""
    kept = [line for line in text.splitlines() if not line.startswith(("listen ", "dns ", "log "))]
    sockets = lab.postfix.socket_directory
    lab.milter.config = "\n".join(kept) + f"""
user = "nobody"
group = "postfix"
listen milter {{ address = {{"unix:{sockets}/milter"}} group = "postfix" }}
dns {{ servers = {{"{lab.nsd.server}"}} }}
"""


def send(both, sender, subject):
    outside = "friend@elsewhere.test"
    mail.send(both.lab.postfix.smtp_port, mail.compose(sender, outside, subject), sender, outside)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for _, message in both.sink.messages:
            if subject.encode() in message:
                return message
        time.sleep(0.05)
    raise AssertionError(both.lab.postfix.log()[-3000:])


def signatures(message):
    fields = re.findall(rb"^DKIM-Signature:((?:.*\r\n)(?:[ \t].*\r\n)*)", message, re.M | re.I)
    tags = [dict(re.findall(r"(\w+)=([^;]+)", "".join(field.decode().split()))) for field in fields]
    return sorted((tag["d"], tag["s"]) for tag in tags)


def test_observer_would_sign_what_opendkim_signs(both, subject):
    assert "SigningTable: line 5 (bob@two.test) left out" in both.report
    for number, (sender, expected) in enumerate(SENDERS.items()):
        message = send(both, sender, f"{number} {subject}")
        assert signatures(message) == expected, message
        line = [line for line in both.lab.milter.log().splitlines() if "mode=observe" in line][-1]
        assert decisions(line) == expected, line


def decisions(line):
    """The (d, s) of what our log line says would be signed."""
    words = re.search(r' signed="([^"]*)"', line)
    return sorted(re.findall(r"d=(\S+) s=(\S+)", words.group(1))) if words else []


def test_imported_configuration_signs_instead_of_opendkim(both, subject):
    output = both.lab.must_cli(*both.words, "--force")
    assert "exists already and stays as it is" in output
    with open(os.path.join(both.imported, "milter.conf"), encoding="utf-8") as conf:
        use_imported(both.lab, conf.read())
    both.lab.postfix.settings = {"smtpd_milters": "unix:outrider/milter"}
    both.lab.postfix.write_config()
    both.lab.postfix.reload()
    both.lab.milter.restart()
    for number, (sender, expected) in enumerate(SENDERS.items()):
        message = send(both, sender, f"alone {number} {subject}")
        assert signatures(message) == expected, message
        if expected:
            assert b"c=relaxed/simple" in message
            assert dkim.DKIM(message).verify(dnsfunc=both.world.txt), message


def test_nothing_is_replaced_unless_told(both):
    before = sorted(os.listdir(both.imported))
    status, output = both.lab.cli(*both.words)
    assert status == 78 and "exists" in output
    assert sorted(os.listdir(both.imported)) == before


def test_linked_keys_that_the_milter_may_not_read_are_named(both):
    source = both.words[2]
    output = os.path.join(both.lab.directory, "linked")
    status, report = both.lab.cli("dkim", "import-opendkim", source, f"--output={output}", "--owner=nobody")
    assert status == 1
    assert "mail._domainkey.one.test" in report and "--copy-keys" in report
    assert os.path.islink(os.path.join(output, "dkim", "one.test", "mail.pem"))


def test_result_is_what_the_milter_loads(both):
    path = os.path.join(both.lab.directory, "checked.conf")
    with open(os.path.join(both.imported, "milter.conf"), encoding="utf-8") as conf, \
            open(path, "w", encoding="utf-8") as out:
        out.write(conf.read() + 'user = "nobody"\n')
    done = subprocess.run([os.path.join(BUILD, "milter", "outrider-milter"), "-t", "-c", path], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
