"""Real clients log in with every mechanism, through stock Postfix and stock Dovecot: gsasl, curl, swaks, smtplib,
imaplib, and the order in which Thunderbird tries."""

import base64
import hashlib
import hmac
import imaplib
import shutil
import smtplib
import ssl
import subprocess

import pytest

from conftest import BUILD, PASSWORD
from lab.lab import AUTHD_CONF, Lab

ALICE = "alice@home.test"
UMLAUT = "gr\u00fc\u00dfe aus \u00e9vian"
OPTIONS = """\
mechanisms = {"PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "CRAM-MD5", "EXTERNAL", "ANONYMOUS"}
anonymous-user = "public@home.test"
allow-weak-schemes = yes
failure-delay = 100ms
"""
DOVECOT_EXTRA = """\
ssl_ca = <{ca}
ssl_verify_client_cert = yes
ssl_require_crl = no
auth_ssl_username_from_cert = yes
ssl_cert_username_field = commonName
"""


@pytest.fixture(scope="module")
def lab(temp_directory):
    lab = Lab(temp_directory, BUILD)
    try:
        lab.configure(lab.authd, AUTHD_CONF, OPTIONS)
        lab.prepare()
        ca = make_client_certificates(temp_directory)
        lab.dovecot.extra = DOVECOT_EXTRA.format(ca=ca)
        lab.add_domain("home.test")
        lab.add_user(ALICE, PASSWORD)
        lab.add_user("umlaut@home.test", UMLAUT)
        lab.add_user("plain@home.test", "in clear")
        lab.add_user("public@home.test", "nobody says this")
        store_in_clear(lab, "plain@home.test", "in clear")
        lab.make_dkim_keys("home.test")
        shutil.chown(f"{temp_directory}/authd/accounts.sqlite", "nobody", "nogroup")
        lab.start()
        yield lab
    finally:
        lab.stop()


def store_in_clear(lab, address, password):
    """As an old installation may have it; the CLI makes no such thing."""
    import sqlite3  # noqa: PLC0415
    with sqlite3.connect(f"{lab.directory}/authd/accounts.sqlite") as db:
        db.execute("UPDATE accounts SET password = ?, scram_keys = NULL WHERE address = ?",
                   ("{PLAIN}" + password, address))


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def make_client_certificates(directory):
    """An authority, and certificates of it for two names; one of nobody's authority."""
    ca, ca_key = f"{directory}/ca.pem", f"{directory}/ca-key.pem"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Lab", "-days", "2", "-keyout", ca_key,
            "-out", ca)
    for name in (ALICE, "nobody@home.test"):
        stem = f"{directory}/{name}"
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{stem}.key", "-out",
                f"{stem}.csr")
        openssl("x509", "-req", "-in", f"{stem}.csr", "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2",
                "-out", f"{stem}.pem")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={ALICE}", "-days", "2", "-keyout",
            f"{directory}/self.key", "-out", f"{directory}/self.pem")
    return ca


