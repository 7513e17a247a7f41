#!/usr/bin/python3
"""What outrider-authd costs: logins beside Dovecot's auth, hashing beside bare crypt(3), a million accounts.

    OUTRIDER_BENCH=DIR OUTRIDER_BUILD=build/release tests/bench/auth.py [-r RUNS] [-x N] [CASE...]

Cases: plain (OUTRIDER_BENCH's run-dovecot-auth.sh with ours in turn: SHA512-CRYPT here, every password right before),
hash (no cache: beside OUTRIDER_BENCH's bin/limits, which runs crypt(3) on all cores), million (a million accounts in
SQLite: look-ups, memory, listing). As root. Never fails for being slow.
"""

import argparse
import json
import os
import pathlib
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time

BENCH = pathlib.Path(os.environ.get("OUTRIDER_BENCH", "/nonexistent")).resolve()
BUILD = pathlib.Path(os.environ.get("OUTRIDER_BUILD", "build/release")).resolve()
USERS = 1000
ACCOUNTS = 1000000
LOOKUPS = 20000
CONF = """\
user = "root"
database = "%(d)s/accounts.sqlite"
store = "sqlite:%(d)s/state.sqlite"
logins = ""
ban-threshold = 0
mail-uid = 5000
mail-gid = 5000
failure-delay = 0s
auth-cache-ttl = %(ttl)s
listen sasl { address = {"unix:%(d)s/sasl"} mode = "0666" }
rehash = no
listen maps { address = {"unix:%(d)s/maps"} group = "root" }
listen dovecot-login { address = {"unix:%(d)s/login"} group = "root" }
listen dovecot-master { address = {"unix:%(d)s/master"} group = "root" }
"""


class Authd:
    def __init__(self, directory, accounts, ttl="1h"):
        self.directory = directory
        self.database = f"{directory}/accounts.sqlite"
        subprocess.run([BUILD / "outrider", "domain", "add", "bench.example", f"--database={self.database}"], check=True,
                       stdout=subprocess.DEVNULL)
        hashed = subprocess.run(["openssl", "passwd", "-6", "-salt", "benchsalt", "secret"], capture_output=True, text=True,
                                check=True).stdout.strip()
        with sqlite3.connect(self.database) as db:
            db.executemany("INSERT INTO accounts (address, domain, password, enabled) VALUES (?, 'bench.example', ?, 1)",
                           ((f"u{i:04d}@bench.example", "{SHA512-CRYPT}" + hashed) for i in range(1, accounts + 1)))
        conf = pathlib.Path(directory, "authd.conf")
        conf.write_text(CONF % {"d": directory, "ttl": ttl})
        with open(f"{directory}/authd.log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([BUILD / "authd/outrider-authd", "-c", conf], stdout=log, stderr=log)
        while not os.path.exists(f"{directory}/master"):
            time.sleep(0.01)
        time.sleep(0.2)

    def rss_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def load(*arguments):
    """bin/authload's findings."""
    result = subprocess.run([BENCH / "bin/authload", *map(str, arguments)], capture_output=True, text=True, check=False)
    return json.loads(result.stdout.splitlines()[-1])


def case_plain(directory, args):
    server = Authd(directory, USERS)
    load("-s", f"{directory}/sasl", "-n", USERS, "-c", 4, "-t", 60)
    command = [BENCH / "run-dovecot-auth.sh", "-o", f"{directory}/sasl", "-p", str(server.process.pid), "-r", str(args.runs),
               "-x", str(args.divide)]
    result = subprocess.run(command, env=dict(os.environ, VARIANTS="plain crypt-cache"), capture_output=True, text=True,
                            check=False)
    for line in result.stdout.splitlines() + result.stderr.splitlines():
        if "/s p50" in line and "bad" not in line:
            print(line, flush=True)
    server.stop()


def case_hash(directory, args):
    server = Authd(directory, USERS, ttl="0s")
    limits = subprocess.run([BENCH / "bin/limits", "crypt", "3"], capture_output=True, text=True, check=False).stdout
    print(limits.strip(), flush=True)
    for connections in (8, 64):
        found = load("-s", f"{directory}/sasl", "-n", 2000 // args.divide, "-c", connections, "-t", 60, "-pid", server.process.pid)
        print(f"ours, SHA512-CRYPT uncached c={connections}: {found['ops_per_s']:.0f}/s, CPU "
              f"{found['server_cpu_s_per_1000']:.3f} ms each")
    server.stop()


def case_million(directory, args):
    count = ACCOUNTS // args.divide
    server = Authd(directory, count)
    took = []
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(f"{directory}/master")
        file = s.makefile("rb")
        file.readline(), file.readline()
        s.sendall(b"VERSION\t1\t0\n")
        for i in range(LOOKUPS):
            name = f"u{i * 7919 % count + 1:04d}@bench.example"
            began = time.monotonic()
            s.sendall(f"USER\t{i + 1}\t{name}\tservice=lmtp\n".encode())
            assert file.readline().startswith(b"USER\t")
            took.append(time.monotonic() - began)
    p99 = statistics.quantiles(took, n=100)[98]
    print(f"million: {count} accounts, look-up p50 {statistics.median(took) * 1000:.3f} p99 {p99 * 1000:.3f} ms, "
          f"RSS {server.rss_mib():.0f} MiB")
    begun = time.monotonic()
    listing = subprocess.Popen([BUILD / "outrider", "user", "list", f"--database={server.database}"], stdout=subprocess.DEVNULL)
    usage = os.wait4(listing.pid, 0)[2]
    print(f"million: outrider user list in {time.monotonic() - begun:.1f} s, {usage.ru_maxrss / 1024:.0f} MiB")
    server.stop()


CASES = {"plain": case_plain, "hash": case_hash, "million": case_million}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-r", dest="runs", type=int, default=3)
    parser.add_argument("-x", dest="divide", type=int, default=1)
    parser.add_argument("case", nargs="*", choices=[*CASES, []])
    args = parser.parse_args()
    for name in args.case or CASES:
        with tempfile.TemporaryDirectory(prefix="outrider-bench-") as directory:
            os.chmod(directory, 0o755)
            CASES[name](directory, args)


if __name__ == "__main__":
    main()
