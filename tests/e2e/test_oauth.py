"""Access tokens: imaplib and curl log in through stock Dovecot and stock Postfix, with an identity provider that is a
few lines of http.server: keys, introspection, gone and back."""

import base64
import http.server
import imaplib
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import pytest

from conftest import BUILD, PASSWORD
from lab.lab import AUTHD_CONF, Lab

ALICE, OFF, MASTER = "alice@home.test", "off@home.test", "master@home.test"
ISSUER, DISCOVERY = "https://idp.test", "https://idp.test/.well-known/openid-configuration"
OPTIONS = """\
mechanisms = {{"PLAIN", "OAUTHBEARER", "XOAUTH2"}}
failure-delay = 10ms
ban-threshold = 0
master-users = {{"%s"}}
oauth {{
    issuer = "%s"
    audience = {{"mail"}}
    jwks-url = "http://127.0.0.1:{port}/keys"
    introspection-url = "http://127.0.0.1:{port}/introspect"
    client-id = "authd"
    client-secret-file = "{secret}"
    introspection-ttl = 1s
    scope = "mail.login"
    discovery = "%s"
    timeout = 2s
}}
""" % (MASTER, ISSUER, DISCOVERY)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw_signature(der):
    """r and s of an ECDSA signature, 32 bytes each, out of SEQUENCE { INTEGER, INTEGER } (RFC 7518 3.4)."""
    first = 4 + der[3]
    numbers = (der[4:first], der[first + 2:first + 2 + der[first + 1]])
    return b"".join(int.from_bytes(number, "big").to_bytes(32, "big") for number in numbers)


class Provider:
    """Serves its key set, answers introspection; `down` turns every answer into 503."""

    def __init__(self, directory):
        self.directory, self.down, self.fetched, self.asked = directory, False, 0, 0
        self.opaque = {}
        self.keys = {}
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                provider.fetched += 1
                self.answer({"keys": list(provider.keys.values())})

            def do_POST(self):  # noqa: N802
                provider.asked += 1
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                basic = "Basic " + base64.b64encode(b"authd:s3cret%2F").decode()
                known = self.headers["Authorization"] == basic
                self.answer(provider.opaque.get(form["token"][0], {"active": False}) if known else {"error": "client"})

            def answer(self, what):
                text = json.dumps(what).encode()
                self.send_response(503 if provider.down else 200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def make_key(self, kid):
        path = f"{self.directory}/{kid}.key"
        subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True, capture_output=True)
        said = subprocess.run(["openssl", "rsa", "-in", path, "-noout", "-modulus"], check=True, capture_output=True)
        modulus = bytes.fromhex(said.stdout.decode().strip().partition("=")[2])
        return {"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "n": base64url(modulus), "e": "AQAB"}

    def make_other_key(self, kid, options, **members):
        """Of a curve: the public key's last bytes are x, or x and y."""
        path = f"{self.directory}/{kid}.key"
        subprocess.run(["openssl", "genpkey", *options, "-out", path], check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True,
                             capture_output=True).stdout
        point = {"x": base64url(der[-32:])}
        if members["kty"] == "EC":
            point = {"x": base64url(der[-64:-32]), "y": base64url(der[-32:])}
        return {"kid": kid, "use": "sig", **members, **point}

    def sign(self, kid, alg, text):
        key = f"{self.directory}/{kid}.key"
        if alg != "EdDSA":
            done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], check=True, capture_output=True,
                                  input=text.encode())
            return raw_signature(done.stdout) if alg == "ES256" else done.stdout
        with open(f"{self.directory}/message", "w", encoding="ascii") as file:  # pkeyutl wants to know its length
            file.write(text)
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", file.name], check=True,
                              capture_output=True).stdout

    def token(self, kid="one", alg="RS256", **changes):
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": "mail", "iat": now, "exp": now + 300, "scope": "openid mail.login", "email": ALICE,
                  **changes}
        text = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": alg, "kid": kid}, claims))
        return text + "." + ("" if alg == "none" else base64url(self.sign(kid, alg, text)))


@pytest.fixture(scope="module")
def provider(temp_directory):
    provider = Provider(temp_directory)
    provider.keys["one"] = provider.make_key("one")
    provider.keys["ed"] = provider.make_other_key("ed", ["-algorithm", "ed25519"], kty="OKP", crv="Ed25519", alg="EdDSA")
    provider.keys["ec"] = provider.make_other_key("ec", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                                                  kty="EC", crv="P-256")
    provider.keys["lame"] = {"kty": "EC", "crv": "P-256", "x": "=", "y": ""}
    yield provider
    provider.server.shutdown()