def run(*words, stdin=""):
    return subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def gsasl(lab, protocol, mechanism, user, password):
    port = {"imap": lab.dovecot.imap_port, "smtp": lab.postfix.submission_port}[protocol]
    done = run("gsasl", "--client", f"--{protocol}", f"--connect=127.0.0.1:{port}", f"--mechanism={mechanism}",
               f"--authentication-id={user}", f"--password={password}", "--authorization-id=", "--no-cb",
               "--x509-ca-file=", "--hostname=localhost", "--service=" + protocol, "--realm=", "--verbose")
    return done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("protocol", ["imap", "smtp"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256"])
def test_gsasl(lab, protocol, mechanism):
    good, said = gsasl(lab, protocol, mechanism, ALICE, PASSWORD)
    assert good, said
    good, said = gsasl(lab, protocol, mechanism, ALICE, "wrong")
    assert not good and ("535" in said or "AUTHENTICATIONFAILED" in said), said


def test_gsasl_prepares_passwords(lab):
    """SASLprep on both sides: one character or two, the password is the same."""
    for mechanism in ("PLAIN", "SCRAM-SHA-256"):
        for typed in (UMLAUT, UMLAUT.replace("\u00fc", "u\u0308")):
            good, said = gsasl(lab, "imap", mechanism, "umlaut@home.test", typed)
            assert good, (mechanism, said)


def test_gsasl_cram_md5(lab):
    assert gsasl(lab, "imap", "CRAM-MD5", "plain@home.test", "in clear")[0]
    assert gsasl(lab, "smtp", "CRAM-MD5", "plain@home.test", "in clear")[0]
    assert not gsasl(lab, "imap", "CRAM-MD5", "plain@home.test", "in cleaR")[0]
    assert not gsasl(lab, "imap", "CRAM-MD5", ALICE, PASSWORD)[0], "stored as a hash"


def curl(lab, protocol, mechanism, login, *words):
    port = {"imap": lab.dovecot.imap_port, "pop3": lab.dovecot.pop3_port, "smtp": lab.postfix.submission_port}[protocol]
    noop = ["-X", "NOOP"] if protocol == "smtp" else []
    done = run("curl", "-sS", "-k", "--ssl-reqd", f"{protocol}://127.0.0.1:{port}/", "--login-options",
               f"AUTH={mechanism}", "--user", login, "--max-time", "30", *noop, *words)
    assert done.returncode in (0, 67), done.stderr  # CURLE_LOGIN_DENIED
    return done.returncode == 0


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("protocol", ["imap", "pop3", "smtp"])
def test_curl(lab, protocol, mechanism):
    """Debian's curl has no SCRAM."""
    user, password = ("plain@home.test", "in clear") if mechanism == "CRAM-MD5" else (ALICE, PASSWORD)
    assert curl(lab, protocol, mechanism, f"{user}:{password}")
    assert not curl(lab, protocol, mechanism, f"{user}:wrong")


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_curl_external(lab, protocol):
    """Postfix says nothing of certificates to the auth server."""
    certificate = ["--cert", f"{lab.directory}/{ALICE}.pem", "--key", f"{lab.directory}/{ALICE}.key"]
    assert curl(lab, protocol, "EXTERNAL", ALICE + ":", *certificate)
    assert not curl(lab, protocol, "EXTERNAL", "plain@home.test:", *certificate)
    assert not curl(lab, protocol, "EXTERNAL", ALICE + ":")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_swaks(lab, mechanism):
    user, password = ("plain@home.test", "in clear") if mechanism == "CRAM-MD5" else (ALICE, PASSWORD)
    words = ["swaks", "--server", "127.0.0.1", "--port", str(lab.postfix.submission_port), "--tls", "--auth", mechanism,
             "--auth-user", user, "--from", user, "--to", ALICE, "--quit-after", "RCPT"]
    assert run(*words, "--auth-password", password).returncode == 0
    done = run(*words, "--auth-password", "wrong")
    assert done.returncode == 28 and "535 5.7.8" in done.stdout, done.stdout


def test_smtplib_takes_the_best_it_knows(lab):
    """CRAM-MD5 first, then PLAIN: what cannot be done with a hash must leave the next way open."""
    with smtplib.SMTP("127.0.0.1", lab.postfix.submission_port, timeout=30) as smtp:
        smtp.starttls(context=ssl._create_unverified_context())
        smtp.login(ALICE, PASSWORD)


def scram(imap, user, password, digest="sha256", name="SCRAM-SHA-256"):
    """SCRAM by Python's means, with the initial response that imaplib does not send."""
    state = {}

    def answer(challenge):
        if not challenge:
            state["bare"] = f"n={user},r=abcdef"
            return ("n,," + state["bare"]).encode()
        if b"v=" in challenge[:2]:
            return b""
        first = challenge.decode()
        fields = dict(part.split("=", 1) for part in first.split(","))
        salted = hashlib.pbkdf2_hmac(digest, password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        client = hmac.digest(salted, b"Client Key", digest)
        unproven = f"c=biws,r={fields['r']}"
        signature = hmac.digest(hashlib.new(digest, client).digest(), f"{state['bare']},{first},{unproven}".encode(), digest)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client, signature)))
        return unproven.encode() + b",p=" + proof

    return imap.authenticate(name, answer)


