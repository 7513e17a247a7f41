"""policyd and a DNS that is dead, slow or lying: a verdict within the deadline, bounded memory, and none the worse after."""

import os
import socket
import struct
import threading
import time

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from lab.daemons import Daemon

CONF = """\
user = "root"
listen policy {{ address = {{"unix:{d}/policy"}} group = "root" }}
listen srs {{ address = {{"unix:{d}/srs"}} group = "root" }}
store = ""
decisions = ""
checks = {{"spf"}}
request-timeout = 2s
dns {{ servers = {{"127.0.0.1:{port}"}} timeout = 1500ms try-timeout = 400ms }}
"""
PASS = "v=spf1 ip4:192.0.2.1 -all"


def txt(name, *values):
    record = dns.rrset.RRset(name, dns.rdataclass.IN, dns.rdatatype.TXT)
    for value in values:
        strings = value if isinstance(value, list) else [value]
        record.add(dns.rdata.from_text("IN", "TXT", " ".join(f'"{s}"' for s in strings)), 60)
    return record


def cname(name, target):
    return dns.rrset.from_text(name, 60, "IN", "CNAME", target)


class Liar(threading.Thread):
    """A DNS whose first label says how it answers; over UDP and TCP on one port."""

    def __init__(self):
        super().__init__(daemon=True)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.port = self.udp.getsockname()[1]
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        self.start()
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def run(self):
        while True:
            wire, client = self.udp.recvfrom(65535)
            question = dns.message.from_wire(wire)
            for answer in getattr(self, "say_" + self.manner(question))(question, False):
                self.udp.sendto(answer, client)

    def serve_tcp(self):
        while True:
            connection = self.tcp.accept()[0]
            with connection:
                connection.settimeout(2)
                try:
                    size = struct.unpack(">H", connection.recv(2))[0]
                    question = dns.message.from_wire(connection.recv(size))
                    for answer in getattr(self, "say_" + self.manner(question))(question, True):
                        connection.sendall(struct.pack(">H", len(answer)) + answer)
                except (OSError, struct.error, dns.exception.DNSException):
                    pass

    @staticmethod
    def manner(question):
        return question.question[0].name.labels[0].decode().rstrip("0123456789")

    @staticmethod
    def reply(question, *records):
        answer = dns.message.make_response(question)
        answer.answer.extend(records)
        return answer

    def honest(self, question):
        return self.reply(question, txt(question.question[0].name, PASS))

    def say_good(self, question, tcp):
        yield self.honest(question).to_wire()

    def say_silent(self, question, tcp):
        return iter(())

    def say_wrongid(self, question, tcp):
        answer = self.honest(question)
        for change in range(1, 60):
            answer.id = (question.id + change) % 65536
            yield answer.to_wire()

    def say_wrongname(self, question, tcp):
        other = dns.message.make_query("other.test", "TXT")
        other.id = question.id
        yield self.honest(other).to_wire()

    def say_wrongtype(self, question, tcp):
        other = dns.message.make_query(question.question[0].name, "A")
        other.id = question.id
        yield self.reply(other, dns.rrset.from_text(question.question[0].name, 60, "IN", "A", "192.0.2.1")).to_wire()

    def say_nocut(self, question, tcp):
        """Truncated over UDP, nothing over TCP."""
        if not tcp:
            answer = self.reply(question)
            answer.flags |= dns.flags.TC
            yield answer.to_wire()

    def say_cut(self, question, tcp):
        """Truncated over UDP, whole over TCP."""
        answer = self.honest(question) if tcp else self.reply(question)
        if not tcp:
            answer.flags |= dns.flags.TC
        yield answer.to_wire()

    def say_loop(self, question, tcp):
        name = question.question[0].name
        yield self.reply(question, cname(name, "loop2.test."), cname("loop2.test.", name.to_text())).to_wire()

    def say_chain(self, question, tcp):
        """Every name is an alias of the next one, for ever."""
        number = int(question.question[0].name.labels[0].decode()[5:] or 0)
        yield self.reply(question, cname(question.question[0].name, f"chain{number + 1}.test.")).to_wire()

    def say_strings(self, question, tcp):
        """One record of 1,000 strings."""
        name = question.question[0].name
        answer = self.reply(question, txt(name, [PASS.replace("-all", "")] + ["ip4:198.51.100.1 "] * 998 + ["-all"]))
        if not tcp:
            answer = self.reply(question)
            answer.flags |= dns.flags.TC
        yield answer.to_wire(max_size=65535)

    def say_records(self, question, tcp):
        """1,000 records, the last one SPF."""
        name = question.question[0].name
        answer = self.reply(question, txt(name, *[f"x{i}" for i in range(999)], PASS))
        if not tcp:
            answer = self.reply(question)
            answer.flags |= dns.flags.TC
        yield answer.to_wire(max_size=65535)

    def say_garbage(self, question, tcp):
        head = struct.pack(">H", question.id)
        yield head
        yield head + os.urandom(500)
        yield head + self.honest(question).to_wire()[2:-9]
        yield b""

    def say_pointers(self, question, tcp):
        """A name that is compressed into itself."""
        asked = dns.message.make_query(question.question[0].name, "TXT").to_wire()[12:]
        itself = struct.pack(">H", 0xc000 + 12 + len(asked))
        yield question.to_wire()[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + asked + itself * 200


@pytest.fixture(scope="module")
def world(build, temp_directory):
    d = os.path.join(temp_directory, "policyd-dns")
    os.makedirs(d)
    liar = Liar()
    daemon = Daemon(str(build), d, "policyd", "outrider-policyd", CONF.format(d=d, port=liar.port),
                    [f"{d}/policy", f"{d}/srs"]).start()
    yield d, daemon
    daemon.stop()


def ask(d, domain):
    """(SPF's word, seconds)"""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(15)
        s.connect(f"{d}/policy")
        began = time.monotonic()
        s.sendall(("request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.1\nhelo_name=good.test\n"
                   f"sender=x@{domain}\nrecipient=bob@home.test\ninstance={domain}\n\n").encode())
        reply = s.makefile("rb").readline().decode()
    assert reply.startswith("action=PREPEND Received-SPF: "), reply
    return reply.split()[2], time.monotonic() - began


def rss_kib(daemon):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


@pytest.mark.parametrize(
    "domain, word",
    [
        ("good.test", "pass"),
        ("silent.test", "temperror"),
        ("wrongid.test", "temperror"),
        ("wrongname.test", "temperror"),
        ("wrongtype.test", "temperror"),
        ("nocut.test", "temperror"),
        ("cut.test", "pass"),
        ("loop.test", "temperror"),
        ("chain.test", "temperror"),
        ("strings.test", "temperror"),  # more than is read of an answer
        ("records.test", "temperror"),
        ("garbage.test", "temperror"),
        ("pointers.test", "temperror"),
    ],
)
def test_verdict_within_the_deadline(world, domain, word):
    d, daemon = world
    said, seconds = ask(d, domain)
    assert said == word
    assert seconds < 3
    assert ask(d, "good.test")[0] == "pass", "and the next one is served"


def test_memory_is_bounded(world):
    d, daemon = world
    for kind in ("strings", "records", "chain", "loop"):
        ask(d, f"{kind}.test")
    before = rss_kib(daemon)
    threads = [threading.Thread(target=ask, args=(d, f"{kind}.n{i}.test"))
               for i in range(60) for kind in ("strings", "records")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    instrumented = "asan" in open(f"/proc/{daemon.process.pid}/maps", encoding="utf-8").read()
    assert rss_kib(daemon) - before < (400 if instrumented else 32) * 1024
    assert ask(d, "good.test")[0] == "pass"


def test_dead_server(build, temp_directory):
    d = os.path.join(temp_directory, "policyd-no-dns")
    os.makedirs(d)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    daemon = Daemon(str(build), d, "policyd", "outrider-policyd", CONF.format(d=d, port=port),
                    [f"{d}/policy", f"{d}/srs"]).start()
    try:
        word, seconds = ask(d, "good.test")
        assert word == "temperror" and seconds < 3
    finally:
        daemon.stop()
