"""Disks that are full, in the wrong place or not ours: the right code for each recipient, nothing lost."""

import os
import shutil
import subprocess
import tempfile

import pytest

import lmtp_tools

UID = 20001


class Place:
    def __init__(self, directory):
        self.directory = directory
        self.users = {}
        run = self.make("run", 0)
        self.userdb = lmtp_tools.UserDb(os.path.join(run, "userdb"), self.users)
        self.run = run
        self.mounts = []

    def make(self, name, uid, mode=0o755):
        path = os.path.join(self.directory, name)
        os.makedirs(path, exist_ok=True)
        os.chown(path, uid, uid)
        os.chmod(path, mode)
        return path

    def add(self, name, uid=UID):
        self.users[f"{name}@disk.test"] = f"uid={uid}\tgid={uid}\thome={self.make(name, uid)}"

    def maildir(self, name):
        return os.path.join(self.directory, name, "Maildir")

    def mount(self, *arguments):
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"this machine lets nobody mount: {done.stderr.strip()}")
        self.mounts.append(arguments[-1])


@pytest.fixture
def place():
    directory = tempfile.mkdtemp(prefix="outrider-disk-")
    os.chmod(directory, 0o755)
    place = Place(directory)
    yield place
    place.userdb.close()
    for path in reversed(place.mounts):
        subprocess.run(["umount", path], check=True)
    shutil.rmtree(directory)


def send(lmtpd, names, size=1000):
    with lmtp_tools.Lmtp(lmtpd.socket_path) as client:
        message = lmtp_tools.body_with_digest("m", size)
        replies = [reply[:9] for reply in client.deliver([f"{n}@disk.test" for n in names], message)]
        client.command("QUIT", 221)  # tmp/ is cleaned up between the last reply and this one
        return replies


@pytest.fixture
def lmtpd(build, place):
    daemon = lmtp_tools.Lmtpd(build, place.run, place.userdb.address).start()
    yield daemon
    assert daemon.stop() == 0


def test_lmtp_full_disk_is_452_for_its_owner_only(place, lmtpd):
    place.add("alice")
    place.add("bob")
    place.mount("-t", "tmpfs", "-o", f"size=256k,uid={UID},gid={UID},mode=0700", "none", place.make("alice", UID))
    assert send(lmtpd, ["alice", "bob"], size=600000) == ["452 4.3.1", "250 2.0.0"]
    assert os.listdir(os.path.join(place.maildir("alice"), "tmp")) == []
    assert lmtp_tools.files(place.maildir("alice")) == []
    # What fits goes in again once the large message is gone.
    assert send(lmtpd, ["alice", "bob"]) == ["250 2.0.0", "250 2.0.0"]
    for name, count in (("alice", 1), ("bob", 2)):
        paths = lmtp_tools.files(place.maildir(name))
        assert len(paths) == count
        for path in paths:
            lmtp_tools.check_sizes(path)
            assert lmtp_tools.read_marker(path) == "m"
            # Not shared, so each file may name its recipient.
            assert f"Delivered-To: {name}@disk.test\n".encode() in path.read_bytes()


def test_lmtp_copies_where_links_cannot_reach(place, lmtpd):
    """A bind mount has the same device number, but no link can be made across it."""
    place.add("alice")
    place.add("bob")
    place.mount("--bind", place.make("elsewhere", UID), place.make("bob", UID))
    assert send(lmtpd, ["alice", "bob"]) == ["250 2.0.0", "250 2.0.0"]
    alice, bob = (lmtp_tools.files(place.maildir(name))[0] for name in ("alice", "bob"))
    assert alice.read_bytes() == bob.read_bytes()
    assert alice.stat().st_nlink == bob.stat().st_nlink == 1
    lmtp_tools.check_sizes(bob)
    assert os.listdir(os.path.join(place.maildir("bob"), "tmp")) == []


def test_lmtp_delivers_as_the_owner(place, lmtpd):
    place.add("alice", 20001)
    place.add("bob", 20002)
    place.add("carol", 20002)
    assert send(lmtpd, ["alice", "bob", "carol"]) == ["250 2.0.0"] * 3
    stats = {name: lmtp_tools.files(place.maildir(name))[0].stat() for name in ("alice", "bob", "carol")}
    assert [(s.st_uid, s.st_gid, s.st_mode & 0o7777) for s in stats.values()] == [
        (20001, 20001, 0o600), (20002, 20002, 0o600), (20002, 20002, 0o600)]
    assert [s.st_nlink for s in stats.values()] == [1, 2, 2]


def test_lmtp_home_of_somebody_else_is_451(place, lmtpd):
    place.add("alice")
    place.add("bob")
    os.chown(os.path.join(place.directory, "alice"), 20009, 20009)
    assert send(lmtpd, ["alice", "bob"]) == ["451 4.3.0", "250 2.0.0"]
    assert "Permission denied" in lmtpd.log()


def test_lmtp_without_capabilities_says_what_to_configure(build, place):
    place.add("alice")
    lmtpd = lmtp_tools.Lmtpd(build, place.run, place.userdb.address)
    os.chown(place.run, 65534, 65534)
    # Started by nobody: there is no root to leave it anything.
    lmtpd.process.command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *lmtpd.process.command]
    open(lmtpd.log_path, "ab").close()
    lmtpd.start()
    try:
        assert send(lmtpd, ["alice"]) == ["451 4.3.5"]
        assert "CAP_SETUID" in lmtpd.log()
    finally:
        assert lmtpd.stop() == 0
