#!/usr/bin/python3
"""The test file of the public suffix list, by the list of the same day.

Usage: psl.py [BUILD_DIRECTORY]

Hands $OUTRIDER_VECTORS/psl to conform_psl. Exit 0: all passed, 1: some failed, 77: the vectors are not
there.
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEFAULT_VECTORS = os.path.join(ROOT, "..", "shared", "vectors")
DEFAULT_BUILD = os.path.join(ROOT, "build", "dev")


def main():
    folder = os.path.join(os.environ.get("OUTRIDER_VECTORS", DEFAULT_VECTORS), "psl")
    build = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD
    if not os.path.isdir(folder):
        print(f"SKIPPED psl: no vectors at {folder}")
        return 77
    program = os.path.join(build, "tests", "conformance", "conform_psl")
    return subprocess.run(
        [program, os.path.join(folder, "public_suffix_list.dat"), os.path.join(folder, "tests.txt")], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
