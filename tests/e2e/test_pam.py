"""Accounts of the system: real users by useradd, PAM's own modules, in an /etc of the test's (a mount namespace)."""

import base64
import concurrent.futures
import os
import signal
import socket
import subprocess
import time

import pytest

from lab.daemons import Daemon

CONF = """\
user = "{user}"
group = "{user}"
database = "{d}/state/accounts.sqlite"
dict-database = "{d}/state/dict.sqlite"
store = ""
logins = ""
mail-uid = 5000
mail-gid = 5000
failure-delay = 0s
ban-threshold = 0
listen sasl {{ address = {{"unix:{d}/state/sasl"}} group = "root" mode = "0666" }}
listen maps {{ address = {{"unix:{d}/state/maps"}} group = "root" mode = "0666" }}
listen dovecot-login {{ address = {{"unix:{d}/state/login"}} group = "root" }}
listen dovecot-master {{ address = {{"unix:{d}/state/master"}} group = "root" mode = "0666" }}
accounts "system" {{ kind = pam domains = {{"sys.test"}} }}
accounts "slow" {{ kind = pam domains = {{"slow.test"}} service = "outrider-slow" timeout = 500ms }}
accounts "near" {{ kind = pam domains = {{"near.test"}} service = "outrider-near" }}
accounts "odd" {{ kind = pam domains = {{"odd.test"}} service = "outrider-odd" }}
"""

SERVICES = {
    "outrider": "auth required pam_unix.so\naccount required pam_unix.so\n",
    "outrider-slow": "auth required pam_exec.so quiet {d}/slow\naccount required pam_permit.so\n",
    "outrider-near": "auth required pam_unix.so\naccount required pam_access.so accessfile={d}/access.conf\n",
    "outrider-odd": "auth required pam_there_is_no_such_module.so\naccount required pam_permit.so\n",
}

# name and useradd's arguments; "mailauth" is authd, and may read /etc/shadow
USERS = [
    ("ann", ["-u", "2101", "-d", "/home/of/ann"]),
    ("locked", ["-u", "2102"]),
    ("expired", ["-u", "2103", "-e", "2001-01-01"]),
    ("stale", ["-u", "2104"]),
    ("system", ["-u", "987"]),
    ("mailauth", ["-r", "-U", "-G", "shadow"]),
    ("outsider", ["-r", "-U"]),
]


class Place:
    def __init__(self, build, directory):
        self.directory = directory
        os.chmod(directory, 0o755)
        subprocess.run(["cp", "-a", "/etc", f"{directory}/etc"], check=True)
        os.mkdir(f"{directory}/state")
        for name, text in SERVICES.items():
            self.write(f"etc/pam.d/{name}", text.format(d=directory), 0o644)
        self.write("access.conf", "+:ann:192.0.2.0/24 2001:db8::/32\n-:ALL:ALL\n", 0o644)
        self.write("slow", "#!/bin/sh\nexec sleep 2\n", 0o755)
        self.authd = Daemon(str(build), directory, "authd", "outrider-authd", "",
                            [f"{directory}/state/{name}" for name in ("sasl", "maps", "login", "master")])
        inside = f"mount --make-rprivate / && mount --bind {directory}/etc /etc && exec "
        self.write("run", f"#!/bin/sh\nexec unshare -m sh -c '{inside}\"$@\"' sh \"$@\"\n", 0o755)
        self.write("authd", f"#!/bin/sh\nexec {directory}/run {self.authd.path} \"$@\"\n", 0o755)
        self.authd.path = f"{directory}/authd"

    def write(self, name, text, mode):
        with open(f"{self.directory}/{name}", "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(f"{self.directory}/{name}", mode)

    def run(self, *command):
        subprocess.run([f"{self.directory}/run", *command], check=True, capture_output=True, text=True)

    def add_users(self):
        password = subprocess.run(["openssl", "passwd", "-6", "pw word"], capture_output=True, text=True,
                                  check=True).stdout.strip()
        for name, arguments in USERS:
            self.run("useradd", "-M", "-p", password, *arguments, name)
        self.run("usermod", "-L", "locked")
        self.run("chage", "-d", "2001-01-01", "-M", "30", "stale")

    def start_as(self, user):
        self.authd.stop()
        self.run("chown", "-R", user, f"{self.directory}/state")
        self.authd.config = CONF.format(d=self.directory, user=user)
        self.authd.start()

    def lines(self, name, *said):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(15)
            s.connect(f"{self.directory}/state/{name}")
            file = s.makefile("r", encoding="utf-8")
            first = file.readline()
            while name == "sasl" and first != "DONE\n":
                first = file.readline()
                assert first
            if name == "master":
                file.readline()
            s.sendall("".join(f"{line}\n" for line in said).encode())
            return file.readline().rstrip("\n")

    def login(self, user, password="pw word", remote=""):
        resp = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        return self.lines("sasl", "VERSION\t1\t0", "CPID\t1", f"AUTH\t1\tPLAIN\tservice=smtp\tnologin\tsecured\t{remote}resp={resp}")

    def user(self, name):
        return self.lines("master", "VERSION\t1\t0", f"USER\t1\t{name}\tservice=lmtp")

    def table(self, table, key):
        request = f"{table} {key}"
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(15)
            s.connect(f"{self.directory}/state/maps")
            s.sendall(f"{len(request.encode())}:{request},".encode())
            return s.recv(4096).decode().split(":", 1)[1].rstrip(",")


@pytest.fixture(scope="module")
def place(build, temp_directory):
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "mount", "--make-rprivate", "/"], check=False,
                                           capture_output=True).returncode != 0:
        pytest.skip("no mount namespace of its own: needs root")
    place = Place(build, temp_directory)
    place.add_users()
    place.start_as("mailauth")
    yield place
    place.authd.stop()


