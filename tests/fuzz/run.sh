#!/usr/bin/env bash
# Fuzzes the check and the loader of models and the elements, each for some seconds, from the
# committed corpus and from small models of the tests.
#
#   tests/fuzz/run.sh [SECONDS [FOLDER]]
#
# What is found on the way is kept in FOLDER, for longer runs by hand; input that fails is left there,
# too, and `BUILD-fuzz/tests/fuzz/fuzz_NAME FILE` repeats it, with FUZZ_MODEL and FUZZ_MODELS as below. The last line
# counts the targets.
set -uo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-15}
.ci/prepare || exit 1
build=$(realpath "${BUILD:-build}")
found=$(realpath -m "${2:-$build-fuzz/corpus}")
targets=(check load tsresample tsmodel)
least_runs=50  # of a target that does something
passed=0 failed=0

if [ ! -f "$build-fuzz/build.ninja" ]; then
  CXX='ccache clang++' CC='ccache clang' meson setup "$build-fuzz" -Dfuzz=true \
    -Dfuzz_library="$build/lib" -Dtests=false -Db_sanitize=address -Db_lundef=false \
    -Dbuildtype=debugoptimized > /dev/null || exit 1
fi
ninja -C "$build-fuzz" --quiet "${targets[@]/#/tests/fuzz/fuzz_}" || exit 1

# The seeds are models that are small and different.
for target in "${targets[@]}"; do mkdir -p "$found/$target"; done
for model in same3 up3 causal blocks; do
  for target in check load; do
    cp "$build/tests/models/$model.script.pt" "$found/$target/" || exit 1
  done
done

export FUZZ_MODEL=$build/tests/models/known_rational.script.pt FUZZ_MODELS=
for model in known_rational known_smooth known_ahead known_near gain2; do
  FUZZ_MODELS+=${FUZZ_MODELS:+:}$build/tests/models/$model.script.pt
done
export LD_LIBRARY_PATH=$build/lib OMP_NUM_THREADS=1 ASAN_OPTIONS=detect_leaks=0

fuzz() {
  local corpus=("$found/$1")
  [ ! -d "tests/fuzz/corpus/$1" ] || corpus+=("tests/fuzz/corpus/$1")
  "$build-fuzz/tests/fuzz/fuzz_$1" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=0 \
    -malloc_limit_mb=0 -max_len=65536 -artifact_prefix="$found/" "${corpus[@]}" 2>&1
}

for target in "${targets[@]}"; do
  if log=$(fuzz "$target") && [[ $log =~ Done\ ([0-9]+)\ runs ]] &&
    [ "${BASH_REMATCH[1]}" -ge "$least_runs" ]; then
    passed=$((passed + 1))
    echo "ok: fuzz $target: ${BASH_REMATCH[0]}"
  else
    failed=$((failed + 1))
    tail -n 60 <<< "$log"
    echo "failed: fuzz $target"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
