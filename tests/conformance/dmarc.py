#!/usr/bin/python3
"""The DMARC vectors through the real code: records, From fields, whole evaluations.

Usage: dmarc.py [BUILD_DIRECTORY]

Hands $OUTRIDER_VECTORS/dmarc to conform_dmarc. Exit 0: all passed, 1: some failed, 77: the vectors are not
there.
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEFAULT_VECTORS = os.path.join(ROOT, "..", "shared", "vectors")
DEFAULT_BUILD = os.path.join(ROOT, "build", "dev")


def main():
    folder = os.path.join(os.environ.get("OUTRIDER_VECTORS", DEFAULT_VECTORS), "dmarc")
    build = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD
    if not os.path.isdir(folder):
        print(f"SKIPPED dmarc: no vectors at {folder}")
        return 77
    program = os.path.join(build, "tests", "conformance", "conform_dmarc")
    return subprocess.run([program, folder], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
