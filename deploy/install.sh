#!/bin/sh
# Installs Myna on a PiCar-X: Raspberry Pi OS 64-bit (Bookworm or later), run as root from a clone of Myna. Running it again
# changes nothing that is there already.
set -eu

usage() {
  cat <<END
Usage: sudo deploy/install.sh [--user NAME] [--dir DIR] [--no-watchdog] [--dry-run]

  --user NAME    who runs the robot; made if there is no such user (default: myna)
  --dir DIR      where Myna is installed (default: /opt/myna)
  --no-watchdog  leave the computer's watchdog as it is (else: reset where the system hangs for 10 s)
  --dry-run      say what would be done, and do nothing
  --help         print this

Afterwards: put a key into /etc/myna/environment if the robot is to talk to a cloud, then: systemctl start myna
END
}

user=myna
dir=/opt/myna
dry=no
watchdog=yes
# For tests: files are put below this folder, and nothing of the running system is touched.
root=${MYNA_INSTALL_ROOT:-}
while [ $# -gt 0 ]; do
  case $1 in
    --user) [ $# -ge 2 ] || { echo "install: --user needs a name" >&2 && exit 2; } && user=$2 && shift ;;
    --dir) [ $# -ge 2 ] || { echo "install: --dir needs a folder" >&2 && exit 2; } && dir=$2 && shift ;;
    --no-watchdog) watchdog=no ;;
    --dry-run) dry=yes ;;
    --help | -h) usage && exit 0 ;;
    *) echo "install: there is no flag $1" >&2 && usage >&2 && exit 2 ;;
  esac
  shift
done

here=$(cd "$(dirname "$0")" && pwd)
clone=$(dirname "$here")
say() { printf 'install: %s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2 && exit 1; }
# Runs a command of the system, not of a test's folder.
system() {
  if [ "$dry" = yes ] || [ -n "$root" ]; then say "would run: $*"; else "$@"; fi
}
# put SOURCE TARGET MODE: a file of ours, where it differs.
put() {
  if [ -f "$root$2" ] && cmp -s "$1" "$root$2"; then
    say "$2: already there"
  elif [ "$dry" = yes ]; then
    say "would write $2"
  else
    mkdir -p "$root$(dirname "$2")"
    cp "$1" "$root$2"
    chmod "$3" "$root$2"
    say "$2: written"
  fi
}

[ "$dry" = yes ] || [ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "run it as root: sudo deploy/install.sh"
case $(uname -m) in
  aarch64) ;;
  *) [ "$dry" = yes ] || [ -n "$root" ] || fail "needs a 64-bit Raspberry Pi OS: Bun has no build for $(uname -m)" ;;
esac

# --- packages, user, groups --------------------------------------------------------------------------------------
system apt-get install --yes --no-install-recommends git curl i2c-tools raspi-utils rpicam-apps v4l-utils alsa-utils \
  libusb-1.0-0 libspeexdsp1 pocketsphinx pocketsphinx-en-us nodejs npm
if ! id "$user" >/dev/null 2>&1; then
  system useradd --system --create-home --home-dir "/var/lib/$user" --shell /usr/sbin/nologin "$user"
fi
for group in gpio i2c input audio video; do
  system groupadd --force --system "$group"
  system usermod --append --groups "$group" "$user"
done

# --- the program -------------------------------------------------------------------------------------------------
system "$here/update.sh" --from "$clone" --dir "$dir" --no-restart

# --- the system's files ------------------------------------------------------------------------------------------
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -e "s|@DIR@|$dir|g" -e "s|@USER@|$user|g" "$here/myna.service" >"$work/myna.service"
put "$work/myna.service" /etc/systemd/system/myna.service 644
put "$here/60-myna.rules" /etc/udev/rules.d/60-myna.rules 644
put "$here/journald.conf" /etc/systemd/journald.conf.d/myna.conf 644
[ "$watchdog" = no ] || put "$here/watchdog.conf" /etc/systemd/system.conf.d/myna.conf 644
printf 'i2c-dev\n' >"$work/modules"
put "$work/modules" /etc/modules-load.d/myna.conf 644
if [ ! -e "$root/etc/myna/environment" ]; then
  printf '# OPENAI_API_KEY=\n' >"$work/environment"
  put "$work/environment" /etc/myna/environment 600
fi

# Lines of config.txt that are missing; what is there stays.
boot=/boot/firmware/config.txt
[ -f "$root$boot" ] || boot=/boot/config.txt
if [ -f "$root$boot" ]; then
  cp "$root$boot" "$work/config.txt"
  grep -v '^#' "$here/config.txt" | while read -r line; do
    [ -z "$line" ] || grep -qxF "$line" "$work/config.txt" || printf '%s\n' "$line"
  done >"$work/lines"
  if [ -s "$work/lines" ]; then
    { printf '\n[all]\n' && grep '^#' "$here/config.txt" && cat "$work/lines"; } >>"$work/config.txt"
  fi
  put "$work/config.txt" "$boot" 644
else
  say "there is no config.txt: add the lines of deploy/config.txt to it yourself"
fi

system systemctl daemon-reload
system udevadm control --reload
system systemctl enable myna.service
say "ready. A reboot switches I2C and the loudspeaker on. Then, in $dir/current:"
say "  sudo -u $user node_modules/.bin/bun run doctor --profile pi4-picar       what is wrong, and what mends it"
say "  sudo node_modules/.bin/bun run calibrate --profile pi4-picar             what has to be measured on this car"
say "  sudo systemctl start myna; journalctl -fu myna"
