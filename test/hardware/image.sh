#!/bin/sh
# Makes the guest of vm.sh: `image.sh FOLDER BUN_VERSION` writes FOLDER/vmlinuz and FOLDER/root.cpio, Debian's arm64 kernel with
# the modules that make its devices, the programs and libraries that the robot and its tests use, and Bun. Needs no root:
# packages come from the machine's own apt sources, into a folder of their own, Bun for arm64 from npm.
set -eu

folder=$1
bun_version=$2

# Libraries and tools of the robot.
DEBS="busybox-static libc6 libgcc-s1 libstdc++6 libudev1 libusb-1.0-0 libcap2 libasound2 libasound2-data alsa-utils \
  libatopology2 libtinfo6 libncursesw6 libsamplerate0 v4l-utils libv4l-0 libv4lconvert0 libv4l2rds0 libjpeg62-turbo \
  i2c-tools libi2c0 libspeexdsp1"
# systemd, udev and what deploy/install.sh calls, with the libraries that they load.
SERVICE_DEBS="systemd libsystemd0 libsystemd-shared udev base-passwd passwd mount util-linux coreutils libacl1 libapparmor1 libargon2-1 \
  libattr1 libaudit1 libblkid1 libbz2-1.0 libcap-ng0 libcrypt1 libcryptsetup12 libdb5.3 libdevmapper1.02.1 libfdisk1 libffi8 libgcrypt20 \
  libgmp10 libgpg-error0 libip4tc2 libjson-c5 libkmod2 liblz4-1 liblzma5 libmount1 libp11-kit0 libpam0g libpam-modules libpcre2-8-0 libseccomp2 \
  libselinux1 libsemanage2 libsepol2 libsmartcols1 libssl3 libuuid1 libzstd1 zlib1g kmod"
MODULES="uhid hid-cp2112 i2c-dev snd-aloop vivid i6300esb uinput evdev hid-generic"

work=$folder.making.$$
root=$work/root
trap 'rm -rf "$work"' EXIT INT TERM
mkdir -p "$root" "$work/debs" "$work/apt/state/lists/partial" "$work/apt/cache/archives/partial"
: >"$work/apt/state/status"

apt() {
  tool=$1
  shift
  "$tool" -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Acquire::Languages=none -o Acquire::Retries=3 \
    -o Dir::State="$work/apt/state" -o Dir::State::status="$work/apt/state/status" \
    -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="" -o Debug::NoLocking=1 "$@"
}
quietly() {
  "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2 && exit 1; }
}

quietly apt apt-get update
kernel=$(apt apt-cache depends linux-image-arm64 | sed -n 's/^ *Depends: \(linux-image-.*-arm64\)$/\1/p' | head -n 1)
[ -n "$kernel" ] || { echo "vm: the package sources know no arm64 kernel" >&2 && exit 1; }
cd "$work/debs"
# shellcheck disable=SC2086 # a list of words
quietly apt apt-get download "$kernel" $DEBS $SERVICE_DEBS
for deb in *.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x --no-same-owner --keep-directory-symlink -C "$root"
done

release=$(ls "$root/lib/modules")
depmod -b "$root" "$release"
mkdir -p "$root/modules"
# In the order in which they have to be loaded.
for module in $MODULES; do
  modprobe -d "$root" -S "$release" --show-depends "$module" 2>/dev/null | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' >"$work/modules"
while read -r path; do
  cp "$path" "$root/modules/"
  basename "$path"
done <"$work/modules" >"$root/modules/order"
mv "$root/boot/vmlinuz-$release" "$work/vmlinuz"
rm -rf "${root:?}/boot" "$root/lib/modules" "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale" \
  "$root/usr/lib/udev/hwdb.d" "$root/lib/udev/hwdb.d" "$root/usr/lib/systemd/catalog"

cd "$work"
quietly npm pack --silent "@oven/bun-linux-aarch64@$bun_version"
tar -xzf oven-bun-linux-aarch64-*.tgz
for one in proc sys dev tmp app etc root run usr/local/bin; do mkdir -p "$root/$one"; done
cp package/bin/bun "$root/usr/local/bin/bun"
chmod +x "$root/usr/local/bin/bun"
ln -sf /bin/busybox "$root/bin/sh"
chmod u+rwx "$root/root"
(cd "$root" && find . | cpio --quiet -o -H newc -R +0:+0) >"$work/root.cpio"

rm -rf "$work/root" "$work/debs" "$work/apt" "$work/package" "$work"/*.tgz "$work/log" "$work/modules"
# Whoever made the same at the same time was as right.
mv -T "$work" "$folder" 2>/dev/null || [ -f "$folder/root.cpio" ]
