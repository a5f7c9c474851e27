#!/bin/sh
# Runs test/hardware/guest/*.guest.ts in a small Linux of its own: Debian's arm64 kernel on an emulated Cortex-A72, the core of
# a Raspberry Pi 4, with kernel devices for I2C, GPIO, HID, sound, camera and watchdog. Needs no root and no KVM; packages come
# from the machine's own apt sources, Bun for arm64 from npm. Exit code and last line are those of `bun test` in the guest.
#   VM_CACHE   folder that is kept between runs (default: myna-vm below the temp folder)
#   VM_LIMIT_S longest run of the guest (default 240)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
cache=${VM_CACHE:-${TMPDIR:-/tmp}/myna-vm}
limit_s=${VM_LIMIT_S:-240}
bun_version=$(sed -n 's/^ *"bun": "\([0-9.]*\)".*/\1/p' "$repository/package.json" | head -n 1)

say() { printf 'vm: %s\n' "$*"; }
need() {
  command -v "$1" >/dev/null 2>&1 || { printf 'vm: %s is missing: apt-get install %s\n' "$1" "$2" >&2 && exit 1; }
}
need qemu-system-aarch64 qemu-system-arm
need cpio cpio
need depmod kmod
need npm npm

DEBS="busybox-static libc6 libgcc-s1 libstdc++6 libudev1 libusb-1.0-0 libcap2 libasound2 libasound2-data alsa-utils \
  libatopology2 libtinfo6 libncursesw6 libsamplerate0 v4l-utils libv4l-0 libv4lconvert0 libv4l2rds0 libjpeg62-turbo"
MODULES="virtio_pci virtio_mmio 9pnet_virtio 9p uhid hid-cp2112 i2c-dev snd-aloop vivid softdog uinput evdev hid-generic"

image=$cache/$bun_version
root=$image/root
mkdir -p "$image"
if [ ! -f "$image/ready" ]; then
  say "making the image (once; some 15 s)"
  rm -rf "$image" && mkdir -p "$image/debs" "$image/root" "$image/apt/state/lists/partial" "$image/apt/cache/archives/partial"
  : >"$image/apt/state/status"
  apt() {
    tool=$1
    shift
    "$tool" -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Acquire::Languages=none \
      -o Dir::State="$image/apt/state" -o Dir::State::status="$image/apt/state/status" \
      -o Dir::Cache="$image/apt/cache" -o APT::Sandbox::User="" -o Debug::NoLocking=1 "$@"
  }
  apt apt-get update >"$image/apt/log" 2>&1 || { cat "$image/apt/log" >&2 && exit 1; }
  kernel=$(apt apt-cache depends linux-image-arm64 | sed -n 's/^ *Depends: \(linux-image-.*-arm64\)$/\1/p' | head -n 1)
  [ -n "$kernel" ] || { echo "vm: the package sources know no arm64 kernel" >&2 && exit 1; }
  # shellcheck disable=SC2086
  (cd "$image/debs" && apt apt-get download "$kernel" $DEBS >"$image/apt/log" 2>&1) || { cat "$image/apt/log" >&2 && exit 1; }
  for deb in "$image"/debs/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$image/root"
  done
  release=$(ls "$root/lib/modules")
  depmod -b "$root" "$release"
  mkdir -p "$root/modules"
  # In the order in which they have to be loaded.
  : >"$root/modules/order"
  for module in $MODULES; do
    modprobe -d "$root" -S "$release" --show-depends "$module" 2>/dev/null | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | awk '!seen[$0]++' | while read -r path; do
    cp "$path" "$root/modules/"
    basename "$path" >>"$root/modules/order"
  done
  mv "$root/boot/vmlinuz-$release" "$image/vmlinuz"
  rm -rf "${root:?}/boot" "$root/lib/modules" "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale"
  (cd "$image" && npm pack --silent "@oven/bun-linux-aarch64@$bun_version" >/dev/null && tar -xzf oven-bun-linux-aarch64-*.tgz)
  mkdir -p "$root/usr/local/bin" "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/app" "$root/out" "$root/etc" "$root/root"
  cp "$image/package/bin/bun" "$root/usr/local/bin/bun"
  chmod +x "$root/usr/local/bin/bun"
  ln -sf /bin/busybox "$root/bin/sh"
  rm -rf "$image/debs" "$image/apt" "$image/package" "$image"/*.tgz
  : >"$image/ready"
fi

work=$(mktemp -d)
qemu=
trap 'rm -rf "$work"; [ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true' EXIT INT TERM
cp "$here/init.sh" "$root/init"
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc >"$work/initrd")
mkdir "$work/out"

say "starting a Cortex-A72 with Debian's kernel"
timeout "$limit_s" qemu-system-aarch64 -M virt -cpu cortex-a72 -accel tcg,thread=multi -smp 2 -m 2048 \
  -nodefaults -display none -serial "file:$work/console" -no-reboot \
  -kernel "$image/vmlinuz" -initrd "$work/initrd" \
  -virtfs "local,path=$repository,mount_tag=app,security_model=none,readonly=on,multidevs=remap" \
  -virtfs "local,path=$work/out,mount_tag=out,security_model=none" \
  -append "console=ttyAMA0 panic=-1 quiet tests=${*:-}" &
qemu=$!
wait "$qemu" || true
qemu=

[ ! -f "$work/out/log" ] || cat "$work/out/log"
if [ ! -f "$work/out/rc" ]; then
  say "the guest did not come to its end within $limit_s s; its console:"
  tr -d '\r' <"$work/console" | tail -n 60
  exit 1
fi
exit "$(cat "$work/out/rc")"