def connected(lab, context=None):
    imap = imaplib.IMAP4("127.0.0.1", lab.dovecot.imap_port, timeout=30)
    imap.starttls(context or ssl._create_unverified_context())
    return imap


def test_order_of_thunderbird(lab):
    """It takes CRAM-MD5 where that is offered, then falls back on the same connection: SCRAM has no such order,
    PLAIN before LOGIN. A refused mechanism must not spoil the next one."""
    imap = connected(lab)
    assert "AUTH=PLAIN" in imap.capabilities and "AUTH=SCRAM-SHA-256" in imap.capabilities

    def cram(challenge):
        return f"{ALICE} {hmac.new(PASSWORD.encode(), challenge, 'md5').hexdigest()}".encode()

    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        imap.authenticate("CRAM-MD5", cram)
    assert imap.authenticate("PLAIN", lambda _: f"\0{ALICE}\0{PASSWORD}".encode())[0] == "OK"
    imap.logout()
    imap = connected(lab)
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        scram(imap, ALICE, "wrong")
    assert scram(imap, ALICE, PASSWORD)[0] == "OK"
    assert imap.select()[0] == "OK"
    imap.logout()


def certified(lab, name):
    context = ssl._create_unverified_context()
    context.load_cert_chain(f"{lab.directory}/{name}.pem", f"{lab.directory}/{name}.key")
    return context


def test_external(lab):
    imap = connected(lab, certified(lab, ALICE))
    assert imap.authenticate("EXTERNAL", lambda _: b"")[0] == "OK"
    assert imap.select()[0] == "OK"
    imap.logout()
    imap = connected(lab, certified(lab, "nobody@home.test"))
    with pytest.raises(imaplib.IMAP4.error):
        imap.authenticate("EXTERNAL", lambda _: ALICE.encode())
    imap.shutdown()
    imap = connected(lab)
    with pytest.raises(imaplib.IMAP4.error):
        imap.authenticate("EXTERNAL", lambda _: ALICE.encode())
    imap.shutdown()
    with pytest.raises((imaplib.IMAP4.error, OSError)):
        imap = connected(lab, certified(lab, "self"))
        imap.authenticate("EXTERNAL", lambda _: b"")


def test_anonymous(lab):
    """Public folders for whoever asks; Postfix neither offers it nor takes it."""
    imap = connected(lab)
    assert imap.authenticate("ANONYMOUS", lambda _: b"guest@example.org")[0] == "OK"
    assert imap.select()[0] == "OK"
    imap.logout()
    assert "user=public@home.test mech=ANONYMOUS trace=guest@example.org action=accept" in lab.authd.log()
    with smtplib.SMTP("127.0.0.1", lab.postfix.submission_port, timeout=30) as smtp:
        smtp.starttls(context=ssl._create_unverified_context())
        smtp.ehlo()
        assert "PLAIN" in smtp.esmtp_features["auth"] and "ANONYMOUS" not in smtp.esmtp_features["auth"]
        assert smtp.docmd("AUTH", "ANONYMOUS Z3Vlc3Q=")[0] == 535


def test_passwords_without_tls(lab):
    """Stock Dovecot trusts its own machine; authd does where plaintext-networks says so."""
    imap = imaplib.IMAP4("127.0.0.1", lab.dovecot.imap_port, timeout=30)
    assert imap.authenticate("PLAIN", lambda _: f"\0{ALICE}\0{PASSWORD}".encode())[0] == "OK"
    imap.logout()
