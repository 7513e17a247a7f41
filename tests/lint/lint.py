"""What the lint scripts share: which files there are, C without comments and strings, how findings end."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOP_FOLDERS = ("common", "milter", "policyd", "authd", "lmtp", "tests", "packaging")
# Daemon (as in outrider-NAME and NAME.conf) -> its folder.
DAEMONS = {"milter": "milter", "policyd": "policyd", "authd": "authd", "lmtpd": "lmtp"}
SKIPPED_FOLDERS = {"corpus", "__pycache__", ".pytest_cache"}


class Findings:
    """Collects findings and the number of files read; finish() prints and exits."""

    def __init__(self, name):
        self.name = name
        self.lines = []
        self.files = set()

    def read(self, path):
        self.files.add(path)
        return path.read_text(encoding="utf-8", errors="replace")

    def add(self, path, line, text):
        self.lines.append((relative(path), line, text))

    def finish(self, note=""):
        for path, line, text in sorted(self.lines):
            print(f"{path}:{line}: {text}")
        # Reading nothing proves nothing: a moved folder must not turn the lint green.
        if not self.files:
            print(f"{ROOT.name}:1: {self.name} found no files to read")
        print(f"{self.name}: {len(self.files)} files read, {len(self.lines)} findings{note}")
        sys.exit(1 if self.lines or not self.files else 0)


def relative(path):
    path = Path(path)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()


def files(*suffixes, tests=True):
    """The project's files with one of these suffixes, sorted; build trees and corpora left out."""
    found = []
    for top in TOP_FOLDERS if tests else TOP_FOLDERS[:5]:
        for path in (ROOT / top).rglob("*"):
            if path.is_file() and path.suffix in suffixes and not SKIPPED_FOLDERS & set(path.parts):
                found.append(path)
    return sorted(found)


C_NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def strip_c(text):
    """C with comments and literals blanked, every line still in its place."""

    def blank(match):
        kept = "".join(c if c == "\n" else " " for c in match.group())
        return '""' + kept[2:] if match.group()[0] == '"' else kept

    return C_NOISE.sub(blank, text)
