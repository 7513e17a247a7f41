#!/usr/bin/python3
"""Do python3-dkim and OpenDKIM verify what we sign, and do we verify what python3-dkim signs?

Usage: dkim_interop.py [BUILD_DIRECTORY]

All four canonicalisations x {RSA, Ed25519, both} x bodies that programs like to get wrong. OpenDKIM runs as the milter
it is, fed over its socket as Postfix would (its own test mode reads files line by line and would change the odd
bodies before it sees them); keys reach it through its option for tests. Exit 0: all passed, 1: some failed, 77:
python3-dkim is not there.
"""
import base64
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

try:
    import dkim
    import nacl.signing  # noqa: F401 (python3-dkim needs it for Ed25519)
except ImportError as error:
    print(f"SKIPPED dkim_interop: {error}")
    sys.exit(77)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEFAULT_BUILD = os.path.join(ROOT, "build", "dev")
CANONS = ("simple", "relaxed")
HEADER = (
    b"Received: from a.example by b.example;\r\n\tMon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"From: \"Ann  Author\"  <ann@%s>\r\n"
    b"To: bob@example.net,\r\n  carol@example.net\r\n"
    b"Subject:  odd \t white   space \r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"X-Unsigned: yes\r\n"
)
BODIES = {
    "empty": b"",
    "plain": b"Hello,\r\n\r\nthis is all.\r\n",
    "no final newline": b"Hello,\r\nthis is all.",
    "trailing blank lines": b"Hello\r\n\r\n\r\n\r\n",
    "1000-character lines": (b"x" * 1000 + b"\r\n") * 3 + b"y " * 5000 + b"\r\n",
    "8-bit": "Grüße aus Köln\r\n".encode() + b"latin1: \xe4\xf6\xfc\xff\r\n",
    "NUL bytes": b"a\0b\r\n\0\r\n\0",
    "only CRLFs": b"\r\n\r\n\r\n",
    "trailing white space": b"a \t \r\n \t\r\nb\t\tc \r\n   \r\n \r\n",
    "larger than a chunk": b"0123456789abcdef  \t line\r\n" * 6000,
}


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, good):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {what}")


class Keys:
    """Three domains: rsa.example and ed25519.example with one key each, both.example with both."""

    def __init__(self, folder):
        self.folder = folder
        self.records = {}  # name -> TXT
        self.files = {}  # algorithm -> PEM
        for algorithm in ("rsa", "ed25519"):
            self.files[algorithm] = self.make(algorithm)
            for domain in (f"{algorithm}.example", "both.example"):
                self.install(algorithm, domain)

    def make(self, algorithm):
        path = os.path.join(self.folder, f"{algorithm}.pem")
        command = ["openssl", "genpkey", "-out", path, "-algorithm", algorithm]
        if algorithm == "rsa":
            command += ["-pkeyopt", "rsa_keygen_bits:2048"]
        subprocess.run(command, check=True, capture_output=True)
        return path

    def install(self, algorithm, domain):
        place = os.path.join(self.folder, "keys", domain)
        os.makedirs(place, exist_ok=True)
        target = os.path.join(place, f"{algorithm}.pem")
        shutil.copy(self.files[algorithm], target)
        os.chmod(target, 0o600)
        self.records[f"{algorithm}._domainkey.{domain}"] = f"v=DKIM1; k={algorithm}; p=" + self.published(algorithm)

    def published(self, algorithm):
        der = subprocess.run(
            ["openssl", "pkey", "-in", self.files[algorithm], "-pubout", "-outform", "DER"],
            check=True,
            capture_output=True,
        ).stdout
        # RFC 8463 4.2: for Ed25519 the bare 32 bytes at the end of the SubjectPublicKeyInfo.
        return base64.b64encode(der if algorithm == "rsa" else der[-32:]).decode()

    def for_python(self, algorithm):
        if algorithm == "rsa":
            with open(self.files["rsa"], "rb") as stream:
                return stream.read()
        der = subprocess.run(
            ["openssl", "pkey", "-in", self.files["ed25519"], "-outform", "DER"], check=True, capture_output=True
        ).stdout
        return base64.b64encode(der[-32:])

    def txt(self, name, timeout=5):  # pylint: disable=unused-argument
        """The look-up function that python3-dkim wants."""
        text = name.decode() if isinstance(name, bytes) else name
        found = self.records.get(text.rstrip("."))
        return found.encode() if found else None


