"""authd's sockets, byte for byte as Postfix and Dovecot were seen to use them."""

import base64
import os
import re
import socket
import subprocess
import time

import pytest

from lab.daemons import Daemon, program_path

CONF = """\
user = "root"
database = "{d}/accounts.sqlite"
store = "sqlite:{d}/state.sqlite"
logins = "{d}/logins.sqlite"
mail-uid = 5000
mail-gid = 5000
mail-home = "/srv/mail/%d/%n"
failure-delay = 500ms
listen sasl {{ address = {{"unix:{d}/sasl"}} group = "root" }}
listen maps {{ address = {{"unix:{d}/maps"}} group = "root" }}
listen dovecot-login {{ address = {{"unix:{d}/login"}} group = "root" }}
listen dovecot-master {{ address = {{"unix:{d}/master"}} }}
"""


@pytest.fixture(scope="module")
def authd(build, temp_directory):
    d = temp_directory
    daemon = Daemon(str(build), d, "authd", "outrider-authd", CONF.format(d=d),
                    [f"{d}/{name}" for name in ("sasl", "maps", "login", "master")])
    daemon.write_config()
    daemon.directory = d

    def cli(*words, stdin=None):
        command = [program_path(str(build), "outrider"), *words, f"--database={d}/accounts.sqlite"]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout

    daemon.cli = cli
    cli("domain", "add", "home.test")
    cli("user", "add", "bob@home.test", "--password-stdin", stdin="pw word\n")
    cli("user", "add", "eve@home.test", "--password-stdin", stdin="other\n")
    daemon.start()
    yield daemon
    daemon.stop()


class Line:
    """A line-wise connection to one of the sockets."""

    def __init__(self, authd, name):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(15)
        self.socket.connect(os.path.join(authd.directory, name))
        self.file = self.socket.makefile("rb")

    def send(self, *lines):
        self.socket.sendall(b"".join(line.encode() + b"\n" for line in lines))

    def read(self):
        return self.file.readline().decode().rstrip("\n")

    def greeting(self):
        lines = []
        while not lines or lines[-1] not in ("DONE", ""):
            lines.append(self.read())
        return lines

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()


def plain(user, password, authzid=""):
    return base64.b64encode(f"{authzid}\0{user}\0{password}".encode()).decode()


def login(authd, kind="sasl", cpid="10655"):
    line = Line(authd, kind)
    line.greeting()
    line.send("VERSION\t1\t0", f"CPID\t{cpid}")
    return line


def test_greeting_is_what_both_clients_need(authd):
    with Line(authd, "sasl") as line:
        greeting = line.greeting()
    assert greeting[0] == "VERSION\t1\t4"
    assert "MECH\tPLAIN\tplaintext" in greeting and "MECH\tLOGIN\tplaintext" in greeting
    mechs = max(i for i, text in enumerate(greeting) if text.startswith("MECH"))
    spid = next(i for i, text in enumerate(greeting) if text.startswith("SPID"))
    assert mechs < spid, "Postfix: wrong auth socket otherwise"
    assert any(re.fullmatch(r"COOKIE\t[0-9a-f]{32}", text) for text in greeting)
    assert any(re.fullmatch(r"CUID\t\d+", text) for text in greeting)
    assert greeting[-1] == "DONE"


def test_plain_with_initial_response(authd):
    with login(authd) as line:
        line.send("AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\trip=127.0.0.1\tresp="
                  + plain("bob@home.test", "pw word"))
        assert line.read() == "OK\t1\tuser=bob@home.test"


def test_mechanism_name_in_any_case_and_canonical_user(authd):
    with login(authd) as line:
        line.send("AUTH\t1\tplain\tservice=smtp\tnologin\tresp=" + plain("Bob@HOME.test", "pw word"))
        assert line.read() == "OK\t1\tuser=bob@home.test"


def test_plain_without_initial_response_gets_an_empty_challenge(authd):
    with login(authd) as line:
        line.send("AUTH\t4\tPLAIN\tservice=smtp\tnologin")
        assert line.read() == "CONT\t4\t", "the field must exist though it is empty"
        line.send("CONT\t4\t" + plain("bob@home.test", "pw word"))
        assert line.read() == "OK\t4\tuser=bob@home.test"


def test_login_asks_for_user_and_password(authd):
    with login(authd) as line:
        line.send("AUTH\t3\tLOGIN\tservice=smtp\tnologin")
        assert line.read() == "CONT\t3\tVXNlcm5hbWU6"
        line.send("CONT\t3\t" + base64.b64encode(b"bob@home.test").decode())
        assert line.read() == "CONT\t3\tUGFzc3dvcmQ6"
        line.send("CONT\t3\t" + base64.b64encode(b"pw word").decode())
        assert line.read() == "OK\t3\tuser=bob@home.test"


