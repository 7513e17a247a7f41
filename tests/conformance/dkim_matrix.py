#!/usr/bin/python3
"""Do others verify what we sign, and do we verify what they sign? Prints a matrix.

Usage: dkim_matrix.py [BUILD_DIRECTORY]

Peers: python3-dkim, OpenDKIM, Mail::DKIM, rspamd. Messages: tests/support/odd_messages.py, the named ones with all four
canonicalizations and RSA, Ed25519 and both at once; the generated ones with one of those in turn. A cell is how many
of the messages passed. Exit 0: all passed, 1: some failed, 77: python3-dkim is not there.
"""

import collections
import json
import os
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "packaging"), os.path.join(ROOT, "tests", "support")]

try:
    import dkim  # noqa: F401
    import nacl.signing  # noqa: F401 (python3-dkim needs it for Ed25519)
except ImportError as error:
    print(f"SKIPPED dkim_matrix: {error}")
    sys.exit(77)

import dkim_peers  # noqa: E402
import odd_messages  # noqa: E402
from lab.nsd import Nsd  # noqa: E402

DEFAULT_BUILD = os.path.join(ROOT, "build", "dev")
DOMAINS = {"rsa.example": ("rsa",), "ed25519.example": ("ed25519",), "both.example": ("rsa", "ed25519")}

Case = collections.namedtuple("Case", "name wish message")


def has_blank_body(case):
    """Of white space alone, which relaxed makes the empty body (RFC 6376 3.4.4)."""
    body = case.message.partition(b"\r\n\r\n")[2]
    return case.wish[2] == "relaxed" and body.strip(b"\r\n") and not body.strip()


# Where a peer is alone against all the others: direction, peer, which cases, why they are not counted.
NOT_ASKED = [
    ("sign", "OpenDKIM", lambda case: case.wish[:2] == ("ed25519.example", "simple"),
     "folds the field anew after it has signed it: nobody verifies that, itself included"),
    ("verify", "rspamd", lambda case: case.name == "header: repeated singletons", "fails such a message on purpose"),
    ("sign", "rspamd", lambda case: case.name == "header: repeated singletons", "signs such a message wrongly on purpose"),
    ("verify", "rspamd", has_blank_body, "does not take a body of white space for an empty one"),
    ("sign", "rspamd", has_blank_body, "does not take a body of white space for an empty one"),
]


class Matrix:
    def __init__(self):
        self.cells = {}  # (direction, peer) -> {(domain, canons): [passed, all]}
        self.passed = self.failed = 0

    def count(self, direction, peer, case, good, got):
        domain, *canons = case.wish
        row = self.cells.setdefault((direction, peer), {})
        cell = row.setdefault((domain, "/".join(canons)), [0, 0])
        cell[0] += good
        cell[1] += 1
        self.passed += good
        self.failed += not good
        if not good:
            print(f"FAIL {direction} {peer}, {' '.join(case.wish)}, {case.name}: {got}")

    def print(self):
        canons = ["/".join(pair) for pair in dkim_peers.CANONS]
        print(f"{'':34}{'':17}" + "".join(f"{name:>17}" for name in canons))
        for (direction, peer), row in self.cells.items():
            for domain in DOMAINS:
                cells = [row.get((domain, name)) for name in canons]
                if any(cells):
                    words = [f"{cell[0]} of {cell[1]}" if cell else "-" for cell in cells]
                    print(f"{direction + ' ' + peer:34}{domain:17}" + "".join(f"{word:>17}" for word in words))


def make_cases(canons, domains):
    """Every odd message with every wish; every generated one with one of them."""
    wishes = [(domain, *pair) for domain in domains for pair in canons]
    cases = [Case(name, wish, odd_messages.for_domain(message, wish[0]))
             for name, message in odd_messages.odd() for wish in wishes]
    for number, (name, message) in enumerate(odd_messages.generated()):
        wish = wishes[number % len(wishes)]
        cases.append(Case(name, wish, odd_messages.for_domain(message, wish[0])))
    return cases


def asked(direction, peer, cases):
    rows = [applies for what, name, applies, _ in NOT_ASKED if (what, name) == (direction, peer.name)]
    known = [case for case in cases if set(DOMAINS[case.wish[0]]) & set(peer.algorithms)]
    return [case for case in known if not any(applies(case) for applies in rows)]


def check_ours(matrix, ours, peers):
    cases = make_cases(dkim_peers.CANONS, DOMAINS)
    signed = dict(zip(cases, ours.sign([case.wish for case in cases], [case.message for case in cases])))
    for case, message in signed.items():
        count = message.count(b"DKIM-Signature:")
        matrix.count("signed by", "ours", case, count == len(DOMAINS[case.wish[0]]), f"{count} signatures")
    for peer in [ours, *peers]:
        mine = asked("verify", peer, cases)
        for case, words in zip(mine, peer.verify([odd_messages.as_smtp_carries(signed[case]) for case in mine])):
            known = set(DOMAINS[case.wish[0]]) & set(peer.algorithms)
            good = sum(word in ("pass", "pass ok") for word in words)
            matrix.count("ours verified by", peer.name, case, good == len(known), words)


def check_theirs(matrix, ours, peer):
    domains = [f"{algorithm}.example" for algorithm in peer.algorithms]
    cases = asked("sign", peer, make_cases(peer.canons, domains))
    messages = [odd_messages.as_smtp_carries(case.message) for case in cases]
    signed = peer.sign([case.wish for case in cases], messages)
    for case, words in zip(cases, ours.verify(signed)):
        matrix.count("we verify", peer.name, case, words == ["pass ok"], words)


def start_nsd(folder, keys):
    nsd = Nsd(os.path.join(folder, "dns"))
    for name, text in keys.records.items():
        nsd.add_txt(name, text)
    return nsd.start()


def make_peers(folder, keys, nsd):
    peers = [dkim_peers.PythonDkim(keys), dkim_peers.OpenDkim(folder, keys), dkim_peers.MailDkim(keys, nsd),
             dkim_peers.Rspamd(folder, keys, nsd)]
    missing = [peer for peer in peers if not os.path.exists(getattr(peer, "PROGRAM", "/"))]
    for peer in missing:
        print(f"{peer.name} is not installed: not asked")
    return [peer for peer in peers if peer not in missing]


def run(matrix, program, folder):
    keys = dkim_peers.Keys(folder)
    zone = os.path.join(folder, "zone.json")
    with open(zone, "w", encoding="ascii") as stream:
        json.dump({name: [{"TXT": text}] for name, text in keys.records.items()}, stream)
    ours = dkim_peers.Ours(program, keys, zone)
    nsd = start_nsd(folder, keys)
    peers = make_peers(folder, keys, nsd)
    rspamd = next((peer.server for peer in peers if peer.name == "rspamd"), None)
    try:
        if rspamd:
            rspamd.start()
        check_ours(matrix, ours, peers)
        for peer in peers:
            check_theirs(matrix, ours, peer)
    finally:
        if rspamd:
            rspamd.stop()
        nsd.stop()


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD
    matrix = Matrix()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # nsd and rspamd run as users of their own
        run(matrix, os.path.join(build, "tests", "conformance", "conform_dkim_sign"), folder)
    matrix.print()
    for direction, peer, _, reason in NOT_ASKED:
        print(f"not asked to {direction}: {peer} {reason}")
    print(f"{matrix.passed} passed, {matrix.failed} failed")
    return 0 if matrix.failed == 0 and matrix.passed else 1


if __name__ == "__main__":
    sys.exit(main())
