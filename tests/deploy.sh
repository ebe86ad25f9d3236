#!/usr/bin/env bash
# Tries the recipes of pipelines/server/deploy with Debian's HAProxy, Prometheus and Slurm, all processes
# on this machine and on loopback. Installs missing packages and builds first. Needs root for Slurm. The
# last line counts the checks.
#
#   tests/deploy.sh [haproxy] [prometheus] [slurm]
set -uo pipefail
cd "$(dirname "$0")/.."
.ci/prepare server || exit 1
missing=()
for package in haproxy prometheus slurm-wlm munge; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} = 0 ] ||
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
export BUILD=$(realpath "${BUILD:-build}")
export GST_PLUGIN_PATH=$BUILD/gst GST_REGISTRY=$BUILD/deploy.bin OMP_NUM_THREADS=1
exec timeout 900 /usr/bin/python3 tests/deploy/deploy.py "$@"
