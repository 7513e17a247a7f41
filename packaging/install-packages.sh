#!/bin/sh
# Installs the packages of the named sections of packages.txt that are not there yet:
#
#   packaging/install-packages.sh build run
#
# Servers that a package would start at once (Postfix, Dovecot, nsd, OpenDKIM) stay off: a policy-rc.d that
# says no is put in place for the time of the installation, unless there is one already.
set -eu

list=$(dirname "$0")/packages.txt
wanted=
for section in "$@"; do
    wanted="$wanted $(sed -n "/^\[$section\]/,/^\[/p" "$list" | grep -v '^[][#]' | tr '\n' ' ')"
done
missing=
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "install-packages.sh: not root, and these packages are missing:$missing" >&2
    exit 77
fi

echo "== installing:$missing"
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    made=yes
fi
log=$(mktemp)
trap 'rm -f "$log"; [ -z "$made" ] || rm -f "$policy"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # the list is meant to be split
if ! { apt-get -q update && apt-get -q -y --no-install-recommends install $missing; } > "$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "install-packages.sh: apt-get failed, see above" >&2
    exit 1
fi
