#!/usr/bin/env bash
# Plays two live pipelines with random losses, swaps of models, flushes and state changes. Fails on errors,
# critical messages, audio that does not belong to its timestamp, and memory that grows; prints the growth of
# memory. The last line counts the checks.
#
#   tests/soak.sh [SECONDS [SEED]]   default: 3600 s, a random seed
set -uo pipefail
cd "$(dirname "$0")/.."
.ci/prepare tests || exit 1
build=$(realpath "${BUILD:-build}")
export GST_PLUGIN_PATH=$build/gst GST_REGISTRY=$build/conformance.bin LD_LIBRARY_PATH=$build/lib
export TORCHSTREAMER_MODELS=$build/tests/models OMP_NUM_THREADS=1 G_DEBUG=fatal-criticals
seconds=${1:-3600}
shift
exec timeout $((seconds + 300)) /usr/bin/python3 tests/conformance/soak.py "$seconds" "$@"
