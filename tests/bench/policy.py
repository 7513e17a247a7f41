#!/usr/bin/python3
"""What outrider-policyd costs: SPF beside policyd-spf, SRS beside postsrsd, SPF with a slow DNS, a full greylist.

    OUTRIDER_BENCH=DIR OUTRIDER_BUILD=build/release tests/bench/policy.py [-r RUNS] [-x N] [CASE...]

Cases: spf, srs (OUTRIDER_BENCH's run-policyd-spf.sh and run-postsrsd.sh with ours in turn), cold (5,000 domains that
nobody has asked for yet, from a DNS that takes 20 ms), paced (SPF with answers cached, 64 connections, at steady rates
and as fast as they go, beside a server that answers DUNNO unread), greylist (a million triplets in SQLite). As root.
Built by name, with OUTRIDER_TESTS=ON: ninja slowdns policy_paced policy_floor. Never fails for being slow.
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

BENCH = pathlib.Path(os.environ.get("OUTRIDER_BENCH", "/nonexistent")).resolve()
BUILD = pathlib.Path(os.environ.get("OUTRIDER_BUILD", "build/release")).resolve()
RESOLVER = "127.0.0.1:5301"  # of the shared scripts
DNS_DELAY_MS = 20
DOMAINS = 5000
WARM_DOMAINS = 1000
PACED_RATES = (1000, 5000, 10000, 20000)
TRIPLETS = 1000000
CONF = """\
user = "root"
listen policy { address = {"unix:%(dir)s/policy"} group = "root" }
listen srs { address = {"unix:%(dir)s/srs"} group = "root" }
store = "%(store)s"
decisions = ""
checks = {"%(check)s"}
dns { servers = {"%(dns)s"} }
srs-domain = "srs.example"
srs-secrets-file = "%(dir)s/secret"
"""


class Policyd:
    def __init__(self, directory, dns, check="spf", store=""):
        self.socket = f"unix:{directory}/policy"
        self.srs = f"unix:{directory}/srs"
        secret = pathlib.Path(directory, "secret")
        secret.write_text("benchsecret\n")
        secret.chmod(0o600)
        conf = pathlib.Path(directory, "policyd.conf")
        conf.write_text(CONF % {"dir": directory, "dns": dns, "check": check, "store": store})
        self.log = pathlib.Path(directory, "policyd.log")
        self.begun = time.monotonic()
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([BUILD / "policyd/outrider-policyd", "-c", conf], stdout=log, stderr=log)
        self.pid = self.process.pid
        while not self.answers():
            if self.process.poll() is not None:
                raise SystemExit(f"policyd has ended:\n{self.log.read_text()}")
            time.sleep(0.005)
        self.started_s = time.monotonic() - self.begun

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            try:
                s.connect(self.socket.removeprefix("unix:"))
                s.sendall(b"request=smtpd_access_policy\n\n")
                return s.recv(100).startswith(b"action=")
            except OSError:
                return False

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def start_slow_dns():
    """tests/bench/slowdns (built by name) on a free port; the process and its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [BUILD / "tests/bench/slowdns", str(port), str(DNS_DELAY_MS), "v=spf1 ip4:0.0.0.0/0 -all"]
    return subprocess.Popen(command), f"127.0.0.1:{port}"


def load(*arguments):
    """bin/policyload's findings."""
    result = subprocess.run([BENCH / "bin/policyload", *map(str, arguments)], capture_output=True, text=True, check=False)
    return json.loads(result.stdout.splitlines()[-1])


def shared(script, server, options, environment):
    """A script of OUTRIDER_BENCH, ours in turn with its rival; its lines as they come."""
    command = [BENCH / script, "-o", server.socket if "spf" in script else server.srs, "-p", str(server.pid), *options]
    result = subprocess.run(command, env=dict(os.environ, **environment), capture_output=True, text=True, check=False)
    for line in result.stdout.splitlines() + result.stderr.splitlines():
        if "/s p50" in line:
            print(line, flush=True)


def case_spf(directory, args):
    server = Policyd(directory, RESOLVER)
    shared("run-policyd-spf.sh", server, ["-r", str(args.runs), "-x", str(args.divide)], {"RIVALS": "python"})
    server.stop()


def case_srs(directory, args):
    server = Policyd(directory, RESOLVER)
    shared("run-postsrsd.sh", server, ["-r", str(args.runs), "-x", str(args.divide)], {})
    server.stop()


