"""Accounts in a real PostgreSQL: our schema, PostfixAdmin's, Mailu's, queries of one's own; the server gone and back."""

import base64
import glob
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import pytest

from lab.daemons import Daemon
from lab.process import Process

ROOT = pathlib.Path(__file__).resolve().parents[2]

CONF = """\
user = "root"
database = "{d}/accounts.sqlite"
store = "sqlite:{d}/state.sqlite"
logins = "{d}/logins.sqlite"
mail-uid = 5000
mail-gid = 5000
mail-home = "/srv/mail/%d/%n"
failure-delay = 0s
auth-cache-ttl = 0s
listen sasl {{ address = {{"unix:{d}/sasl"}} group = "root" }}
listen maps {{ address = {{"unix:{d}/maps"}} group = "root" }}
listen dovecot-login {{ address = {{"unix:{d}/login"}} group = "root" }}
listen dovecot-master {{ address = {{"unix:{d}/master"}} group = "root" }}
accounts "ours" {{
    kind = postgresql
    connect = "host={d}/pg dbname=ours user=authd"
    domains = {{"home.test", "empty.test"}}
    timeout = 2s
}}
accounts "admin" {{
    kind = postgresql
    connect = "host={d}/pg dbname=admin user=authd"
    schema = postfixadmin
    domains = {{"admin.test", "same.test", "off.test"}}
}}
accounts "mailu" {{
    kind = postgresql
    connect = "host={d}/pg dbname=mailu user=authd"
    schema = mailu
    domains = {{"mailu.test", "alt.test"}}
}}
accounts "own" {{
    kind = postgresql
    connect = "host={d}/pg dbname=own user=authd"
    user-query = "SELECT login || '@' || $3 AS user, pw AS password, quota AS quota_rule, home FROM people WHERE login = $2"
    domain-query = ""
    alias-query = ""
    list-query = ""
}}
"""

# What PostfixAdmin 3.3 creates, as far as authd looks at it.
POSTFIXADMIN = """\
CREATE TABLE domain (domain varchar(255) PRIMARY KEY, description varchar(255), quota bigint NOT NULL DEFAULT 0,
    transport varchar(255), backupmx boolean NOT NULL DEFAULT false, active boolean NOT NULL DEFAULT true);
CREATE TABLE mailbox (username varchar(255) PRIMARY KEY, password varchar(255) NOT NULL DEFAULT '', name varchar(255),
    maildir varchar(255), quota bigint NOT NULL DEFAULT 0, domain varchar(255), active boolean NOT NULL DEFAULT true,
    local_part varchar(255));
CREATE TABLE alias (address varchar(255) PRIMARY KEY, goto text NOT NULL, domain varchar(255),
    active boolean NOT NULL DEFAULT true);
CREATE TABLE alias_domain (alias_domain varchar(255) PRIMARY KEY, target_domain varchar(255) NOT NULL,
    created timestamptz DEFAULT now(), modified timestamptz DEFAULT now(), active boolean NOT NULL DEFAULT true);
INSERT INTO domain (domain) VALUES ('ALL'), ('admin.test'), ('same.test'), ('off.test');
INSERT INTO alias_domain VALUES ('same.test', 'admin.test', now(), now(), true),
    ('off.test', 'admin.test', now(), now(), false);
INSERT INTO domain (domain, backupmx) VALUES ('backup.test', true);
INSERT INTO mailbox VALUES ('pat@admin.test', '{hash}', 'Pat', 'admin.test/pat/', 1048576, 'admin.test', true, 'pat');
INSERT INTO mailbox VALUES ('out@admin.test', '{hash}', 'Out', 'admin.test/out/', -1, 'admin.test', false, 'out');
INSERT INTO alias VALUES ('pat@admin.test', 'pat@admin.test', 'admin.test'),
    ('info@admin.test', 'pat@admin.test, far@else.test', 'admin.test'), ('@admin.test', 'pat@admin.test', 'admin.test');
INSERT INTO alias VALUES ('old@admin.test', 'pat@admin.test', 'admin.test', false);
INSERT INTO mailbox VALUES ('copy@admin.test', '{hash}', 'Copy', 'admin.test/copy/', 0, 'admin.test', true, 'copy');
INSERT INTO alias VALUES ('copy@admin.test', 'copy@admin.test,far@else.test', 'admin.test'),
    ('info@same.test', 'only@else.test', 'same.test');
"""

