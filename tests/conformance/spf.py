#!/usr/bin/python3
"""The RFC 7208 suite through the real code.

Usage: spf.py [BUILD_DIRECTORY]

Turns the YAML documents of $OUTRIDER_VECTORS/spf/rfc7208-tests.yml into one JSON file and hands it to
conform_spf, which evaluates every case: results and explanations. Exit 0: all passed, 1: some failed,
77: the suite is not there.
"""
import json
import os
import subprocess
import sys
import tempfile

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEFAULT_VECTORS = os.path.join(ROOT, "..", "shared", "vectors")
DEFAULT_BUILD = os.path.join(ROOT, "build", "dev")


def as_list(value):
    return value if isinstance(value, list) else [value]


def convert_case(name, case):
    converted = {
        "name": name,
        "helo": case["helo"],
        "host": case["host"],
        "mailfrom": case["mailfrom"],
        "results": as_list(case["result"]),
    }
    if "explanation" in case:
        converted["explanation"] = case["explanation"]
    return converted


def convert(documents):
    return [
        {
            "description": document["description"],
            "zone": document["zonedata"],
            "cases": [convert_case(name, case) for name, case in document["tests"].items()],
        }
        for document in documents
        if document
    ]


def main():
    vectors = os.environ.get("OUTRIDER_VECTORS", DEFAULT_VECTORS)
    suite = os.path.join(vectors, "spf", "rfc7208-tests.yml")
    build = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD
    if not os.path.exists(suite):
        print(f"SKIPPED spf: no vectors at {suite}")
        return 77
    with open(suite, encoding="utf-8") as stream:
        documents = convert(yaml.safe_load_all(stream))
    with tempfile.TemporaryDirectory(prefix="outrider-spf-") as folder:
        path = os.path.join(folder, "suite.json")
        with open(path, "w", encoding="ascii") as stream:
            json.dump(documents, stream)
        program = os.path.join(build, "tests", "conformance", "conform_spf")
        return subprocess.run([program, path], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
