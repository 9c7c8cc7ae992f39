#!/bin/sh
# Install the programs that some tests drive, where that is possible without asking: root on Debian.
# Elsewhere those tests are skipped, and the last line of the run says so.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v postfix >/dev/null 2>&1 || [ -x /usr/sbin/postfix ] || missing="$missing postfix"
command -v zint >/dev/null 2>&1 || missing="$missing zint"
command -v pdftoppm >/dev/null 2>&1 || missing="$missing poppler-utils"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
fc-list 2>/dev/null | grep -qi 'cjk\|gothic' || missing="$missing fonts-noto-cjk"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not installed here:$missing (tests that need them are skipped)"
    exit 0
fi
echo "Installing with apt:$missing"
export DEBIAN_FRONTEND=noninteractive
# No mail system and no database server of the machine's own is to be started or configured by this.
echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections 2>/dev/null || true
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
apt-get update -qq || true
# One package that cannot be had must not keep the others away.
apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || for package in $missing; do
    apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 || echo "could not install $package"
done
