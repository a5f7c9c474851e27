#!/bin/sh
# The emergency stop at the shell. A shell is there in a fiftieth of the time that a runtime needs: it sends the signal, and
# then stop.ts asks what holds now. Arguments are those of stop.ts.
case $0 in
  */*) here=${0%/*} ;;
  *) here=. ;;
esac
if [ $# -eq 0 ]; then
  folders=${MYNA_RUN_FOLDER:-/run/myna ${XDG_RUNTIME_DIR:+$XDG_RUNTIME_DIR/myna} ${TMPDIR:-/tmp}/myna-*}
  for folder in $folders; do
    for file in "$folder"/motion-*.json; do
      [ -r "$file" ] || continue
      read -r line < "$file"
      pid=${line#*\"pid\":}
      pid=${pid%%[!0-9]*}
      # The number may be another program's by now.
      [ -n "$pid" ] && grep -q motion/main.ts "/proc/$pid/cmdline" 2> /dev/null && kill -USR2 "$pid" 2> /dev/null
    done
  done
fi
# An installed robot has no bun on its path.
bun=${BUN:-bun}
command -v "$bun" > /dev/null || bun=$here/../../node_modules/.bin/bun
exec "$bun" "$here/stop.ts" "$@"
