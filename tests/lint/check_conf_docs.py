#!/usr/bin/env python3
"""Option table, sample file and manual page of each daemon say the same (STYLE.md section 10).

Usage: check_conf_docs.py BUILD_DIR

The table is what `outrider-DAEMON --print-options` prints, one option per line: "section name type
default", section "-" for the top level, default "-" for none. The sample file has every option, commented
out, with its default. The manual page has every option in bold.
"""

import re
import subprocess
import sys
from pathlib import Path

from lint import DAEMONS, ROOT, Findings, relative

ASSIGNMENT = re.compile(r"^#?\s*([a-z][a-z0-9-]*)\s*\+?=\s*(.*)$")
SECTION = re.compile(r'^#?\s*([a-z][a-z0-9-]*)(?:\s+(?:"[^"]*"|[a-z0-9-]+))?\s*\{\s*(?:#.*)?$')
END = re.compile(r"^#?\s*\}")
BOLD = re.compile(r"\*([a-z][a-z0-9-]*)(?:\s[^*]*)?\*")

UNITS = {
    "duration": {"ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000},
    "size": {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30},
}
BOOLS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def same_form(kind, value):
    """A value in the one form in which both sides can be compared."""
    value = value.strip().strip("{}")
    if "list" in kind:
        return ",".join(item.strip().strip('"') for item in value.split(","))
    value = value.strip().strip('"')
    if kind == "bool":
        return BOOLS.get(value, value)
    match = re.fullmatch(r"(\d+)([A-Za-z]*)", value)
    unit = UNITS.get(kind, {}).get(match.group(2)) if match else None
    return str(int(match.group(1)) * unit) if unit else value


def print_options(found, build, daemon, folder):
    """{(section, name): (type, default)}, None when the program is not there."""
    name = f"outrider-{daemon}"
    program = next((p for p in (build / name, build / folder / name) if p.is_file()), None)
    if program is None:
        found.add(ROOT / folder, 1, f"{name} is not in the build folder")
        return None
    run = subprocess.run([program, "--print-options"], capture_output=True, text=True, timeout=20)
    options = {}
    for line in run.stdout.splitlines():
        words = line.split(None, 3)
        if len(words) >= 3:
            options[words[0], words[1]] = (words[2], words[3] if len(words) == 4 else "-")
    if run.returncode != 0 or not options:
        found.add(ROOT / folder, 1, f"{name} --print-options printed no options")
        return None
    return options


def joined_lines(text):
    """(line number, line), a list written over several lines as one."""
    pending, start = "", 0
    for at, line in enumerate(text.splitlines(), 1):
        if pending:
            pending += " " + line.lstrip("# \t")
        elif ASSIGNMENT.match(line) and line.count("{") > line.count("}"):
            pending, start = line, at
        else:
            yield at, line
        if pending and pending.count("{") <= pending.count("}"):
            yield start, pending
            pending = ""


def sample_options(text):
    """[(section, name, value, line number)]"""
    options, section = [], "-"
    for at, line in joined_lines(text):
        opening, assignment = SECTION.match(line), ASSIGNMENT.match(line)
        if assignment:
            options.append((section, assignment.group(1), assignment.group(2), at))
        elif opening:
            section = opening.group(1)
        elif END.match(line):
            section = "-"
    return options


def label(section, name):
    return name if section == "-" else f"{section} {{ {name} }}"


def check_sample(found, path, options):
    if not path.is_file():
        found.add(path, 1, "sample file is missing")
        return
    text = found.read(path)
    seen = set()
    for section, name, value, at in sample_options(text):
        if (section, name) not in options:
            found.add(path, at, f"{label(section, name)} is not an option")
            continue
        seen.add((section, name))
        kind, default = options[section, name]
        if default != "-" and same_form(kind, value) != same_form(kind, default):
            found.add(path, at, f"{label(section, name)}: the default is {default}")
    for section, name in options:
        if (section, name) not in seen:
            found.add(path, 1, f"{label(section, name)} is missing")
    check_uncommented(found, path, text)


def check_uncommented(found, path, text):
    for at, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            found.add(path, at, "everything in the sample file is commented out")


def check_page(found, path, options):
    if not path.is_file():
        found.add(path, 1, "manual page is missing")
        return
    text = found.read(path)
    bold = set(BOLD.findall(text))
    for section, name in options:
        if name not in bold:
            found.add(path, 1, f"{label(section, name)} is not described")
    known = {name for _, name in options} | {section for section, _ in options}
    lines = text.splitlines()
    for at, (line, following) in enumerate(zip(lines, lines[1:]), 1):
        if not line.startswith("*") or not following.startswith("\t"):
            continue
        for name in BOLD.findall(line):
            if name not in known:
                found.add(path, at, f"{name} is not an option")


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {relative(__file__)} BUILD_DIR")
    build = Path(sys.argv[1]).resolve()
    found = Findings("check_conf_docs")
    for daemon, folder in DAEMONS.items():
        options = print_options(found, build, daemon, folder)
        if options is None:
            continue
        check_sample(found, ROOT / "packaging" / "conf" / f"{daemon}.conf", options)
        check_page(found, ROOT / folder / f"outrider-{daemon}.conf.5.scd", options)
    found.finish()


main()
