#!/bin/sh
# The tests of the robot's service, on a computer that systemd runs: those before the watchdog's reset, the reset itself, and in
# the start that follows those after it.
folder=test/hardware/service

if [ "$(cat /sys/class/watchdog/watchdog0/bootstatus)" = 0 ]; then
  sh test/hardware/run-files.sh $folder/service.guest.ts
  timeout -s KILL 120 bun $folder/drive-into-reset.ts
  echo "@@ broken $folder/drive-into-reset.ts: the watchdog did not reset the computer"
else
  sh test/hardware/run-files.sh $folder/after-reset.guest.ts
fi
echo "@@ done"
sync
/bin/busybox poweroff -f
