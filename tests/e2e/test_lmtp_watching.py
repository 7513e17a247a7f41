"""An IMAP client in IDLE, with real Dovecot, while LMTP delivers and other IMAP clients move and delete: it sees each
message once, in its folder, with its true size."""

import collections
import os
import queue
import re
import socket
import threading
import time

import lmtp_tools

ALICE = "alice@home.test"
DELIVERIES = 240
SESSIONS = 8
CLIENTS = 2  # of each kind: two move, two delete
MOVES = 12  # by each of them: a MOVE waits for the locks of two folders
FETCHED = re.compile(rb"UID (\d+) RFC822\.SIZE (\d+)")


def deliver(path, numbers, failed):
    """Every third goes to the folder of alice+Lists; some have a second recipient and so another file."""
    try:
        with lmtp_tools.Lmtp(path) as client:
            for number in iter(lambda: next(numbers, None), None):
                message = lmtp_tools.body_with_digest(f"watched-{number}", (200, 4000, 70000)[number % 3])
                recipient = "alice+Lists@home.test" if number % 3 == 0 else ALICE
                also = ["bob@home.test"] if number % 4 == 0 else []
                replies = list(client.deliver([recipient, *also], message))
                assert all(reply.startswith("250") for reply in replies), replies
    except Exception as error:  # pylint: disable=broad-except
        failed.append(error)


class Watcher:
    """One IDLE connection; fetches what is new whenever Dovecot says that something is."""

    def __init__(self, ride, folder):
        self.box = ride.mailbox(ALICE)
        self.imap = self.box.imap
        self.imap.select(folder)
        self.next_uid = 1
        self.seen = []  # (marker, uid)
        self.to_delete, self.to_move = queue.Queue(), queue.Queue()  # UIDs for the other clients; a third stays
        self.failed = []
        self.stopping = False
        self.thread = threading.Thread(target=self._run)

    def _idle(self):
        """Until the server says EXISTS, or a second of silence."""
        tag = self.imap._new_tag()
        self.imap.send(tag + b" IDLE\r\n")
        self.imap.sock.settimeout(1)
        news = False
        try:
            while not news:
                news = b" EXISTS" in self.imap.readline()
        except (socket.timeout, TimeoutError):
            pass
        self.imap.sock.settimeout(30)
        self.imap.send(b"DONE\r\n")
        # A time-out leaves imaplib's file object unusable for reading: this is a new one.
        self.imap.file = self.imap.sock.makefile("rb")
        while not (line := self.imap.readline()).startswith(tag):
            news |= b" EXISTS" in line
        return news

    def _fetch(self):
        status, answers = self.imap.uid("fetch", f"{self.next_uid}:*", "(RFC822.SIZE BODY.PEEK[])")
        assert status == "OK"
        for answer in answers:
            if not isinstance(answer, tuple):
                continue
            uid, size = (int(word) for word in FETCHED.search(answer[0]).groups())
            if uid < self.next_uid:  # "n:*" gives the last one even when it is older
                continue
            content = answer[1]
            assert size == len(content), f"UID {uid}: RFC822.SIZE {size}, {len(content)} bytes"
            marker = re.search(rb"^X-Marker: (\S+)\r$", content, re.M)[1].decode()
            self.seen.append((marker, uid))
            if uid % 3:
                (self.to_delete if uid % 3 == 1 else self.to_move).put(uid)
        self.next_uid = max([self.next_uid - 1, *(uid for _, uid in self.seen)]) + 1

    def _run(self):
        try:
            while not self.stopping:
                self._idle()
                self._fetch()
        except Exception as error:  # pylint: disable=broad-except
            self.failed.append(error)


def delete(box, uid):
    box.imap.uid("store", str(uid), "+FLAGS.SILENT", r"(\Deleted)")
    return box.imap.uid("expunge", str(uid))


def move(box, uid):
    return box.imap.uid("move", str(uid), "Archive")


def tidy(ride, action, uids, gone, limit, failed):
    """Does `action` to at most `limit` of what the watcher has seen, message by message."""
    try:
        with ride.mailbox(ALICE) as box:
            box.imap.select("INBOX")
            for _ in range(limit):
                if (uid := uids.get(timeout=60)) is None:
                    break
                status, _ = action(box, uid)
                assert status == "OK"
                gone.append(uid)
    except Exception as error:  # pylint: disable=broad-except
        failed.append(error)


def markers(ride, user, folder):
    with ride.mailbox(user) as box:
        status, _ = box.imap.select(folder, readonly=True)
        assert status == "OK", folder
        _, answers = box.imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (X-MARKER)])")
        found = [re.search(rb"X-Marker: (\S+)", a[1])[1].decode() for a in answers if isinstance(a, tuple)]
        return collections.Counter(found)


def test_lmtp_idle_sees_each_message_once_while_others_move_and_delete(ride):
    lab = ride.lab
    with ride.mailbox(ALICE) as box:
        for folder in ("Lists", "Archive"):
            box.imap.create(folder)
    watchers = {folder: Watcher(ride, folder) for folder in ("INBOX", "Lists")}
    failed, deleted, moved, numbers = [], [], [], iter(range(DELIVERIES))
    path = os.path.join(lab.postfix.socket_directory, "lmtp")
    lock = threading.Lock()

    def next_number():
        with lock:
            return next(numbers, None)

    sources = [iter(next_number, None) for _ in range(SESSIONS)]
    senders = [threading.Thread(target=deliver, args=(path, source, failed)) for source in sources]
    inbox = watchers["INBOX"]
    others = [threading.Thread(target=tidy, args=(ride, *what, failed)) for what in (
        (delete, inbox.to_delete, deleted, DELIVERIES), (move, inbox.to_move, moved, MOVES)) for _ in range(CLIENTS)]
    for watcher in watchers.values():
        watcher.thread.start()
    for thread in others + senders:
        thread.start()
    for thread in senders:
        thread.join(120)
    expected = {"INBOX": {f"watched-{n}" for n in range(DELIVERIES) if n % 3},
                "Lists": {f"watched-{n}" for n in range(DELIVERIES) if n % 3 == 0}}
    until = time.monotonic() + 60
    while any(len(watchers[f].seen) < len(expected[f]) for f in expected) and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1.5)  # for what must not come: a second copy
    for uids in (inbox.to_delete, inbox.to_move):
        for _ in range(CLIENTS):
            uids.put(None)
    for thread in others:
        thread.join(120)
    for watcher in watchers.values():
        watcher.stopping = True
        watcher.thread.join(30)
        failed += watcher.failed
        watcher.box.close()
    assert not failed, failed[0]

    for folder, watcher in watchers.items():
        assert collections.Counter(marker for marker, _ in watcher.seen) == collections.Counter(expected[folder]), folder
    assert len(moved) == CLIENTS * MOVES and len(deleted) > 10
    stayed, archive = markers(ride, ALICE, "INBOX"), markers(ride, ALICE, "Archive")
    assert sum(archive.values()) == len(moved)
    assert sum(stayed.values()) == len(expected["INBOX"]) - len(moved) - len(deleted)
    assert max((stayed + archive).values()) == 1
    assert markers(ride, ALICE, "Lists") == collections.Counter(expected["Lists"])
    assert markers(ride, "bob@home.test", "INBOX") == collections.Counter(
        f"watched-{n}" for n in range(DELIVERIES) if n % 4 == 0)
    for complaint in ("Corrupted", "wrong size", "Cached message size", "Panic", "Error:"):
        assert complaint not in lab.dovecot.log()
