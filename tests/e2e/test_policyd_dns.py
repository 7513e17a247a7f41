"""policyd's SPF answers while DNS is silent, slow, lying, looping or flooding: in time, with the right word, in bounded
memory, and a good domain is judged right afterwards."""

import concurrent.futures
import os
import random
import re
import socket
import struct
import threading
import time
import types

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from conftest import assert_no_sanitizer_spoke
from lab.daemons import Daemon
from lab.process import free_port
from policy_tools import Policy

MIB = 1024 * 1024
REQUEST_TIMEOUT = 2.0
SLACK = 1.0
FAILURE_KEPT = 5.0  # by the cache of answers (RFC 9520)
CLIENT = "192.0.2.1"
GOOD = "v=spf1 ip4:192.0.2.1 -all"
# What the cache may keep (4 MiB) and sixteen workers with an answer each, with what a sanitizer adds to it.
MEMORY_GROWTH = 40 * MIB
# Freed memory that AddressSanitizer holds back is no use of ours: 256 MiB of it by default.
SMALL_QUARANTINE = "quarantine_size_mb=1:thread_local_quarantine_size_kb=16"
MAX_CNAMES = 8  # DNS_MAX_CNAMES of common/dns/dns.h
STRAYS = 200  # more than one try puts up with
CONF = """\
user = "root"
hostname = "mx.test"
internal-networks = {{}}
listen policy {{ address = {{"unix:{d}/{name}"}} group = "root" }}
listen srs {{ address = {{"unix:{d}/{name}-srs"}} group = "root" }}
store = ""
decisions = ""
checks = {{"spf"}}
request-timeout = 2s
dns {{ servers = {{"127.0.0.1:{port}"}} timeout = 1500ms try-timeout = 400ms }}
"""


def txt(*strings):
    """The data of one TXT record."""
    return " ".join('"' + string + '"' for string in strings)


def answer(query, *records, kind="TXT", flags=0):
    reply = dns.message.make_response(query)
    reply.flags |= flags
    name = query.question[0].name
    for record in records:
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, record))
    return reply.to_wire(max_size=65535)


def failure(query, rcode):
    reply = dns.message.make_response(query)
    reply.set_rcode(rcode)
    return reply.to_wire()


def truncated(query):
    return answer(query, flags=dns.flags.TC)


def spf_of_others(query, name="elsewhere.test"):
    """An answer that would let the client pass, to a question that was not asked."""
    other = dns.message.make_query(name, query.question[0].rdtype)
    other.id = query.id
    return answer(other, txt(GOOD))


def wrong_type(query):
    other = dns.message.make_query(query.question[0].name, "A")
    other.id = query.id
    return answer(other, CLIENT, kind="A")


def pointers(query):
    """A record whose name is compressed into itself."""
    question = query.question[0].name.to_wire() + struct.pack(">HH", query.question[0].rdtype, 1)
    itself = struct.pack(">H", 0xC000 + 12 + len(question))
    return struct.pack(">HHHHHH", query.id, 0x8180, 1, 1, 0, 0) + question + itself * 200


def wrong_id(query):
    wire = answer(query, txt(GOOD))
    return struct.pack(">H", (query.id + 1) & 0xFFFF) + wire[2:]


def aliases(query, names):
    """The question's name is an alias of the next, and so on; the last one has a record that passes."""
    reply = dns.message.make_response(query)
    for name, target in zip(names, names[1:]):
        reply.answer.append(dns.rrset.from_text(name + ".", 60, "IN", "CNAME", target + "."))
    if names[-1] not in names[:-1]:
        reply.answer.append(dns.rrset.from_text(names[-1] + ".", 60, "IN", "TXT", txt(GOOD)))
    return reply.to_wire(max_size=65535)


def chain(query, count):
    return aliases(query, [asked(query)] + [f"a{i}.chained.test" for i in range(count)])


def open_alias(query):
    """x<n>: one CNAME at a time, without end, each a question of its own."""
    first, _, rest = asked(query).partition(".")
    return answer(query, f"x{int(first[1:]) + 1}.{rest}.", kind="CNAME")


def asked(query):
    return query.question[0].name.to_text(omit_final_dot=True).lower()


def garbage(query, keep):
    """Noise; its first bytes may be those of a right answer, so that reading it gets that far."""
    return answer(query, txt(GOOD))[:keep] + random.Random(query.id).randbytes(random.randrange(0, 1200))


