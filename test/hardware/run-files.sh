#!/bin/sh
# Runs each test file of its arguments by a `bun test` of its own. One that fails as a whole, or leaves no word of a failed test,
# is told in a line of its own.
for file in "$@"; do
  # Seconds of the guest's own clock.
  {
    timeout -s KILL 900 bun test --timeout 60000 "./$file" </dev/null 2>&1
    echo $? >/tmp/code
  } | tee /tmp/log
  code=$(cat /tmp/code)
  [ "$code" = 0 ] || grep -q '^(fail)' /tmp/log || echo "@@ broken $file: code $code"
done
