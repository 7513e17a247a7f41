"""Stock Dovecot 2.4 with authd as its auth server: the cases of test_dovecot.py.

OUTRIDER_DOVECOT24_ROOT names the tree that packaging/lab/make-dovecot24-root.sh made; without it all are skipped.
"""

import os
import shutil
import subprocess

import pytest

from conftest import BUILD, PASSWORD, Ride, assert_no_sanitizer_spoke
from lab.dovecot24 import Dovecot24
from lab.lab import AUTHD_CONF, Lab
from test_dovecot import (  # noqa: F401  (collected here a second time, with this file's `ride`)
    test_changed_password_counts_at_once,
    test_doveadm_finds_users_in_authd,
    test_imap_login_proves_the_password,
    test_imap_wrong_password_is_authenticationfailed,
    test_login_works_again_after_authd_was_restarted,
    test_pop3_login,
)

MECHANISMS = 'mechanisms = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"}'
ROOT24 = os.environ.get("OUTRIDER_DOVECOT24_ROOT", "")
pytestmark = pytest.mark.skipif(
    not os.access(f"{ROOT24}/usr/sbin/dovecot", os.X_OK) or not ROOT24,
    reason="OUTRIDER_DOVECOT24_ROOT has no Dovecot 2.4 (packaging/lab/make-dovecot24-root.sh makes it)",
)


@pytest.fixture(scope="module")
def ride(temp_directory):
    lab = Lab(temp_directory, BUILD)
    lab.daemons = [lab.authd]  # the others have no part in this
    old = lab.dovecot
    lab.dovecot = Dovecot24(
        ROOT24, temp_directory, old.directory, old.login_socket, old.master_socket, old.cert, old.key
    )
    # The tree's dovenull has another number than the host's.
    lab.configure(lab.authd, AUTHD_CONF.replace('group = "dovenull"', 'mode = "0666"'), extra=MECHANISMS)
    try:
        lab.prepare()
        lab.add_domain("home.test")
        for user in ("alice", "bob"):
            lab.add_user(f"{user}@home.test", PASSWORD)
        shutil.chown(os.path.join(temp_directory, "authd", "accounts.sqlite"), "nobody", "nogroup")
        lab.authd.start()
        lab.dovecot.start()
        yield Ride(lab, None, None)
    finally:
        lab.stop()
        assert_no_sanitizer_spoke(lab)


def test_it_is_a_dovecot_2_4(ride):
    version = subprocess.run(ride.lab.dovecot.command("dovecot", "--version"), capture_output=True, text=True, check=True)
    assert version.stdout.startswith("2.4.")


def gsasl(ride, mechanism, password):
    """With TLS 1.3, whose exporter gsasl binds to unless told --no-cb."""
    done = subprocess.run(
        ["gsasl", "--client", "--imap", f"--connect=127.0.0.1:{ride.lab.dovecot.imap_port}",
         f"--mechanism={mechanism}", "--authentication-id=alice@home.test", f"--password={password}",
         "--authorization-id=", "--x509-ca-file=", "--hostname=localhost", "--service=imap", "--realm=", "--verbose"],
        capture_output=True, text=True, timeout=60, check=False,
    )
    return done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
def test_scram_bound_to_the_tls_connection(ride, mechanism):
    good, said = gsasl(ride, mechanism, PASSWORD)
    assert good, said
    assert f"AUTHENTICATE {mechanism}" in said
    good, said = gsasl(ride, mechanism, "wrong")
    assert not good and "AUTHENTICATIONFAILED" in said, said
