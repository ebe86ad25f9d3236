#!/usr/bin/env bash
# Tests the page of torchstreamer-server in Chromium, without a window. Installs missing packages and builds
# first. The last line counts the checks. Writes pictures of the page into build/page.
#
#   tests/page.sh            all checks
#   tests/page.sh CHECK...   those with these names
#
# PAGE_MODELS names a folder of models for the pictures instead of the stand-ins of the test.
set -uo pipefail
cd "$(dirname "$0")/.."
.ci/prepare server || exit 1
build=$(realpath "${BUILD:-build}")
if ! command -v chromium > /dev/null; then
  root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  echo "Installing chromium"
  "${root[@]}" apt-get install -y -qq --no-install-recommends chromium > /dev/null || exit 1
fi
export GST_PLUGIN_PATH=$build/gst GST_REGISTRY=$build/page.bin LD_LIBRARY_PATH=$build/lib OMP_NUM_THREADS=1
export TORCHSTREAMER_SERVER=${TORCHSTREAMER_SERVER:-$build/pipelines/server/torchstreamer-server}
exec timeout 1200 /usr/bin/python3 tests/pipelines/server/page/page_test.py "$build/page" "$@"
