"""Wrong configuration: one line that names file, line and cure; exit 78 (EX_CONFIG)."""

import os
import re
import socket
import subprocess

import pytest

from lab.daemons import program_path

DAEMONS = {"milter": "milter", "policyd": "policy", "authd": "maps", "lmtpd": "lmtp"}


def run_daemon(build, name, config, *words):
    program = program_path(str(build), f"outrider-{name}")
    done = subprocess.run([program, "-c", str(config), *words], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stderr


def minimal(name, directory):
    """A configuration that would start: sockets and state below the directory."""
    text = f'user = "root"\nlisten {DAEMONS[name]} {{ address = {{"unix:{directory}/socket"}} group = "root" }}\n'
    if name == "authd":
        text += f'database = "{directory}/accounts.sqlite"\nstore = ""\nlogins = ""\nmail-uid = 5000\nmail-gid = 5000\nmail-home = "/m/%d/%n"\n'
        for service in ("sasl", "dovecot-login", "dovecot-master"):
            text += f'listen {service} {{ address = {{"unix:{directory}/{service}"}} group = "root" }}\n'
    if name == "policyd":
        text += f'listen srs {{ address = {{"unix:{directory}/srs"}} group = "root" }}\n'
        text += f'store = "sqlite:{directory}/state.sqlite"\ndecisions = ""\n'
    if name == "milter":
        text += f'key-directory = "{directory}/dkim"\n'
        os.makedirs(os.path.join(directory, "dkim"), exist_ok=True)
    return text


def assert_one_line(status, said, *patterns):
    assert status == 78, said
    lines = [line for line in said.splitlines() if line.strip()]
    assert len(lines) == 1, said
    for pattern in patterns:
        assert re.search(pattern, lines[0]), said


@pytest.mark.parametrize("name", DAEMONS)
def test_good_configuration_passes_the_check(build, name, tmp_path):
    config = tmp_path / "good.conf"
    config.write_text(minimal(name, tmp_path))
    status, said = run_daemon(build, name, config, "-t")
    assert status == 0, said


@pytest.mark.parametrize("name", DAEMONS)
@pytest.mark.parametrize("line, patterns", [
    ("no-such-option = 1", ["no-such-option"]),
    ('max-connections = "many"', ["max-connections"]),
    ("max-connections = 0", ["max-connections"]),
    ("idle-timeout = soon", ["idle-timeout"]),
    ("log = elsewhere", ["log", "stderr", "syslog"]),
    ('listen nonsense { address = {"unix:/x"} }', ["nonsense"]),
])
def test_wrong_option_names_file_and_line(build, name, tmp_path, line, patterns):
    config = tmp_path / "wrong.conf"
    config.write_text("# first line\n" + line + "\n")
    status, said = run_daemon(build, name, config)
    assert_one_line(status, said, r"wrong\.conf:2: ", *patterns)


@pytest.mark.parametrize("name", DAEMONS)
def test_missing_file_is_named(build, name, tmp_path):
    status, said = run_daemon(build, name, tmp_path / "absent.conf")
    assert_one_line(status, said, r"absent\.conf", "no such file")


@pytest.mark.parametrize("name", DAEMONS)
def test_socket_in_use_is_named(build, name, tmp_path):
    config = tmp_path / "used.conf"
    config.write_text(minimal(name, tmp_path))
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(tmp_path / "socket"))
        live.listen(1)
        status, said = run_daemon(build, name, config)
    assert_one_line(status, said, r"used\.conf:\d+: ", "socket", "in use")


@pytest.mark.parametrize("name", DAEMONS)
def test_missing_socket_directory_is_named(build, name, tmp_path):
    config = tmp_path / "dir.conf"
    config.write_text(minimal(name, tmp_path).replace(f"{tmp_path}/socket", f"{tmp_path}/absent/socket"))
    status, said = run_daemon(build, name, config)
    assert_one_line(status, said, r"dir\.conf:\d+: ", "absent")


