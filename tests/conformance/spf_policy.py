#!/usr/bin/python3
"""The RFC 7208 suite through policyd's socket, as Postfix asks, with a DNS server behind.

Usage: spf_policy.py [BUILD_DIRECTORY]

nsd serves the records of one document of $OUTRIDER_VECTORS/spf/rfc7208-tests.yml at a time; between it and policyd
stands a relay that lets the questions without answer get none (TIMEOUT), and that answers for the one name which nsd
cannot serve (two equal records, which it merges). Results are read from the Received-SPF field, explanations from the
reply of a policyd that rejects on fail. Exit 0: all passed, 1: some failed, 77: the suite is not there.
"""
import os
import re
import shutil
import socket
import socketserver
import sys
import tempfile
import threading

import dns.message
import dns.rdatatype
import dns.rrset
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "packaging"))

from lab.daemons import Daemon  # noqa: E402
from lab.nsd import Nsd  # noqa: E402

DEFAULT_VECTORS = os.path.join(ROOT, "..", "shared", "vectors")
DEFAULT_BUILD = os.path.join(ROOT, "build", "dev")
HOST = "mx.home.test"
CONF = """\
user = "root"
hostname = "{host}"
internal-networks = {{}}
listen policy {{ address = {{"unix:{directory}/{name}"}} group = "root" }}
listen srs {{ address = {{"unix:{directory}/{name}-srs"}} group = "root" }}
store = ""
decisions = ""
checks = {{"spf"}}
request-timeout = 3s
dns {{ servers = {{"127.0.0.1:{port}"}} timeout = 1s try-timeout = 400ms }}
{extra}
"""
# Two answers to the same question of the suite's text, where the words of the reply begin and end.
EXPLAINED = re.compile(r"; the domain explains: (.*); see RFC 7208$", re.S)


def as_list(value):
    return value if isinstance(value, list) else [value]


def quoted(text):
    """A character-string of a zone file, whatever bytes it has."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return '"' + "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\' else f"\\{b:03}" for b in data) + '"'


def strings(value):
    parts = value if isinstance(value, list) else [value]
    return [part[i: i + 255] for part in parts for i in range(0, max(len(part), 1), 255)]


def is_name(name):
    labels = name.rstrip(".").split(".")
    return all(0 < len(label.encode()) <= 63 for label in labels) and len(name.encode()) <= 253


def escaped(name):
    return "".join(c if c.isalnum() or c in "-_." else f"\\{ord(c):03}" for c in name)


def rdata(kind, value):
    if kind == "TXT":
        return " ".join(quoted(part) for part in strings(value)) or '""'
    if kind == "MX":
        return f"{value[0]} {escaped(value[1].rstrip('.'))}."
    if kind in ("PTR", "CNAME"):
        return escaped(value.rstrip(".")) + "."
    return value


class Zone:
    """One document's records: for nsd, and what the relay does by itself."""

    def __init__(self, document):
        self.records = []  # (name, type, data)
        self.silent = []  # (name, types that do get an answer)
        for name, entries in document["zonedata"].items():
            kinds = [kind for entry in entries if isinstance(entry, dict) for kind in entry]
            listed = []
            for entry in entries:
                if entry == "TIMEOUT":
                    self.silent.append((name.rstrip(".").lower(), listed))
                    break
                (kind, value), = entry.items()
                if kind == "SPF":
                    if "TXT" in kinds:
                        continue
                    kind = "TXT"
                if value == "NONE":
                    continue
                listed.append(kind)
                if is_name(name):
                    self.records.append((name.rstrip("."), kind, rdata(kind, value)))
        self.doubled = {name.lower(): data for name, kind, data in self.records
                        if self.records.count((name, kind, data)) > 1 and kind == "TXT"}

    def is_silent(self, name, kind):
        listed = [kinds for silent, kinds in self.silent if silent == name]
        known = any(name == record[0].lower() for record in self.records)
        return bool(listed and kind not in listed[0]) or (name.startswith("error.") and not known)


