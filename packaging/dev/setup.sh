#!/bin/sh
# Make this checkout ready to use; a second call is instant.
#   setup.sh app   what `make demo` needs: a virtual environment in .venv with VastDesk, and git
#   setup.sh dev   what `make test` needs: the tools as well, and the system's own programs the tests run for real
# PYTHON=… chooses the interpreter. Exit code 2: something is missing that only you can install; the command is printed.
set -eu
cd "$(dirname "$0")/../.."
level=${1:-dev}
apt_get="env DEBIAN_FRONTEND=noninteractive apt-get"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

say() { printf 'setup: %s\n' "$*" >&2; }

fits() { "$1" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; }

find_python() {
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && fits "$name"; then
      command -v "$name"
      return
    fi
  done
  return 1
}

missing=""
need() { # need PROGRAM PACKAGE: sshd lives where an ordinary user's PATH does not look
  PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null || missing="$missing $2"
}

library() { # library SONAME PACKAGE
  PATH="$PATH:/usr/sbin:/sbin" ldconfig -p 2>/dev/null | grep -qF "$1 " || missing="$missing $2"
}

# How apt-get may be used here: as root, or as the passwordless sudo of a CI machine. Nobody's password is asked for.
may_install() {
  command -v apt-get >/dev/null || return 1
  if [ "$(id -u)" = 0 ]; then return 0; fi
  if [ "${CI:-}" = true ] && sudo -n true 2>/dev/null; then
    apt_get="sudo -n $apt_get"
    return 0
  fi
  return 1
}

install_system() { # install_system PACKAGE…
  if ! may_install; then
    if command -v apt-get >/dev/null; then
      say "these system packages are missing; run this, then the same command again:"
      say "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
    else
      say "these programs are missing (Debian's package names); install them with your system's package manager: $*"
    fi
    exit 2
  fi
  say "installing system packages: $*"
  had_sshd=$(PATH="$PATH:/usr/sbin:/sbin" command -v sshd || true)
  $apt_get update -qq || say "apt-get update had problems; trying with the lists that are there"
  # shellcheck disable=SC2086  # word splitting is wanted
  $apt_get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$@" >/dev/null
  # The tests start an sshd of their own on a free port; nobody asked for one that listens on port 22.
  if [ -z "$had_sshd" ] && [ -d /run/systemd/system ] && [ "$(id -u)" = 0 ]; then
    systemctl disable --now ssh.service ssh.socket >/dev/null 2>&1 || true
  fi
}

# Debian splits ensurepip off into python3-venv; virtualenv, unpacked beside us, does without it and without root.
make_venv() {
  rm -rf .venv
  if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$python" -m venv .venv
  elif "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m pip install --quiet --upgrade --target build/virtualenv virtualenv
    PYTHONPATH=build/virtualenv "$python" -m virtualenv --quiet .venv
  else
    install_system python3-venv
    "$python" -m venv .venv
  fi
}

if ! python=$(find_python); then
  say "VastDesk needs Python 3.11, 3.12 or 3.13 (PYTHON=/path/to/python chooses one)"
  may_install || exit 2
  install_system python3 python3-pip python3-venv
  python=$(find_python) || { say "the Python of this system is too old or too new"; exit 2; }
fi

need git git
if [ "$level" = dev ]; then
  need sshd openssh-server
  if [ "$(uname)" = Linux ]; then
    need dbus-run-session dbus
    need gnome-keyring-daemon gnome-keyring
    need secret-tool libsecret-tools
    need ps procps
    need tmux tmux # Vast's images start it at login; the other shells are what users choose
    library libGL.so.1 libgl1 # what Qt brings not itself; a desktop has them
    library libEGL.so.1 libegl1
    library libfontconfig.so.1 libfontconfig1
    library libdbus-1.so.3 libdbus-1-3
    library libxkbcommon-x11.so.0 libxkbcommon-x11-0
    for part in cursor:0 icccm:4 image:0 keysyms:1 render-util:0 shape:0 xkb:1; do
      library "libxcb-${part%:*}.so.${part#*:}" "libxcb-${part%:*}${part#*:}"
    done
    [ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing="$missing fonts-dejavu-core"
    for shell in busybox fish tcsh zsh; do need "$shell" "$shell"; done
  fi
fi
# shellcheck disable=SC2086
[ -z "$missing" ] || install_system $missing

# The stamp names all that the environment was made from; the folder too, since an environment does not survive a move.
stamp=$({ echo "$PWD"; cat pyproject.toml packaging/dev/constraints.txt packaging/dev/setup.sh; } | cksum)
if { [ "$(cat ".venv/.made-$level" 2>/dev/null)" = "$stamp" ] || [ "$(cat .venv/.made-dev 2>/dev/null)" = "$stamp" ]; } &&
  fits .venv/bin/python; then
  exit 0
fi
fits .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1 || make_venv
case $level in app) what=. ;; *) what='.[dev]' ;; esac
say "installing VastDesk ($level) into .venv"
.venv/bin/python -m pip install --quiet -c packaging/dev/constraints.txt -e "$what"
printf '%s\n' "$stamp" >".venv/.made-$level"
