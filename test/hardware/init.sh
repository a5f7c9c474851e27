#!/bin/busybox sh
# shellcheck shell=dash
# First process of the guest: devices, then one test file after the other, then off; or, with "service" in the kernel's command line,
# systemd takes over. What vm.sh waits for begins with "@@".
export PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin
/bin/busybox --install -s /bin 2>/dev/null
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
mount -t tmpfs shm /dev/shm
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
ip link set lo up
while read -r module; do
  case $module in
    # Two cards that answer to the names of the profile: what one side plays, the other records.
    snd-aloop.ko) set -- index=0,1 enable=1,1 id=USB,sndrpihifiberry ;;
    *) set -- ;;
  esac
  insmod "/modules/$module" "$@" 2>/dev/null
done </modules/order
export HOME=/tmp TMPDIR=/tmp NO_COLOR=1 LD_LIBRARY_PATH=/usr/lib/aarch64-linux-gnu:/lib/aarch64-linux-gnu
cd /app || exit
echo "@@ up"
grep -qw service /proc/cmdline && exec /app/test/hardware/service/boot.sh
# shellcheck disable=SC2046 # a list of words
sh test/hardware/run-files.sh $(cat /tests)
echo "@@ done"
sync
poweroff -f
