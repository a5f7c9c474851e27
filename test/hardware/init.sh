#!/bin/busybox sh
# shellcheck shell=dash
# First process of the guest: devices, then one test file after the other, then off. What vm.sh waits for begins with "@@".
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
while read -r file; do
  # Seconds of the guest's own clock.
  {
    timeout -s KILL 900 bun test --timeout 60000 "./$file" </dev/null 2>&1
    echo $? >/tmp/code
  } | tee /tmp/log
  code=$(cat /tmp/code)
  [ "$code" = 0 ] || grep -q '^(fail)' /tmp/log || echo "@@ broken $file: code $code"
done </tests
echo "@@ done"
sync
poweroff -f
