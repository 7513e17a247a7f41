#!/bin/sh
# Makes a directory tree with Debian 13's Dovecot 2.4, for tests beside the host's 2.3.
#
#   make-dovecot24-root.sh DIRECTORY [MIRROR]
#
# Needs root and debootstrap; MIRROR is debootstrap's own default. Nothing is started in it.
# Afterwards: OUTRIDER_DOVECOT24_ROOT=DIRECTORY pytest tests/e2e/test_dovecot24.py
set -eu

root=${1:?usage: make-dovecot24-root.sh DIRECTORY [MIRROR]}
packages=dovecot-core,dovecot-imapd,dovecot-pop3d

if [ -x "$root/usr/sbin/dovecot" ]; then
    exit 0
fi
debootstrap --variant=minbase --include="$packages" trixie "$root" ${2:+"$2"}
