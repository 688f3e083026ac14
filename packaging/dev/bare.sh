#!/usr/bin/env bash
# The README's commands on a machine that has nothing: an empty Debian 12 with Python 3.11, pip, git and make, and in it a
# clean clone of what is committed. As root; needs debootstrap, unshare and a network.
#   bare.sh [make target]…        default: demo demo test
#   BARE_ROOT=/var/tmp/…          where it is built; the empty system is kept for the next time
#   BARE_USER=person              as an ordinary user, who cannot install packages
set -euo pipefail
cd "$(dirname "$0")/../.."
root=${BARE_ROOT:-/var/tmp/vastdesk-bare}
base=$root/base
machine=$root/machine
targets=${*:-demo demo test}

if [ ! -e "$base/.complete" ]; then
  rm -rf "$base"
  mkdir -p "$root"
  debootstrap --variant=minbase --include=python3,python3-pip,git,make,ca-certificates bookworm "$base"
  touch "$base/.complete"
fi
rm -rf "$machine"
cp -a "$base" "$machine"
# What stands between this computer and the network counts for the empty one too: names, certificates, package mirrors.
cp -L /etc/resolv.conf /etc/hosts "$machine/etc/"
cp -L /etc/ssl/certs/ca-certificates.crt "$machine/etc/ssl/certs/ca-certificates.crt"
cp -a /etc/apt/apt.conf.d/. "$machine/etc/apt/apt.conf.d/"
git clone --quiet . "$machine/srv/vastdesk"
user=${BARE_USER:-root}
if [ "$user" != root ]; then
  chroot "$machine" useradd --create-home "$user"
fi
chroot "$machine" chown -R "$user" /srv/vastdesk
cat >"$machine/try" <<TRY
#!/bin/bash
cd /srv/vastdesk
for target in $targets; do
  echo "=== make \$target, as \$(id -un)"
  begin=\$SECONDS
  make "\$target" </dev/null
  code=\$?
  echo "=== make \$target: exit code \$code after \$((SECONDS - begin)) s"
  [ \$code = 0 ] || exit \$code
done
TRY
chmod 755 "$machine/try"
proxies=$(env | grep -iE '^(https?|no)_proxy=|^PIP_(INDEX|CERT)|^SSL_CERT_FILE=' || true)
# Its own mounts and processes: both vanish with it, however it ends.
export machine user proxies
exec unshare --mount --pid --fork --kill-child bash -c '
  mount -t proc proc "$machine/proc"
  mount --rbind /dev "$machine/dev"
  mount -t tmpfs tmpfs "$machine/run"
  mount -t tmpfs tmpfs "$machine/tmp"
  exec chroot "$machine" env -i $proxies CI="${CI:-}" LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    runuser --login --whitelist-environment=CI,LANG,PIP_CERT,SSL_CERT_FILE "$user" -c /try
'
