"""What a real postgrey knew is known to policyd after the import."""

import os
import socket
import subprocess
import time

import pytest

from lab.daemons import Daemon
from lab.process import Process, can_connect

CONF = """\
user = "root"
listen policy {{ address = {{"unix:{d}/policy"}} group = "root" }}
listen srs {{ address = {{"unix:{d}/srs"}} group = "root" }}
store = "sqlite:{d}/state.sqlite"
decisions = ""
dns {{ servers = {{"127.0.0.1:1"}} timeout = 200ms }}
checks = {{"greylist"}}
greylist-delay = 1s
"""


def ask(path, **attributes):
    attributes = {"request": "smtpd_access_policy", "protocol_state": "RCPT", "client_address": "192.0.2.1",
                  "client_name": "unknown", "sender": "a@far.test", "recipient": "bob@home.test",
                  "instance": f"i{time.monotonic_ns()}", **attributes}
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall("".join(f"{k}={v}\n" for k, v in attributes.items()).encode() + b"\n")
        return s.makefile("rb").readline().decode().strip().removeprefix("action=")


@pytest.fixture(scope="module")
def world(build, temp_directory):
    d = os.path.join(temp_directory, "postgrey")
    os.makedirs(f"{d}/db")
    os.chmod(temp_directory, 0o755)
    subprocess.run(["chown", "-R", "postgrey", d], check=True)
    yield str(build), d


def test_import(world):
    build, d = world
    postgrey = Process("postgrey", ["postgrey", f"--unix={d}/postgrey.sock", f"--dbdir={d}/db", "--delay=1",
                                    "--greylist-action=DEFER", "--whitelist-clients=/dev/null",
                                    "--whitelist-recipients=/dev/null"], f"{d}/postgrey.log", {})
    postgrey.start(ready=lambda: can_connect(f"unix:{d}/postgrey.sock"))
    try:
        for wait in (0, 1.5):
            time.sleep(wait)
            for client, sender in (("192.0.2.1", "a@far.test"), ("2001:db8::1", "Big/list-123@far.test")):
                ask(f"{d}/postgrey.sock", client_address=client, sender=sender)
        ask(f"{d}/postgrey.sock", sender="late@far.test")
    finally:
        postgrey.stop()

    conf = f"{d}/policyd.conf"
    with open(conf, "w", encoding="ascii") as f:
        f.write(CONF.format(d=d))
    cli = [f"{build}/outrider", "greylist", "import", f"{d}/db", "--config", conf]
    first = subprocess.run(cli, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    assert "taken over: 3 triplets, 2 clients" in first.stdout
    again = subprocess.run(cli, capture_output=True, text=True, check=False)
    assert "taken over: 0 triplets, 0 clients\nleft out:   5 too old or known already, 0 not" in again.stdout

    policyd = Daemon(build, d, "policyd", "outrider-policyd", CONF.format(d=d), [f"{d}/policy", f"{d}/srs"])
    policyd.start()
    try:
        assert ask(f"{d}/policy") == "DUNNO"
        assert ask(f"{d}/policy", client_address="192.0.2.77") == "DUNNO", "another host of the /24"
        assert ask(f"{d}/policy", client_address="2001:db8::2", sender="big/list-456@far.test") == "DUNNO"
        assert ask(f"{d}/policy", sender="new@far.test").startswith("DEFER_IF_PERMIT")
        assert policyd.log().count("greylist=known") == 3
    finally:
        policyd.stop()


def test_folder_without_database(world):
    build, d = world
    result = subprocess.run([f"{build}/outrider", "greylist", "import", "/nonexistent", "--config", f"{d}/policyd.conf"],
                            capture_output=True, text=True, check=False)
    assert result.returncode == 1 and "/nonexistent/postgrey.db" in result.stderr