def case_cold(directory, args):
    slow, address = start_slow_dns()
    path = pathlib.Path(directory, "cold.list")
    path.write_text("".join(f"192.0.2.1 mx{i}.test u@d{i}.cold.test r@home.test\n" for i in range(DOMAINS * args.runs)))
    server = Policyd(directory, address)
    for run in range(args.runs):
        found = load("-s", server.socket, "-L", path, "-start", DOMAINS * run, "-n", DOMAINS, "-c", 64, "-t", 60)
        ideal = 64 * 1000 / DNS_DELAY_MS
        print(f"cold c=64: {found['ops_per_s']:.0f} requests/s, {100 * found['ops_per_s'] / ideal:.0f} % of the ideal "
              f"{ideal:.0f}; errors {found['errors']}, p99 {found['p99_us'] / 1000:.1f} ms")
    server.stop()
    slow.kill()


def start_floor(directory):
    path = f"{directory}/floor"
    process = subprocess.Popen([BUILD / "tests/bench/policy_floor", path])
    while not os.path.exists(path):
        time.sleep(0.005)
    return process, f"unix:{path}"


def case_paced(directory, args):
    slow, address = start_slow_dns()
    path = pathlib.Path(directory, "paced.list")
    path.write_text("".join(f"192.0.2.1 mx{i}.test u@d{i}.warm.test r@home.test\n" for i in range(WARM_DOMAINS)))
    server = Policyd(directory, address)
    floor, floor_socket = start_floor(directory)
    load("-s", server.socket, "-L", path, "-n", WARM_DOMAINS, "-c", 8, "-t", 60)
    for name, where in {"floor": floor_socket, "ours": server.socket}.items():
        for rate in PACED_RATES:
            command = [BUILD / "tests/bench/policy_paced", where.removeprefix("unix:"), path, "64", str(rate), "5"]
            _, p50, p99, _ = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            print(f"{name} paced c=64 {rate}/s: p50 {int(p50) / 1000:.2f} p99 {int(p99) / 1000:.2f} ms")
        found = load("-s", where, "-L", path, "-n", 300000 // args.divide, "-c", 64, "-t", 60)
        print(f"{name} c=64 as fast as it goes: {found['ops_per_s']:.0f}/s, p50 {found['p50_us'] / 1000:.2f} p99 "
              f"{found['p99_us'] / 1000:.2f} ms")
    server.stop()
    floor.kill()
    slow.kill()


def case_greylist(directory, args):
    count = TRIPLETS // args.divide
    path = pathlib.Path(directory, "grey.list")
    with open(path, "w", encoding="ascii") as lines:
        for i in range(count):
            lines.write(f"10.{i % 200}.{i // 200 % 250}.1 mx.test s@d{i % 5000}.test r{i}@home.test\n")
    store = pathlib.Path(directory, "grey.sqlite")
    server = Policyd(directory, RESOLVER, "greylist", f"sqlite:{store}")
    begun = time.monotonic()
    filled = load("-s", server.socket, "-L", path, "-n", count, "-c", 8, "-t", 900)
    print(f"greylist: {count} triplets in {time.monotonic() - begun:.0f} s, errors {filled['errors']}, p99 "
          f"{filled['p99_us'] / 1000:.2f} ms")
    server.stop()
    print(f"greylist: file {store.stat().st_size / 1e6:.0f} MB")
    server = Policyd(directory, RESOLVER, "greylist", f"sqlite:{store}")
    print(f"greylist: started in {server.started_s:.2f} s")
    for connections in (1, 8):
        found = load("-s", server.socket, "-L", path, "-start", 12345, "-n", 20000, "-c", connections, "-t", 60, "-pid", server.pid)
        print(f"greylist c={connections}: {found['ops_per_s']:.0f}/s, p50 {found['p50_us'] / 1000:.2f} p99 "
              f"{found['p99_us'] / 1000:.2f} ms, deferred {found['n_defer']}, CPU {found['server_cpu_s_per_1000']:.3f} ms each")
    server.stop()


CASES = {"spf": case_spf, "srs": case_srs, "cold": case_cold, "paced": case_paced, "greylist": case_greylist}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-r", dest="runs", type=int, default=3)
    parser.add_argument("-x", dest="divide", type=int, default=1)
    parser.add_argument("case", nargs="*", choices=[*CASES, []])
    args = parser.parse_args()
    for name in args.case or CASES:
        with tempfile.TemporaryDirectory(prefix="outrider-bench-") as directory:
            CASES[name](directory, args)


if __name__ == "__main__":
    main()
