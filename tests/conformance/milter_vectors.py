#!/usr/bin/python3
"""The DKIM and ARC messages of the vectors through a running outrider-milter, as Postfix would send them.

Usage: milter_vectors.py [BUILD_DIRECTORY]

The milter protocol over a unix socket, keys from a DNS server on loopback that has one case's zone at a time and gives
answers without a lifetime; results are read from the Authentication-Results field that the milter adds. A case whose
zone says so gets no answer, or SERVFAIL. Sealing: the messages of arc/sign.json are sealed by the milter and must
validate in it (their time and results cannot be given over the protocol; conform_arc compares those). Exit 0: all
passed, 1: some failed, 77: the vectors are not there.
"""
import json
import os
import re
import shutil
import socket
import sys
import tempfile
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "packaging"), os.path.join(ROOT, "tests", "support")]

from lab.daemons import Daemon  # noqa: E402
from milter_client import MilterClient, insert_fields  # noqa: E402

DEFAULT_VECTORS = os.path.join(ROOT, "..", "shared", "vectors")
DEFAULT_BUILD = os.path.join(ROOT, "build", "dev")
ID = "vectors.test"
# The word for a message with several signatures, as conform_dkim has it.
ORDER = ["pass", "temperror", "fail", "policy", "neutral", "permerror", "none"]
CONF = """\
user = "root"
listen milter {{ address = {{"unix:{directory}/milter"}} group = "root" }}
authserv-id = "{id}"
policyd = ""
key-directory = "{directory}/dkim"
state-directory = "{directory}"
dns {{ servers = {{"127.0.0.1:{port}"}} timeout = 1s try-timeout = 300ms }}
{extra}
"""


