#!/usr/bin/env python3
"""Functions over 60 lines and files over 600 lines (STYLE.md section 12).

A flat table or switch may be longer: sizes_allowed.txt names it, with the reason. Prints how the
project stands against "half under 15 lines, nine in ten under 45".
"""

import re
from pathlib import Path

from lint import Findings, files, relative, strip_c

MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 600
ALLOWED = Path(__file__).with_name("sizes_allowed.txt")

# The return type stands on its own line, so a definition begins with its name in column 1.
DEFINITION = re.compile(r"^(?!return\b|if\b|else\b|while\b|for\b|switch\b)([A-Za-z_]\w*)\s*\(")


def functions(text):
    """(name, first line, number of lines from the name to the closing brace)"""
    name, start = None, 0
    in_body = False
    for at, line in enumerate(strip_c(text).splitlines(), 1):
        match = DEFINITION.match(line)
        if match and not in_body:
            name, start = match.group(1), at
            if name == "START_TEST":
                name = line[line.index("(") + 1:].rstrip(" )")
        elif line.startswith("{") and name:
            in_body = True
        elif line.startswith("}") and in_body:
            yield name, start, at - start + 1
            name, in_body = None, False
        elif not in_body and line.rstrip().endswith(";"):
            name = None


def read_allowed(found):
    """Lines of "FILE:FUNCTION reason"."""
    allowed = {}
    if not ALLOWED.is_file():
        return allowed
    for at, line in enumerate(found.read(ALLOWED).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, _, reason = line.partition(" ")
        if not reason.strip():
            found.add(ALLOWED, at, f"{key} has no reason")
        allowed[key] = at
    return allowed


def check_functions(found, path, text, allowed, lengths):
    for name, at, lines in functions(text):
        lengths.append(lines)
        key = f"{relative(path)}:{name}"
        if lines <= MAX_FUNCTION_LINES:
            continue
        if key in allowed:
            del allowed[key]
        else:
            found.add(path, at, f"{name}() has {lines} lines, {MAX_FUNCTION_LINES} is the most")


def share(lengths, below):
    return 100 * sum(n < below for n in lengths) // len(lengths)


def main():
    found = Findings("check_sizes")
    allowed = read_allowed(found)
    lengths = []
    for path in files(".c", ".h", ".py", ".sh"):
        text = found.read(path)
        lines = text.count("\n")
        if lines > MAX_FILE_LINES:
            found.add(path, lines, f"{lines} lines, {MAX_FILE_LINES} is the most")
        if path.suffix in (".c", ".h"):
            check_functions(found, path, text, allowed, lengths)
    for key, at in allowed.items():
        found.add(ALLOWED, at, f"{key} is not over the limit (any more)")
    note = ""
    if lengths:
        note = (f"; {len(lengths)} functions: {share(lengths, 15)}% under 15 lines, "
                f"{share(lengths, 45)}% under 45, longest {max(lengths)}")
    found.finish(note)


main()
