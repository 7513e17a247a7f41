#!/usr/bin/env python3
"""Every program, every configuration file and every verb of the CLI has its manual page.

A daemon's pages lie in its folder (outrider-DAEMON.8.scd, outrider-DAEMON.conf.5.scd), a group of verbs is
described in an outrider-*.1.scd of the folder that contributes it, `outrider` itself in common/cli.
"""

import re

from lint import DAEMONS, ROOT, Findings, files, relative

VERB_ROW = re.compile(r'\.group\s*=\s*"([^"]+)",\s*\.name\s*=\s*"([^"]*)"')
VERB_OPTIONS = re.compile(r"_options\[\]\s*=\s*\{([^}]*)\}")
PAGE_REFERENCE = re.compile(r"\b(outrider[a-z.-]*)\*?\(([1-9])\)")
REQUIRED_HEADINGS = {"1": ("NAME", "SYNOPSIS", "DESCRIPTION"), "5": ("NAME",),
                     "8": ("NAME", "SYNOPSIS", "DESCRIPTION")}


def plain(text):
    """scdoc without its bold and underline marks and line breaks: what a reader sees."""
    return re.sub(r"\s+", " ", re.sub(r"[*_\\]", "", text))


def check_page(found, path, pages):
    name, section = path.name[: -len(".scd")].rsplit(".", 1)
    text = found.read(path)
    first = text.split("\n", 1)[0]
    if not first.startswith(f"{name}({section})"):
        found.add(path, 1, f'the first line must begin with "{name}({section})"')
    for heading in REQUIRED_HEADINGS.get(section, ("NAME",)):
        if not re.search(rf"^# {heading}$", text, re.M):
            found.add(path, 1, f"no section {heading}")
    for at, line in enumerate(text.splitlines(), 1):
        for reference in PAGE_REFERENCE.findall(line):
            if ".".join(reference) not in pages:
                found.add(path, at, f"refers to {reference[0]}({reference[1]}), which is not there")


def check_programs(found, pages):
    wanted = {"outrider.1": "common/cli"}
    for daemon, folder in DAEMONS.items():
        wanted[f"outrider-{daemon}.8"] = folder
        wanted[f"outrider-{daemon}.conf.5"] = folder
    for page, folder in wanted.items():
        path = ROOT / folder / f"{page}.scd"
        if pages.get(page) != path:
            found.add(path, 1, "manual page is missing")


def folder_pages(found, folder):
    return plain("\n".join(found.read(path) for path in sorted(folder.glob("outrider-*.1.scd"))))


def check_verbs(found):
    overview = ROOT / "common/cli/outrider.1.scd"
    groups = plain(found.read(overview)) if overview.is_file() else ""
    for path in files(".c", tests=False):
        if not path.name.endswith("_cli.c"):
            continue
        text = found.read(path)
        described = folder_pages(found, path.parent)
        for row in VERB_ROW.finditer(text):
            at = text.count("\n", 0, row.start()) + 1
            verb = f"outrider {row.group(1)} {row.group(2)}".rstrip()
            if not re.search(rf"\b{re.escape(verb)}\b", described):
                found.add(path, at, f'"{verb}" is in no outrider-*.1.scd of {relative(path.parent)}')
            if not re.search(rf"\b{re.escape(row.group(1))}\b", groups):
                found.add(path, at, f'group "{row.group(1)}" is not in {relative(overview)}')


def check_verb_options(found):
    """The options that a cli_*.c declares are described in its folder's pages."""
    for path in files(".c", tests=False):
        if not path.name.startswith("cli_"):
            continue
        text = found.read(path)
        described = folder_pages(found, path.parent)
        for declared in VERB_OPTIONS.finditer(text):
            at = text.count("\n", 0, declared.start()) + 1
            for option in re.findall(r'"([a-z0-9-]+)=?[^"]*"', declared.group(1)):
                if not re.search(rf"--{re.escape(option)}\b", described):
                    found.add(path, at, f"--{option} is not described")


def main():
    found = Findings("check_man")
    pages = {path.name[: -len(".scd")]: path for path in files(".scd")}
    for path in pages.values():
        check_page(found, path, pages)
    check_programs(found, pages)
    check_verbs(found)
    check_verb_options(found)
    found.finish()


main()
