"""Power cuts at any change lmtpd makes on disk: what was answered 250 is there afterwards, whole and once.

Each round starts lmtpd on the disk that the last cut left, with cutshim.c beneath it, which ends the process at a
random change and at times lets another fail. The disk that the cut leaves is then made up from what had been
synced and a random part of the rest (power_cut.py), checked, and the next round begins: the clients send again
what was not answered. OUTRIDER_POWER_CUTS is the number of rounds.
"""

import collections
import errno
import os
import random
import shutil
import tempfile
import threading

import pytest

import lmtp_tools
import power_cut

ROUNDS = int(os.environ.get("OUTRIDER_POWER_CUTS", "500"))
# How many rounds until the mailboxes are new ones: making them can be cut short, too.
ROUNDS_OF_A_DISK = (1, 1, 1, 2, 10)
MOST_CHANGES = 90
CONNECTIONS = 3
OWNER = 20001
NAMES = ("alice", "bob", "carol")
ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.EROFS)


# Each of carol's messages in two places, one of them with flags and a keyword, which is a file of its own.
SCRIPT = """require ["fileinto", "mailbox", "copy", "imap4flags"];
fileinto :copy :create :flags ["\\\\Flagged", "$Copy"] "Copy";
"""


class Post:
    """Messages and what was said about them."""

    def __init__(self, choose):
        self.choose = choose
        self.lock = threading.Lock()
        self.number = 0
        self.waiting = []  # (number, attempt, recipients not yet answered 250)
        self.outcomes = {}  # (marker, name) -> reply code, or "lost" when none was read

    def next(self):
        with self.lock:
            if self.waiting:
                return self.waiting.pop()
            self.number += 1
            return self.number, 0, self.choose.sample(NAMES, self.choose.choice((1, 1, 2, 3)))

    def settle(self, number, attempt, names, answers):
        with self.lock:
            for name in names:
                self.outcomes[f"{number}-{attempt}", name] = answers.get(name, "lost")
            rest = [name for name in names if answers.get(name) != "250"]
            if rest:
                self.waiting.append((number, attempt + 1, rest))

    def send(self, client, number, attempt, names):
        size = (100, 4000, 30000)[number % 3]
        folder = ("", "", "+Lists")[attempt % 3]
        answers = {}
        try:
            message = lmtp_tools.body_with_digest(f"{number}-{attempt}", size)
            addresses = [f"{name}{folder}@cut.test" for name in names]
            for name, reply in zip(names, client.deliver(addresses, message)):
                answers[name] = reply[:3]
            return True
        except OSError:
            return False
        finally:
            self.settle(number, attempt, names, answers)

    def until_cut(self, socket_path):
        try:
            client = lmtp_tools.Lmtp(socket_path)
        except OSError:
            return
        while self.send(client, *self.next()):
            pass
        client.close()

    def check(self, mail):
        """Against the mailboxes."""
        counts, copies = collections.Counter(), collections.Counter()
        for name in NAMES:
            for folder in ("", ".Lists", ".Copy"):
                for path in lmtp_tools.files(os.path.join(mail, name, "Maildir"), folder):
                    lmtp_tools.check_sizes(path)
                    (copies if folder == ".Copy" else counts)[lmtp_tools.read_marker(path), name] += 1
        assert not (set(counts) | set(copies)) - set(self.outcomes)
        for key, outcome in self.outcomes.items():
            most = 1 if self.outcomes[key] != "550" else 0
            least = 1 if outcome == "250" else 0
            assert least <= counts[key] <= most, f"{key}: answered {outcome}, {counts[key]} times in the mailbox"
            if key[1] == "carol":
                assert least <= copies[key] <= most, f"{key}: answered {outcome}, {copies[key]} copies"


