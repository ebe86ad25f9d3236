#!/usr/bin/env bash
# Fuzzes the loader of models and the elements, each for some seconds, from the committed corpus.
#
#   tests/fuzz/run.sh [SECONDS [FOLDER]]
#
# What is found on the way is kept in FOLDER, for longer runs by hand; input that fails is left there,
# too, and `BUILD-fuzz/tests/fuzz/fuzz_NAME FILE` repeats it. The last line counts the targets.
set -uo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-20}
build=$(realpath "${BUILD:-build}")
found=$(realpath -m "${2:-$build-fuzz/corpus}")
passed=0 failed=0

if [ ! -f "$build-fuzz/build.ninja" ]; then
  CXX='ccache clang++' CC='ccache clang' meson setup "$build-fuzz" -Dfuzz=true \
    -Dfuzz_library="$build/lib" -Dtests=false -Db_sanitize=address -Db_lundef=false \
    -Dbuildtype=debugoptimized > /dev/null || exit 1
fi
ninja -C "$build-fuzz" --quiet tests/fuzz/fuzz_elements tests/fuzz/fuzz_load || exit 1

# The seeds of the loader are models that are small and different.
mkdir -p "$found/load" "$found/elements"
for model in same3 up3 causal blocks; do
  cp "$build/tests/models/$model.script.pt" "$found/load/"
done

# Address space of the loader: with more, reading what a file claims to be takes minutes.
declare -A most_kilobytes=([load]=2000000 [elements]=unlimited)
export LD_LIBRARY_PATH=$build/lib OMP_NUM_THREADS=1
export ASAN_OPTIONS=detect_leaks=0
for target in load elements; do
  corpus=("$found/$target")
  [ ! -d "tests/fuzz/corpus/$target" ] || corpus+=("tests/fuzz/corpus/$target")
  if log=$(ulimit -v "${most_kilobytes[$target]}" && "$build-fuzz/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=60 \
    -rss_limit_mb=0 -malloc_limit_mb=0 -max_len=65536 -artifact_prefix="$found/" "${corpus[@]}" 2>&1); then
    passed=$((passed + 1))
    echo "ok: fuzz $target: $(tail -n 1 <<< "$log")"
  else
    failed=$((failed + 1))
    tail -n 60 <<< "$log"
    echo "failed: fuzz $target"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
