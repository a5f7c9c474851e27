#!/bin/sh
# Brings a robot to another version and back. Each version lies in a folder of its own; "current" points at the one that
# runs. A version that does not come up is left again at once.
set -eu

usage() {
  cat <<END
Usage: update.sh [VERSION] [--from CLONE] [--dir DIR] [--no-restart]
       update.sh --back [--dir DIR]

  VERSION       commit, tag or branch (default: what the clone has checked out)
  --from CLONE  a clone or URL to take it from (default: the one this version came from)
  --dir DIR     where Myna is installed (default: /opt/myna)
  --no-restart  do not restart the service
  --back        go back to the version before
END
}

version=HEAD
from=
dir=/opt/myna
restart=yes
back=no
while [ $# -gt 0 ]; do
  case $1 in
    --from | --dir) [ $# -gt 1 ] || { echo "update: $1 needs a value" >&2 && usage >&2 && exit 2; } ;;
  esac
  case $1 in
    --from) from=$2 && shift ;;
    --dir) dir=$2 && shift ;;
    --no-restart) restart=no ;;
    --back) back=yes ;;
    --help | -h) usage && exit 0 ;;
    -*) echo "update: there is no flag $1" >&2 && usage >&2 && exit 2 ;;
    *) version=$1 ;;
  esac
  shift
done

say() { printf 'update: %s\n' "$*"; }
fail() { printf 'update: %s\n' "$*" >&2 && exit 1; }
# point NAME TARGET: at once, never without a target.
point() { ln -sfn "$2" "$dir/$1.new" && mv -T "$dir/$1.new" "$dir/$1"; }
# Type=notify: the restart returns once the robot is ready, or fails.
restart_service() { [ "$restart" = no ] || systemctl restart myna.service; }

# takes VERSION: whether it runs this robot's profile.
takes() { (cd "$1" && node_modules/.bin/bun core/main.ts --profile pi4-picar --check); }
# bring VERSION: the owner's settings, calibration among them, go along; those that it had stay beside them.
bring() {
  mine=$dir/current/profiles/local.toml
  theirs=$1/profiles/local.toml
  [ -f "$mine" ] && ! cmp -s "$mine" "$theirs" || return 0
  rm -f "$theirs.old"
  [ ! -f "$theirs" ] || cp -p "$theirs" "$theirs.old"
  cp -p "$mine" "$theirs"
  if takes "$1"; then return 0; fi
  [ -f "$theirs.old" ] || { rm "$theirs" && return 1; }
  say "version $(basename "$1") does not take $mine: it keeps the settings that it had"
  mv "$theirs.old" "$theirs"
}

was=$(readlink "$dir/current" 2>/dev/null || true)

if [ "$back" = yes ]; then
  before=$(readlink "$dir/previous" 2>/dev/null) || fail "there is no version before this one"
  bring "$before" || say "version $(basename "$before") does not take $dir/current/profiles/local.toml"
  point previous "$was"
  point current "$before"
  restart_service || fail "version $(basename "$before") does not come up: journalctl -u myna"
  say "back at $(basename "$before")"
  exit 0
fi

[ -n "$from" ] || from=$(git -C "$dir/current" remote get-url origin 2>/dev/null) || fail "name a clone by --from"
mkdir -p "$dir/versions"
work=$dir/versions/.new
rm -rf "$work"
say "fetching $version from $from"
git clone --quiet "$from" "$work"
git -C "$work" checkout --quiet "$version"
name=$(git -C "$work" log -1 --format=%cd-%h --date=format:%Y%m%d)
new=$dir/versions/$name
if [ -d "$new" ]; then
  rm -rf "$work"
  say "$name is there already"
  bring "$new" || fail "version $name does not take this robot's profile: nothing was changed"
else
  (cd "$work" && ./setup --no-system)
  [ ! -f "$dir/current/profiles/local.toml" ] || cp "$dir/current/profiles/local.toml" "$work/profiles/local.toml"
  takes "$work" || fail "version $name does not take this robot's profile: nothing was changed"
  mv "$work" "$new"
fi

point current "$new"
if [ -n "$was" ] && [ "$was" != "$new" ]; then point previous "$was"; fi
if restart_service; then
  say "$name is in place"
else
  [ -n "$was" ] || fail "$name does not come up: journalctl -u myna"
  point current "$was"
  restart_service || true
  fail "$name does not come up (journalctl -u myna): back at $(basename "$was")"
fi

# The two newest beside what runs and what ran before are enough.
find "$dir/versions" -mindepth 1 -maxdepth 1 -type d | sort -r | tail -n +5 | while read -r old; do
  case $old in
    "$(readlink "$dir/current")" | "$(readlink "$dir/previous" 2>/dev/null)") ;;
    *) rm -rf "$old" ;;
  esac
done
