#!/usr/bin/env python3
"""Each daemon's table of metrics and its manual page name the same metrics, well-formed.

Usage: check_metrics_docs.py BUILD_DIR

The table is what `outrider-DAEMON --print-metrics` prints, one metric per line: "name type labels...". The page
has every name in bold in its section METRICS, followed by its labels in braces. The alerts and the dashboard of
packaging/ ask for metrics and labels that a daemon has.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from lint import DAEMONS, ROOT, Findings, relative

NAME = re.compile(r"[a-z][a-z0-9_]*")
DOCUMENTED = re.compile(r"\*([a-z][a-z0-9]*_[a-z0-9_]*)\*(?: \{([a-z, ]*)\})?")
ASKED = re.compile(r"\b((?:outrider|process)_[a-z0-9_]+)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"\bby \(([a-z_, ]+)\)")
# What Prometheus adds when it scrapes, and the histogram's own.
ADDED_LABELS = {"instance", "job", "le"}
UNITS = {"histogram": "_seconds", "counter": "_total"}


def print_metrics(found, build, daemon, folder):
    """{name: (type, [labels])}"""
    program = build / folder / f"outrider-{daemon}"
    if not program.is_file():
        found.add(ROOT / folder, 1, f"outrider-{daemon} is not in the build folder")
        return {}
    run = subprocess.run([program, "--print-metrics"], capture_output=True, text=True, timeout=20)
    metrics = {}
    for line in run.stdout.splitlines():
        name, kind, *labels = line.split()
        if name in metrics:
            found.add(ROOT / folder, 1, f"{name} stands twice in the table")
        metrics[name] = (kind, labels)
    if run.returncode != 0 or not metrics:
        found.add(ROOT / folder, 1, f"outrider-{daemon} --print-metrics printed no metrics")
    return metrics


def check_names(found, daemon, folder, metrics):
    for name, (kind, labels) in metrics.items():
        if not NAME.fullmatch(name) or not name.startswith(("outrider_", "process_")):
            found.add(ROOT / folder, 1, f"{name} is no name for a metric")
        if not name.endswith(UNITS.get(kind, "")) or (kind == "gauge" and name.endswith("_total")):
            found.add(ROOT / folder, 1, f"{name} does not end as a {kind}'s name does")
        for daemon_word in DAEMONS:
            if name.startswith(f"outrider_{daemon_word}_") and daemon_word != daemon:
                found.add(ROOT / folder, 1, f"{name} names another daemon")
        if "le" in labels or not all(NAME.fullmatch(label) for label in labels):
            found.add(ROOT / folder, 1, f"{name} has a label that cannot be one")


def check_page(found, path, metrics):
    section = re.search(r"^# METRICS\n(.*?)^# ", found.read(path), re.M | re.S) if path.is_file() else None
    if section is None:
        found.add(path, 1, "no section METRICS")
        return
    documented = {}
    for name, labels in DOCUMENTED.findall(section.group(1)):
        # Further mentions in the text have no braces.
        documented[name] = [label for label in labels.split(", ") if label] or documented.get(name, [])
    for name, (_, labels) in metrics.items():
        if name not in documented:
            found.add(path, 1, f"{name} is not described")
        elif documented[name] != labels:
            found.add(path, 1, f"{name} has the labels {labels}, not {documented[name]}")
    for name in documented:
        if name not in metrics:
            found.add(path, 1, f"{name} is not a metric")


def questions():
    """(file, PromQL expression) of the alerts and the dashboard."""
    alerts = ROOT / "packaging" / "prometheus" / "outrider.rules.yml"
    for group in yaml.safe_load(alerts.read_text(encoding="utf-8"))["groups"]:
        yield from ((alerts, rule["expr"]) for rule in group["rules"])
    dashboard = ROOT / "packaging" / "grafana" / "outrider.json"
    for panel in json.loads(dashboard.read_text(encoding="utf-8"))["panels"]:
        yield from ((dashboard, target["expr"]) for target in panel["targets"])


def check_question(found, path, expression, metrics):
    found.read(path)
    asked = ASKED.findall(expression)
    known = set(ADDED_LABELS)
    for name, labels in asked:
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        kind, has = metrics.get(base if base in metrics else name, (None, []))
        known.update(has)
        if kind is None or (kind == "histogram") != (base != name):
            found.add(path, 1, f"{name} is no metric of a daemon")
        for label in re.findall(r"([a-z_]+)[!=]", labels):
            if label not in {*has, *ADDED_LABELS}:
                found.add(path, 1, f"{name} has no label {label}")
    for group in GROUPED.findall(expression):
        for label in set(group.split(", ")) - known:
            found.add(path, 1, f"no label {label} in: {expression}")


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {relative(__file__)} BUILD_DIR")
    build = Path(sys.argv[1]).resolve()
    found = Findings("check_metrics_docs")
    everything = {}
    for daemon, folder in DAEMONS.items():
        metrics = print_metrics(found, build, daemon, folder)
        everything.update(metrics)
        check_names(found, daemon, folder, metrics)
        check_page(found, ROOT / folder / f"outrider-{daemon}.8.scd", metrics)
    for path, expression in questions():
        check_question(found, path, expression, everything)
    found.finish()


main()
