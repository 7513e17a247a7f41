#!/usr/bin/python3
"""outrider-lmtpd beside Dovecot's lmtp and beside the bare disk: deliveries a second and CPU for each.

    OUTRIDER_BENCH=DIR OUTRIDER_BUILD=build/release tests/bench/lmtp.py [-r RUNS] [-x N] [-s S] [-d DIR] [CASE...]

OUTRIDER_BENCH holds the load generator (bin/lmtpload). Each case runs against each server in turn, RUNS times (3);
-x divides the number of deliveries; the mail lies below a new directory in DIR (/var/tmp), which says which disk
is measured. File systems are slow to create files for about a minute after others were removed there (Dovecot
removes one or two for each delivery): S seconds (70) pass before ours and the bare disk are measured. Both servers ask the same Dovecot auth process who a recipient is. "bare" is maildir_floor: create,
write, fsync, rename, fsync of the directory. As root, with dovecot-lmtpd installed. Built by name:
ninja maildir_floor. Never fails for being slow.

The case "sieve" is ours alone: one recipient with and without a script of 20 rules, of which the last one holds.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BENCH = pathlib.Path(os.environ.get("OUTRIDER_BENCH", "/nonexistent")).resolve()
BUILD = pathlib.Path(os.environ.get("OUTRIDER_BUILD", "build/release")).resolve()
USERS = 100
UID = 5000
CONNECTIONS = 8
# name: (recipients of a message, bytes, deliveries)
CASES = {"1-rcpt": (1, 4096, 6000), "10-rcpt": (10, 4096, 10000), "1m": (1, 1048576, 200)}

DOVECOT_CONF = """\
base_dir = %(dir)s/run
state_dir = %(dir)s/state
log_path = %(dir)s/dovecot.log
protocols = lmtp
ssl = no
mail_location = maildir:~/Maildir
passdb {
  driver = passwd-file
  args = username_format=%%u %(dir)s/users
}
userdb {
  driver = passwd-file
  args = username_format=%%u %(dir)s/users
}
service auth {
  unix_listener %(dir)s/auth-userdb {
    mode = 0777
  }
}
service lmtp {
  process_min_avail = 2
  unix_listener %(dir)s/dovecot {
    mode = 0666
  }
}
"""
LMTPD_CONF = """\
listen lmtp { address = {"unix:%(dir)s/ours"} }
userdb = "unix:%(dir)s/auth-userdb"
user = "nobody"
group = "nogroup"
hostname = "mx.bench.example"
store = ""
"""


def start(directory, name, *command):
    """The process, once its socket is there."""
    log = open(directory / f"{name}.out", "w", encoding="utf-8")
    process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    for _ in range(100):
        if (directory / name).exists():
            return process
        if process.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit(f"{command[0]} does not serve:\n" + (directory / f"{name}.out").read_text())


def stop(process):
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()


def set_up(directory):
    """{label: process}, with mailboxes of one owner that both deliver into."""
    mail = directory / "mail"
    mail.mkdir()
    os.chown(mail, UID, UID)
    (directory / "users").write_text("".join(
        f"u{n:04}@bench.example:{{PLAIN}}x:{UID}:{UID}::{mail}/u{n:04}::\n" for n in range(1, USERS + 1)))
    for name, text in (("dovecot.conf", DOVECOT_CONF), ("lmtpd.conf", LMTPD_CONF)):
        (directory / name).write_text(text % {"dir": directory})
    # Dovecot first: it answers for the recipients of both. Ours is measured first.
    dovecot = start(directory, "dovecot", "dovecot", "-F", "-c", directory / "dovecot.conf")
    ours = start(directory, "ours", BUILD / "lmtp/outrider-lmtpd", "-c", directory / "lmtpd.conf")
    return {"ours": ours, "dovecot": dovecot}


def lmtp_processes(label, process):
    """Whose CPU counts: of Dovecot the lmtp processes, not the auth process that serves both."""
    if label == "ours":
        return [process.pid]
    text = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in text.splitlines()]
    return [int(pid) for pid, parent, name in rows if int(parent) == process.pid and "/lmtp" in name]


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def load(directory, label, process, recipients, size, count):
    """(deliveries a second, CPU ms of a delivery)"""
    command = [BENCH / "bin/lmtpload", "-s", directory / label, "-users", USERS, "-size", size, "-c", CONNECTIONS,
               "-r", recipients, "-n", max(CONNECTIONS, count // recipients), "-t", 60]
    # Processes of Dovecot live as long as their connections do and longer: those that are new count from zero.
    before = {pid: cpu_seconds([pid]) for pid in lmtp_processes(label, process)}
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, check=False)
    result = json.loads(done.stdout)
    cpu = sum(cpu_seconds([pid]) - before.get(pid, 0) for pid in lmtp_processes(label, process))
    if result["errors"]:
        sys.exit(f"{label}: {result['errors']} errors")
    return result["ops_per_s"], cpu * 1000 / result["ops"]


def bare(directory, size, count):
    place = pathlib.Path(tempfile.mkdtemp(prefix="bare-", dir=directory))
    command = [BUILD / "tests/bench/maildir_floor", place, CONNECTIONS, count, size]
    return float(subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, check=True).stdout)


def measure(directory, servers, case, options):
    recipients, size, count = CASES[case]
    count = max(1, count // options.x)
    rates = {"bare": [], **{label: [] for label in servers}}
    cpus = {label: [] for label in servers}
    for _ in range(options.r):
        time.sleep(options.s)
        rates["bare"].append(bare(directory, size, count // recipients))
        for label, process in servers.items():
            rate, cpu = load(directory, label, process, recipients, size, count)
            rates[label].append(rate)
            cpus[label].append(cpu)
    rate = {label: statistics.median(values) for label, values in rates.items()}
    cpu = {label: statistics.median(values) for label, values in cpus.items()}
    print(f"{case:8} bare {rate['bare']:7.0f} files/s   dovecot {rate['dovecot']:6.0f}/s {cpu['dovecot']:6.3f} ms   "
          f"ours {rate['ours']:6.0f}/s {cpu['ours']:6.3f} ms   {rate['ours'] / rate['dovecot']:.1f}x dovecot, "
          f"{rate['ours'] / recipients / rate['bare']:.0%} of bare, {cpu['ours'] / max(cpu['dovecot'], 1e-9):.0%} of its CPU",
          flush=True)


def write_scripts(directory, text):
    """Into every home; None takes them away."""
    for home in (directory / "mail").iterdir():
        script = home / ".dovecot.sieve"
        if text is None:
            script.unlink()
        else:
            script.write_text(text)
            os.chown(script, UID, UID)


def script_of(rules):
    """Rules as people have them: senders, lists, words in the subject; each files into INBOX."""
    tests = ('header :contains "list-id" "<list{0}.example.org>"', 'address :is :domain "from" "shop{0}.example.com"',
             'header :matches "subject" "*[ticket {0}]*"', 'envelope :is "from" "robot{0}@example.net"')
    lines = [f"if {tests[n % len(tests)].format(n)} {{ fileinto \"Folder{n}\"; stop; }}" for n in range(rules - 1)]
    return "\n".join(['require ["fileinto", "envelope"];', *lines, 'if size :over 1 { fileinto "INBOX"; }', ""])


def measure_sieve(directory, servers, options):
    recipients, size, count = CASES["1-rcpt"]
    count = max(1, count // options.x)
    rates, cpus = {"without": [], "with": []}, {"without": [], "with": []}
    for turn in range(2 * options.r):
        label = "with" if turn % 2 else "without"
        if label == "with":
            write_scripts(directory, script_of(20))
        time.sleep(options.s)
        rate, cpu = load(directory, "ours", servers["ours"], recipients, size, count)
        if label == "with":
            write_scripts(directory, None)
        rates[label].append(rate)
        cpus[label].append(cpu)
    rate = {label: statistics.median(values) for label, values in rates.items()}
    cpu = {label: statistics.median(values) for label, values in cpus.items()}
    print(f"sieve    without {rate['without']:6.0f}/s {cpu['without']:6.3f} ms   20 rules {rate['with']:6.0f}/s "
          f"{cpu['with']:6.3f} ms   {rate['with'] / rate['without'] - 1:+.0%} deliveries, "
          f"{cpu['with'] / max(cpu['without'], 1e-9) - 1:+.0%} CPU", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-r", type=int, default=3, metavar="RUNS")
    parser.add_argument("-x", type=int, default=1, metavar="N")
    parser.add_argument("-s", type=int, default=70, metavar="S")
    parser.add_argument("-d", default="/var/tmp", metavar="DIR")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=" ".join([*CASES, "sieve"]))
    options = parser.parse_args()
    if not (BENCH / "bin/lmtpload").exists():
        sys.exit("set OUTRIDER_BENCH to the directory of the load generator, built (see its README)")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="outrider-bench-", dir=options.d))
    directory.chmod(0o755)
    servers = {}
    try:
        servers = set_up(directory)
        for label in servers:  # every mailbox exists
            load(directory, label, servers[label], 1, 100, 4 * USERS)
        for case in options.cases or [*CASES, "sieve"]:
            if case == "sieve":
                measure_sieve(directory, servers, options)
            else:
                measure(directory, servers, case, options)
    finally:
        for process in servers.values():
            stop(process)
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
