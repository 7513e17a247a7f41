#!/bin/sh
# Builds the RPM packages of packaging/rpm/outrider.spec.
#
#   packaging/build-rpm.sh [OUT_DIR] [RPMBUILD-OPTION...]
#
# OUT_DIR (default: build/rpm) gets the .rpm files. On Debian, whose packages rpm does not know, add --nodeps (and have
# sections [build] and [package] of packaging/packages.txt installed).
set -eu

cd "$(dirname "$0")/.."
out=${1:-build/rpm}
[ $# -eq 0 ] || shift
mkdir -p "$out"
out=$(realpath "$out")
version=$(sed -n 's/^Version: *//p' packaging/rpm/outrider.spec)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT

mkdir "$top/SOURCES" "$top/outrider-$version"
if git rev-parse --git-dir > /dev/null 2>&1; then
    # What is deleted but not yet committed is still listed.
    git ls-files -co --exclude-standard | while read -r file; do [ ! -f "$file" ] || echo "$file"; done
else
    find . -path ./build -prune -o -type f -print
fi | tar -cf - -T - | tar -xf - -C "$top/outrider-$version"
tar -C "$top" -czf "$top/SOURCES/outrider-$version.tar.gz" "outrider-$version"
rpmbuild --define "_topdir $top" "$@" -bb packaging/rpm/outrider.spec
find "$top/RPMS" -name '*.rpm' -exec cp {} "$out/" \;
