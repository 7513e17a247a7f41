"""Accounts in a real slapd: logins by bind and by attribute, aliases, the directory gone and back."""

import base64
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from lab.daemons import Daemon, program_path
from lab.process import Process, can_connect, free_port

CONF = """\
user = "root"
database = "{d}/accounts.sqlite"
store = "sqlite:{d}/state.sqlite"
logins = "{d}/logins.sqlite"
mail-uid = 5000
mail-gid = 5000
mail-home = "/srv/mail/%d/%n"
failure-delay = 0s
listen sasl {{ address = {{"unix:{d}/sasl"}} group = "root" }}
listen maps {{ address = {{"unix:{d}/maps"}} group = "root" }}
listen dovecot-login {{ address = {{"unix:{d}/login"}} group = "root" }}
listen dovecot-master {{ address = {{"unix:{d}/master"}} group = "root" }}
{sources}
"""

SOURCES = """\
accounts "bind" {{
    kind = ldap
    uri = "ldap://127.0.0.1:{port}"
    base = "ou=people,dc=home,dc=test"
    filter = "(&(objectClass=inetOrgPerson)(mail=%u))"
    attributes = {{"home=homePostalAddress", "quota_rule=employeeType", "user=displayName"}}
    alias-filter = "(&(objectClass=groupOfNames)(description=%u))"
    alias-attribute = "businessCategory"
    domains = {{"home.test"}}
    timeout = 2s
}}
accounts "hash" {{
    kind = ldap
    uri = "ldap://127.0.0.1:{port}"
    bind-dn = "cn=admin,dc=home,dc=test"
    bind-password-file = "{d}/ldap.password"
    base = "dc=home,dc=test"
    filter = "(&(objectClass=inetOrgPerson)(uid=%n)(mail=%n@*))"
    attributes = {{"password=userPassword"}}
    domains = {{"hash.test"}}
    timeout = 2s
}}
"""

SLAPD = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {d}/slapd.pid
database mdb
suffix "dc=home,dc=test"
rootdn "cn=admin,dc=home,dc=test"
rootpw admin secret
directory {d}/ldap
access to attrs=userPassword by anonymous auth by * none
access to * by * read
"""

PEOPLE = """\
dn: dc=home,dc=test
objectClass: dcObject
objectClass: organization
dc: home
o: home

dn: ou=people,dc=home,dc=test
objectClass: organizationalUnit
ou: people

dn: uid=bob,ou=people,dc=home,dc=test
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: B
mail: bob@home.test
userPassword: {hash}
homePostalAddress: /home/bob
employeeType: *:storage=5M

dn: uid=eve,ou=people,dc=home,dc=test
objectClass: inetOrgPerson
uid: eve
cn: Eve
sn: E
mail: eve@home.test
mail: evelyn@home.test
displayName: eve@home.test
userPassword: other

dn: uid=odd,ou=people,dc=home,dc=test
objectClass: inetOrgPerson
uid: odd
cn: Odd
sn: O
mail: odd@home.test
homePostalAddress: no/path

dn: uid=twin1,ou=people,dc=home,dc=test
objectClass: inetOrgPerson
uid: twin1
cn: T
sn: T
mail: twin@home.test

dn: uid=twin2,ou=people,dc=home,dc=test
objectClass: inetOrgPerson
uid: twin2
cn: T
sn: T
mail: twin@home.test

dn: cn=team,dc=home,dc=test
objectClass: groupOfNames
cn: team
member: uid=bob,ou=people,dc=home,dc=test

