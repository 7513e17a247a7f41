#!/bin/sh
# The first of the two commands: install, build, run the demonstration. As root on Debian 12.
#
#   packaging/quickstart.sh           show it, leave nothing running or lying around
#   packaging/quickstart.sh --keep    leave it running and say how to use and stop it
set -eu

usage() {
    echo "usage: packaging/quickstart.sh [--keep]" >&2
    exit 64
}

for word in "$@"; do
    [ "$word" = --keep ] || usage
done
cd "$(dirname "$0")/.."
if [ "$(id -u)" -ne 0 ]; then
    echo "quickstart.sh: run it as root: Postfix's master process insists on it" >&2
    exit 77
fi

packaging/install-packages.sh build run
echo "== building"
log=$(mktemp)
if ! { cmake --preset release && cmake --build --preset release; } > "$log" 2>&1; then
    cat "$log"
    rm -f "$log"
    echo "quickstart.sh: the build failed, see above" >&2
    exit 1
fi
rm -f "$log"
exec /usr/bin/python3 -B packaging/quickstart.py --build build/release "$@"
