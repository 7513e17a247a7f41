"""Prometheus's text format 0.0.4, read strictly: what is not by the rules is a ValueError with the line."""

import math
import re
import urllib.request

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
HELP = re.compile(rf"# HELP ({NAME}) ((?:[^\\\n]|\\\\|\\n)*)")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram)")
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? ([+-]?(?:[0-9.]+(?:e[+-]?[0-9]+)?|Inf)|NaN)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)')
SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def scrape(port, timeout=5):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=timeout) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return parse(answer.read().decode("utf-8"))


def parse(text):
    """{(name, ((label, value), ...)): number}; labels sorted."""
    if not text.endswith("\n"):
        raise ValueError("the last line does not end")
    samples, types, helps = {}, {}, set()
    family = None
    for line in text[:-1].split("\n"):
        if match := HELP.fullmatch(line):
            family = match.group(1)
            if family in helps or family in types:
                raise ValueError(f"second HELP: {line}")
            helps.add(family)
        elif match := TYPE.fullmatch(line):
            if match.group(1) != family or family in types:
                raise ValueError(f"TYPE without its HELP, or twice: {line}")
            types[family] = match.group(2)
        elif match := SAMPLE.fullmatch(line):
            add_sample(samples, match, family, types, line)
        else:
            raise ValueError(f"neither HELP, TYPE nor sample: {line!r}")
    for family, kind in types.items():
        check_family(samples, family, kind)
    return samples


def add_sample(samples, match, family, types, line):
    name, labels = match.group(1), parse_labels(match.group(2), line)
    if family not in types or name not in [family + suffix for suffix in SUFFIXES[types[family]]]:
        raise ValueError(f"outside of its family {family}: {line}")
    if (name, labels) in samples:
        raise ValueError(f"second time: {line}")
    samples[name, labels] = float(match.group(3))


def parse_labels(text, line):
    if text is None:
        return ()
    labels, at = [], 0
    while at < len(text):
        match = LABEL.match(text, at)
        if match is None:
            raise ValueError(f"labels: {line}")
        labels.append(match.groups())
        at = match.end()
    if not labels or text.endswith(",") or len({name for name, _ in labels}) != len(labels):
        raise ValueError(f"labels: {line}")
    return tuple(sorted(labels))


def check_family(samples, family, kind):
    own = {key: value for key, value in samples.items() if key[0] in [family + s for s in SUFFIXES[kind]]}
    if not own:
        raise ValueError(f"{family} has no samples")
    if kind == "counter" and (not family.endswith("_total") or any(value < 0 for value in own.values())):
        raise ValueError(f"{family} is no counter")
    if kind == "histogram":
        check_histogram(own, family)


def check_histogram(own, family):
    series = {}
    for (name, labels), value in own.items():
        if name == family + "_bucket":
            bound = dict(labels)["le"]
            rest = tuple(label for label in labels if label[0] != "le")
            series.setdefault(rest, []).append((math.inf if bound == "+Inf" else float(bound), value))
    if not series:
        raise ValueError(f"{family} has no buckets")
    for rest, buckets in series.items():
        counts = [count for _, count in buckets]
        if buckets != sorted(buckets) or counts != sorted(counts) or buckets[-1][0] != math.inf:
            raise ValueError(f"{family}: buckets out of order")
        if own[family + "_count", rest] != counts[-1] or (family + "_sum", rest) not in own:
            raise ValueError(f"{family}: sum or count does not fit the buckets")