@pytest.fixture(scope="module")
def lab(temp_directory, provider):
    lab = Lab(temp_directory, BUILD)
    secret = f"{temp_directory}/secret"
    with open(secret, "w", encoding="ascii") as file:
        file.write("s3cret/\n")
    try:
        lab.configure(lab.authd, AUTHD_CONF, OPTIONS.format(port=provider.port, secret=secret))
        lab.prepare()
        lab.add_domain("home.test")
        for name in (ALICE, OFF, MASTER):
            lab.add_user(name, PASSWORD)
        lab.must_cli("user", "set", OFF, "--disable", config=lab.authd)
        lab.make_dkim_keys("home.test")
        for name in os.listdir(f"{temp_directory}/authd"):
            os.chown(f"{temp_directory}/authd/{name}", 65534, 65534)
        lab.start()
        yield lab
    finally:
        lab.stop()


def bearer(token, name=""):
    return f"n,{'a=' + name if name else ''},\x01host=localhost\x01port=143\x01auth=Bearer {token}\x01\x01".encode()


def google(token, name=ALICE):
    return f"user={name}\x01auth=Bearer {token}\x01\x01".encode()


def login(lab, message, mechanism="OAUTHBEARER"):
    """(whether it was good, what the server said on the way)"""
    said = []

    def answer(challenge):
        if not said and not challenge:
            said.append("")
            return message
        said.append(challenge.decode())
        return b"\x01" if mechanism == "OAUTHBEARER" else b""

    imap = imaplib.IMAP4("127.0.0.1", lab.dovecot.imap_port, timeout=30)
    imap.starttls(ssl._create_unverified_context())
    try:
        assert imap.authenticate(mechanism, answer)[0] == "OK"
        assert imap.select()[0] == "OK"
        good = True
    except imaplib.IMAP4.error as error:
        good = False
        said.append(str(error))
    imap.shutdown()
    return good, said


def curl(lab, protocol, mechanism, user, token):
    port = {"imap": lab.dovecot.imap_port, "pop3": lab.dovecot.pop3_port, "smtp": lab.postfix.submission_port}[protocol]
    noop = ["-X", "NOOP"] if protocol == "smtp" else []
    done = subprocess.run(["curl", "-sS", "-k", "--ssl-reqd", f"{protocol}://127.0.0.1:{port}/", "--login-options",
                           f"AUTH={mechanism}", "--user", user, "--oauth2-bearer", token, "--max-time", "30", *noop],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 67), done.stderr  # CURLE_LOGIN_DENIED
    return done.returncode == 0


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
@pytest.mark.parametrize("protocol", ["imap", "pop3", "smtp"])
def test_curl(lab, provider, protocol, mechanism):
    assert curl(lab, protocol, mechanism, ALICE, provider.token())
    assert not curl(lab, protocol, mechanism, ALICE, provider.token(aud="calendar"))


def test_imaplib(lab, provider):
    """The same token again, too: it is good until it expires."""
    token = provider.token()
    for _ in range(2):
        assert login(lab, bearer(token))[0]
    assert login(lab, bearer(token, ALICE))[0]
    assert login(lab, bearer(token, "ALICE@Home.Test"))[0]
    assert login(lab, google(token), "XOAUTH2")[0]


@pytest.mark.parametrize(("kid", "alg"), [("ed", "EdDSA"), ("ec", "ES256")])
def test_other_algorithms(lab, provider, kid, alg):
    token = provider.token(kid=kid, alg=alg)
    assert login(lab, bearer(token))[0]
    assert login(lab, google(token), "XOAUTH2")[0]
    text, _, signature = token.rpartition(".")
    assert not login(lab, bearer(f"{text}.{signature[:20]}{'B' if signature[20] == 'A' else 'A'}{signature[21:]}"))[0]
    assert not login(lab, bearer(f"{text}.="))[0]
    assert not login(lab, bearer(provider.token(kid=kid, alg=alg, aud="calendar")))[0]


def test_failure_says_where_tokens_come_from(lab, provider):
    for message in (bearer("x"), b"n,,\x01auth=\x01\x01", bearer(provider.token(exp=1))):
        good, said = login(lab, message)
        assert not good
        assert json.loads(said[1]) == {"status": "invalid_token", "scope": "mail.login", "openid-configuration": DISCOVERY}
        assert "AUTHENTICATIONFAILED" in said[2]
    good, said = login(lab, google("x"), "XOAUTH2")
    assert not good and json.loads(said[1])["status"] == "401"


