#!/usr/bin/python3
"""What outrider-milter costs beside the least a filter can cost and beside OpenDKIM, in CPU per message.

    OUTRIDER_BENCH=DIR OUTRIDER_BUILD=build/release tests/bench/milter.py [-r RUNS] [-x N] [CASE...]

OUTRIDER_BENCH holds the load generator and its corpus (bin/milterload, dns.sh, data/). Every case runs against
each server in turn, RUNS times (3); -x divides the number of messages. Printed are the medians. As root, like
the servers that are measured: nsd, unbound and, where it is installed, opendkim. Never fails for being slow.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BENCH = pathlib.Path(os.environ.get("OUTRIDER_BENCH", "/nonexistent")).resolve()
BUILD = pathlib.Path(os.environ.get("OUTRIDER_BUILD", "build/release")).resolve()
DATA = BENCH / "data"
SIGN, VERIFY = "sign", "verify"
# name: (what is measured, load arguments, messages)
CASES = {
    "sign-4k": (SIGN, ["-f", DATA / "msg/4k.eml"], 4000),
    "verify-4k": (VERIFY, ["-L", DATA / "warm-4k.list", "-client", "192.0.2.10"], 8000),
    "sign-1m": (SIGN, ["-f", DATA / "msg/1m.eml"], 400),
    "verify-1m": (VERIFY, ["-L", DATA / "warm-1m.list", "-client", "192.0.2.10"], 400),
}
# What the added field contains, when the work was done.
EXPECTED = {SIGN: "DKIM-Signature", VERIFY: "dkim=pass"}
JUDGED = ("ours", "opendkim")
CONNECTIONS = {"sign-4k": (1, 8, 64), "verify-4k": (1, 8, 64), "sign-1m": (1, 8), "verify-1m": (1, 8)}

MILTER_CONF = """\
listen milter { address = {"unix:%(dir)s/ours"} }
dns { servers = {"%(dns)s"} }
key-directory = "%(dir)s/keys"
authserv-id = "mx.bench.example"
policyd = ""
user = "root"
"""
OPENDKIM_CONF = """\
Background no
Syslog yes
SyslogSuccess yes
UMask 007
OversignHeaders From
RequireSafeKeys no
"""
OPENDKIM_SIGN = """\
Mode s
Socket local:%(dir)s/opendkim-sign
Canonicalization relaxed/relaxed
Domain bench.example
Selector s1
KeyFile %(data)s/keys/rsa2048.pem
"""
OPENDKIM_VERIFY = """\
Mode v
Socket local:%(dir)s/opendkim-verify
AuthservID mx.bench.example
AlwaysAddARHeader yes
Nameservers %(dns_host)s
"""


class Servers:
    """Everything that is started, each with its socket in one temporary directory."""

    def __init__(self, directory):
        self.dir = directory
        self.running = []
        self.by_work = {SIGN: {}, VERIFY: {}}

    def start(self, *command, **options):
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, cwd=self.dir, **options)
        self.running.append(process)
        return process

    def start_milter(self, label, works, name, *command):
        log = open(self.dir / f"{name}.log", "w")
        process = self.start(*command, stdout=log, stderr=log)
        for _ in range(100):
            if (self.dir / name).exists():
                break
            if process.poll() is not None:
                sys.exit(f"{command[0]} has ended:\n" + (self.dir / f"{name}.log").read_text())
            time.sleep(0.1)
        for work in works:
            self.by_work[work][label] = (self.dir / name, process.pid)

    def stop(self):
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def start_dns(servers):
    """The corpus' own zone behind a caching resolver: what dns.sh prints once they answer."""
    env = dict(os.environ, BENCH_NSD_PORT="5420", BENCH_DNS_PORT="5421", BENCH_DNS_ADDR="127.0.5.20")
    process = servers.start(BENCH / "dns.sh", env=env, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    found = re.search(r"unbound (\S+):(\d+) and (\S+):53, resolv.conf (\S+)", line)
    if not found:
        sys.exit(f"no DNS from {BENCH}/dns.sh: {line}")
    return {"dns": f"{found[1]}:{found[2]}", "dns_host": found[3], "resolv": found[4]}


def start_all(servers):
    values = dict(start_dns(servers), dir=servers.dir, data=DATA)
    keys = servers.dir / "keys" / "bench.example"
    keys.mkdir(parents=True)
    shutil.copy(DATA / "keys/rsa2048.pem", keys / "s1.pem")
    (keys / "s1.pem").chmod(0o600)
    (servers.dir / "milter.conf").write_text(MILTER_CONF % values)
    (servers.dir / "sign.conf").write_text(OPENDKIM_CONF + OPENDKIM_SIGN % values)
    (servers.dir / "verify.conf").write_text(OPENDKIM_CONF + OPENDKIM_VERIFY % values)
    for label, name in (("libmilter", "milter_floor"), ("buffered", "milter_floor_buffered")):
        if (BUILD / "tests/bench" / name).exists():
            servers.start_milter(label, (SIGN, VERIFY), name, BUILD / "tests/bench" / name, servers.dir / name)
    servers.start_milter("ours", (SIGN, VERIFY), "ours", BUILD / "milter/outrider-milter", "-c",
                         servers.dir / "milter.conf")
    if shutil.which("opendkim"):
        servers.start_milter("opendkim", (SIGN,), "opendkim-sign", "opendkim", "-f", "-x", servers.dir / "sign.conf")
        # It asks only whom /etc/resolv.conf names: give it one of its own.
        servers.start_milter("opendkim", (VERIFY,), "opendkim-verify", "unshare", "-m", "--propagation", "private",
                             "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', values["resolv"],
                             "opendkim", "-f", "-x", servers.dir / "verify.conf")


def run_load(address, pid, case, connections, divisor):
    work, arguments, count = CASES[case]
    command = [BENCH / "bin/milterload", "-s", address, "-pid", pid, "-c", connections, "-n",
               max(connections, count // divisor), "-t", 60, "-expect", EXPECTED[work], *arguments]
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, check=False)
    return json.loads(done.stdout)


def bare_costs():
    """CPU ms of one RSA-2048 signature, and of the SHA-256 of the large message."""
    text = subprocess.run(["openssl", "speed", "-mr", "-seconds", "2", "rsa2048"], capture_output=True, text=True,
                          check=False).stdout
    signature = 1000 / float(re.search(r"^\+F2:\d+:2048:([\d.]+)", text, re.M)[1])
    text = subprocess.run(["openssl", "speed", "-mr", "-seconds", "2", "-bytes", "65536", "-evp", "sha256"],
                          capture_output=True, text=True, check=False).stdout
    speed = float(re.search(r"^\+F:\d+:sha256:([\d.]+)", text, re.M)[1])
    return signature, (DATA / "msg/1m.eml").stat().st_size / speed * 1000


def compare(case, label, cpu, bare):
    """The ratios that matter for this case. The clock that counts CPU ticks every 10 ms: 0 is too little work."""
    signature, digest = bare
    words = []
    if cpu.get("opendkim", 0) > 0 and cpu[label] > 0 and label != "opendkim":
        words.append(f'{cpu["opendkim"] / cpu[label]:.1f}x less than opendkim')
    if label in JUDGED and case == "sign-4k":
        words.append(f"{cpu[label] / signature:.2f}x the bare signature")
    if label in JUDGED and case.endswith("1m") and cpu[label] > 0:
        words.append(f"{digest / cpu[label]:.0%} of SHA-256's speed")
    return ", ".join(words)


def print_case(case, connections, results, bare):
    cpu = {label: statistics.median(r["server_cpu_s_per_1000"] for r in runs) for label, runs in results.items()}
    for label, runs in results.items():
        wrong = sum(r["ops"] - r["expected"] + r["errors"] for r in runs) if label in JUDGED else 0
        print(f"{case:10} c={connections:<3} {label:10} {cpu[label]:7.3f} ms/message  "
              f'p50 {statistics.median(r["p50_us"] for r in runs) / 1000:8.2f}  '
              f'p99 {statistics.median(r["p99_us"] for r in runs) / 1000:8.2f} ms  '
              f"{compare(case, label, cpu, bare)}" + (f"  {wrong} WRONG" if wrong else ""), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-r", type=int, default=3, metavar="RUNS")
    parser.add_argument("-x", type=int, default=1, metavar="N")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=" ".join(CASES))
    options = parser.parse_args()
    if not (BENCH / "bin/milterload").exists():
        sys.exit("set OUTRIDER_BENCH to the directory of the load generator, built (see its README)")
    with tempfile.TemporaryDirectory(prefix="outrider-bench-") as directory:
        servers = Servers(pathlib.Path(directory))
        try:
            start_all(servers)
            bare = bare_costs()
            print(f"bare: RSA-2048 signature {bare[0]:.3f} ms, SHA-256 of the large message {bare[1]:.3f} ms; "
                  f"load average {os.getloadavg()[0]:.2f}")
            for case in options.cases or CASES:
                for connections in CONNECTIONS[case]:
                    results = {}
                    for _ in range(options.r):
                        for label, (address, pid) in servers.by_work[CASES[case][0]].items():
                            results.setdefault(label, []).append(
                                run_load(address, pid, case, connections, options.x))
                    print_case(case, connections, results, bare)
        finally:
            servers.stop()


if __name__ == "__main__":
    main()