@pytest.mark.parametrize("name", DAEMONS)
def test_unknown_user_is_named(build, name, tmp_path):
    config = tmp_path / "user.conf"
    config.write_text(minimal(name, tmp_path).replace('user = "root"', 'user = "no-such-user"'))
    status, said = run_daemon(build, name, config)
    assert_one_line(status, said, "no-such-user", "user")


@pytest.mark.parametrize("flaw, patterns", [
    ("readable by others", ["0600|permission|chmod"]),
    ("no key", ["PEM|key"]),
])
def test_bad_key_is_named_and_does_not_stop_the_others(build, tmp_path, flaw, patterns):
    """A broken key of one domain must not defer another's mail: -t says it, the daemon starts without it."""
    folder = tmp_path / "dkim" / "example.org"
    config = tmp_path / "key.conf"
    config.write_text(minimal("milter", tmp_path))
    folder.mkdir(parents=True)
    key = folder / "s1.pem"
    if flaw == "no key":
        key.write_text("this is not PEM\n")
        key.chmod(0o600)
    else:
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True, capture_output=True)
        key.chmod(0o644)
    status, said = run_daemon(build, "milter", config, "-t")
    assert status == 78, said
    assert "s1.pem" in said
    for pattern in patterns:
        assert re.search(pattern, said), said


@pytest.mark.parametrize("options, pattern", [
    ('arc-seal = always', r"no usable key /\(RSA\)\.pem"),
    ('arc-seal = always\narc-seal-domain = "example.org"', r"no usable key example\.org/\(RSA\)\.pem"),
    ('arc-seal = always\narc-seal-domain = "example.org"\narc-seal-selector = "s2"', r"example\.org/s2\.pem"),
    ('arc-seal = always\narc-verify = false\narc-seal-domain = "example.org"\narc-seal-selector = "s1"', "arc-verify"),
    ('arc-seal = always\narc-seal-domain = "example.org"\narc-seal-selector = "s1"', None),
])
def test_sealing_needs_a_key_and_the_chain(build, tmp_path, options, pattern):
    """The only key there is Ed25519, which seals only when it is named."""
    config = tmp_path / "seal.conf"
    config.write_text(minimal("milter", tmp_path) + options + "\n")
    key = tmp_path / "dkim" / "example.org" / "s1.pem"
    key.parent.mkdir(parents=True)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True, capture_output=True)
    key.chmod(0o600)
    status, said = run_daemon(build, "milter", config, "-t")
    assert status == (78 if pattern else 0), said
    assert pattern is None or re.search(pattern, said), said


@pytest.mark.parametrize("options, pattern", [
    ('store = "mysql:here"', "is no store"),
    ('store = "sqlite:/nowhere/state.sqlite"', "/nowhere"),
    ('srs-domain = "$myhostname"', "not a domain name"),
    ('srs-domain = "srs.test"\nsrs-secrets-file = "/nowhere/secret"', "/nowhere/secret.*openssl rand"),
    ('srs-domain = "srs.test"\nsrs-secrets-file = "{d}/empty"', "no secret in it"),
    ('srs-domain = "srs.test"\nsrs-secrets-file = "{d}/open"', "chmod 0600"),
    ("srs-tag-min-length = 8", "srs-tag-min-length is above srs-tag-length"),
])
def test_wrong_state_and_rewriting_options_are_named(build, tmp_path, options, pattern):
    (tmp_path / "empty").touch(0o600)
    (tmp_path / "open").write_text("secret\n")
    (tmp_path / "open").chmod(0o644)
    config = tmp_path / "srs.conf"
    config.write_text(minimal("policyd", tmp_path).replace("store", "#store" if "store" in options else "store")
                      + options.replace("{d}", str(tmp_path)) + "\n")
    status, said = run_daemon(build, "policyd", config)
    assert_one_line(status, said, pattern)


def test_database_that_cannot_be_opened_is_named(build, tmp_path):
    config = tmp_path / "db.conf"
    (tmp_path / "accounts.sqlite").write_text("this is no database, but long enough to be looked at" * 40)
    config.write_text(minimal("authd", tmp_path))
    status, said = run_daemon(build, "authd", config)
    assert_one_line(status, said, r"accounts\.sqlite")
