#!/usr/bin/env python3
"""Which way includes may point (STYLE.md section 2), include guards, owners of outside libraries.

main.c -> sessions -> protocol folders -> common/run -> common/dns -> common/text -> common/base;
no daemon includes another, nothing includes itself in a circle.
"""

import fnmatch
import re

from lint import DAEMONS, ROOT, TOP_FOLDERS, Findings, files, relative

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')

# Folders of common/, lowest first: each may include itself and what stands before it.
COMMON_LAYERS = ("common/base", "common/text", "common/dns", "common/run", "common/cli")

# Pure logic: handed everything, owns no sockets, clock or log.
PROTOCOL_FOLDERS = {"spf", "dkim", "arc", "authres", "dmarc", "srs", "sasl", "sieve"}
PROTOCOL_FORBIDDEN = {"common/base/log.h", "common/base/clock.h"}
PROTOCOL_DNS = "common/dns/dns.h"
# ARC is made of DKIM's canonical forms, keys and signatures (RFC 8617 4.1.2).
PROTOCOL_MAY_USE = {"milter/arc": {"milter/dkim"},
                    # SCRAM is about keys that are stored.
                    "authd/sasl": {"authd/accounts"}}

# Outside header -> the files that may include it.
OWNERS = {
    "ldns/*": ("common/dns/dns_packet.c",),
    "confuse.h": ("common/run/conf*.c",),
    "libmilter/*": ("milter/*.c", "milter/io/milter_io.c"),
    "microhttpd.h": ("common/run/metrics_http.c",),
    "openssl/*": ("common/base/crypto.c", "common/run/stream_tls.c", "milter/dkim/dkim_crypto.c",
                  "authd/accounts/password_digest.c", "authd/accounts/scram_keys.c", "authd/oauth/jwk.c",
                  "authd/oauth/jws.c"),
    "sodium.h": ("authd/accounts/password_argon2.c",),
    "libpq-fe.h": ("authd/pgsql/*.c",),
    "ldap.h": ("authd/ldap/*.c",),
    "curl/*": ("authd/oauth/oauth_http.c",),
    "idn2.h": ("common/text/domain.c",),
    "stringprep.h": ("authd/accounts/saslprep.c",),
}


def folder_of(name):
    return name.rpartition("/")[0]


def common_problem(folder, target):
    """Why a file in common/ may not include `target`; None when it may."""
    if folder not in COMMON_LAYERS:
        return None if target.startswith("common/") else "common/ knows nothing of any daemon"
    allowed = COMMON_LAYERS[: COMMON_LAYERS.index(folder) + 1]
    if folder_of(target) in allowed:
        return None
    return f"upward include: {folder} may use only {', '.join(allowed)}"


def protocol_problem(folder, target):
    """Why a file in a protocol folder may not include `target`; None when it may."""
    where = folder_of(target)
    if target in PROTOCOL_FORBIDDEN:
        return "a protocol folder has no log and no clock: it is handed what it needs"
    if where in ("common/base", "common/text", folder) or target == PROTOCOL_DNS:
        return None
    if where in PROTOCOL_MAY_USE.get(folder, ()):
        return None
    return "a protocol folder may use common/base, common/text and common/dns/dns.h only"


def daemon_problem(folder, target):
    """Why a file of a daemon may not include `target`; None when it may."""
    daemon, target_top = folder.split("/")[0], target.split("/")[0]
    if target_top == "common":
        return None
    if target_top != daemon:
        return f"{daemon} may not include {target_top}: ask over a socket"
    if "/" in folder and folder_of(target) == daemon:
        return f"upward include: {folder} stands below {daemon}"
    return None


def arrow_problem(name, target):
    folder = folder_of(name)
    top = name.split("/")[0]
    if top == "tests" or name == "common/cli/main.c":
        return None
    if target.startswith("tests/"):
        return "tests are included by tests only"
    if top == "common":
        return common_problem(folder, target)
    if "/" in folder and folder.split("/")[1] in PROTOCOL_FOLDERS:
        return protocol_problem(folder, target)
    return daemon_problem(folder, target)


def owner_problem(name, header):
    for pattern, owners in OWNERS.items():
        if not fnmatch.fnmatchcase(header, pattern) or name.startswith("tests/"):
            continue
        if not any(fnmatch.fnmatchcase(name, owner) and name.count("/") == owner.count("/")
                   for owner in owners):
            return f"<{header}> belongs to {', '.join(owners)}"
    return None


def quoted_problem(name, target):
    if target.split("/")[0] not in TOP_FOLDERS:
        return f'write "{target}" from the project\'s root'
    if not (ROOT / target).is_file():
        return f'"{target}" does not exist'
    return arrow_problem(name, target)


def check_guard(found, path, name, text):
    guard = "OUTRIDER_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
    directives = [(at, line.split()) for at, line in enumerate(text.splitlines(), 1)
                  if line.startswith("#")]
    words = [directive for _, directive in directives]
    if words[:2] != [["#ifndef", guard], ["#define", guard]] or words[-1][0] != "#endif":
        found.add(path, directives[0][0] if directives else 1, f"the include guard must be {guard}")


def read_includes(text):
    for at, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield at, match.group(1) == '"', match.group(2)


def check_file(found, path, graph):
    name = relative(path)
    text = found.read(path)
    own = name[:-2] + ".h"
    first = None
    graph[name] = []
    for at, quoted, target in read_includes(text):
        problem = quoted_problem(name, target) if quoted else owner_problem(name, target)
        if problem:
            found.add(path, at, problem)
        if quoted:
            graph[name].append((target, at))
        first = first or (target, at)
    if path.suffix == ".h":
        check_guard(found, path, name, text)
    elif (ROOT / own).is_file() and (first is None or first[0] != own):
        found.add(path, first[1] if first else 1, f'"{own}" must be the first include')


def check_cycles(found, graph, describe):
    """Depth first; every include that leads back to a node still open closes a circle."""
    done, open_nodes = set(), []

    def visit(node):
        open_nodes.append(node)
        for target, where in graph.get(node, ()):
            if target in open_nodes:
                circle = open_nodes[open_nodes.index(target):] + [target]
                found.add(*where, f"{describe}: {' -> '.join(circle)}")
            elif target not in done:
                visit(target)
        open_nodes.pop()
        done.add(node)

    for node in sorted(graph):
        if node not in done:
            visit(node)


def folder_graph(graph):
    folders = {}
    for name, targets in graph.items():
        if name.startswith("tests/") or name.endswith("/main.c"):
            continue
        for target, at in targets:
            if folder_of(target) != folder_of(name):
                folders.setdefault(folder_of(name), {}).setdefault(
                    folder_of(target), (ROOT / name, at))
    return {folder: list(targets.items()) for folder, targets in folders.items()}


def main():
    found = Findings("check_includes")
    graph = {}
    for path in files(".c", ".h"):
        check_file(found, path, graph)
    with_places = {name: [(target, (ROOT / name, at)) for target, at in targets]
                   for name, targets in graph.items()}
    check_cycles(found, with_places, "headers include each other")
    check_cycles(found, folder_graph(graph), "folders include each other")
    for folder in DAEMONS.values():
        if not (ROOT / folder).is_dir():
            found.add(ROOT / folder, 1, "daemon folder is missing")
    found.finish()


main()
