#!/bin/sh
# Stops the wheels of a PiCar-X without Bun, whatever state the robot's program left behind: the controller of the Robot HAT is
# reset by its line, which stops it whatever the bus does, then its motor registers are written to zero. Run by systemd before
# a start and after every end of the service; harmless at any time. Needs i2cset (i2c-tools) and pinctrl (raspi-utils) or raspi-gpio.
set -u

BUS=${MYNA_I2C_BUS:-1}
ADDRESS=0x14
# Channels 12 and 13 of all boards, 14 to 19 of a Robot HAT V5.
MOTORS="0x2c 0x2d 0x2e 0x2f 0x30 0x31 0x32 0x33"
RESET_LINE=${MYNA_RESET_LINE:-5}

say() { printf 'stop-motors: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

line() {
  if have pinctrl; then
    pinctrl set "$RESET_LINE" op "$1"
  elif have raspi-gpio; then
    raspi-gpio set "$RESET_LINE" op "$1"
  else
    return 1
  fi
}

# Low for 20 ms resets the controller: all its pulses end, and so does a frame that another program left half written.
reset() { line dl && sleep 0.02 && line dh; }

# The same by the bus alone. The controller takes frames of three bytes, and up to two bytes of one may wait there: two zeros
# end that one. Then the zeros go round three times, each time one byte later: once they are frames, and twice they begin
# with zero, which is no register of anything. Zero is the same in either order of bytes.
zeros() {
  have i2cset || return 1
  failed=no
  write() { i2cset -y "$BUS" "$ADDRESS" "$@" >/dev/null 2>&1 || failed=yes; }
  write 0
  write 0
  for _ in 1 2 3; do
    for register in $MOTORS; do write "$register" 0 w; done
    write 0
  done
  [ "$failed" = no ]
}

by_line=no
by_bus=no
reset && by_line=yes
# Also behind a reset: RESET_LINE may be another board's.
zeros && by_bus=yes

[ "$by_line" = yes ] && exit 0
say "the reset line $RESET_LINE cannot be pulled (pinctrl or raspi-gpio)"
[ "$by_bus" = yes ] && exit 0
say "neither the bus nor the reset line could be reached: switch the robot off by hand if it moves"
exit 1