@pytest.mark.parametrize("user, password", [
    ("bob@home.test", "wrong"), ("nobody@home.test", "pw word"), ("bob", "pw word"), ("bob@home.test", ""),
    ("bob@home.test/../x", "pw word"),
])
def test_wrong_user_or_password_is_fail_after_the_delay(authd, user, password):
    with login(authd) as line:
        started = time.monotonic()
        line.send("AUTH\t7\tPLAIN\tservice=smtp\tnologin\tresp=" + plain(user, password))
        answer = line.read()
        assert answer.split("\t")[:2] == ["FAIL", "7"]
        assert "temp" not in answer
        if password:
            assert time.monotonic() - started >= 0.45


def test_acting_as_another_user_is_refused(authd):
    with login(authd, "login") as line:
        line.send("AUTH\t1\tPLAIN\tprotocol=imap\tresp=" + plain("bob@home.test", "pw word", "eve@home.test"))
        assert "code=authz_fail" in line.read()


def test_unknown_mechanism_is_fail(authd):
    with login(authd) as line:
        line.send("AUTH\t1\tGSSAPI\tservice=smtp")
        assert line.read().startswith("FAIL\t1")


@pytest.mark.parametrize("response", ["!!!", "AA=A", "="])
def test_malformed_response_is_fail(authd, response):
    with login(authd) as line:
        line.send("AUTH\t1\tPLAIN\tservice=smtp\tresp=" + response)
        assert line.read().startswith("FAIL\t1")


def test_other_logins_go_on_while_a_refusal_waits(authd):
    with login(authd, "login") as line:
        line.send("AUTH\t1\tPLAIN\tprotocol=imap\tresp=" + plain("bob@home.test", "wrong"),
                  "AUTH\t2\tPLAIN\tprotocol=imap\tresp=" + plain("bob@home.test", "pw word"))
        assert line.read().startswith("OK\t2")
        assert line.read().startswith("FAIL\t1")


def test_cancel_is_silent(authd):
    with login(authd, "login") as line:
        line.send("AUTH\t1\tLOGIN\tservice=imap")
        assert line.read().startswith("CONT\t1")
        line.send("CANCEL\t1", "AUTH\t2\tPLAIN\tservice=imap\tresp=" + plain("bob@home.test", "pw word"))
        assert line.read().startswith("OK\t2")


def test_postfix_may_abandon_a_login_and_begin_another(authd):
    with login(authd) as line:
        line.send("AUTH\t1\tLOGIN\tservice=smtp\tnologin")
        assert line.read().startswith("CONT\t1")
        line.send("AUTH\t2\tPLAIN\tservice=smtp\tnologin\tresp=" + plain("bob@home.test", "pw word"))
        assert line.read() == "OK\t2\tuser=bob@home.test"


@pytest.mark.parametrize("bad", ["NONSENSE", "VERSION\t2\t0", "AUTH\tx\tPLAIN"])
def test_protocol_errors_end_the_connection(authd, bad):
    with login(authd) as line:
        line.send(bad)
        assert line.read() == ""


def test_answer_after_the_login_was_forgotten_is_fail(authd):
    with login(authd) as line:
        line.send("CONT\t9\tAAAA")
        assert line.read() == "FAIL\t9\treason=Authentication request timed out"


def test_endless_line_ends_the_connection(authd):
    with login(authd) as line:
        try:
            line.socket.sendall(b"AUTH\t1\t" + b"A" * 100000)
            assert line.read() == ""
        except OSError:
            pass  # reset while we were still sending


def master(authd):
    line = Line(authd, "master")
    assert line.read() == "VERSION\t1\t1"
    spid = line.read()
    assert spid.startswith("SPID\t")
    line.spid = spid.split("\t")[1]
    line.send("VERSION\t1\t0")
    return line


def test_user_lookups(authd):
    with master(authd) as line:
        line.send("USER\t1\tbob@home.test\tservice=lmtp\tprotocol=lmtp")
        assert line.read() == "USER\t1\tbob@home.test\tuid=5000\tgid=5000\thome=/srv/mail/home.test/bob"
        line.send("USER\t2\tBob+detail@home.test\tservice=lmtp")
        assert line.read().startswith("USER\t2\tbob@home.test\t")
        line.send("USER\t3\tnobody@home.test\tservice=lmtp")
        assert line.read() == "NOTFOUND\t3"
        line.send("PASS\t4\tbob@home.test\tservice=doveadm\tdebug")
        assert line.read() == "PASS\t4\tuser=bob@home.test"
        line.send("CACHE-FLUSH\t5")
        assert line.read() == "OK\t5\t0"


