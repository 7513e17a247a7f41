#!/bin/bash
# The packages in a fresh Debian 12: install, upgrade from the previous commit's, removal, purge, and then the steps of the
# container's image. As root; takes some minutes and the network (a nightly matter, not one of tests/run.sh).
#
#   packaging/test-deb.sh [MIRROR]
#
# Needs sections [build] and [package] of packaging/packages.txt. systemd starts nothing in the chroot; the daemons are tried
# by debian/tests/installed and, as the container runs them, at the end.
set -eu

# The chroot's /proc is in a mount namespace of our own, so that nothing can leave it behind.
[ -n "${OUTRIDER_TEST_DEB_INSIDE:-}" ] || OUTRIDER_TEST_DEB_INSIDE=1 exec unshare --mount --propagation private "$0" "$@"

cd "$(dirname "$0")/.."
# Where this machine's own packages come from.
mirror=${1:-$(apt-get indextargets --format '$(REPO_URI)' | head -n 1)}
work=$(mktemp -d)
root=$work/root
daemons=
# stop: what the last step started, then everything else of ours.
stop() {
    # shellcheck disable=SC2086 # a list
    [ -z "$daemons" ] || { kill $daemons; wait $daemons; } 2> /dev/null || true
    umount "$root/proc" 2> /dev/null || true
    rm -rf --one-file-system "$work"
}
trap stop EXIT
commits=$(git rev-list --count HEAD)
packages="outrider outrider-common outrider-milter outrider-policyd outrider-authd outrider-lmtpd"

step() {
    echo "== $*"
}

fail() {
    echo "test-deb.sh: $*" >&2
    exit 1
}

# build DIR VERSION: packages of the checkout in the current directory; quiet unless it fails.
build() {
    packaging/build-deb.sh "$1" "$2" > "$work/build.log" 2>&1 || {
        tail -n 30 "$work/build.log" >&2
        fail "the packages of version $2 do not build"
    }
}

# in_root COMMAND...: in the chroot; never asks, starts nothing (policy-rc.d).
in_root() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"
}

apt() {
    in_root apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold "$@" > "$work/apt.log" 2>&1 || {
        tail -n 30 "$work/apt.log" >&2
        fail "apt-get $1 failed"
    }
}

# installed VERSION: every package is there in that version, and works.
installed() {
    local package version
    for package in $packages; do
        # shellcheck disable=SC2016 # dpkg-query's own variable
        version=$(in_root dpkg-query -W -f '${db:Status-Status} ${Version}' "$package")
        [ "$version" = "installed $1" ] || fail "$package is $version, not installed $1"
    done
    in_root /root/installed
}

step "building"
build "$work/new" "0.1.0+$commits"
lintian --fail-on error,warning "$work"/new/*.changes || fail "lintian complains"
old=
if git rev-parse -q --verify HEAD~1:packaging/build-deb.sh > /dev/null; then
    old=0.1.0+$((commits - 1))
    git clone -q . "$work/previous"
    git -C "$work/previous" checkout -q HEAD~1
    (cd "$work/previous" && build "$work/old" "$old")
fi

step "debootstrap"
debootstrap --variant=minbase bookworm "$root" "$mirror" > "$work/bootstrap.log" 2>&1 || {
    tail -n 20 "$work/bootstrap.log" >&2
    fail "debootstrap failed"
}
# systemd-tmpfiles does nothing without it.
mount -t proc proc "$root/proc"
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
cp packaging/debian/tests/installed "$root/root/installed"
cp /etc/resolv.conf "$root/etc/resolv.conf"
apt update
if [ -n "$old" ]; then
    step "install $old"
    mkdir "$root/root/old"
    cp "$work"/old/*.deb "$root/root/old/"
    rm -f "$root"/root/old/*-dbgsym_*
    apt install $(cd "$root" && printf '/%s ' root/old/*.deb)
    installed "$old"
    # The administrator's changes, which an upgrade has to leave alone.
    echo 'log-level = debug' >> "$root/etc/outrider/policyd.conf"
    echo kept > "$root/var/lib/outrider/policyd/kept"
fi

step "install 0.1.0+$commits"
mkdir "$root/root/new"
cp "$work"/new/*.deb "$root/root/new/"
rm -f "$root"/root/new/*-dbgsym_*
apt install $(cd "$root" && printf '/%s ' root/new/*.deb)
installed "0.1.0+$commits"
if [ -n "$old" ]; then
    grep -qx 'log-level = debug' "$root/etc/outrider/policyd.conf" || fail "the upgrade lost a change of policyd.conf"
    [ -f "$root/var/lib/outrider/policyd/kept" ] || fail "the upgrade lost state"
fi

step "remove"
apt remove $packages
[ ! -e "$root/usr/sbin/outrider-policyd" ] || fail "removal left outrider-policyd"
[ -f "$root/etc/outrider/policyd.conf" ] || fail "removal took policyd.conf"
[ -d "$root/var/lib/outrider/policyd" ] || fail "removal took state"

step "purge"
apt purge $packages
left=$(find "$root/etc" "$root/var/lib" "$root/var/spool" "$root/lib/systemd" "$root/usr/share" -name '*outrider*' |
    sed "s|^$root||")
[ -z "$left" ] || fail "purge left: $left"

step "the steps of the container's image"
cp packaging/container/install.sh "$root/root/install.sh"
in_root /root/install.sh /root/new > "$work/image.log" 2>&1 || {
    tail -n 30 "$work/image.log" >&2
    fail "packaging/container/install.sh failed"
}
for daemon in policyd milter authd lmtpd; do
    # As compose.yaml runs them: as root, with the image's configuration.
    chroot "$root" "/usr/sbin/outrider-$daemon" 2> "$work/$daemon.log" &
    daemons="$daemons $!"
done
for socket in /var/spool/postfix/outrider/{policy,srs,milter,sasl,maps,lmtp} /run/outrider/dovecot-{login,master}; do
    for ((i = 0; i < 600; i++)); do
        [ ! -S "$root$socket" ] || break
        sleep 0.1
    done
    [ -S "$root$socket" ] || fail "nobody listens on $socket: $(cat "$work"/{policyd,milter,authd,lmtpd}.log)"
done
in_root outrider domain add example.test > /dev/null || fail "outrider domain add failed"
echo "test-deb.sh: install, ${old:+upgrade, }removal, purge and the image are as they should be"
