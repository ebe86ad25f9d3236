#!/usr/bin/env bash
# Exports the models of all families with torch.export and compares each program, converted and
# streamed, with the outputs that Python computed.
#
#   tests/exported.sh [FOLDER]
#
# FOLDER keeps the programs (default: build/exported). Needs Debian 13 or later, whose torch has
# torch.export; on other machines: tests/debian.sh trixie FOLDER tests/exported.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
export TORCHSTREAMER_EXPORTED=$(realpath -m "${1:-build/exported}") OMP_NUM_THREADS=1
[ -d build ] || meson setup build
ninja -C build tests/lib/exported_test
python3 -W ignore tests/data/export_models.py families "$TORCHSTREAMER_EXPORTED/families"
build/tests/lib/exported_test --gtest_filter='*ExportedFiles*'