class Zone(threading.Thread):
    """Answers TXT questions from `records`, a zone as the vectors write it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.records = {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def set(self, records):
        self.records = {name.lower().rstrip("."): entries for name, entries in records.items()}

    def answer(self, query):
        question = query.question[0]
        entries = self.records.get(question.name.to_text().lower().rstrip("."))
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if entries is None or "NXDOMAIN" in entries:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif "SERVFAIL" in entries:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif "TIMEOUT" in entries:
            return None
        elif question.rdtype == dns.rdatatype.TXT:
            texts = [entry["TXT"] if isinstance(entry["TXT"], list) else [entry["TXT"]] for entry in entries]
            reply.answer.append(dns.rrset.from_text_list(question.name, 0, "IN", "TXT", [quote(text) for text in texts]))
        return reply

    def run(self):
        while True:
            data, peer = self.socket.recvfrom(4096)
            reply = self.answer(dns.message.from_wire(data))
            if reply is not None:
                self.socket.sendto(reply.to_wire(max_size=65535), peer)


def quote(strings):
    """Character-strings of at most 255 bytes, as a zone file has them."""
    parts = [text[at:at + 255] for text in strings for at in range(0, max(len(text), 1), 255)]
    return " ".join('"' + re.sub(r'(["\\;])', r"\\\1", part) + '"' for part in parts)


class Milter:
    def __init__(self, build, directory, zone):
        self.build, self.directory, self.zone = build, directory, zone
        self.daemon = None
        os.makedirs(os.path.join(directory, "dkim"), exist_ok=True)

    def start(self, extra=""):
        """Anew for every zone: a failed look-up is remembered for some seconds."""
        self.stop()
        config = CONF.format(directory=self.directory, id=ID, port=self.zone.port, extra=extra)
        self.daemon = Daemon(self.build, self.directory, "milter", "outrider-milter", config,
                             [os.path.join(self.directory, "milter")]).start()

    def stop(self):
        if self.daemon:
            self.daemon.stop()
            self.daemon = None

    def send(self, message):
        with MilterClient(os.path.join(self.directory, "milter")) as client:
            client.connect("192.0.2.1")
            return client.message(message)

    def results(self, message, method):
        """The words of a method in the field that the milter adds."""
        answer = self.send(message)
        fields = answer.inserted("Authentication-Results")
        assert len(fields) == 1, (answer.reply, answer.text, fields)
        text = re.sub(r'"(\\.|[^"\\])*"|\((\\.|[^()\\])*\)', "", fields[0].decode("utf-8", "replace"))
        return re.findall(rf";\s*{method}=(\w+)", text)


def read_message(path, eol):
    with open(path, "rb") as stream:
        message = stream.read()
    if eol != "crlf":
        message = re.sub(rb"(?<!\r)\n", b"\r\n", message)
    return message if message.endswith(b"\r\n") else message + b"\r\n"


class Tally:
    def __init__(self):
        self.passed = self.failed = self.left_out = 0

    def check(self, what, good, said):
        self.passed += bool(good)
        self.failed += not good
        if not good:
            print(f"FAIL {what}: {said}")


def by_zone(index):
    """(zone, its cases that are not left out), zone after zone."""
    groups = {}
    for case in index["cases"]:
        zone = case["zonedata"] if "zonedata" in case else index["zones"][case["zone"]]
        groups.setdefault(json.dumps(zone, sort_keys=True), (zone, []))[1].append(case)
    return groups.values()


def verify(tally, milter, folder, method):
    name = {"dkim": "cases.json", "arc": "validate.json"}[method]
    with open(os.path.join(folder, method, name), encoding="utf-8") as stream:
        index = json.load(stream)
    for zone, cases in by_zone(index):
        milter.zone.set(zone)
        milter.start()
        for case in cases:
            if case.get("skip"):
                tally.left_out += 1
                continue
            words = milter.results(read_message(os.path.join(folder, method, case["message"]), case["eol"]), method)
            word = min(words, key=ORDER.index) if words else "no result"
            # Of disputed ARC results the first is RFC 8301's.
            expect = case["expect"] if method == "dkim" else case["expect"][:1]
            tally.check(f"{method} {case['name']} (expects {expect})", word in expect, words)


def seal(tally, milter, folder):
    with open(os.path.join(folder, "arc", "sign.json"), encoding="utf-8") as stream:
        cases = json.load(stream)["cases"]
    for case in cases:
        keys = os.path.join(milter.directory, "dkim", case["domain"])
        shutil.rmtree(keys, ignore_errors=True)
        os.makedirs(keys)
        path = os.path.join(keys, case["selector"] + ".pem")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as stream:
            stream.write(case["privatekey"])
        milter.zone.set(case["zonedata"])
        milter.start(f'arc-seal = always\narc-seal-domain = "{case["domain"]}"\n'
                     f'arc-seal-selector = "{case["selector"]}"')
        message = read_message(os.path.join(folder, "arc", case["message"]), case["eol"])
        answer = milter.send(message)
        seals = answer.inserted("ARC-Seal")
        if not case["AS"]:
            tally.check(f"seal {case['name']}: no set", not seals, seals)
            continue
        wanted = "fail" if "cv=fail" in case["AS"] else "pass"
        words = milter.results(insert_fields(message, answer), "arc") if seals else []
        tally.check(f"seal {case['name']} (expects {wanted})", words == [wanted], words)


def main():
    build = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD)
    folder = os.environ.get("OUTRIDER_VECTORS", DEFAULT_VECTORS)
    if not os.path.isdir(os.path.join(folder, "dkim")):
        print(f"skipped: there are no vectors in {folder}")
        return 77
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="outrider-vectors-") as directory:
        milter = Milter(build, directory, Zone())
        try:
            verify(tally, milter, folder, "dkim")
            verify(tally, milter, folder, "arc")
            seal(tally, milter, folder)
        finally:
            milter.stop()
    print(f"{tally.left_out} left out: marked so in the vectors")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 and tally.passed else 1


if __name__ == "__main__":
    sys.exit(main())
