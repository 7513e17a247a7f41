"""Every call that lmtpd makes on a mailbox, failing in every way a disk has: the right code, nothing lost.

cutshim.c makes the calls fail on alice's mailbox; bob's stays well, of another owner so that nothing is shared.
"""

import errno
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

import lmtp_tools

OWNERS = {"alice": 20001, "bob": 20002}
REPLIES = {errno.ENOSPC: "452 4.3.1", errno.EDQUOT: "452 4.2.2"}
OTHERWISE = "451 4.3.0"
ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EIO, errno.EROFS, errno.ESTALE, errno.ENOENT)
# Call and part of the path.
STEPS = {
    "open the Maildir": ("open", "/alice/Maildir"),
    "look into the Maildir": ("stat", "/alice/Maildir/new"),
    "create the file": ("open", "/alice/Maildir/tmp/"),
    "write": ("write", "/alice/Maildir/tmp/"),
    "sync the file": ("fsync", "/alice/Maildir/tmp/"),
    "move the file": ("rename", "/alice/Maildir/new/"),
    "sync the directory": ("fsync", "/alice/Maildir/new"),
}


class Place:
    def __init__(self, build):
        self.directory = tempfile.mkdtemp(prefix="outrider-errors-")
        os.chmod(self.directory, 0o755)
        self.run = os.path.join(self.directory, "run")
        self.mail = os.path.join(self.directory, "mail")
        self.rules = os.path.join(self.run, "rules")
        os.mkdir(self.run, 0o755)
        os.mkdir(self.mail, 0o755)
        self.users = {}
        for name, uid in OWNERS.items():
            os.mkdir(self.home(name), 0o700)
            os.chown(self.home(name), uid, uid)
            self.users[f"{name}@errors.test"] = f"uid={uid}\tgid={uid}\thome={self.home(name)}"
        self.userdb = lmtp_tools.UserDb(os.path.join(self.run, "userdb"), self.users)
        env = lmtp_tools.shim_env(build, self.mail, rules=self.rules)
        self.lmtpd = lmtp_tools.Lmtpd(build, self.run, self.userdb.address, env=env).start()

    def home(self, name):
        return os.path.join(self.mail, name)

    def maildir(self, name):
        return os.path.join(self.mail, name, "Maildir")

    def fail(self, call, path, error):
        pathlib.Path(self.rules).write_text(f"{call} {path} {error}\n", encoding="ascii")

    def mend(self):
        pathlib.Path(self.rules).write_text("", encoding="ascii")

    def send(self, names=("alice", "bob"), size=1000):
        with lmtp_tools.Lmtp(self.lmtpd.socket_path) as client:
            message = lmtp_tools.body_with_digest("m", size)
            replies = [reply[:9] for reply in client.deliver([f"{n}@errors.test" for n in names], message)]
            client.command("QUIT", 221)  # tmp/ is cleaned up by then
            return replies

    def stored(self, name):
        """How many whole messages there are."""
        paths = lmtp_tools.files(self.maildir(name))
        for path in paths:
            lmtp_tools.check_sizes(path)
            assert lmtp_tools.read_marker(path) == "m"
        return len(paths)

    def close(self):
        status = self.lmtpd.stop()
        self.userdb.close()
        shutil.rmtree(self.directory)
        assert status == 0


@pytest.fixture(scope="module")
def shared_place(build):
    place = Place(build)
    yield place
    place.close()


@pytest.fixture
def place(shared_place):
    """With mailboxes that are there, empty and well."""
    shared_place.mend()
    for name in OWNERS:
        shutil.rmtree(shared_place.maildir(name), ignore_errors=True)
    assert shared_place.send() == ["250 2.0.0", "250 2.0.0"]
    for name in OWNERS:
        for path in lmtp_tools.files(shared_place.maildir(name)):
            path.unlink()
    return shared_place


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize("step", STEPS)
def test_lmtp_failing_call_defers_its_recipient_only(place, step, error):
    place.fail(*STEPS[step], error)
    alice, bob = place.send()
    made_anew = error == errno.ENOENT and step in ("open the Maildir", "look into the Maildir")
    if not made_anew:  # a Maildir that is not there is made, here in vain
        assert alice == REPLIES.get(error, OTHERWISE)
    assert bob == "250 2.0.0"
    place.mend()
    assert place.stored("alice") == (1 if alice.startswith("250") else 0)
    assert place.stored("bob") == 1
    assert os.listdir(os.path.join(place.maildir("alice"), "tmp")) == []
    assert place.send(["alice"]) == ["250 2.0.0"], "it does not work again when the disk does"
    assert place.stored("alice") == (2 if alice.startswith("250") else 1)


@pytest.mark.parametrize("error", (errno.EIO, errno.EDQUOT, errno.ENOSPC), ids=errno.errorcode.get)
def test_lmtp_failing_close_after_fsync_is_no_failure(place, error):
    place.fail("close", "/alice/Maildir/tmp/", error)
    assert place.send() == ["250 2.0.0"] * 2
    assert place.stored("alice") == 1


