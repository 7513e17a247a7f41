#!/bin/sh
# Builds the Debian packages: packaging/debian becomes debian/ in a copy of the tree, the tree itself stays as it is.
#
#   packaging/build-deb.sh [OUT_DIR [VERSION]]
#
# OUT_DIR (default: build/deb) gets the .deb, .dsc, .changes files. VERSION (default: that of packaging/debian/changelog)
# is for builds of two commits that shall be told apart. Needs section [package] of packaging/packages.txt.
set -eu

cd "$(dirname "$0")/.."
out=${1:-build/deb}
version=${2:-}
mkdir -p "$out"
out=$(realpath "$out")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/outrider"
if git rev-parse --git-dir > /dev/null 2>&1; then
    # What is deleted but not yet committed is still listed.
    git ls-files -co --exclude-standard | while read -r file; do [ ! -f "$file" ] || echo "$file"; done
else
    find . -path ./build -prune -o -type f -print
fi | tar -cf - -T - | tar -xf - -C "$work/outrider"
cp -r packaging/debian "$work/outrider/debian"
cd "$work/outrider"
[ -z "$version" ] || sed -i "1s/([^)]*)/($version)/" debian/changelog
dpkg-buildpackage -us -uc -b "${DEB_BUILD_ARGS:---jobs=auto}"
mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out/"