# What Mailu's migrations leave in PostgreSQL, as far as authd looks at it.
MAILU = """\
CREATE TABLE domain (created_at date NOT NULL DEFAULT now(), updated_at date, comment varchar(255), name varchar(80) PRIMARY KEY,
    max_users integer NOT NULL DEFAULT -1, max_aliases integer NOT NULL DEFAULT -1, max_quota_bytes bigint NOT NULL DEFAULT 0,
    signup_enabled boolean NOT NULL DEFAULT false);
CREATE TABLE alternative (created_at date NOT NULL DEFAULT now(), updated_at date, comment varchar(255),
    name varchar(80) PRIMARY KEY, domain_name varchar(80) REFERENCES domain (name));
CREATE TABLE "user" (created_at date NOT NULL DEFAULT now(), updated_at date, comment varchar(255),
    localpart varchar(80) NOT NULL, password varchar(255) NOT NULL, quota_bytes bigint NOT NULL DEFAULT 1000000000,
    global_admin boolean NOT NULL DEFAULT false, enable_imap boolean NOT NULL DEFAULT true,
    enable_pop boolean NOT NULL DEFAULT true, forward_enabled boolean NOT NULL DEFAULT false,
    forward_destination varchar(255), reply_enabled boolean NOT NULL DEFAULT false, displayed_name varchar(160) NOT NULL DEFAULT '',
    spam_enabled boolean NOT NULL DEFAULT true, email varchar(255) PRIMARY KEY, domain_name varchar(80) NOT NULL
    REFERENCES domain (name), enabled boolean NOT NULL DEFAULT true, quota_bytes_used bigint NOT NULL DEFAULT 0,
    forward_keep boolean NOT NULL DEFAULT true);
CREATE TABLE alias (created_at date NOT NULL DEFAULT now(), updated_at date, comment varchar(255),
    localpart varchar(80) NOT NULL, destination varchar NOT NULL, email varchar(255) PRIMARY KEY,
    domain_name varchar(80) NOT NULL REFERENCES domain (name), wildcard boolean NOT NULL DEFAULT false);
INSERT INTO domain (name) VALUES ('mailu.test');
INSERT INTO alternative (name, domain_name) VALUES ('alt.test', 'mailu.test');
INSERT INTO "user" (localpart, email, domain_name, password, quota_bytes, enabled, forward_enabled, forward_destination,
    forward_keep) VALUES
    ('ann', 'ann@mailu.test', 'mailu.test', '{SHA512-CRYPT}{hash}', 2000000, true, false, '', true),
    ('out', 'out@mailu.test', 'mailu.test', '{hash}', 0, false, false, NULL, true),
    ('new', 'new@mailu.test', 'mailu.test',
     '$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2', 0, true, false, '', true),
    ('fwd', 'fwd@mailu.test', 'mailu.test', '{hash}', 0, true, true, 'a@else.test,b@else.test', false),
    ('both', 'both@mailu.test', 'mailu.test', '{hash}', 0, true, true, 'a@else.test', true);
INSERT INTO alias (localpart, email, domain_name, destination, wildcard) VALUES
    ('Info', 'info@mailu.test', 'mailu.test', 'ann@mailu.test,x@else.test', false),
    ('sales-%', 'sales-%@mailu.test', 'mailu.test', 'out@mailu.test', true),
    ('sales-eu-%', 'sales-eu-%@mailu.test', 'mailu.test', 'fwd@mailu.test', true),
    ('%', '%@mailu.test', 'mailu.test', 'ann@mailu.test', true);
"""

OWN = """\
CREATE TABLE people (login text, pw text, quota text, home text);
INSERT INTO people VALUES ('kim', '{hash}', '*:storage=5M', '/home/kim'), ('odd', '{hash}', 'lots', NULL),
    ('rel', '{hash}', NULL, 'no/path');
"""

