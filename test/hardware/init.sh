#!/bin/busybox sh
# shellcheck shell=dash
# First process of the guest: devices, then the tests, then off.
export PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin
/bin/busybox --install -s /bin 2>/dev/null
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
mount -t tmpfs shm /dev/shm
mount -t tmpfs tmp /tmp
ip link set lo up
while read -r module; do
  insmod "/modules/$module" 2>/dev/null
done </modules/order
mount -t 9p -o trans=virtio,version=9p2000.L,cache=loose,ro app /app
mount -t 9p -o trans=virtio,version=9p2000.L out /out
export HOME=/tmp TMPDIR=/tmp LD_LIBRARY_PATH=/usr/lib/aarch64-linux-gnu:/lib/aarch64-linux-gnu
cd /app || exit
tests=$(sed -n 's/.*tests=\(.*\)$/\1/p' /proc/cmdline)
# shellcheck disable=SC2086
bun test --timeout 60000 ${tests:-./test/hardware/guest/*.guest.ts} >/out/log 2>&1
echo $? >/out/rc
sync
poweroff -f