def test_a_user_of_the_system_logs_in(place):
    assert place.login("ann@sys.test") == "OK\t1\tuser=ann@sys.test"
    assert place.login("Ann@SYS.test") == "OK\t1\tuser=ann@sys.test"


@pytest.mark.parametrize("user, password", [
    ("ann@sys.test", "wrong"),
    ("ann@sys.test", ""),
    ("ann@sys.test", "pw word2"),
    ("ann@sys.test", "pw word" + "x" * 600),
    ("ann@far.test", "pw word"),
    ("nobody@sys.test", "pw word"),
    ("none@sys.test", "pw word"),
    ("root@sys.test", "pw word"),
    ("system@sys.test", "pw word"),
    ("locked@sys.test", "pw word"),
    ("expired@sys.test", "pw word"),
    ("stale@sys.test", "pw word"),
], ids=range(12))
def test_nobody_else_does(place, user, password):
    assert place.login(user, password).startswith("FAIL\t1")


def test_the_user_database_gives_owner_and_home(place):
    assert place.user("ann@sys.test") == "USER\t1\tann@sys.test\tuid=2101\tgid=2101\thome=/home/of/ann"
    for name in ("none", "root", "system", "nobody", "%n", "ann:x"):
        assert place.user(f"{name}@sys.test") == "NOTFOUND\t1", name
    assert place.table("mailbox-domains", "sys.test") == "OK sys.test"
    assert place.table("mailboxes", "ann+x@sys.test") == "OK ann@sys.test"
    assert place.table("mailboxes", "root@sys.test") == "NOTFOUND "


def test_a_changed_password_counts_at_once(place):
    password = subprocess.run(["openssl", "passwd", "-6", "another"], capture_output=True, text=True, check=True)
    place.run("useradd", "-M", "-u", "2110", "-p", password.stdout.strip(), "new")
    assert place.login("new@sys.test").startswith("FAIL\t1")
    assert place.login("new@sys.test", "another").startswith("OK\t1")
    place.run("usermod", "-L", "new")
    assert place.login("new@sys.test", "another").startswith("FAIL\t1")


@pytest.mark.parametrize("remote, answer", [
    ("rip=192.0.2.7\t", "OK\t1"),
    ("rip=2001:DB8:0:0::7\t", "OK\t1"),
    ("rip=198.51.100.7\t", "FAIL\t1"),
    ("rip=ALL\t", "FAIL\t1"),
    ("rip=192.0.2.\t", "FAIL\t1"),
    ("", "FAIL\t1"),
])
def test_modules_are_told_where_the_client_is(place, remote, answer):
    assert place.login("ann@near.test", remote=remote).startswith(answer)
    assert place.login("ann@near.test", "wrong", remote).startswith("FAIL\t1")


def test_a_module_that_hangs_costs_the_timeout(place):
    # the module would say yes in the end
    assert place.login("ann@slow.test") == "", "Postfix is told to come later by hanging up"
    assert "PAM service outrider-slow: no answer in time" in place.authd.log()
    assert place.login("ann@sys.test").startswith("OK\t1")


def test_a_reload_while_questions_have_no_answer(place):
    assert place.login("ann@slow.test") == ""
    place.authd.process.send_signal(signal.SIGHUP)
    time.sleep(2.2)  # the old settings are gone by the time the module answers
    assert place.authd.process.is_running()
    assert place.login("ann@sys.test").startswith("OK\t1")


def test_questions_without_answer_are_bounded(place):
    with concurrent.futures.ThreadPoolExecutor(70) as pool:
        assert set(pool.map(place.login, ["ann@slow.test"] * 70)) == {""}
    assert "too many logins at once" in place.authd.log()
    assert place.login("ann@sys.test").startswith("OK\t1"), "each source has its own bound"


def test_a_service_that_cannot_work_is_a_temporary_failure(place):
    assert place.login("ann@odd.test") == ""
    assert "PAM service outrider-odd: " in place.authd.log()


def test_without_access_to_the_hashes_nobody_is_told_that_the_password_is_wrong(place):
    place.start_as("outsider")
    assert place.user("ann@sys.test").startswith("USER\t1\tann@sys.test")
    assert place.login("ann@sys.test") == ""
    place.start_as("mailauth")
    assert place.login("ann@sys.test").startswith("OK\t1")
