#!/usr/bin/python3
"""The DKIM messages of the vectors through the real verifier.

Usage: dkim_vectors.py [BUILD_DIRECTORY]

conform_dkim reads $OUTRIDER_VECTORS itself; this gives it the default. Exit 0: all passed, 1: some failed, 77: the
vectors are not there.
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEFAULT_VECTORS = os.path.join(ROOT, "..", "shared", "vectors")
DEFAULT_BUILD = os.path.join(ROOT, "build", "dev")


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD
    environment = dict(os.environ)
    environment.setdefault("OUTRIDER_VECTORS", DEFAULT_VECTORS)
    program = os.path.join(build, "tests", "conformance", "conform_dkim")
    return subprocess.run([program], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
