#!/bin/busybox sh
# shellcheck shell=dash
# The guest as a computer that systemd runs, with a watchdog, and a Robot HAT whose memory is the host's: it outlives a reset,
# as the real one does. Run by init.sh once the devices are there.
here=/app/test/hardware/service

cp /usr/share/base-passwd/passwd.master /etc/passwd
cp /usr/share/base-passwd/group.master /etc/group
: >/etc/shadow
: >/etc/gshadow
echo 0123456789abcdef0123456789abcdef >/etc/machine-id
echo robot >/etc/hostname
: >/etc/fstab

for device in /sys/bus/pci/devices/*; do
  [ "$(cat "$device/vendor") $(cat "$device/device")" = "0x1af4 0x1110" ] || continue
  echo 1 >"$device/enable"
  ln -s "$device/resource2_wc" /run/hat
done

mkdir -p /etc/systemd/system/multi-user.target.wants
for unit in hat.service tests.service; do
  cp "$here/$unit" /etc/systemd/system/
  ln -s "/etc/systemd/system/$unit" /etc/systemd/system/multi-user.target.wants/
done
ln -s /lib/systemd/system/multi-user.target /etc/systemd/system/default.target
exec /lib/systemd/systemd