class Relay(socketserver.ThreadingMixIn, socketserver.UDPServer):
    """Questions over UDP, and over TCP on the same port, to nsd and back."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), None)
        self.zone = self.nsd = None
        self.port = self.server_address[1]
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.serve_forever, daemon=True).start()
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def answer(self, wire, over_tcp):
        """None: there is none."""
        question = dns.message.from_wire(wire)
        name = question.question[0].name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.question[0].rdtype)
        if self.zone.is_silent(name, kind):
            return None
        if name in self.zone.doubled and kind == "TXT":
            reply = dns.message.make_response(question)
            for _ in range(2):
                reply.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", "TXT", self.zone.doubled[name]))
            return reply.to_wire()
        if over_tcp:
            with socket.create_connection((self.nsd.address, self.nsd.port), 2) as s:
                s.sendall(len(wire).to_bytes(2, "big") + wire)
                return read_framed(s)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(2)
            s.sendto(wire, (self.nsd.address, self.nsd.port))
            return s.recv(65535)

    def process_request_thread(self, request, client_address):
        wire, out = request
        reply = self.answer(wire, False)
        if reply is not None:
            out.sendto(reply, client_address)

    def serve_tcp(self):
        while True:
            connection = self.tcp.accept()[0]
            with connection:
                wire = read_framed(connection)
                reply = self.answer(wire, True) if wire else None
                if reply is not None:
                    connection.sendall(len(reply).to_bytes(2, "big") + reply)


def read_framed(connection):
    data = b""
    while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
        more = connection.recv(65535)
        if not more:
            return b""
        data += more
    return data[2:]


class Policyd:
    def __init__(self, build, directory, name, port, extra):
        conf = CONF.format(directory=directory, name=name, port=port, extra=extra, host=HOST)
        path = os.path.join(directory, name)
        self.daemon = Daemon(build, directory, name, "outrider-policyd", conf, [path, path + "-srs"]).start()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.replies = self.socket.makefile("rb")
        self.asked = 0

    def ask(self, case):
        self.asked += 1
        attributes = {"request": "smtpd_access_policy", "protocol_state": "RCPT", "client_address": case["host"],
                      "client_name": "unknown", "helo_name": case["helo"], "sender": case["mailfrom"],
                      "recipient": f"x@{HOST}", "instance": f"case.{self.asked}"}
        lines = "".join(f"{name}={value}\n" for name, value in attributes.items())
        self.socket.sendall(lines.encode("utf-8", "surrogateescape") + b"\n")
        action = self.replies.readline().decode("utf-8", "replace").rstrip("\n")
        self.replies.readline()
        return action.removeprefix("action=")

    def stop(self):
        self.socket.close()
        self.daemon.stop()


def fault_of(case, header, reject):
    """What is wrong, or None."""
    action = header.ask(case)
    found = re.match(r"PREPEND Received-SPF: (\w+) ", action)
    if not found or found.group(1) not in as_list(case["result"]):
        return f"{case['result']} expected: {action[:200]}"
    if "explanation" not in case:
        return None
    explained = EXPLAINED.search(reject.ask(case))
    said = explained.group(1) if explained else "DEFAULT"
    return None if said == case["explanation"] else f"explanation {said!r}, not {case['explanation']!r}"


def run_document(document, build, folder, relay):
    """Names of cases and their faults."""
    zone = Zone(document)
    nsd = Nsd(os.path.join(folder, "nsd"))
    for name, kind, data in zone.records:
        if name.lower() not in zone.doubled or kind != "TXT":
            nsd.add(escaped(name), kind, data)
    nsd.start()
    relay.zone, relay.nsd = zone, nsd
    header = Policyd(build, folder, "header", relay.port, "")
    reject = Policyd(build, folder, "reject", relay.port, "spf-on-fail = reject")
    try:
        return [(name, fault_of(case, header, reject)) for name, case in document["tests"].items()]
    finally:
        for server in (header, reject, nsd):
            server.stop()


def main():
    suite = os.path.join(os.environ.get("OUTRIDER_VECTORS", DEFAULT_VECTORS), "spf", "rfc7208-tests.yml")
    build = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD
    if not os.path.exists(suite):
        print(f"SKIPPED spf_policy: no vectors at {suite}")
        return 77
    with open(suite, encoding="utf-8") as stream:
        documents = [document for document in yaml.safe_load_all(stream) if document]
    folder = tempfile.mkdtemp(prefix="outrider-spf-policy-")
    os.chmod(folder, 0o755)
    relay = Relay()
    try:
        results = [result for document in documents for result in run_document(document, build, folder, relay)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    failed = [(name, fault) for name, fault in results if fault]
    for name, fault in failed:
        print(f"{name}: {fault}")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