def test_list_of_all_accounts(authd):
    with master(authd) as line:
        line.send("LIST\t1\tuser=*\tservice=doveadm\tdebug")
        listed = []
        while not (text := line.read()).startswith("DONE"):
            listed.append(text)
    assert "LIST\t1\tbob@home.test" in listed and "LIST\t1\teve@home.test" in listed
    assert text == "DONE\t1\t"


def good_login(authd, cpid):
    with Line(authd, "login") as line:
        greeting = dict(text.split("\t", 1) for text in line.greeting() if "\t" in text and "MECH" not in text)
        line.send("VERSION\t1\t2", f"CPID\t{cpid}",
                  "AUTH\t1\tPLAIN\tservice=imap\tsecured\tsession=abc\tresp=" + plain("bob@home.test", "pw word"))
        assert line.read().startswith("OK\t1")
    return greeting


def test_request_completes_a_login_once_even_when_the_login_process_is_gone(authd):
    greeting = good_login(authd, 501)
    with master(authd) as line:
        assert line.spid == greeting["SPID"], "Dovecot: auth server restarted otherwise"
        request = f"REQUEST\t77\t501\t1\t{greeting['COOKIE']}\tsession_pid={os.getpid()}\trequest_auth_token"
        line.send(request)
        answer = line.read().split("\t")
        assert answer[:3] == ["USER", "77", "bob@home.test"] and "auth_mech=PLAIN" in answer
        line.send(request)
        assert line.read() == "FAIL\t77"


def test_request_needs_the_cookie_and_the_named_process(authd):
    greeting = good_login(authd, 502)
    with master(authd) as line:
        line.send(f"REQUEST\t1\t502\t1\t{'0' * 32}\tsession_pid={os.getpid()}")
        assert line.read() == "FAIL\t1"
        line.send(f"REQUEST\t2\t502\t1\t{greeting['COOKIE']}\tsession_pid=1")
        assert line.read() == "FAIL\t2"


def netstring(text):
    data = text.encode()
    return str(len(data)).encode() + b":" + data + b","


def ask_map(authd, *requests):
    answers = []
    with Line(authd, "maps") as line:
        line.socket.sendall(b"".join(map(netstring, requests)))
        for _ in requests:
            length = b""
            while (byte := line.file.read(1)) != b":":
                length += byte
            answers.append(line.file.read(int(length)).decode())
            assert line.file.read(1) == b","
    return answers


def test_socketmap_answers(authd):
    assert ask_map(authd, "mailboxes bob@home.test", "mailboxes nobody@home.test", "mailbox-domains home.test",
                   'mailboxes ""', "senders bob+x@home.test") == [
        "OK bob@home.test", "NOTFOUND ", "OK home.test", "NOTFOUND ", "OK bob@home.test"]


def test_unknown_table_is_temporary(authd):
    assert ask_map(authd, "nonsense x")[0].startswith("TEMP ")


@pytest.mark.parametrize("bad", [b"03:abc,", b"99999999:x", b"x", b"3:abcd"])
def test_broken_netstring_ends_the_connection(authd, bad):
    with Line(authd, "maps") as line:
        line.socket.sendall(bad)
        assert line.file.read(1) == b""


def test_unreadable_store_is_temporary_everywhere(authd):
    """Postfix: the connection is closed; Dovecot: temp_fail; tables: TEMP; look-ups: FAIL."""
    database = os.path.join(authd.directory, "accounts.sqlite")
    import sqlite3
    lock = sqlite3.connect(database)
    lock.execute("ALTER TABLE accounts RENAME TO hidden")
    lock.commit()
    try:
        with login(authd) as line:
            line.send("AUTH\t1\tPLAIN\tservice=smtp\tnologin\tresp=" + plain("bob@home.test", "pw word"))
            assert line.read() == ""
        with login(authd, "login") as line:
            line.send("AUTH\t1\tPLAIN\tservice=imap\tresp=" + plain("bob@home.test", "pw word"))
            answer = line.read()
            assert answer.startswith("FAIL\t1") and "code=temp_fail" in answer and answer.endswith("\ttemp")
        assert ask_map(authd, "mailboxes bob@home.test")[0].startswith("TEMP ")
        with master(authd) as line:
            line.send("USER\t1\tbob@home.test\tservice=lmtp")
            assert line.read().startswith("FAIL\t1\t")
    finally:
        lock.execute("ALTER TABLE hidden RENAME TO accounts")
        lock.commit()
        lock.close()
    assert ask_map(authd, "mailboxes bob@home.test") == ["OK bob@home.test"]
