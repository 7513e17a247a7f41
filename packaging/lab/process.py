"""Starting and stopping programs by process id, finding free ports, waiting for sockets."""

import os
import random
import signal
import socket
import subprocess
import time


class LabError(Exception):
    """Something of the lab could not be started; the text says what to look at."""


# Below the ports that Linux gives to outgoing connections (32768 and above), so that none of those takes a port between
# its choice here and the start of the server that is to listen there.
PORTS = range(10240, 32768)
ports_given = set()


def free_port(address="127.0.0.1"):
    """A TCP and UDP port that is free on this address right now; never the same one twice in this process."""
    for _ in range(1000):
        port = random.choice(PORTS)
        if port in ports_given:
            continue
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind((address, port))
                udp.bind((address, port))
            except OSError:
                continue
        ports_given.add(port)
        return port
    raise LabError(f"no free port on {address}")


def run(command, **options):
    """Runs a command to its end; its output goes into the error when it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        raise LabError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


class Process:
    """One server in the foreground, its output in a log file."""

    def __init__(self, name, command, log_path, env=None):
        self.name = name
        self.command = [str(part) for part in command]
        self.log_path = log_path
        self.env = {**os.environ, **(env or {})}
        self.popen = None

    def start(self, ready=None, timeout=15):
        """Starts and waits until ready() is true. The log's end goes into the error when it is not."""
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, start_new_session=True
            )
        until = time.monotonic() + timeout
        while ready is not None and not ready():
            if self.popen.poll() is not None:
                raise LabError(f"{self.name} ended with status {self.popen.returncode}:\n{self.log_tail()}")
            if time.monotonic() > until:
                self.stop()
                raise LabError(f"{self.name} is not ready after {timeout} s:\n{self.log_tail()}")
            time.sleep(0.02)
        return self

    def log_tail(self, lines=25):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    @property
    def pid(self):
        return self.popen.pid

    def is_running(self):
        return self.popen is not None and self.popen.poll() is None

    def send_signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """kill -9: for the tests of crashes."""
        self.popen.kill()
        return self.popen.wait()

    def stop(self, timeout=20):
        """SIGTERM, then SIGKILL for one that does not go; its exit status."""
        if self.popen is None:
            return None
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        return self.popen.returncode


def can_connect(address):
    """True when something listens there: "unix:/path" or (host, port)."""
    try:
        if isinstance(address, str):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(2)
                s.connect(address.removeprefix("unix:"))
        else:
            socket.create_connection(address, timeout=2).close()
        return True
    except OSError:
        return False
