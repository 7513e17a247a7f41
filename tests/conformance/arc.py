#!/usr/bin/python3
"""ARC: the suite's messages through our validator and sealer, and python3-dkim as the other side.

Usage: arc.py [BUILD_DIRECTORY]

conform_arc runs the vectors and leaves what it sealed; python3-dkim has to validate that, and we have to validate what
python3-dkim seals, two sets deep. Exit 0: all passed, 1: some failed, 77: the vectors are not there.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEFAULT_VECTORS = os.path.join(ROOT, "..", "shared", "vectors")
DEFAULT_BUILD = os.path.join(ROOT, "build", "dev")
MESSAGE = (
    b"From: Ann <ann@example.org>\r\nTo: list@lists.example.org\r\nSubject: hello  there\r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nText \t with\r\n\r\nwhite space \r\n\r\n"
)


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, good):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {what}")


def lookup_in(zone):
    """The look-up function that python3-dkim wants."""
    def txt(name, timeout=5):  # pylint: disable=unused-argument
        text = (name.decode() if isinstance(name, bytes) else name).rstrip(".")
        for entry in zone.get(text, ()):
            return "".join(entry["TXT"]).encode()
        return None
    return txt


def check_ours(tally, dkim, cases, sealed):
    """What we sealed, in the eyes of python3-dkim; of a chain that failed it says that it has ended."""
    for case in cases:
        with open(os.path.join(sealed, case["name"] + ".eml"), "rb") as stream:
            message = stream.read()
        result, _, reason = dkim.arc_verify(message, dnsfunc=lookup_in(case["zonedata"]))
        wanted = None if "cv=fail" in case["AS"] else b"pass"
        tally.check(f"python3-dkim on our {case['name']}: {result} {reason}", result == wanted)


def ours_says(program, zone, message):
    done = subprocess.run([program, "verify", zone], input=message, capture_output=True, check=False)
    return (done.stdout + done.stderr).decode()


def seal(dkim, case, message, arc):
    """Puts python3-dkim's set on top."""
    message = f"Authentication-Results: lists.example.org; arc={arc}; spf=pass\r\n".encode() + message
    fields = dkim.arc_sign(message, case["selector"].encode(), case["domain"].encode(), case["privatekey"].encode(),
                           b"lists.example.org")
    message = message.partition(b"\r\n")[2]
    return b"".join(field.rstrip(b"\r\n") + b"\r\n" for field in fields) + message


def check_theirs(tally, dkim, program, case, folder):
    zone = os.path.join(folder, "zone.json")
    with open(zone, "w", encoding="ascii") as stream:
        json.dump(case["zonedata"], stream)
    one = seal(dkim, case, MESSAGE, "none")
    two = seal(dkim, case, one, "pass")
    broken = re.sub(rb"there", b"here", two)
    for what, message, wanted in (
        ("no set", MESSAGE, "none"), ("one set", one, "pass"), ("two sets", two, "pass"),
        ("a changed body", two + b"footer\r\n", "fail"), ("a changed subject", broken, "fail"),
    ):
        said = ours_says(program, zone, message)
        tally.check(f"python3-dkim's, {what}: {said}", said.startswith(wanted + " "))


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD
    os.environ.setdefault("OUTRIDER_VECTORS", DEFAULT_VECTORS)
    program = os.path.join(build, "tests", "conformance", "conform_arc")
    tally = Tally()
    with tempfile.TemporaryDirectory() as sealed:
        done = subprocess.run([program, sealed], capture_output=True, text=True, check=False)
        print(done.stdout + done.stderr, end="")
        counts = re.search(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
        if not counts:
            return done.returncode or 1
        tally.passed, tally.failed = int(counts.group(1)), int(counts.group(2))
        with open(os.path.join(os.environ["OUTRIDER_VECTORS"], "arc", "sign.json"), encoding="utf-8") as stream:
            cases = json.load(stream)["cases"]
        assert len(glob.glob(os.path.join(sealed, "*.eml"))) == len(cases)
        try:
            import authres  # noqa: F401 (python3-dkim needs it to seal)
            import dkim
        except ImportError as error:
            print(f"python3-dkim is not asked: {error}")
        else:
            check_ours(tally, dkim, cases, sealed)
            check_theirs(tally, dkim, program, cases[0], sealed)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 and tally.passed else 1


if __name__ == "__main__":
    sys.exit(main())
