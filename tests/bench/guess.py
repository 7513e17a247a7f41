#!/usr/bin/env python3
"""A good login while passwords are guessed: 10,000 bad guesses a second from 1,000 addresses, beside users who log in from
addresses of their own, as a login process of Dovecot would ask. Prints how long the good ones took; never fails.

OUTRIDER_BUILD names a release build. Usage: guess.py [--seconds N] [--rate GUESSES]
"""

import argparse
import base64
import os
import pathlib
import random
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("OUTRIDER_BUILD", ROOT / "build" / "release")).resolve()
USERS = 200
ADDRESSES = 1000
GUESSERS = 4  # processes
CONF = """\
user = "root"
database = "%(d)s/accounts.sqlite"
store = "sqlite:%(d)s/state.sqlite"
logins = "%(d)s/logins.sqlite"
log-level = warning
mail-uid = 5000
mail-gid = 5000
rehash = no
auth-cache-ttl = %(ttl)s
listen sasl { address = {"unix:%(d)s/sasl"} mode = "0666" }
listen maps { address = {"unix:%(d)s/maps"} group = "root" }
listen dovecot-login { address = {"unix:%(d)s/login"} group = "root" }
listen dovecot-master { address = {"unix:%(d)s/master"} group = "root" }
"""


class Client:
    """One connection of a login process."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")
        while self.file.readline() != b"DONE\n":
            pass
        self.socket.sendall(b"VERSION\t1\t2\nCPID\t%d\n" % random.randrange(1, 2 ** 31))
        self.id = 0

    def ask(self, user, password, address):
        self.id += 1
        resp = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self.socket.sendall(f"AUTH\t{self.id}\tPLAIN\tservice=imap\tsecured=tls\tnologin\trip={address}\tresp={resp}\n".encode())

    def answer(self):
        return self.file.readline()


def start(directory, ttl):
    database = f"{directory}/accounts.sqlite"
    subprocess.run([BUILD / "outrider", "domain", "add", "bench.example", f"--database={database}"], check=True,
                   stdout=subprocess.DEVNULL)
    hashed = subprocess.run(["openssl", "passwd", "-6", "-salt", "benchsalt", "secret"], capture_output=True, text=True,
                            check=True).stdout.strip()
    with sqlite3.connect(database) as db:
        db.executemany("INSERT INTO accounts (address, domain, password, enabled) VALUES (?, 'bench.example', ?, 1)",
                       ((f"u{i:04d}@bench.example", "{SHA512-CRYPT}" + hashed) for i in range(USERS)))
    conf = pathlib.Path(directory, "authd.conf")
    conf.write_text(CONF % {"d": directory, "ttl": ttl}, encoding="ascii")
    with open(f"{directory}/authd.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen([BUILD / "authd/outrider-authd", "-c", conf], stdout=log, stderr=log)
    while not os.path.exists(f"{directory}/master"):
        time.sleep(0.01)
    time.sleep(0.3)
    return process


def guess(path, rate, until, number):
    """In a process of its own: asks at a steady rate and does not wait for answers, which come as they come."""
    client = Client(path)
    counted = [0]

    def read():
        while client.answer():
            counted[0] += 1

    threading.Thread(target=read, daemon=True).start()
    began, sent = time.monotonic(), 0
    while time.monotonic() < until:
        due = int((time.monotonic() - began) * rate)
        for _ in range(due - sent):
            address = f"203.{random.randrange(ADDRESSES) // 250}.{random.randrange(250)}.9"
            client.ask(f"u{random.randrange(USERS):04d}@bench.example", f"guess{random.randrange(10 ** 9)}", address)
        sent = max(sent, due)
        time.sleep(0.005)
    print(f"    guesser {number}: sent {sent}, answered {counted[0]}", flush=True)


def good_logins(path, until):
    """One user after the other, each from his own network, every 5 ms."""
    client, took, failed = Client(path), [], 0
    while time.monotonic() < until:
        i = random.randrange(USERS)
        began = time.perf_counter()
        client.ask(f"u{i:04d}@bench.example", "secret", f"198.18.{i}.7")
        failed += not client.answer().startswith(b"OK")
        took.append(time.perf_counter() - began)
        time.sleep(0.005)
    return sorted(took), failed


def show(what, took, failed):
    p50, p99 = took[len(took) // 2] * 1000, took[int(len(took) * 0.99)] * 1000
    print(f"{what}: {len(took)} good logins, {failed} failed, p50 {p50:.2f} ms, p99 {p99:.2f} ms, worst {took[-1] * 1000:.1f} ms",
          flush=True)


def run(ttl, args):
    with tempfile.TemporaryDirectory(prefix="outrider-bench-") as directory:
        server = start(directory, ttl)
        path = f"{directory}/login"
        client = Client(path)
        for i in range(USERS):  # yesterday
            client.ask(f"u{i:04d}@bench.example", "secret", f"198.18.{i}.7")
            client.answer()
        show(f"auth-cache-ttl {ttl}, quiet", *good_logins(path, time.monotonic() + args.seconds / 3))
        until = time.monotonic() + args.seconds
        children = []
        for number in range(GUESSERS):
            pid = os.fork()
            if pid == 0:
                guess(path, args.rate / GUESSERS, until, number)
                os._exit(0)
            children.append(pid)
        show(f"auth-cache-ttl {ttl}, {args.rate} guesses a second", *good_logins(path, until))
        for pid in children:
            os.waitpid(pid, 0)
        server.terminate()
        server.wait(20)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--rate", type=int, default=10000)
    args = parser.parse_args()
    for ttl in ("1h", "0s"):
        run(ttl, args)


if __name__ == "__main__":
    main()
