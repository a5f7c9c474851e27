#!/bin/sh
# Runs the robot's drivers, its motion process and its whole profile against kernel devices, in a small Linux of its own:
# Debian's arm64 kernel on an emulated Cortex-A72, the core of a Raspberry Pi 4, with devices for I2C, GPIO, HID, sound and
# camera. Needs no root and no KVM.
#
#   vm.sh --short     guest/*.guest.ts, then service/*.guest.ts: what `bun run check` runs
#   vm.sh             those, and the tests of the body, the drivers and the audio engine on linux-arm64
#   vm.sh FILE…       these test files; of service/ always all
#
# Those of service/ run in a guest of their own, in which Debian's systemd runs deploy/myna.service and a watchdog resets the computer.
#
# The guest's clock counts its instructions (one a nanosecond) and skips what it idles, so how busy this machine is changes
# how long a run takes, and nothing that happens in it. It has one processor: with two, QEMU 7.2 lets the clock leap by seconds
# where this machine is busy. Each file has a `bun test` of its own. Only a start of the guest that
# fails is tried again, never a test.
#   VM_CACHE   folder that is kept between runs (default: below the temp folder)
#   VM_LIMIT_S longest run (default 1800)
set -eu
PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
cache=${VM_CACHE:-${TMPDIR:-/tmp}/myna-vm-$(id -u)}
limit_s=${VM_LIMIT_S:-1800}
# An emulated processor starts within some 15 s.
BOOT_LIMIT_S=180
BOOTS=3

say() { printf 'vm: %s\n' "$*"; }
need() {
  command -v "$1" >/dev/null 2>&1 || { printf 'vm: %s is missing: apt-get install %s\n' "$1" "$2" >&2 && exit 1; }
}

cd "$repository"
short=$(ls test/hardware/guest/*.guest.ts test/hardware/service/*.guest.ts)
case ${1:-} in
  --short) tests=$short ;;
  -*) printf 'vm: there is no flag %s\n' "$1" >&2 && exit 2 ;;
  "") tests="$short $(sed 's/#.*//' "$here/on-arm64.txt")" ;;
  *) tests=$* ;;
esac
for file in $tests; do
  [ -f "$file" ] || { printf 'vm: there is no test file %s\n' "$file" >&2 && exit 2; }
done

need qemu-system-aarch64 qemu-system-arm
need cpio cpio
need depmod kmod
need npm npm

bun_version=$(sed -n 's/^ *"bun": "\([0-9.]*\)".*/\1/p' package.json | head -n 1)
image=$cache/$bun_version-$(cksum <"$here/image.sh" | cut -d ' ' -f 1)
mkdir -p "$cache"
if [ ! -f "$image/root.cpio" ]; then
  say "making the guest (once; some 20 s)"
  "$here/image.sh" "$image" "$bun_version"
fi

work=$(mktemp -d)
qemu=
trap 'rm -rf "$work"; [ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true' EXIT INT TERM

# The repository and the packages that run on a robot, in the guest's memory: what waits for this machine's disk would let
# its clock run ahead.
mkdir -p "$work/top"
cp "$here/init.sh" "$work/top/init"
chmod +x "$work/top/init"
plain=
service=
for file in $tests; do
  case $file in
    *hardware/service/*) service=yes ;;
    *) plain="$plain $file" ;;
  esac
done
printf '%s\n' "$plain" >"$work/top/tests"
(cd "$work/top" && find . | cpio --quiet -o -H newc -R +0:+0) >"$work/top.cpio"
mkdir "$work/app-parent"
ln -s "$repository" "$work/app-parent/app"
(
  cd "$work/app-parent"
  find app/core app/plugins app/profiles app/test app/deploy app/vendor app/examples app/bench \
    app/package.json app/tsconfig.json app/bunfig.toml app/node_modules \
    \( -path 'app/node_modules/bun' -o -path 'app/node_modules/@oven' -o -path 'app/node_modules/openai' \
    -o -path 'app/node_modules/@openai' -o -path 'app/node_modules/@copilotkit' -o -path 'app/node_modules/mediabunny' \
    -o -path 'app/node_modules/@modelcontextprotocol' -o -path 'app/node_modules/bun-types' \
    -o -path 'app/node_modules/.bin' -o -name '*.map' \) -prune -o -print |
    { printf 'app\n' && cat; } | sed 's#^app$#app/.#' | cpio --quiet -o -H newc -R +0:+0
) >"$work/app.cpio"
cat "$image/root.cpio" "$work/top.cpio" "$work/app.cpio" >"$work/initrd"
rm "$work/top.cpio" "$work/app.cpio"

# The memory of the Robot HAT of service/, which a reset of the computer leaves alone.
truncate -s 1M "$work/hat"
: >"$work/said"

# start WORDS FLAG…: a guest with these words in the kernel's command line. Returns once its first process runs.
start() {
  words=$1
  shift
  : >"$work/console"
  timeout "$limit_s" qemu-system-aarch64 -M virt -cpu cortex-a72 -accel tcg -icount shift=0,sleep=off -smp 1 -m 2560 \
    -rtc clock=vm -nodefaults -display none -serial "file:$work/console" "$@" \
    -kernel "$image/vmlinuz" -initrd "$work/initrd" -append "console=ttyAMA0 quiet loglevel=3 $words" &
  qemu=$!
  waited_s=0
  until grep -q '^@@ up' "$work/console"; do
    [ "$waited_s" -lt "$BOOT_LIMIT_S" ] && kill -0 "$qemu" 2>/dev/null || return 1
    sleep 1
    waited_s=$((waited_s + 1))
  done
}

# run WORDS FLAG…: a guest to its end, its console shown and kept.
run() {
  boot=1
  until say "starting a Cortex-A72 with Debian's kernel" && start "$@"; do
    say "the guest did not start; its console:"
    tr -d '\r' <"$work/console" | tail -n 30
    kill "$qemu" 2>/dev/null || true
    [ "$boot" -lt "$BOOTS" ] || exit 1
    boot=$((boot + 1))
  done
  tail -n +1 -f --pid="$qemu" "$work/console" | sed -u 's/\r$//; /^@@ [ud]/d'
  wait "$qemu" || true
  qemu=
  tr -d '\r' <"$work/console" >>"$work/said"
  grep -q '^@@ done' "$work/console" || printf '@@ broken guest: it did not come to its end\n' | tee -a "$work/said"
}

[ -z "$plain" ] || run panic=-1 -no-reboot
# A panic is the watchdog's to end there.
[ -z "$service" ] || run "panic=0 systemd.getty_auto=no service" -device i6300esb \
  -object "memory-backend-file,id=hat,share=on,size=1M,mem-path=$work/hat" -device ivshmem-plain,memdev=hat

passed=$(grep -c '^(pass)' "$work/said" || true)
failed=$(grep -c '^(fail)' "$work/said" || true)
# A file that fails without a failed test has failed as a whole; so has a guest that does not come to its end.
broken=$(grep -c '^@@ broken' "$work/said" || true)
[ "$passed" -gt 0 ] || broken=$((broken + 1))
say "$passed passed, $((failed + broken)) failed"
[ $((failed + broken)) -eq 0 ]
