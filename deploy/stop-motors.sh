#!/bin/sh
# Stops the wheels of a PiCar-X without Bun, whatever state the robot's program left behind: motor registers of the Robot
# HAT to zero, then its controller is reset by its line, which stops it whatever the bus does. Run by systemd before a start
# and after every end of the service; harmless at any time. Needs i2cset (i2c-tools) and pinctrl (raspi-utils) or raspi-gpio.
set -u

BUS=${MYNA_I2C_BUS:-1}
ADDRESS=0x14
# Channels 12 and 13 of all boards, 14 to 19 of a Robot HAT V5.
MOTORS="0x2c 0x2d 0x2e 0x2f 0x30 0x31 0x32 0x33"
RESET_LINE=${MYNA_RESET_LINE:-5}

say() { printf 'stop-motors: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

stopped=no

# Zero is the same in either order of bytes. Twice: a frame that another program left half written takes the first one.
if have i2cset; then
  for round in 1 2; do
    for register in $MOTORS; do
      if i2cset -y "$BUS" "$ADDRESS" "$register" 0 w >/dev/null 2>&1; then
        [ "$round" = 2 ] && stopped=yes
      fi
    done
  done
fi

# Low for 20 ms resets the controller: all its pulses end.
line() {
  if have pinctrl; then
    pinctrl set "$RESET_LINE" op "$1"
  elif have raspi-gpio; then
    raspi-gpio set "$RESET_LINE" op "$1"
  else
    return 1
  fi
}

if line dl; then
  sleep 0.02
  line dh && stopped=yes
fi

if [ "$stopped" = no ]; then
  say "neither the bus nor the reset line could be reached: switch the robot off by hand if it moves"
  exit 1
fi
