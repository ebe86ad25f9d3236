#!/usr/bin/env bash
# Builds and tests this tree on a different Debian release, in a folder that debootstrap fills.
#
#   tests/debian.sh SUITE [FOLDER [COMMAND...]]
#
# SUITE is the name of a release (trixie, forky), FOLDER keeps the release between runs (default:
# /var/tmp/torchstreamer-SUITE), COMMAND runs in a copy of this tree instead of tests/run.sh.
# Needs root and debootstrap. The last line is that of tests/run.sh.
set -euo pipefail
suite=${1:?the name of a Debian release}
folder=$(realpath -m "${2:-/var/tmp/torchstreamer-$suite}")
command=("${@:3}")
[ ${#command[@]} -gt 0 ] || command=(tests/run.sh)
cd "$(dirname "$0")/.."

# Uses the mirror of this machine and its apt settings for list dates and http.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | head -n 1)
script=/usr/share/debootstrap/scripts/$suite
[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid

if [ ! -e "$folder/etc/apt/sources.list" ]; then
  debootstrap --variant=minbase --include=ca-certificates,git "$suite" "$folder" "$mirror" "$script"
  echo "deb $mirror $suite main" > "$folder/etc/apt/sources.list"
  apt-config dump | grep -E '^Acquire::(Check-|http)' > "$folder/etc/apt/apt.conf.d/90host" || true
fi
cp -L /etc/resolv.conf "$folder/etc/resolv.conf"

# Only the source files: the build folder of the release stays.
mkdir -p "$folder/torchstreamer"
find "$folder/torchstreamer" -mindepth 1 -maxdepth 1 ! -name 'build*' -exec rm -r {} +
git ls-files -z --cached --others --exclude-standard --deduplicate |
  tar --create --null --files-from=- --ignore-failed-read | tar --extract -C "$folder/torchstreamer"

# The mounts are in a separate name space and end with this process.
exec unshare --mount --pid --fork --kill-child bash -c '
  mount -t proc proc "$0/proc"
  mount --rbind /dev "$0/dev"
  mount -t tmpfs tmpfs "$0/tmp"
  exec chroot "$0" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    bash -c "cd /torchstreamer && exec \"\$@\"" bash "$@"' "$folder" "${command[@]}"