OURS = """\
INSERT INTO domains VALUES ('home.test', 1000000, NULL), ('empty.test', NULL, NULL);
INSERT INTO accounts (address, domain, password) VALUES ('bob@home.test', 'home.test', '{hash}');
INSERT INTO accounts (address, domain, password, enabled, uid, gid, home, quota_bytes)
    VALUES ('eve@home.test', 'home.test', '{hash}', false, 2001, 2002, '/srv/eve', 0);
INSERT INTO aliases VALUES ('team@home.test', 'home.test', 'bob@home.test'), ('team@home.test', 'home.test', 'x@far.test');
"""


def bin_directory():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    return found[-1] if found else None


class Postgres:
    """A server of our own on a unix socket, as the user postgres."""

    def __init__(self, directory):
        self.data, self.sockets = f"{directory}/data", f"{directory}/pg"
        for path in (self.data, self.sockets):
            os.mkdir(path, 0o700 if path == self.data else 0o755)
            shutil.chown(path, "postgres", "postgres")
        self.bin = bin_directory()
        subprocess.run(self.as_postgres(f"{self.bin}/initdb", "-D", self.data, "-A", "trust", "-E", "UTF8", "--no-sync"),
                       check=True, capture_output=True)
        command = self.as_postgres(f"{self.bin}/postgres", "-D", self.data, "-k", self.sockets, "-c", "listen_addresses=",
                                   "-c", "fsync=off")
        self.process = Process("postgres", command, f"{directory}/postgres.log")

    @staticmethod
    def as_postgres(*command):
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]

    def ready(self):
        return subprocess.run([f"{self.bin}/pg_isready", "-q", "-h", self.sockets], check=False).returncode == 0

    def start(self):
        self.process.start(ready=self.ready, timeout=30)

    def stop(self):
        self.process.send_signal(signal.SIGINT)  # SIGTERM would wait for those who are connected
        self.process.stop()

    def sql(self, database, text):
        subprocess.run(self.as_postgres("psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.sockets, "-d", database), input=text,
                       text=True, check=True, capture_output=True, cwd="/")


class Place:
    def __init__(self, build, directory):
        self.directory = directory
        self.postgres = Postgres(directory)
        self.authd = Daemon(str(build), directory, "authd", "outrider-authd", CONF.format(d=directory),
                            [f"{directory}/{name}" for name in ("sasl", "maps", "login", "master")])

    def fill(self):
        password = subprocess.run(["openssl", "passwd", "-6", "pw word"], capture_output=True, text=True,
                                  check=True).stdout.strip()
        schema = ROOT.joinpath("packaging/sql/accounts.postgresql.sql").read_text(encoding="utf-8")
        grants = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO authd;"
        self.postgres.sql("postgres", "CREATE ROLE authd LOGIN;")
        for name, text in (("ours", schema + OURS), ("admin", POSTFIXADMIN), ("mailu", MAILU), ("own", OWN)):
            self.postgres.sql("postgres", f"CREATE DATABASE {name};")
            self.postgres.sql(name, text.replace("{hash}", password) + grants)

    def lines(self, name, *said, count=1):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(15)
            s.connect(f"{self.directory}/{name}")
            file = s.makefile("r", encoding="utf-8")
            first = file.readline()
            while name == "sasl" and first != "DONE\n":
                first = file.readline()
                assert first
            if name == "master":
                file.readline()
            s.sendall("".join(f"{line}\n" for line in said).encode())
            return [file.readline().rstrip("\n") for _ in range(count)]

    def login(self, user, password="pw word"):
        resp = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        return self.lines("sasl", "VERSION\t1\t0", "CPID\t1", f"AUTH\t1\tPLAIN\tservice=smtp\tnologin\tresp={resp}")[0]

    def user(self, name):
        return self.lines("master", "VERSION\t1\t0", f"USER\t1\t{name}\tservice=lmtp")[0]

    def table(self, table, key):
        request = f"{table} {key}"
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(15)
            s.connect(f"{self.directory}/maps")
            s.sendall(f"{len(request.encode())}:{request},".encode())
            return s.recv(4096).decode().split(":", 1)[1].rstrip(",")


@pytest.fixture(scope="module")
def place(build, temp_directory):
    if bin_directory() is None:
        pytest.skip("no PostgreSQL server is installed")
    place = Place(build, temp_directory)
    place.postgres.start()
    place.fill()
    place.authd.start()
    yield place
    place.authd.stop()
    place.postgres.stop()


def test_our_schema(place):
    assert place.login("bob@home.test") == "OK\t1\tuser=bob@home.test"
    assert place.login("Bob@HOME.test", "wrong").startswith("FAIL\t1")
    assert "code=user_disabled" in place.login("eve@home.test")
    assert "quota_rule=*:storage=1000000B:messages=0" in place.user("bob@home.test")
    assert place.user("eve@home.test") == "USER\t1\teve@home.test\tuid=2001\tgid=2002\thome=/srv/eve"
    assert place.user("nobody@home.test") == "NOTFOUND\t1"
    assert place.table("mailbox-domains", "home.test") == "OK home.test"
    assert place.table("mailbox-domains", "empty.test") == "OK empty.test"
    assert place.table("mailbox-domains", "far.test") == "NOTFOUND "
    assert place.table("aliases", "team+x@home.test") == "OK bob+x@home.test,x+x@far.test"
    assert place.table("mailboxes", "bob+x@home.test") == "OK bob@home.test"


def test_postfixadmin(place):
    assert place.login("pat@admin.test") == "OK\t1\tuser=pat@admin.test"
    assert "code=user_disabled" in place.login("out@admin.test")
    assert "quota_rule=*:storage=1048576B" in place.user("pat@admin.test")
    assert "quota" not in place.user("out@admin.test")
    assert place.table("mailbox-domains", "admin.test") == "OK admin.test"
    assert place.table("mailbox-domains", "backup.test") == "NOTFOUND "
    assert place.table("aliases", "info@admin.test") == "OK pat@admin.test,far@else.test"
    assert place.table("aliases", "pat@admin.test") == "NOTFOUND ", "PostfixAdmin's alias of a mailbox to itself"
    assert place.table("aliases", "any@admin.test") == "OK pat@admin.test"
    assert place.table("aliases", "old@admin.test") == "OK pat@admin.test", "by the catch-all"


def test_postfixadmin_alias_domains(place):
    assert place.login("pat@same.test") == "OK\t1\tuser=pat@admin.test"
    assert place.login("pat@same.test", "wrong").startswith("FAIL\t1")
    assert "code=user_disabled" in place.login("out@same.test")
    assert place.user("pat@same.test").startswith("USER\t1\tpat@admin.test\t")
    assert place.user("pat@off.test") == "NOTFOUND\t1", "the alias domain is inactive"
    assert place.table("mailbox-domains", "same.test") == "OK same.test"
    assert place.table("mailboxes", "pat+x@same.test") == "OK pat@admin.test"
    assert place.table("aliases", "pat@same.test") == "NOTFOUND ", "a mailbox, not the catch-all's"
    assert place.table("aliases", "info@same.test") == "OK only@else.test", "its own alias goes first"
    assert place.table("aliases", "any@same.test") == "OK pat@admin.test", "the target's catch-all"
    assert place.table("aliases", "any@off.test") == "NOTFOUND "


def test_postfixadmin_forwarding_with_a_copy(place):
    assert place.table("aliases", "copy@admin.test") == "OK copy@admin.test,far@else.test"
    assert place.table("aliases", "copy@same.test") == "OK copy@admin.test,far@else.test"


def test_mailu(place):
    assert place.login("ann@mailu.test") == "OK\t1\tuser=ann@mailu.test"
    assert place.login("Ann@alt.test") == "OK\t1\tuser=ann@mailu.test", "an alternative domain"
    assert place.login("new@mailu.test", "password") == "OK\t1\tuser=new@mailu.test", "as Mailu hashes by itself"
    assert place.login("new@mailu.test", "Password").startswith("FAIL\t1")
    assert place.login("ann@alt.test", "wrong").startswith("FAIL\t1")
    assert "code=user_disabled" in place.login("out@mailu.test")
    assert "quota_rule=*:storage=2000000B" in place.user("ann@mailu.test")
    assert "quota" not in place.user("fwd@mailu.test")
    assert place.user("nobody@mailu.test") == "NOTFOUND\t1"
    assert place.table("mailbox-domains", "mailu.test") == "OK mailu.test"
    assert place.table("mailbox-domains", "alt.test") == "OK alt.test"
    assert place.table("mailboxes", "ann+x@alt.test") == "OK ann@mailu.test"


@pytest.mark.parametrize("address, answer", [
    ("info@mailu.test", "OK ann@mailu.test,x@else.test"),
    ("INFO@alt.test", "OK ann@mailu.test,x@else.test"),
    ("info+d@mailu.test", "OK ann+d@mailu.test,x+d@else.test"),
    ("ann@mailu.test", "NOTFOUND "),
    ("ann+d@mailu.test", "NOTFOUND "),  # not the catch-all's
    ("fwd@mailu.test", "OK a@else.test,b@else.test"),
    ("both@mailu.test", "OK a@else.test,both@mailu.test"),
    ("sales-us@mailu.test", "OK out@mailu.test"),
    ("sales-eu-1@mailu.test", "OK fwd@mailu.test"),  # the longer pattern
    ("other@mailu.test", "OK ann@mailu.test"),
    ("other@alt.test", "OK ann@mailu.test"),
])
def test_mailu_aliases(place, address, answer):
    assert place.table("aliases", address) == answer


def test_queries_of_ones_own(place):
    assert place.login("kim@anywhere.test") == "OK\t1\tuser=kim@anywhere.test"
    assert place.user("kim@anywhere.test").endswith("\thome=/home/kim\tquota_rule=*:storage=5242880B:messages=0"
                                                    "\tquota_storage_size=5242880B")
    assert "column quota_rule" in place.user("odd@anywhere.test")
    assert "column home is no absolute path" in place.user("rel@anywhere.test")


def test_all_that_can_be_listed(place):
    rows = place.lines("master", "VERSION\t1\t0", "LIST\t1\tservice=x", count=11)
    names = ["bob@home.test", "eve@home.test", "copy@admin.test", "out@admin.test", "pat@admin.test", "ann@mailu.test",
             "both@mailu.test", "fwd@mailu.test", "new@mailu.test", "out@mailu.test"]
    assert rows == [f"LIST\t1\t{name}" for name in names] + ["DONE\t1\t"]


@pytest.mark.parametrize("name", ["bob'--@home.test", "x' OR '1'='1@home.test", "$1@home.test", "bob\\@home.test", "%@home.test",
                                  "bob@home.test';DROP TABLE accounts;--", "a" * 1000 + "@home.test"], ids=range(7))
def test_metacharacters_find_nobody(place, name):
    assert place.login(name).startswith("FAIL\t1")
    assert place.user(name) == "NOTFOUND\t1"
    assert place.login("bob@home.test").startswith("OK\t1")


def test_gone_and_back(place):
    place.postgres.stop()
    assert place.user("bob@home.test").startswith("FAIL\t1\treason=accounts ours: ")
    assert place.login("bob@home.test") == "", "Postfix is told to come later by hanging up"
    assert place.table("mailboxes", "bob@home.test").startswith("TEMP ")
    place.postgres.start()
    # over connections that the old server has closed
    assert place.login("bob@home.test").startswith("OK\t1")
    assert place.user("pat@admin.test").startswith("USER\t1")


def signal_children(place, number):
    pid = place.postgres.process.pid
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        os.kill(int(child), number)


def test_a_server_that_hangs_costs_the_timeout(place):
    os.kill(place.postgres.process.pid, signal.SIGSTOP)
    signal_children(place, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert "no answer in time" in place.user("bob@home.test")
        assert time.monotonic() - began < 6
    finally:
        signal_children(place, signal.SIGCONT)
        os.kill(place.postgres.process.pid, signal.SIGCONT)
    assert place.user("bob@home.test").startswith("USER\t1")
