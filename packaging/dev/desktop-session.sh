#!/usr/bin/env bash
# A real desktop for one command, on a machine without a screen: X server, session bus, window manager, tray,
# notification service, unlocked keyring, accessibility bus. All of it is gone when the command ends; its exit code is ours.
#   packaging/dev/desktop-session.sh .venv/bin/python -m pytest tests/desktop
#   packaging/dev/desktop-session.sh --packages          what Debian calls the programs it needs
#   SCREEN=1440x900x24                                    another screen
#   WITHOUT="trayer dunst"                                a desktop that lacks these
set -u
packages="xvfb xauth dbus dbus-x11 gnome-keyring libsecret-tools trayer dunst libnotify-bin openbox xdotool at-spi2-core
 x11-apps fonts-dejavu-core libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-image0
 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libdbus-1-3"
case "${1:-}" in
  --packages) echo $packages; exit 0 ;;
  --inside) shift ;;
  *) exec xvfb-run -a -s "-screen 0 ${SCREEN:-1440x900x24}" dbus-run-session -- "$0" --inside "$@" ;;
esac

home=$(mktemp -d)
children=
trap 'kill $children 2>/dev/null; rm -rf "$home"' EXIT
export XDG_RUNTIME_DIR=$home/run XDG_DATA_HOME=$home/data XDG_CONFIG_HOME=$home/config XDG_CACHE_HOME=$home/cache
mkdir -p "$XDG_RUNTIME_DIR" "$XDG_DATA_HOME" "$XDG_CONFIG_HOME/dunst" "$XDG_CACHE_HOME"
chmod 700 "$XDG_RUNTIME_DIR"
unset QT_QPA_PLATFORM WAYLAND_DISPLAY
export QT_LINUX_ACCESSIBILITY_ALWAYS_ON=1
dbus-update-activation-environment DISPLAY XDG_RUNTIME_DIR XDG_DATA_HOME XDG_CONFIG_HOME 2>/dev/null

wanted() { case " ${WITHOUT:-} " in *" $1 "*) return 1 ;; *) command -v "$1" >/dev/null ;; esac; }
start() { if wanted "$1"; then "$@" >"$home/$1.log" 2>&1 & children="$children $!"; fi; }

# A newline is the passphrase of a new keyring; empty input would leave it locked.
if wanted gnome-keyring-daemon; then eval "$(printf '\n' | gnome-keyring-daemon --unlock --components=secrets 2>/dev/null)"; fi
cat >"$XDG_CONFIG_HOME/dunst/dunstrc" <<DUNST
[global]
  font = DejaVu Sans 10
  origin = top-left
  offset = 0x40
  width = 360
  mouse_left_click = do_action, close_current
DUNST
start openbox
start trayer --edge top --align right --widthtype request --height 24
start dunst
if [ -x /usr/libexec/at-spi-bus-launcher ]; then
  /usr/libexec/at-spi-bus-launcher --launch-immediately >"$home/at-spi.log" 2>&1 &
  children="$children $!"
fi
sleep 1
"$@"