class Place:
    def __init__(self, build):
        # In memory: the disk's own speed has no part in this.
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.build = build
        self.directory = tempfile.mkdtemp(prefix="outrider-cut-", dir=base)
        os.chmod(self.directory, 0o755)
        self.mail = os.path.join(self.directory, "mail")
        self.run = os.path.join(self.directory, "run")
        self.journal = os.path.join(self.run, "journal")
        os.mkdir(self.run, 0o755)
        users = {f"{n}@cut.test": f"uid={OWNER}\tgid={OWNER}\thome={self.mail}/{n}" for n in NAMES}
        users["bob@cut.test"] += "\tquota_rule=*:storage=1G"  # keeps a maildirsize
        script = os.path.join(self.run, "carol.sieve")
        with open(script, "w", encoding="ascii") as out:
            out.write(SCRIPT)
        users["carol@cut.test"] += f"\tsieve={script}"
        self.userdb = lmtp_tools.UserDb(os.path.join(self.run, "userdb"), users)
        self.renew()

    def renew(self):
        self.replace({name: None for name in NAMES})

    def replace(self, tree):
        shutil.rmtree(self.mail, ignore_errors=True)
        os.mkdir(self.mail, 0o755)
        power_cut.write_tree(self.mail, tree, OWNER)

    def start(self, cut=None, fail=None):
        env = lmtp_tools.shim_env(self.build, self.mail, journal=self.journal, cut=cut, fail=fail)
        lmtpd = lmtp_tools.Lmtpd(self.build, self.run, self.userdb.address, "subaddress-create = true", env)
        return lmtpd.start()

    def close(self):
        self.userdb.close()
        shutil.rmtree(self.directory)


@pytest.fixture
def place(build):
    place = Place(build)
    yield place
    place.close()


def run_round(place, post, choose):
    """Returns the number of changes before the cut."""
    fail = None
    if choose.random() < 0.4:
        fail = f"{choose.randrange(1, MOST_CHANGES)}:{choose.choice(ERRORS)}"
    disk = power_cut.Disk(place.mail)
    lmtpd = place.start(choose.randrange(1, MOST_CHANGES), fail)
    clients = [threading.Thread(target=post.until_cut, args=(lmtpd.socket_path,)) for _ in range(CONNECTIONS)]
    try:
        for client in clients:
            client.start()
        for client in clients:
            client.join(60)
        assert not any(client.is_alive() for client in clients), "no cut came"
        assert lmtpd.process.popen.wait(10) == -9, lmtpd.log()
    except BaseException:
        lmtpd.stop()
        raise
    changes = disk.feed(place.journal)
    assert disk.tree() == power_cut.read_tree(place.mail), "lmtpd makes changes that cutshim.c does not see"
    place.replace(disk.tree(choose))
    return changes


def test_power_cut_loses_damages_and_doubles_nothing(place):
    choose = random.Random(2033)
    changes = sent = lost = left = 0
    for _ in range(ROUNDS):
        if left == 0:
            left = choose.choice(ROUNDS_OF_A_DISK)
            place.renew()
            post = Post(choose)
        changes += run_round(place, post, choose)
        post.check(place.mail)
        left -= 1
        if left == 0:
            sent += len(post.outcomes)
            lost += sum(outcome == "lost" for outcome in post.outcomes.values())
    print(f"{ROUNDS} cuts in {changes} changes, {sent} attempts, {lost} without an answer")
    assert lost > 0, "no cut ever hit a delivery: the test proved nothing"


def test_power_cut_finds_a_missing_fsync(place):
    """The test of the test: when fsync() does nothing, mail must be seen to be lost or damaged."""
    choose = random.Random(1)
    post = Post(choose)
    with pytest.raises(AssertionError):
        for _ in range(50):
            disk = power_cut.Disk(place.mail)
            lmtpd = place.start(choose.randrange(60, 120))
            post.until_cut(lmtpd.socket_path)
            lmtpd.process.popen.wait(10)
            disk.feed(place.journal, ignore_sync=True)
            place.replace(disk.tree(choose))
            post.check(place.mail)