def padded(size):
    """A right record among so many others that the answer has about `size` bytes."""
    return [txt(GOOD)] + [txt("x" * 250, f"{i:05}") for i in range(size // 270)]


# The label before "bad.test": what is sent over UDP, after how many seconds each; None: nothing.
UDP = {
    "silent": lambda q: [],
    "slow": lambda q: [(1.0, answer(q, txt(GOOD)))],
    "late": lambda q: [(0.2, answer(q, txt(GOOD)))],
    "refused": lambda q: [(0, failure(q, dns.rcode.REFUSED))],
    "servfail": lambda q: [(0, failure(q, dns.rcode.SERVFAIL))],
    "absent": lambda q: [(0, failure(q, dns.rcode.NXDOMAIN))],
    "wrong-id": lambda q: [(0, wrong_id(q))],
    "wrong-question": lambda q: [(0, spf_of_others(q))],
    "wrong-type": lambda q: [(0, wrong_type(q))],
    "pointers": lambda q: [(0, pointers(q))],
    "strays-then-right": lambda q: [(0, wrong_id(q)), (0, spf_of_others(q)), (0.05, answer(q, txt(GOOD)))],
    "flood": lambda q: [(0, wrong_id(q))] * STRAYS,
    "oversized": lambda q: [(0, answer(q, *padded(48000)))],
    "loop": lambda q: [(0, aliases(q, [asked(q), "b.looping.test", asked(q)]))],
    "self": lambda q: [(0, aliases(q, [asked(q), asked(q)]))],
    "chain": lambda q: [(0, chain(q, MAX_CNAMES))],
    "long-chain": lambda q: [(0, chain(q, MAX_CNAMES + 1))],
    "chain-of-100": lambda q: [(0, chain(q, 100)[:4000])],
    "open-chain": lambda q: [(0, open_alias(q))],
    "noise": lambda q: [(0, garbage(q, 0))],
    "noise-after-id": lambda q: [(0, garbage(q, 2))],
    "noise-after-head": lambda q: [(0, garbage(q, 12))],
    "cut": lambda q: [(0, answer(q, txt(GOOD))[:-9])],
    "empty": lambda q: [(0, b"")],
    "slow-includes": lambda q: [(0.3, answer(q, txt(f"v=spf1 include:y.{asked(q)} -all")))],
}
# Sent over TCP after a truncated answer over UDP, in pieces this many seconds apart; None: closed at once.
TCP = {
    "tcp-right": lambda q: (0, [framed(answer(q, txt(GOOD)))]),
    "tcp-closed": lambda q: None,
    "tcp-silent": lambda q: (9, [b"", b""]),
    "tcp-drip": lambda q: (0.1, [b"\xff\xff"] + [b"x"] * 90),
    "tcp-short": lambda q: (0, [b"\xff\xff" + answer(q, txt(GOOD))]),
    "tcp-wrong-question": lambda q: (0, [framed(spf_of_others(q))]),
    "tcp-oversized": lambda q: (0, [framed(answer(q, *padded(60000)))]),
    "tcp-truncated": lambda q: (0, [framed(truncated(q))]),
    "strings": lambda q: (0, [framed(answer(q, txt("v=spf1 ", *["  "] * 998, GOOD[7:])))]),
    "long-strings": lambda q: (0, [framed(answer(q, txt(GOOD[:-4], *["ip4:198.51.100.1 "] * 998, "-all")))]),
    "records": lambda q: (0, [framed(answer(q, txt(GOOD), *[txt(f"{i}") for i in range(999)]))]),
    "spf-records": lambda q: (0, [framed(answer(q, *[txt(f"v=spf1 ip4:192.0.2.1 exp=x{i}") for i in range(300)]))]),
}


def framed(wire):
    return struct.pack(">H", len(wire)) + wire


class HostileDns:
    """UDP and TCP on one port of 127.0.0.1."""

    def __init__(self, port):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", port))
        self.tcp = socket.create_server(("127.0.0.1", port), backlog=64)
        for work in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=work, daemon=True).start()

    def serve_udp(self):
        while True:
            wire, peer = self.udp.recvfrom(4096)
            query = dns.message.from_wire(wire)
            for delay, reply in replies(query):
                if delay:
                    threading.Timer(delay, self.udp.sendto, (reply, peer)).start()
                else:
                    self.udp.sendto(reply, peer)

    def serve_tcp(self):
        while True:
            threading.Thread(target=talk_tcp, args=(self.tcp.accept()[0],), daemon=True).start()


def behaviour(query):
    labels = asked(query).split(".")
    return labels[-3] if labels[-2:] == ["bad", "test"] else ""


def replies(query):
    """(seconds to wait, bytes) of each datagram."""
    name = behaviour(query)
    if name in TCP:
        return [(0, truncated(query))]
    return UDP[name](query) if name else [(0, answer(query, txt(GOOD)))]


def talk_tcp(connection):
    with connection:
        stream = connection.makefile("rb")
        size = struct.unpack(">H", stream.read(2))[0]
        query = dns.message.from_wire(stream.read(size))
        talk = TCP.get(behaviour(query))  # noise over UDP may have had the bit of a truncated answer
        pause, pieces = talk and talk(query) or (0, [])
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        except OSError:
            pass  # policyd has had enough


class Subject:
    def __init__(self, build, directory, name, port):
        self.path = os.path.join(directory, name)
        self.daemon = Daemon(str(build), directory, name, "outrider-policyd",
                             CONF.format(d=directory, name=name, port=port), [self.path, self.path + "-srs"])
        options = os.environ.get("ASAN_OPTIONS", "")
        self.daemon.env = {"ASAN_OPTIONS": f"{options}:{SMALL_QUARANTINE}".lstrip(":")}
        self.daemon.start()

    def ask(self, domain):
        """(the result, seconds)."""
        began = time.monotonic()
        action = Policy(self.path).ask(client_address=CLIENT, helo_name="[192.0.2.1]", sender=f"a@{domain}")
        found = re.match(r"PREPEND Received-SPF: (\w+) ", action)
        assert found, action
        return found.group(1), time.monotonic() - began


@pytest.fixture(scope="module")
def subject_policyd(build, temp_directory):
    port = free_port()
    HostileDns(port)
    subject = Subject(build, temp_directory, "policy", port)
    yield subject
    subject.daemon.stop()
    assert_no_sanitizer_spoke(types.SimpleNamespace(daemons=[subject.daemon]))


EXPECTED = {
    "late": "pass", "strays-then-right": "pass", "chain": "pass", "tcp-right": "pass", "strings": "pass",
    "records": "pass",
    "absent": "none",
    "spf-records": "permerror",  # RFC 7208 4.5: more than one record
}


@pytest.mark.parametrize("name", [*UDP, *TCP])
def test_answer_is_in_time_and_a_good_domain_right_afterwards(subject_policyd, name):
    first = "x1." if name == "open-chain" else ""
    result, took = subject_policyd.ask(f"{first}{name}.bad.test")
    assert took < REQUEST_TIMEOUT + SLACK
    assert result == EXPECTED.get(name, "temperror")
    result, took = subject_policyd.ask(f"{name}.good.test")
    assert result == "pass" and took < SLACK


def test_port_is_closed_and_opens_later(build, temp_directory):
    port = free_port()
    subject = Subject(build, temp_directory, "dead", port)
    try:
        result, took = subject.ask("good.test")
        assert result == "temperror" and took < REQUEST_TIMEOUT + SLACK
        HostileDns(port)
        assert subject.ask("other.good.test")[0] == "pass"
        until = time.monotonic() + FAILURE_KEPT + SLACK
        while subject.ask("good.test")[0] != "pass":
            assert time.monotonic() < until, "a failure is kept for a few seconds only"
            time.sleep(0.2)
    finally:
        subject.daemon.stop()


def test_all_at_the_same_time_in_bounded_memory(subject_policyd):
    """Every behaviour six times under names of its own, sixteen requests at once, no one later than alone."""
    names = [name for name in (*UDP, *TCP) if name != "open-chain"] * 6
    random.Random(1).shuffle(names)
    before = subject_policyd.daemon.status_bytes("VmRSS")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        found = list(pool.map(subject_policyd.ask, (f"n{i}.{name}.bad.test" for i, name in enumerate(names))))
    grown = subject_policyd.daemon.status_bytes("VmHWM") - before
    wrong = [(name, result) for name, (result, _) in zip(names, found) if result != EXPECTED.get(name, "temperror")]
    print(f"{len(names)} requests, slowest {max(took for _, took in found):.2f} s, {grown / MIB:.1f} MiB more")
    assert not wrong
    assert max(took for _, took in found) < REQUEST_TIMEOUT + SLACK
    assert grown < MEMORY_GROWTH
    assert subject_policyd.ask("after.good.test")[0] == "pass"
