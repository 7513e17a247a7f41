"""A real Postfix, a real Dovecot, a real DNS server and our daemons as built, on loopback in a temp directory.

OUTRIDER_BUILD names the build directory (default build/dev). The tests need root, because Postfix's master
does; elsewhere they are skipped with that reason. One lab serves all tests of a file; tests use subjects and
addresses of their own.
"""

import os
import pathlib
import shutil
import sys
import tempfile
import types
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "packaging"))
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lab import mail  # noqa: E402
from lab.lab import Lab  # noqa: E402
from lab.sink import Sink  # noqa: E402
from lab.world import World  # noqa: E402

BUILD = pathlib.Path(os.environ.get("OUTRIDER_BUILD", ROOT / "build" / "dev")).resolve()
PASSWORD = "pass word for tests"


def skip_reason():
    if os.geteuid() != 0:
        return "not root: Postfix's master process insists on root rights"
    for program in ("/usr/sbin/postfix", "/usr/sbin/dovecot", "/usr/sbin/nsd"):
        if not os.path.exists(program):
            return f"{program} is not installed"
    return None


def pytest_collection_modifyitems(items):
    reason = skip_reason()
    if reason:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def build():
    return BUILD


@pytest.fixture(scope="module")
def temp_directory():
    """Below /tmp, traversable by every user: the daemons and Postfix run as several."""
    directory = tempfile.mkdtemp(prefix="outrider-e2e-")
    os.chmod(directory, 0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def ride(temp_directory):
    """The running lab with two accounts: .lab, .world, .sink and short-hands for mail."""
    lab = Lab(temp_directory, BUILD)
    world = World(lab)
    sink = Sink().start()
    lab.postfix.relayhost = f"[127.0.0.1]:{sink.port}"
    try:
        lab.prepare()
        world.publish()
        lab.add_domain("home.test")
        for user in ("alice", "bob", "carol"):
            lab.add_user(f"{user}@home.test", PASSWORD)
        lab.make_dkim_keys("home.test")
        shutil.chown(os.path.join(temp_directory, "authd", "accounts.sqlite"), "nobody", "nogroup")
        lab.start()
        yield Ride(lab, world, sink)
    finally:
        sink.stop()
        lab.stop()
        assert_no_sanitizer_spoke(lab)


def assert_no_sanitizer_spoke(lab):
    """A data race or an overrun in a daemon that went on all the same."""
    for daemon in lab.daemons:
        for sign in ("ThreadSanitizer", "AddressSanitizer", "runtime error:"):
            assert sign not in daemon.log(), daemon.log()[-6000:]


class Ride:
    def __init__(self, lab, world, sink):
        self.lab, self.world, self.sink = lab, world, sink

    def inbound(self, message, sender, recipients, source="127.0.0.10", helo="mail.sender.test", **options):
        return mail.send(self.lab.postfix.smtp_port, message, sender, recipients, source=source, helo=helo, **options)

    def submit(self, message, sender, recipients, login=None, **options):
        return mail.send(self.lab.postfix.submission_port, message, sender, recipients, starttls=True,
                         login=login or (sender, PASSWORD), **options)

    def mailbox(self, user="alice@home.test"):
        return mail.Mailbox(self.lab.dovecot.imap_port, user, PASSWORD)

    def read(self, subject, user="alice@home.test", folder="INBOX", timeout=60):
        with self.mailbox(user) as box:
            return box.find(subject, folder, timeout)

    def signed(self, subject, recipient="alice@home.test", domain="sender.test", **headers):
        message = mail.compose(f"Sam <sam@{domain}>", recipient, subject, **headers)
        return mail.dkim_sign(message, domain, "s1", self.world.keys[domain])


@pytest.fixture
def subject():
    """One of its own for every test, so that tests cannot find each other's mail."""
    return f"test {uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def release_build():
    """The release build, for the bars on memory: sanitizers cost many times the memory of the program."""
    path = pathlib.Path(os.environ.get("OUTRIDER_RELEASE", ROOT / "build" / "release")).resolve()
    if not path.is_dir():
        pytest.skip(f"no release build at {path}")
    return types.SimpleNamespace(path=path)