class OpenDkim:
    """OpenDKIM as a verifying milter; verify() plays Postfix."""

    INSERT_HEADER, ADD_HEADER = b"i", b"h"
    LEADING_SPACE = 0x100000
    # Steps that the filter wants no reply to be waited for, by command.
    NO_REPLY = {b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000, b"T": 0x10000, b"L": 0x80, b"N": 0x40000,
                b"B": 0x80000}
    NOT_WANTED = {b"C": 0x1, b"H": 0x2, b"M": 0x4, b"R": 0x8, b"B": 0x10, b"L": 0x20, b"N": 0x40, b"T": 0x200}

    def __init__(self, folder, records):
        self.path = os.path.join(folder, "opendkim.sock")
        keys = os.path.join(folder, "opendkim.keys")
        conf = os.path.join(folder, "opendkim.conf")
        with open(keys, "w", encoding="ascii") as stream:
            stream.writelines(f"{name} {text}\n" for name, text in records.items())
        with open(conf, "w", encoding="ascii") as stream:
            stream.write(
                f"Mode v\nSocket local:{self.path}\nTestPublicKeys {keys}\nAuthservID test\n"
                f"AlwaysAddARHeader yes\nSyslog no\nMaximumSignaturesToVerify 5\nTemporaryDirectory {folder}\n"
            )
        self.process = subprocess.Popen(["opendkim", "-f", "-x", conf], stderr=subprocess.DEVNULL)
        self.wait()

    def wait(self):
        for _ in range(100):
            try:
                self.connect().close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("opendkim does not start")

    def connect(self):
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(20)
        link.connect(self.path)
        return link

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)

    @staticmethod
    def send(link, command, data=b""):
        link.sendall(struct.pack("!I", len(data) + 1) + command + data)

    @staticmethod
    def receive(link):
        def exactly(n):
            data = b""
            while len(data) < n:
                more = link.recv(n - len(data))
                if not more:
                    raise RuntimeError("opendkim closed the connection")
                data += more
            return data

        packet = exactly(struct.unpack("!I", exactly(4))[0])
        return packet[:1], packet[1:]

    def step(self, link, command, data=b""):
        if self.protocol & self.NOT_WANTED.get(command, 0):
            return
        self.send(link, command, data)
        if not self.protocol & self.NO_REPLY.get(command, 0):
            reply, _ = self.receive(link)
            if reply not in (b"c", b"s"):
                raise RuntimeError(f"opendkim answers {reply!r} to {command!r}")

    def results(self, link):
        """End of message: the words after dkim= in the field that OpenDKIM adds."""
        words = []
        self.send(link, b"E")
        while True:
            reply, data = self.receive(link)
            if reply in (self.INSERT_HEADER, self.ADD_HEADER):
                words += re.findall(rb"\bdkim=(\w+)", data)
            elif reply in b"actrd":
                return [word.decode() for word in words]

    def verify(self, message):
        header, _, body = message.partition(b"\r\n\r\n")
        # SMTP cannot carry a last line without line end, and OpenDKIM, given one, says nothing at all under
        # relaxed. What was signed without it must verify with it (RFC 6376 3.4.3).
        if body and not body.endswith(b"\r\n"):
            body += b"\r\n"
        with self.connect() as link:
            self.send(link, b"O", struct.pack("!III", 6, 0x1FF, 0x1FFFFF))
            _, data = self.receive(link)
            self.protocol = struct.unpack("!III", data[:12])[2]
            self.step(link, b"C", b"client.example\0" + b"4" + struct.pack("!H", 25) + b"192.0.2.1\0")
            self.step(link, b"H", b"client.example\0")
            self.step(link, b"M", b"<ann@example.org>\0")
            self.step(link, b"R", b"<bob@example.net>\0")
            self.step(link, b"T")
            for field in re.split(rb"\r\n(?![ \t])", header):
                name, _, value = field.partition(b":")
                if not self.protocol & self.LEADING_SPACE and value.startswith(b" "):
                    value = value[1:]
                self.step(link, b"L", name + b"\0" + value.replace(b"\r\n", b"\n") + b"\0")
            self.step(link, b"N")
            for at in range(0, len(body), 65535):
                self.step(link, b"B", body[at : at + 65535])
            return self.results(link)


def run(command, message):
    done = subprocess.run(command, input=message, capture_output=True, check=False)
    if done.returncode != 0:
        print(done.stderr.decode(errors="replace"))
    return done.stdout


def python_verifies(message, keys, count):
    checker = dkim.DKIM(message)
    try:
        return all(checker.verify(idx=i, dnsfunc=keys.txt) for i in range(count))
    except dkim.DKIMException as error:
        print(f"python3-dkim: {error}")
        return False


def check_ours(tally, program, keys, opendkim):
    for header in CANONS:
        for body in CANONS:
            for domain, count in (("rsa.example", 1), ("ed25519.example", 1), ("both.example", 2)):
                for name, text in BODIES.items():
                    message = HEADER % domain.encode() + b"\r\n" + text
                    command = [program, "sign", os.path.join(keys.folder, "keys"), domain, header, body]
                    signed = run(command, message)
                    what = f"ours, {header}/{body}, {domain}, {name}"
                    tally.check(f"{what}: {count} signatures", signed.count(b"DKIM-Signature:") == count)
                    tally.check(f"{what}: python3-dkim", python_verifies(signed, keys, count))
                    if opendkim:
                        results = opendkim.verify(signed)
                        tally.check(f"{what}: OpenDKIM {results}", results == ["pass"] * count)


def check_theirs(tally, program, keys, zone):
    for header in CANONS:
        for body in CANONS:
            for algorithm in ("rsa", "ed25519"):
                for name, text in BODIES.items():
                    domain = f"{algorithm}.example".encode()
                    message = HEADER % domain + b"\r\n" + text
                    signature = dkim.sign(
                        message,
                        algorithm.encode(),
                        domain,
                        keys.for_python(algorithm),
                        canonicalize=(header.encode(), body.encode()),
                        signature_algorithm=algorithm.encode() + b"-sha256",
                    )
                    out = run([program, "verify", zone], signature + message).decode()
                    tally.check(f"python3-dkim's, {header}/{body}, {algorithm}, {name}: {out}", out == "pass ok\n")


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD
    program = os.path.join(build, "tests", "conformance", "conform_dkim_sign")
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        keys = Keys(folder)
        zone = os.path.join(folder, "zone.json")
        with open(zone, "w", encoding="ascii") as stream:
            json.dump({name: [{"TXT": text}] for name, text in keys.records.items()}, stream)
        opendkim = OpenDkim(folder, keys.records) if shutil.which("opendkim") else None
        if opendkim is None:
            print("OpenDKIM is not installed: not asked")
        try:
            check_ours(tally, program, keys, opendkim)
        finally:
            if opendkim:
                opendkim.close()
        check_theirs(tally, program, keys, zone)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 and tally.passed else 1


if __name__ == "__main__":
    sys.exit(main())
