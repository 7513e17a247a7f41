"""Other people's DKIM: python3-dkim, OpenDKIM, Mail::DKIM and rspamd, asked to verify or to sign many messages.

Each peer has `algorithms`, `verify(messages)` -> a list of result words per message ("pass" for a good signature), and
`sign(wishes, messages)` -> the signed messages, where a wish is (domain, header canonicalization, body
canonicalization). A peer that always signs one way says so in `canons`.
"""

import base64
import os
import re
import shutil
import subprocess
import time

import dkim

import milter_peers
from milter_client import MilterClient, insert_fields

HERE = os.path.dirname(os.path.abspath(__file__))
CANONS = [(header, body) for header in ("simple", "relaxed") for body in ("simple", "relaxed")]


def netstrings(items):
    return b"".join(b"%d:%s," % (len(item), item) for item in items)


def split_netstrings(data):
    items = []
    while data:
        size, _, data = data.partition(b":")
        items.append(data[: int(size)])
        data = data[int(size) + 1 :]
    return items


def run_batch(command, items):
    done = subprocess.run(command, input=netstrings(items), capture_output=True, check=False, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    return split_netstrings(done.stdout)


def wishes_and_messages(wishes, messages):
    return [part for wish, message in zip(wishes, messages) for part in (" ".join(wish).encode(), message)]


class Keys:
    """Three domains: rsa.example and ed25519.example with one key each, both.example with both."""

    def __init__(self, folder):
        self.folder = folder
        self.directory = os.path.join(folder, "keys")
        self.records = {}  # name -> TXT
        self.files = {}  # algorithm -> PEM
        for algorithm in ("rsa", "ed25519"):
            self.files[algorithm] = self._make(algorithm)
            for domain in (f"{algorithm}.example", "both.example"):
                self._install(algorithm, domain)

    def _make(self, algorithm):
        path = os.path.join(self.folder, f"{algorithm}.pem")
        command = ["openssl", "genpkey", "-out", path, "-algorithm", algorithm]
        if algorithm == "rsa":
            command += ["-pkeyopt", "rsa_keygen_bits:2048"]
        subprocess.run(command, check=True, capture_output=True)
        return path

    def _install(self, algorithm, domain):
        place = os.path.join(self.directory, domain)
        os.makedirs(place, exist_ok=True)
        target = os.path.join(place, f"{algorithm}.pem")
        shutil.copy(self.files[algorithm], target)
        os.chmod(target, 0o600)
        self.records[f"{algorithm}._domainkey.{domain}"] = f"v=DKIM1; k={algorithm}; p=" + self._published(algorithm)

    def _der(self, algorithm, *options):
        command = ["openssl", "pkey", "-in", self.files[algorithm], "-outform", "DER", *options]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def _published(self, algorithm):
        der = self._der(algorithm, "-pubout")
        # RFC 8463 4.2: for Ed25519 the bare 32 bytes at the end of the SubjectPublicKeyInfo.
        return base64.b64encode(der if algorithm == "rsa" else der[-32:]).decode()

    def for_python(self, algorithm):
        if algorithm == "rsa":
            with open(self.files["rsa"], "rb") as stream:
                return stream.read()
        return base64.b64encode(self._der("ed25519")[-32:])

    def txt(self, name, timeout=5):  # pylint: disable=unused-argument
        """The look-up function that python3-dkim wants."""
        text = name.decode() if isinstance(name, bytes) else name
        found = self.records.get(text.rstrip("."))
        return found.encode() if found else None


class Ours:
    name = "ours"
    algorithms = ("rsa", "ed25519")

    def __init__(self, program, keys, zone):
        self.program, self.keys, self.zone = program, keys, zone

    def sign(self, wishes, messages):
        return run_batch([self.program, "sign", self.keys.directory], wishes_and_messages(wishes, messages))

    def verify(self, messages):
        """"pass ok" per good signature."""
        return [out.decode().splitlines() for out in run_batch([self.program, "verify", self.zone], messages)]


class PythonDkim:
    name = "python3-dkim"
    algorithms = ("rsa", "ed25519")
    canons = CANONS

    def __init__(self, keys):
        self.keys = keys

    def verify(self, messages):
        return [self._results(dkim.DKIM(message)) for message in messages]

    def _results(self, checker):
        words = []
        for index in range(sum(name.lower() == b"dkim-signature" for name, _ in checker.headers)):
            try:
                words.append("pass" if checker.verify(idx=index, dnsfunc=self.keys.txt) else "fail")
            except dkim.DKIMException as error:
                words.append(f"error: {error}")
        return words

    def sign(self, wishes, messages):
        return [self._sign(domain, (header, body), message) for (domain, header, body), message in zip(wishes, messages)]

    def _sign(self, domain, canons, message):
        algorithm = domain.split(".")[0]
        signature = dkim.sign(message, algorithm.encode(), domain.encode(), self.keys.for_python(algorithm),
                              canonicalize=tuple(word.encode() for word in canons),
                              signature_algorithm=algorithm.encode() + b"-sha256")
        return signature + message


class OpenDkim:
    """As the milter it is: its own test mode reads files line by line and would change the odd bodies."""

    name = "OpenDKIM"
    algorithms = ("rsa", "ed25519")
    canons = CANONS
    PROGRAM = "/usr/sbin/opendkim"

    def __init__(self, folder, keys):
        self.folder, self.keys = folder, keys

    def verify(self, messages):
        records = self._write("records", "".join(f"{name} {text}\n" for name, text in self.keys.records.items()))
        options = f"Mode v\nTestPublicKeys {records}\nAuthservID test\nAlwaysAddARHeader yes\nMaximumSignaturesToVerify 5\n"
        return self._ask(options, messages, lambda answer, _: re.findall(
            r"\bdkim=(\w+)", b"".join(answer.inserted("Authentication-Results")).decode(errors="replace")))

    def sign(self, wishes, messages):
        """A process for each way to sign: OpenDKIM has one canonicalization and one algorithm for all."""
        signed = [None] * len(messages)
        for wish in sorted(set(wishes)):
            places = [place for place, one in enumerate(wishes) if one == wish]
            for place, message in zip(places, self._sign(*wish, [messages[place] for place in places])):
                signed[place] = message
        return signed

    def _sign(self, domain, header, body, messages):
        algorithm = domain.split(".")[0]
        options = (f"Mode s\nDomain {domain}\nSelector {algorithm}\nKeyFile {self.keys.files[algorithm]}\n"
                   f"SignatureAlgorithm {algorithm}-sha256\nCanonicalization {header}/{body}\nInternalHosts 0.0.0.0/0\n"
                   "RequireSafeKeys no\n")
        return self._ask(options, messages, lambda answer, message: insert_fields(message, answer))

    def _write(self, name, text):
        path = os.path.join(self.folder, f"opendkim.{name}")
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return path

    def _ask(self, options, messages, read):
        """Every message in a session of its own; what `read` makes of the answers."""
        link = os.path.join(self.folder, "opendkim.sock")
        conf = self._write("conf", f"Socket local:{link}\nSyslog no\nTemporaryDirectory {self.folder}\n" + options)
        process = subprocess.Popen([self.PROGRAM, "-f", "-x", conf], stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: milter_peers.can_connect(f"unix:{link}"))
            return [self._one(link, message, read) for message in messages]
        finally:
            process.kill()
            process.wait()
            os.unlink(link)

    @staticmethod
    def _one(link, message, read):
        with MilterClient(link) as client:
            client.connect("192.0.2.1")
            return read(client.message(message), message)


class MailDkim:
    name = "Mail::DKIM"
    algorithms = ("rsa",)  # Debian 12's does not know Ed25519
    canons = CANONS
    PROGRAM = "/usr/share/perl5/Mail/DKIM.pm"
    SCRIPT = os.path.join(HERE, "..", "conformance", "mail_dkim.pl")

    def __init__(self, keys, nsd):
        self.keys, self.nsd = keys, nsd

    def verify(self, messages):
        return [out.decode(errors="replace").splitlines()
                for out in run_batch(["perl", self.SCRIPT, "verify", str(self.nsd.port)], messages)]

    def sign(self, wishes, messages):
        return run_batch(["perl", self.SCRIPT, "sign", self.keys.files["rsa"]], wishes_and_messages(wishes, messages))


class Rspamd:
    name = "rspamd"
    algorithms = ("rsa", "ed25519")
    canons = [("relaxed", "relaxed")]
    PROGRAM = milter_peers.Rspamd.PROGRAM
    WORDS = {"R_DKIM_ALLOW": "pass", "R_DKIM_REJECT": "fail", "R_DKIM_PERMFAIL": "permerror",
             "R_DKIM_TEMPFAIL": "temperror"}

    def __init__(self, folder, keys, nsd):
        ed25519 = os.path.join(folder, "ed25519.base64")
        with open(ed25519, "wb") as out:
            out.write(keys.for_python("ed25519"))
        rows = {"rsa.example": [("rsa", keys.files["rsa"])], "ed25519.example": [("ed25519", ed25519)]}
        self.server = milter_peers.Rspamd(os.path.join(folder, "rspamd"), nsd.server, rows)

    def verify(self, messages):
        return [self._results(self.server.check(message, "192.0.2.1", "ann@client.example")) for message in messages]

    def _results(self, answer):
        return [word for symbol, word in self.WORDS.items()
                for _ in answer["symbols"].get(symbol, {}).get("options", [])]

    def sign(self, wishes, messages):
        """An internal client's: rspamd answers with the field."""
        return [self._signed(self.server.check(message, "127.0.0.1", f"ann@{domain}"), message)
                for (domain, _, _), message in zip(wishes, messages)]

    @staticmethod
    def _signed(answer, message):
        field = answer.get("dkim-signature")
        return b"DKIM-Signature: " + field.encode() + b"\r\n" + message if field else message


def wait_until(ready, timeout=20):
    until = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > until:
            raise RuntimeError("a program does not start")
        time.sleep(0.02)