@pytest.mark.parametrize("error", (errno.EIO, errno.EACCES), ids=errno.errorcode.get)
def test_lmtp_failing_removal_of_the_temporary_file_loses_nothing(place, error):
    place.fail("unlink", "/alice/Maildir/tmp/", error)
    assert place.send() == ["250 2.0.0"] * 2
    assert place.stored("alice") == 1


@pytest.mark.parametrize("error", (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ESTALE), ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ("mkdir", "fsync"))
def test_lmtp_maildir_that_cannot_be_made_is_deferred(place, call, error):
    shutil.rmtree(place.maildir("alice"))
    place.fail(call, "/alice", error)
    assert place.send() == [REPLIES.get(error, OTHERWISE), "250 2.0.0"]
    place.mend()
    assert place.send() == ["250 2.0.0"] * 2
    assert place.stored("alice") == 1


def test_lmtp_link_that_fails_for_good_is_deferred(place):
    """ENOSPC for the link of the second of two that share a file."""
    place.users["twin@errors.test"] = f"uid=20001\tgid=20001\thome={place.home('alice')}/twin"
    assert place.send(["alice", "twin"]) == ["250 2.0.0"] * 2
    place.fail("link", "/twin/Maildir/new/", errno.ENOSPC)
    assert place.send(["alice", "twin"]) == ["250 2.0.0", "452 4.3.1"]
    assert place.stored("alice") == 2
    assert len(lmtp_tools.files(f"{place.home('alice')}/twin/Maildir")) == 1


@pytest.mark.parametrize("error", (errno.EXDEV, errno.EMLINK, errno.EPERM), ids=errno.errorcode.get)
def test_lmtp_link_that_is_not_possible_becomes_a_copy(place, error):
    place.users["twin@errors.test"] = f"uid=20001\tgid=20001\thome={place.home('alice')}/twin"
    place.fail("link", "/twin/Maildir/new/", error)
    assert place.send(["alice", "twin"]) == ["250 2.0.0"] * 2
    assert place.stored("alice") == 1
    for path in lmtp_tools.files(f"{place.home('alice')}/twin/Maildir"):
        assert lmtp_tools.read_marker(path) == "m"
        path.unlink()


def test_lmtp_read_only_file_system_is_451(place):
    mounted = subprocess.run(["mount", "--bind", place.home("alice"), place.home("alice")], capture_output=True,
                             text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"this machine lets nobody mount: {mounted.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", place.home("alice")], check=True)
        assert place.send() == ["451 4.3.0", "250 2.0.0"]
        assert "Read-only file system" in place.lmtpd.log()
    finally:
        subprocess.run(["umount", place.home("alice")], check=True)
    assert place.send(["alice"]) == ["250 2.0.0"]
    assert (place.stored("alice"), place.stored("bob")) == (1, 1)


def test_lmtp_symbolic_link_to_a_maildir_is_followed_as_its_owner(place):
    elsewhere = os.path.join(place.mail, "elsewhere")
    shutil.rmtree(elsewhere, ignore_errors=True)
    os.mkdir(elsewhere, 0o755)
    os.rename(place.maildir("alice"), os.path.join(elsewhere, "Maildir"))
    os.symlink(os.path.join(elsewhere, "Maildir"), place.maildir("alice"))
    try:
        assert place.send() == ["250 2.0.0"] * 2
        assert place.stored("alice") == 1
        assert len(lmtp_tools.files(os.path.join(elsewhere, "Maildir"))) == 1
        # To somebody else's: the link's owner has no right to write there.
        os.unlink(place.maildir("alice"))
        os.symlink(place.maildir("bob"), place.maildir("alice"))
        assert place.send() == ["451 4.3.0", "250 2.0.0"]
        assert place.stored("bob") == 2
        # To nowhere: what is missing behind a link is not made up.
        os.unlink(place.maildir("alice"))
        os.symlink(os.path.join(elsewhere, "nowhere"), place.maildir("alice"))
        assert place.send() == ["451 4.3.0", "250 2.0.0"]
        assert not os.path.exists(os.path.join(elsewhere, "nowhere"))
    finally:
        os.unlink(place.maildir("alice"))


def test_lmtp_missing_home_is_made_where_the_owner_may(place):
    place.users["new@errors.test"] = f"uid=20001\tgid=20001\thome={place.home('alice')}/deep/er"
    place.users["lost@errors.test"] = f"uid=20001\tgid=20001\thome={place.mail}/nobody/made/this"
    assert place.send(["new", "lost", "bob"]) == ["250 2.0.0", "451 4.3.0", "250 2.0.0"]
    assert len(lmtp_tools.files(f"{place.home('alice')}/deep/er/Maildir")) == 1
    shutil.rmtree(f"{place.home('alice')}/deep")
    assert not os.path.exists(f"{place.mail}/nobody")


def test_lmtp_mailbox_removed_under_a_running_daemon_is_made_again(place):
    assert place.send(["alice"]) == ["250 2.0.0"]
    shutil.rmtree(place.maildir("alice"))
    assert place.send(["alice"]) == ["250 2.0.0"]
    shutil.rmtree(os.path.join(place.maildir("alice"), "tmp"))
    assert place.send(["alice"]) == ["250 2.0.0"]
    assert place.stored("alice") == 2