dn: cn=staff,ou=people,dc=home,dc=test
objectClass: groupOfNames
cn: staff
description: team@home.test
businessCategory: bob@home.test
businessCategory: far@else.test
member: uid=bob,ou=people,dc=home,dc=test
"""


class Place:
    def __init__(self, build, directory):
        self.directory, self.build, self.port = directory, str(build), free_port()
        d = pathlib.Path(directory)
        d.joinpath("ldap").mkdir()
        d.joinpath("slapd.conf").write_text(SLAPD.format(d=d).replace("admin secret", '"admin secret"'), encoding="utf-8")
        password = subprocess.run(["openssl", "passwd", "-6", "pw word"], capture_output=True, text=True,
                                  check=True).stdout.strip()
        subprocess.run(["slapadd", "-q", "-f", d / "slapd.conf"], check=True, capture_output=True, text=True,
                       input=PEOPLE.replace("{hash}", "{CRYPT}" + password))
        d.joinpath("ldap.password").write_text("admin secret\n", encoding="utf-8")
        self.slapd = Process("slapd", ["slapd", "-d", "0", "-h", f"ldap://127.0.0.1:{self.port}", "-f", f"{d}/slapd.conf"],
                             f"{d}/slapd.log")
        self.authd = Daemon(self.build, directory, "authd", "outrider-authd",
                            CONF.format(d=d, sources=SOURCES.format(d=d, port=self.port)),
                            [f"{d}/{name}" for name in ("sasl", "maps", "login", "master")])

    def start_slapd(self):
        self.slapd.start(ready=lambda: can_connect(("127.0.0.1", self.port)))

    def line(self, name, *said):
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
            return file.readline().rstrip("\n")

    def login(self, user, password="pw word"):
        resp = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        return self.line("sasl", "VERSION\t1\t0", "CPID\t1", f"AUTH\t1\tPLAIN\tservice=smtp\tnologin\tresp={resp}")

    def user(self, name):
        return self.line("master", "VERSION\t1\t0", f"USER\t1\t{name}\tservice=lmtp")

    def table(self, table, key):
        request = f"{table} {key}"
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(15)
            s.connect(f"{self.directory}/maps")
            s.sendall(f"{len(request.encode())}:{request},".encode())
            return s.recv(4096).decode().split(":", 1)[1].rstrip(",")


@pytest.fixture(scope="module")
def place(build, temp_directory):
    if not os.path.exists("/usr/sbin/slapd"):
        pytest.skip("slapd is not installed")
    place = Place(build, temp_directory)
    place.start_slapd()
    place.authd.start()
    yield place
    place.authd.stop()
    place.slapd.stop()


def test_login_by_bind(place):
    assert place.login("bob@home.test") == "OK\t1\tuser=bob@home.test"
    assert place.login("bob@home.test", "wrong").startswith("FAIL\t1")
    assert place.login("bob@home.test", "").startswith("FAIL\t1"), "an unauthenticated bind is no proof"


def test_login_by_attribute(place):
    assert place.login("bob@hash.test") == "OK\t1\tuser=bob@hash.test"
    assert place.login("bob@hash.test", "wrong").startswith("FAIL\t1")


def test_records(place):
    assert place.user("bob@home.test").endswith("\tuid=5000\tgid=5000\thome=/home/bob\tquota_rule=*:storage=5242880B"
                                                ":messages=0\tquota_storage_size=5242880B")
    assert place.user("Evelyn@HOME.test").startswith("USER\t1\teve@home.test\t"), "a second address of the same mailbox"
    assert place.user("nobody@home.test") == "NOTFOUND\t1"
    assert "no absolute path" in place.user("odd@home.test")
    assert "more than one entry for twin@home.test" in place.user("twin@home.test")


def test_tables(place):
    assert place.table("mailbox-domains", "home.test") == "OK home.test"
    assert place.table("mailbox-domains", "far.test") == "NOTFOUND "
    assert place.table("aliases", "team@home.test") == "OK bob@home.test,far@else.test"
    assert place.table("aliases", "nobody@home.test") == "NOTFOUND "


@pytest.mark.parametrize("name", ["*@home.test", "b*@home.test", "bob)(uid=*@home.test", "bob\\2a@home.test", "bob)(|(uid=*))@home.test",
                                  "&@home.test"], ids=range(6))
def test_metacharacters_find_nobody(place, name):
    assert place.login(name).startswith("FAIL\t1")
    assert place.user(name) == "NOTFOUND\t1"


def test_gone_and_back(place):
    place.slapd.stop()
    assert place.user("bob@home.test").startswith("FAIL\t1\treason=accounts bind: Can't contact LDAP server")
    assert place.login("bob@home.test") == "", "Postfix is told to come later by hanging up"
    place.start_slapd()
    assert place.login("bob@home.test").startswith("OK\t1")
    assert place.login("bob@hash.test").startswith("OK\t1")


def test_a_server_that_hangs_costs_the_timeout(place):
    os.kill(place.slapd.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert place.user("bob@home.test").startswith("FAIL\t1\treason=accounts bind: ")
        assert time.monotonic() - began < 6
    finally:
        os.kill(place.slapd.pid, signal.SIGCONT)
    assert place.user("bob@home.test").startswith("USER\t1")


@pytest.mark.parametrize("section, says", [
    ('uri = "http://x"', "write ldap://"), ('filter = "(mail=x)"', "put %u into it"), ('filter = "(mail=%x)"', "unknown sign"),
    ('attributes = {"shoe=size"}', "shoe=size"), ('alias-filter = "(a=%u)"', "alias-attribute"),
    ('bind-password-file = "/nowhere"', "/nowhere: No such file"),
])
def test_mistakes_are_named(place, section, says):
    conf = pathlib.Path(place.directory, "wrong.conf")
    sources = f'accounts "dir" {{ kind = ldap {section} }}'
    conf.write_text(CONF.format(d=place.directory, sources=sources), encoding="utf-8")
    found = subprocess.run([program_path(place.build, "outrider-authd"), "-t", "-c", conf], capture_output=True, text=True,
                           check=False)
    assert found.returncode == 78 and says in found.stderr and 'accounts "dir"' in found.stderr, found.stderr
