#!/usr/bin/env python3
"""What packages install agrees with the code: units, AppArmor profiles, build dependencies.

- Each systemd unit is hardened: systemd-analyze's exposure is below 2.0.
- Each socket unit has the name, address, group and mode that the daemon's sample configuration shows as default.
- Each AppArmor profile is taken by apparmor_parser.
- The RPM spec has the version of CMakeLists.txt and names each unit.
- packaging/debian builds with all that packages.txt's section [build] has.
"""

import re
import subprocess

from lint import DAEMONS, ROOT, Findings

PACKAGING = ROOT / "packaging"
SYSTEMD = PACKAGING / "systemd"
MAX_EXPOSURE = 2.0
LISTEN = re.compile(r'^#?listen ([a-z-]+) \{\n((?:#? .*\n)+?)#?\}', re.M)
# Debian always has them: build-essential, and debhelper's compat package instead of these tools.
NOT_DECLARED = {"build-essential"}


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)


def check_exposure(found, unit):
    found.read(unit)
    done = run("systemd-analyze", "security", "--offline=true", unit)
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    if level is None:
        found.add(unit, 1, f"systemd-analyze security: {done.stderr.strip()}")
    elif float(level.group(1)) >= MAX_EXPOSURE:
        found.add(unit, 1, f"exposure {level.group(1)}, at most {MAX_EXPOSURE} is allowed")


def settings(text):
    """KEY=VALUE lines of a unit; the last one counts."""
    return dict(re.findall(r"^([A-Za-z]+)=(.*)$", text, re.M))


def listeners(text):
    """{service: {option: value}} of a sample configuration, commented out or not."""
    return {name: dict(re.findall(r'^#? +(\w+) = \{?"([^"]*)"', body, re.M)) for name, body in LISTEN.findall(text)}


def check_sockets(found, daemon):
    sample = listeners(found.read(PACKAGING / "conf" / f"{daemon}.conf"))
    service = SYSTEMD / f"outrider-{daemon}.service"
    sockets = settings(found.read(service)).get("Sockets", "").split()
    if sorted(sockets) != sorted(path.name for path in SYSTEMD.glob(f"outrider-{daemon}*.socket")):
        found.add(service, 1, "Sockets= does not name the daemon's socket units")
    for path in sorted(SYSTEMD.glob(f"outrider-{daemon}*.socket")):
        unit = settings(found.read(path))
        wanted = sample.get(unit.get("FileDescriptorName"))
        if wanted is None:
            found.add(path, 1, f"{daemon}.conf has no listen {unit.get('FileDescriptorName')}")
            continue
        have = (f"unix:{unit.get('ListenStream')}", unit.get("SocketGroup"), unit.get("SocketMode"))
        if have != (wanted["address"], wanted["group"], wanted["mode"]):
            found.add(path, 1, f"{have} is not what {daemon}.conf says")
        if unit.get("Service") != service.name:
            found.add(path, 1, f"Service= is not {service.name}")


def check_profile(found, daemon):
    path = PACKAGING / "apparmor" / f"usr.sbin.outrider-{daemon}"
    found.read(path)
    done = run("apparmor_parser", "--skip-kernel-load", "--skip-cache", path)
    if done.returncode != 0:
        found.add(path, 1, (done.stdout + done.stderr).strip())


def check_build_depends(found):
    control = PACKAGING / "debian" / "control"
    field = re.search(r"^Build-Depends:\n((?: .*\n)+)", found.read(control), re.M).group(1)
    declared = set(re.findall(r"^ ([a-z0-9.+-]+)", field, re.M))
    packages = found.read(PACKAGING / "packages.txt")
    section = re.search(r"^\[build\]\n(.*?)^\[", packages, re.M | re.S).group(1)
    for package in sorted(set(section.split()) - declared - NOT_DECLARED):
        found.add(control, 1, f"Build-Depends lacks {package}")


def check_spec(found):
    spec = PACKAGING / "rpm" / "outrider.spec"
    text = found.read(spec)
    version = re.search(r"^project\(outrider VERSION ([0-9.]+)", found.read(ROOT / "CMakeLists.txt"), re.M).group(1)
    if f"\nVersion:        {version}\n" not in text:
        found.add(spec, 1, f"Version: is not {version}")
    for unit in [*SYSTEMD.glob("*.service"), *SYSTEMD.glob("*.socket")]:
        if not re.search(rf"systemctl.* disable .*\b{re.escape(unit.name)}\b", text):
            found.add(spec, 1, f"%preun does not disable {unit.name}")


def main():
    found = Findings("check_packaging")
    for daemon in DAEMONS:
        check_exposure(found, SYSTEMD / f"outrider-{daemon}.service")
        check_sockets(found, daemon)
        check_profile(found, daemon)
    check_build_depends(found)
    check_spec(found)
    found.finish()


main()
