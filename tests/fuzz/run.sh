#!/usr/bin/env bash
# Fuzzes the check, the loader and the settings of model files, the parsers of exported programs and both
# elements, each for SECONDS (default: 15), from the committed corpus and from small models of the tests.
#
#   tests/fuzz/run.sh [SECONDS [FOLDER]]
#
# FOLDER (default: BUILD-fuzz/corpus) keeps new inputs for later runs, and inputs that fail:
# `BUILD-fuzz/tests/fuzz/fuzz_NAME FILE` repeats one, with FUZZ_MODEL and FUZZ_MODELS as below. The
# last line counts the targets.
set -uo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-15}
. tests/count.sh
.ci/prepare tests || exit 1
build=$(realpath "${BUILD:-build}")
found=$(realpath -m "${2:-$build-fuzz/corpus}")
targets=(check load settings expression pickle tsresample tsmodel)
least_runs=50  # with fewer runs the target is broken

if [ ! -f "$build-fuzz/build.ninja" ]; then
  CXX='ccache clang++' CC='ccache clang' meson setup "$build-fuzz" -Dfuzz=true \
    -Dfuzz_library="$build/lib" -Dtests=false -Db_sanitize=address -Db_lundef=false \
    -Dbuildtype=debugoptimized > /dev/null || exit 1
fi
ninja -C "$build-fuzz" --quiet "${targets[@]/#/tests/fuzz/fuzz_}" || exit 1

# Seeds: small models of different kinds.
for target in "${targets[@]}"; do mkdir -p "$found/$target"; done
for model in same3 up3 causal blocks; do
  for target in check load; do
    cp "$build/tests/models/$model.script.pt" "$found/$target/" || exit 1
  done
done

export FUZZ_MODEL=$build/tests/models/known_rational.script.pt FUZZ_MODELS=
for model in known_{rational,smooth,ahead,near}.script gain2.script blocks/{autoencoder,explicit} \
  loops/planned_knob; do
  FUZZ_MODELS+=${FUZZ_MODELS:+:}$build/tests/models/$model.pt
done
export LD_LIBRARY_PATH=$build/lib OMP_NUM_THREADS=1 ASAN_OPTIONS=detect_leaks=0

fuzz() {
  local corpus=("$found/$1") log
  [ ! -d "tests/fuzz/corpus/$1" ] || corpus+=("tests/fuzz/corpus/$1")
  log=$("$build-fuzz/tests/fuzz/fuzz_$1" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=0 \
    -malloc_limit_mb=0 -max_len=65536 -artifact_prefix="$found/" "${corpus[@]}" 2>&1)
  local status=$?
  echo "$log"
  [ "$status" = 0 ] && [[ $log =~ Done\ ([0-9]+)\ runs ]] && [ "${BASH_REMATCH[1]}" -ge "$least_runs" ]
}

for target in "${targets[@]}"; do count "fuzz $target" fuzz "$target"; done
counted
