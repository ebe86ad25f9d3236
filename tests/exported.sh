#!/usr/bin/env bash
# Exports the models of all families with torch.export and compares each program, converted and
# streamed, with the outputs that Python computed.
#
#   tests/exported.sh [FOLDER [FAMILY...]]
#
# FOLDER keeps the programs and the results (default: build/exported). A second run continues the
# first one: models that were exported are kept, and families that were compared with the same
# build are skipped. Needs Debian 13 or later, whose torch has torch.export; on other machines:
# tests/debian.sh trixie FOLDER tests/exported.sh. The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/.."
export FOLDER OMP_NUM_THREADS=1 TEST=build/tests/lib/exported_test
FOLDER=$(realpath -m "${1:-build/exported}")
families=("${@:2}")
[ ${#families[@]} -gt 0 ] || mapfile -t families < <(python3 tests/data/export_models.py list)
[ -d build ] || meson setup build
ninja -C build tests/lib/exported_test

# Prints "FAMILY: N passed, N failed, N not exported".
compare() {
  local folder=$FOLDER/$1
  local result=$folder/result log=$folder/log
  mkdir -p "$folder"
  if [ ! -e "$result" ] || [ -n "$(find "$TEST" "$folder" -newer "$result")" ]; then
    local status=0 counts
    python3 -W ignore tests/data/export_models.py "$1" "$folder" > "$folder/export.log" 2>&1 ||
      status=$?
    TORCHSTREAMER_EXPORTED=$folder timeout 600 "$TEST" --gtest_filter='*ExportedFiles*' \
      > "$log" 2>&1 || true
    counts=$(sed -nE 's/^\[  (PASSED|FAILED)  \] ([0-9]+) tests?[.,].*/\1=\2/p' "$log" | sort -u)
    [ -n "$(find "$folder" -name '*.pt2')" ] || counts=PASSED=0  # none could be exported
    [ -n "$counts" ] && [ $status = 0 ] || counts="$counts FAILED=1"
    local PASSED=0 FAILED=0
    eval "$counts"
    echo "$1: $PASSED passed, $FAILED failed," \
      "$(find "$folder" -name '*.failed' | wc -l) not exported" > "$result"
    touch "$result"
  fi
  cat "$result"
}
export -f compare

printf '%s\n' "${families[@]}" |
  xargs -P "$(nproc)" -I{} bash -c 'set -euo pipefail; compare {}'
for family in "${families[@]}"; do cat "$FOLDER/$family/result"; done |
  awk '{ passed += $2; failed += $4; missing += $6 }
    END {
      # torch 2.6 and 2.14 export two thirds; with fewer the script or the models are broken.
      if (2 * missing > passed) ++failed
      print passed " passed, " failed " failed"
      exit failed > 0
    }'
