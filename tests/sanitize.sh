#!/usr/bin/env bash
# Runs tests with AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer. Installs missing
# packages and builds what is instrumented in separate folders. The last line counts the checks.
#
#   tests/sanitize.sh                      the elements, some of them with valgrind, too; libtorch and the
#                                          library of $BUILD are not instrumented
#   tests/sanitize.sh library [PROGRAM...] the library: its test programs with these names, or all;
#                                          compiles for hours on 2 cores; libtorch is not
#                                          instrumented
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/count.sh
.ci/prepare tests || exit 1
build=$(realpath "${BUILD:-build}")

export OMP_NUM_THREADS=1 TORCHSTREAMER_MODELS=$build/tests/models TORCHSTREAMER_SOURCE=$PWD
export TORCHSTREAMER_EXPORTED=$PWD/tests/data/exported
export TORCHSTREAMER_RESAMPLE_DATA=$build/tests/resample.bin
export ASAN_OPTIONS=halt_on_error=1:detect_container_overflow=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:suppressions=$PWD/tests/gst/support/tsan.supp

check() { count "$1" timeout "${limit_s:-300}" "${@:2}"; }

# instrumented FOLDER SANITIZERS TARGET...: builds these targets in FOLDER.
instrumented() {
  local folder=$1 sanitizers=$2
  shift 2
  [ -f "$folder/build.ninja" ] || meson setup "$folder" -Db_sanitize="$sanitizers" -Db_lundef=false \
    -Dbuildtype=debugoptimized || return 1
  ninja -C "$folder" "$@"
}

# library SANITIZERS FOLDER PROGRAM...: runs test programs of the library, or all if none is named. Not
# those that replace the allocator, as the sanitizers do, and no tests of time and memory.
library() {
  local sanitizers=$1 folder=$2 programs=("${@:3}") program
  count "configure for $sanitizers" instrumented "$folder" "$sanitizers" build.ninja
  [ $# -gt 2 ] || mapfile -t programs < <(ninja -C "$folder" -t targets all |
    sed -n 's|^tests/lib/\(.*\)_test: .*|\1|p' | grep -v allocation | sort)
  for program in "${programs[@]}"; do
    local targets=("tests/lib/${program}_test")
    [ "$program" != inspect ] || targets+=(lib/torchstreamer-inspect)
    count "build $program for $sanitizers" instrumented "$folder" "$sanitizers" "${targets[@]}"
    check "$program, $sanitizers" env TORCHSTREAMER_INSPECT="$folder/lib/torchstreamer-inspect" \
      setarch -R "$folder/tests/lib/${program}_test" \
      --gtest_filter='-*Cost*:*TakeLittleTime:*TooManyValuesAreErrors'
  done
}

if [ "${1:-}" = library ]; then
  shift
  limit_s=3600
  export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=1
  library address,undefined "$build-asan" "$@"
  library thread "$build-tsan" "$@"
  counted
  exit
fi

export GST_TRACERS=leaks GST_REGISTRY_FORK=no

# sanitized FOLDER SANITIZERS TARGET...: builds the plugins and these programs in FOLDER.
sanitized() {
  export GST_PLUGIN_PATH=$1/gst GST_REGISTRY=$1/sanitize.bin
  # AddressSanitizer opens libraries for the programs and ignores their run path.
  export LD_LIBRARY_PATH=$build/lib:$1/gst
  instrumented "$@" gst/libgsttsresample.so gst/libgsttsmodel.so
}

# Leaks are not detected here, because libraries keep memory until the end: GST_TRACERS=leaks counts
# objects, and valgrind reports memory without pointers to it.
export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
export GST_PRESET_PATH=$PWD/gst/resample
programs=(timeline blocks tsresample drop_in latency sequences tsmodel tsmodel_options tsmodel_swap
  tsmodel_cross tsmodel_messages tsmodel_blocks tsmodel_remote model_fetch)
targets=("${programs[@]/#/tests/gst/}")
count 'build for AddressSanitizer' sanitized "$build-asan" address,undefined \
  gst/libtorchstreamer-http.so.0 "${targets[@]/%/_test}"
for program in "${programs[@]}"; do
  check "$program, AddressSanitizer" "$build-asan/tests/gst/${program}_test"
done

# Uses only a few plugins of the system: the process itself would load all others for the registry.
system=$build-tsan/system
count 'build for ThreadSanitizer' sanitized "$build-tsan" thread tests/gst/stress_tsan \
  tests/lib/engine_group_test
mkdir -p "$system"
for plugin in audioconvert audiotestsrc coreelements coretracers; do
  ln -sf "$(pkg-config --variable=pluginsdir gstreamer-1.0)/libgst$plugin.so" "$system/"
done
check 'stress, ThreadSanitizer' env GST_PLUGIN_SYSTEM_PATH_1_0="$system" \
  setarch -R "$build-tsan/tests/gst/stress_tsan"

check 'engine_group, ThreadSanitizer' setarch -R "$build-tsan/tests/lib/engine_group_test"

export GST_PLUGIN_PATH=$build/gst GST_REGISTRY=$build/valgrind.bin GST_PLUGIN_SYSTEM_PATH_1_0=$system
unset GST_REGISTRY_FORK
memcheck() {
  check "$1, valgrind" valgrind --quiet --error-exitcode=1 --suppressions=tests/gst/support/valgrind.supp \
    --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
    "$build/tests/gst/$1_test" "${@:2}"
}
memcheck tsresample --gtest_filter='*Flush*:*Gap*:*Clips*:*OneFrame*:*Metas*'
memcheck blocks
memcheck tsmodel_messages
memcheck tsmodel_swap --gtest_filter='*DrainsTheOldModel*:*TakesOver*:*Fails*:*Reload*:*OfChannels.*'
memcheck tsmodel_cross --gtest_filter='*AsSoonAsPossible*:*Flush*:*SwapsBack*:TsModelCrossing.*'
# Without tests that start processes or many threads.
memcheck model_fetch --gtest_filter='-*Process*:*Proxy*:*Concurrent*:*LogsContain*:*Different*:*Secure*'

counted
