"""outrider sieve check and test: answers, exits and places of errors, as people and as JSON."""

import json
import subprocess

import pytest

from lab.daemons import program_path

MESSAGE = b"From: a@b.test\nSubject: hello list\nTo: c+d@e.test\n\nbody\n"


@pytest.fixture
def sieve(build):
    def run(*arguments, stdin=b""):
        command = [program_path(str(build), "outrider"), "sieve", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, timeout=30)

    return run


@pytest.fixture
def files(tmp_path):
    def write(script, message=MESSAGE):
        (tmp_path / "x.sieve").write_bytes(script)
        (tmp_path / "x.eml").write_bytes(message)
        return str(tmp_path / "x.sieve"), str(tmp_path / "x.eml")

    return write


def test_check_names_line_column_and_what_was_expected(sieve, files):
    script, _ = files(b'require "fileinto";\n  fileinto 42;\n')
    result = sieve("check", script)
    assert result.returncode == 1
    assert f"{script}:2:12: expected a string".encode() in result.stderr


def test_check_of_a_good_script_and_of_none(sieve, files, tmp_path):
    script, _ = files(b"keep;")
    assert sieve("check", script).returncode == 0
    assert json.loads(sieve("check", "--json", script).stdout) == {"valid": True}
    assert sieve("check", str(tmp_path / "none")).returncode == 78


def test_actions_with_flags_folder_and_envelope(sieve, files):
    script, message = files(
        b'require ["fileinto", "imap4flags", "envelope", "subaddress", "copy"];\n'
        b'if envelope :detail "to" "d" { fileinto :copy :flags "\\\\Seen" "Lists"; }\n'
    )
    result = sieve("test", "--from=a@b.test", "--to=<c+d@e.test>", script, message)
    assert result.returncode == 0, result.stderr
    assert result.stdout == b'fileinto "Lists" :flags "\\Seen"\nkeep\n'


def test_sizes_are_those_of_the_message_as_sent(sieve, files):
    size = len(MESSAGE) + MESSAGE.count(b"\n")
    script, message = files(b"if not anyof (size :over %d, size :under %d) { discard; }" % (size, size))
    assert sieve("test", script, message).stdout == b"discard\n"


def test_trace_tells_each_outcome(sieve, files):
    script, _ = files(b'if header :contains "subject" "list" { discard; }')
    result = sieve("test", "--trace", script, "-", stdin=MESSAGE)
    assert result.stdout == b"discard\n"
    assert b"1:4: header: true\n1:40: discard\n" in result.stderr


def test_a_script_that_fails_on_the_message_says_that_it_is_kept(sieve, files):
    script, message = files(b'require ["reject", "fileinto"]; fileinto "A"; reject "no";')
    result = sieve("test", script, message)
    assert result.returncode == 1
    assert b"both rejects and delivers; the message is kept" in result.stderr


def test_what_a_script_writes_cannot_drive_the_terminal(sieve, files):
    script, message = files(b'require "reject"; reject "\x1b[2J";')
    assert b"\x1b" not in sieve("test", script, message).stdout
