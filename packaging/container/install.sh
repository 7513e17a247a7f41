#!/bin/sh
# Makes a bare Debian 12 into the image: Outrider's packages from a directory, with the Postfix and Dovecot they ride beside.
#
#   install.sh DIRECTORY
#
# packaging/container/Dockerfile runs it, and packaging/test-deb.sh in a chroot. Nothing is started.
set -eu

export DEBIAN_FRONTEND=noninteractive
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
fi
apt-get -q update
apt-get -q -y --no-install-recommends install dovecot-imapd "$1"/*.deb
rm -rf /var/lib/apt/lists/*
# The daemons' defaults are complete but for these two.
if ! grep -q '^mail-uid' /etc/outrider/authd.conf; then
    groupadd --gid 5000 outrider-mail
    useradd --uid 5000 --gid 5000 --no-create-home --shell /usr/sbin/nologin --home-dir /var/mail/outrider outrider-mail
    install -d -o outrider-mail -g outrider-mail -m 700 /var/mail/outrider
    sed -i 's/^#\(mail-[ug]id = \)/\1/' /etc/outrider/authd.conf
fi
