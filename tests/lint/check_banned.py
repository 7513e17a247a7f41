#!/usr/bin/env python3
"""Functions that STYLE.md section 7 bans, variable-length arrays, and paths of somebody's machine."""

import re

from lint import ROOT, Findings, files, relative, strip_c

# Name -> what to use instead.
BANNED = {
    "sprintf": "buf_addf() or snprintf()",
    "vsprintf": "buf_vaddf() or vsnprintf()",
    "strcpy": "spans and struct buf",
    "strcat": "struct buf",
    "strncpy": "spans and struct buf",
    "strncat": "struct buf",
    "strtok": "span_split()",
    "gets": "common/run/stream",
    "alloca": "an arena",
    "atoi": "span_parse_u64()",
    "atol": "span_parse_u64()",
    "atoll": "span_parse_u64()",
    "localtime": "localtime_r()",
    "gmtime": "gmtime_r()",
    "ctime": "strftime() or header_format_date()",
    "asctime": "strftime() or header_format_date()",
    "strerror": "os_error_text()",
    "getpwnam": "getpwnam_r()",
    "getpwuid": "getpwuid_r()",
    "getgrnam": "getgrnam_r()",
    "getgrgid": "getgrgid_r()",
    "tmpnam": "mkstemp()",
    "mktemp": "mkstemp()",
    "system": "nothing: daemons start no programs",
    "popen": "nothing: daemons start no programs",
}
# Banned for other threads' sake, which tests do not have.
UNSAFE_IN_THREADS = {"getpwuid", "getgrnam", "getgrgid"}
# Not as a member ("x->system(") and not as the tail of a longer name.
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")

# "char text[n]" as a declaration. Constants are upper case here, so a lower-case name in the size that
# is not under sizeof means a length known only at run time.
DECLARATION = re.compile(
    r"^\s+(?:static\s+|const\s+)*(?:unsigned\s+|signed\s+)?"
    r"(?:char|int|short|long|bool|double|float|unsigned|or_status|\w+_t|struct\s+\w+|enum\s+\w+)"
    r"(?:\s+const)?[\s*]+\w+((?:\[[^\]]*\])+)\s*[;=,]")
RUN_TIME_SIZE = re.compile(r"(?<![\w.])[a-z]\w*")

# Written in two parts, so that this file does not find itself.
MACHINE_PATHS = re.compile(r"(?<![\w./-])/(?:" "work/|" "tmp/b-|" "home/(?:user|ubuntu|builder)/)")
TEXT_SUFFIXES = (".c", ".h", ".py", ".sh", ".txt", ".cmake", ".md", ".scd", ".conf", ".json", ".dict",
                 ".yml", ".service")


def is_variable_length(sizes):
    without_sizeof = re.sub(r"sizeof\s*(\([^()]*(?:\([^()]*\))?[^()]*\)|\w+)", "", sizes)
    return RUN_TIME_SIZE.search(without_sizeof) is not None


def check_c(found, path, text):
    for at, line in enumerate(strip_c(text).splitlines(), 1):
        for call in CALL.finditer(line):
            if call.group(1) in UNSAFE_IN_THREADS and relative(path).startswith("tests/"):
                continue
            found.add(path, at, f"{call.group(1)}() is banned: use {BANNED[call.group(1)]}")
        declaration = DECLARATION.match(line)
        if declaration and is_variable_length(declaration.group(1)):
            found.add(path, at, f"variable-length array {declaration.group(1)}")


def check_paths(found, path, text):
    for at, line in enumerate(text.splitlines(), 1):
        match = MACHINE_PATHS.search(line)
        if match:
            found.add(path, at, f"path of one machine: {match.group()}")


def main():
    found = Findings("check_banned")
    in_root = [path for path in sorted(ROOT.iterdir())
               if path.is_file() and path.suffix in TEXT_SUFFIXES]
    for path in in_root + files(*TEXT_SUFFIXES):
        text = found.read(path)
        check_paths(found, path, text)
        if path.suffix in (".c", ".h"):
            check_c(found, path, text)
    found.finish()


main()
