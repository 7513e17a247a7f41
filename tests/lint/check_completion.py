#!/usr/bin/env python3
"""Bash's completion of `outrider` offers each group, verb and option of the table of verbs, and no other.

Usage: check_completion.py BUILD_DIR
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from lint import ROOT, Findings, relative

SCRIPT = ROOT / "packaging" / "completion" / "outrider"
COMPLETE = """
. "$1"
shift
while read -r -a COMP_WORDS; do
    [[ ${COMP_WORDS[-1]} != @ ]] || COMP_WORDS[-1]=
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _outrider
    echo "${COMPREPLY[*]}"
done
"""


def verbs(build):
    """{(group, verb): [option]} as `outrider --help` lists them; the verb is "" where the group is itself one."""
    done = subprocess.run([build / "outrider", "--help"], capture_output=True, text=True, timeout=60)
    table, options = {}, []
    for line in (done.stdout + done.stderr).splitlines():
        verb = re.match(r"  outrider (\S+) ([a-z]\S*|)", line)
        if verb:
            options = table.setdefault(verb.groups(), [])
        elif re.match(r"      --", line):
            options.append(re.sub(r"=.*", "=", line.split()[0]))
    return table


def complete(build, lines):
    """What is offered for each line; its last word is what was typed so far, @ for nothing."""
    done = subprocess.run(["bash", "-c", COMPLETE, "bash", SCRIPT], input="".join(line + "\n" for line in lines), text=True,
                          capture_output=True, timeout=120, env={**os.environ, "PATH": f"{build}:{os.environ['PATH']}"})
    return [sorted(answer.split()) for answer in done.stdout.splitlines()]


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {relative(__file__)} BUILD_DIR")
    build = Path(sys.argv[1]).resolve()
    found = Findings("check_completion")
    found.read(SCRIPT)
    table = verbs(build)
    groups = sorted({group for group, _ in table})
    wanted = {"outrider @": groups}
    for group in groups:
        wanted[f"outrider {group} @"] = sorted(verb for g, verb in table if g == group and verb)
    for (group, verb), options in table.items():
        wanted[f"outrider {group} {verb} --"] = sorted(["--json", "--config", *options])
    if not groups:
        found.add(SCRIPT, 1, "outrider --help lists no verbs")
    offered = complete(build, wanted)
    if len(offered) != len(wanted):
        found.add(SCRIPT, 1, f"{len(offered)} answers to {len(wanted)} lines")
    for (line, words), answer in zip(wanted.items(), offered):
        if sorted(words) != answer:
            found.add(SCRIPT, 1, f"{line}: offers {answer}, not {sorted(words)}")
    found.finish(f", {len(wanted)} lines completed")


main()
