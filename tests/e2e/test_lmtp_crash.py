"""kill -9 at any point under load: what was answered 250 is in the Maildir, whole and once."""

import collections
import itertools
import os
import random
import shutil
import tempfile
import threading
import time

import pytest

import lmtp_tools

MESSAGES = 1000
CONNECTIONS = 6
# Two mailboxes of one owner (hard links between them), one of another.
OWNERS = {"alice": 20001, "bob": 20001, "carol": 20002}


@pytest.fixture
def place():
    directory = tempfile.mkdtemp(prefix="outrider-crash-")
    os.chmod(directory, 0o755)
    users = {}
    for name, uid in OWNERS.items():
        home = os.path.join(directory, name)
        os.mkdir(home, 0o700)
        os.chown(home, uid, uid)
        users[f"{name}@crash.test"] = f"uid={uid}\tgid={uid}\thome={home}"
    run = os.path.join(directory, "run")
    os.mkdir(run, 0o755)
    userdb = lmtp_tools.UserDb(os.path.join(run, "userdb"), users)
    yield directory, run, userdb
    userdb.close()
    shutil.rmtree(directory)


class Load:
    """Delivers MESSAGES messages over several connections, again and again until each is answered 250 for all
    its recipients; remembers what came of every attempt."""

    def __init__(self, socket_path):
        self.socket_path = socket_path
        self.numbers = iter(range(MESSAGES))
        self.lock = threading.Lock()
        self.outcomes = {}  # (marker, recipient) -> reply code, or "lost" when none was read
        self.done = 0
        self.threads = [threading.Thread(target=self._work, args=(i,)) for i in range(CONNECTIONS)]

    def _work(self, seed):
        choose = random.Random(seed)
        client = None
        while True:
            with self.lock:
                number = next(self.numbers, None)
            if number is None:
                break
            client = self._until_delivered(client, number, choose)
        if client:
            client.close()

    def _until_delivered(self, client, number, choose):
        """Returns the connection, to be used for the next message."""
        open_recipients = choose.sample(sorted(OWNERS), choose.choice((1, 1, 2, 3)))
        for attempt in itertools.count():
            marker = f"{number}-{attempt}"
            message = lmtp_tools.body_with_digest(marker, choose.choice((100, 4000, 4000, 60000)))
            got = {}
            try:
                client = client or lmtp_tools.Lmtp(self.socket_path)
                addresses = [f"{name}@crash.test" for name in open_recipients]
                for name, reply in zip(open_recipients, client.deliver(addresses, message)):
                    got[name] = reply[:3]
            except OSError:
                if client:
                    client.close()
                client = None
                time.sleep(0.01)
            with self.lock:
                for name in open_recipients:
                    self.outcomes[marker, name] = got.get(name, "lost")
            open_recipients = [name for name in open_recipients if got.get(name) != "250"]
            if not open_recipients:
                with self.lock:
                    self.done += 1
                return client

    def running(self):
        return any(thread.is_alive() for thread in self.threads)


def stored(directory):
    """Counts (marker, recipient) over all Maildirs; every file is checked."""
    counts = collections.Counter()
    for name in OWNERS:
        for path in lmtp_tools.files(os.path.join(directory, name, "Maildir")):
            lmtp_tools.check_sizes(path)
            counts[lmtp_tools.read_marker(path), name] += 1
    return counts


def test_lmtp_killed_at_any_point_loses_and_doubles_nothing(build, place):
    directory, run, userdb = place
    lmtpd = lmtp_tools.Lmtpd(build, run, userdb.address).start()
    load = Load(lmtpd.socket_path)
    kills = 0
    choose = random.Random(2026)
    try:
        for thread in load.threads:
            thread.start()
        until = time.monotonic() + 240
        while load.running():
            time.sleep(choose.uniform(0.002, 0.05))
            assert time.monotonic() < until, f"{load.done} of {MESSAGES} messages after {kills} kills"
            lmtpd.kill()
            kills += 1
            lmtpd.start()
    finally:
        lmtpd.stop()
    assert load.done == MESSAGES
    assert kills >= 20

    counts = stored(directory)
    for key, outcome in load.outcomes.items():
        if outcome == "250":
            assert counts[key] == 1, f"{key}: answered 250, {counts[key]} times in the mailbox"
        elif outcome == "lost":
            assert counts[key] <= 1, f"{key}: {counts[key]} times in the mailbox"
        else:
            assert counts[key] == 0, f"{key}: answered {outcome} and in the mailbox"
    assert not set(counts) - set(load.outcomes)
    lost = sum(outcome == "lost" for outcome in load.outcomes.values())
    print(f"{kills} kills, {len(load.outcomes)} attempts, {lost} without an answer")
    assert lost > 0, "no kill ever hit a delivery: the test proved nothing"