ATTACKS = {
    "none": {"alg": "none"},
    "algorithm the key is not for": {"alg": "RS512"},
    "issuer": {"iss": "https://evil.test"},
    "audience": {"aud": ["calendar"]},
    "expired": {"exp": 1000000000},
    "without end": {"exp": None},
    "not yet": {"nbf": 4000000000},
    "scope": {"scope": "openid"},
    "nobody": {"email": "nobody@home.test"},
    "disabled": {"email": OFF},
    "unverified": {"email_verified": False},
    "metacharacters": {"email": "' OR 1=1 --@home.test"},
    "master by name": {"email": f"{ALICE}*{MASTER}"},
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack(lab, provider, attack):
    good, said = login(lab, bearer(provider.token(**ATTACKS[attack])))
    assert not good and "UNAVAILABLE" not in said[-1], said


def test_token_opens_its_own_mailbox_only(lab, provider):
    assert login(lab, bearer(provider.token(email=MASTER)))[0]
    for owner in (MASTER, "eve@home.test", OFF):
        assert not login(lab, bearer(provider.token(email=owner), ALICE))[0]
        assert not login(lab, google(provider.token(email=owner)), "XOAUTH2")[0]


def test_key_of_somebody_else(lab, provider):
    """Under its own name, under ours; keys are asked for once for many such names."""
    mine = provider.make_key("stranger")
    assert mine["kid"] == "stranger"
    fetched = provider.fetched
    for _ in range(3):
        assert not login(lab, bearer(provider.token(kid="stranger")))[0]
    assert provider.fetched <= fetched + 1
    os.rename(f"{provider.directory}/one.key", f"{provider.directory}/kept.key")
    os.rename(f"{provider.directory}/stranger.key", f"{provider.directory}/one.key")
    forged = provider.token()
    os.rename(f"{provider.directory}/kept.key", f"{provider.directory}/one.key")
    assert not login(lab, bearer(forged))[0]
    assert login(lab, bearer(provider.token()))[0]


def test_introspection(lab, provider):
    good = {"active": True, "iss": ISSUER, "aud": "mail", "scope": "mail.login", "email": ALICE}
    provider.opaque = {"good": good, "late": {**good, "exp": 1}, "other": {**good, "aud": "calendar"}}
    assert login(lab, bearer("good"))[0]
    asked = provider.asked
    for token in ("late", "other", "unknown"):
        assert not login(lab, bearer(token))[0], token
    assert provider.asked == asked + 3
    provider.opaque["good"] = {"active": False}  # taken back
    time.sleep(1.1)
    assert not login(lab, bearer("good"))[0]


def test_provider_gone_and_back(lab, provider):
    """Keys stay in force; what must be asked is a temporary failure, until it can be."""
    token = provider.token()
    provider.opaque = {"again": {"active": True, "iss": ISSUER, "aud": "mail", "scope": "mail.login", "email": ALICE}}
    provider.down = True
    assert login(lab, bearer(token))[0]
    good, said = login(lab, bearer("again"))
    assert not good and "UNAVAILABLE" in said[-1], said
    assert re.search(r"refused for now: .*HTTP status 503", lab.authd.log())
    provider.down = False
    assert login(lab, bearer("again"))[0]


def test_starts_while_the_provider_is_down(lab, provider):
    provider.down = True
    lab.authd.stop()
    lab.authd.start()
    good, said = login(lab, bearer(provider.token()))
    assert not good and "UNAVAILABLE" in said[-1], said
    provider.down = False
    deadline = time.monotonic() + 20
    while not login(lab, bearer(provider.token()))[0]:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def login_from(lab, client, message):
    """What authd says to a login process about OAUTHBEARER from this address."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(f"{lab.run_directory}/dovecot-login")
        file = s.makefile("r", encoding="utf-8")
        resp = base64.b64encode(message).decode()
        s.sendall(f"VERSION\t1\t2\nCPID\t{os.getpid()}\nAUTH\t1\tOAUTHBEARER\tservice=imap\tsecured=tls\tnologin\t"
                  f"rip={client}\tresp={resp}\n".encode())
        while file.readline() != "DONE\n":
            pass
        return file.readline().rstrip("\n")


def await_answer(lab, client, message, answer):
    """authd takes bans over once a second."""
    deadline = time.monotonic() + 60
    while not login_from(lab, client, message).startswith(answer):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_token_of_a_banned_client_is_not_looked_at(lab, provider):
    banned, welcome = "FAIL\t1\treason=Too many failed logins from your address, try again later", "OK\t1"
    client, token = "198.51.100.8", provider.token()
    lab.must_cli("ban", "add", client, config=lab.authd)
    await_answer(lab, client, bearer("unknown"), banned)  # Alice must not have been there
    asked, said = provider.asked, lab.authd.log().count("oauth: token refused")
    for message in (bearer("unknown"), bearer("unknown", ALICE), bearer(token, "eve@home.test"), bearer(provider.token(exp=1))):
        assert login_from(lab, client, message) == banned
    assert (provider.asked, lab.authd.log().count("oauth: token refused")) == (asked, said)
    assert login_from(lab, "203.0.113.9", bearer(token)).startswith(welcome)

    lab.must_cli("ban", "remove", client, config=lab.authd)
    await_answer(lab, client, bearer(token), welcome)
    lab.must_cli("ban", "add", client, config=lab.authd)
    await_answer(lab, client, bearer(token), banned)
    assert login_from(lab, client, bearer(token, ALICE)).startswith(welcome), "where Alice was seen she is let through"
    assert login_from(lab, client, bearer("unknown", ALICE)).startswith("CONT\t1")


def test_no_token_is_logged(lab, provider):
    token = provider.token()
    assert login(lab, bearer(token))[0]
    assert token not in lab.authd.log() and "eyJ" not in lab.authd.log()
