#!/usr/bin/env bash
# Plays pipelines of Debian's GStreamer with the elements, and with stock elements in the same place: states,
# lengths, clocks and written files must be the same. Installs missing packages and builds first; packages
# that only a few checks need are not installed, and these checks are skipped. The last line counts the
# checks.
#
#   tests/conformance.sh            all checks
#   tests/conformance.sh quick      those that take seconds and need no further packages
#   tests/conformance.sh CHECK...   those with these names
set -uo pipefail
cd "$(dirname "$0")/.."
.ci/prepare tests || exit 1
build=$(realpath "${BUILD:-build}")
export GST_PLUGIN_PATH=$build/gst GST_REGISTRY=$build/conformance.bin LD_LIBRARY_PATH=$build/lib
export TORCHSTREAMER_MODELS=$build/tests/models OMP_NUM_THREADS=1
exec timeout 1800 /usr/bin/python3 tests/conformance/conformance.py "$@"
