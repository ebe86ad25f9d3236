#!/usr/bin/env bash
# Runs tests of the elements with AddressSanitizer, UndefinedBehaviorSanitizer, ThreadSanitizer and
# valgrind. Installs missing packages and builds instrumented elements in separate folders; libtorch and
# the library of $BUILD are not instrumented. The last line counts the checks.
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/count.sh
.ci/prepare tests || exit 1
build=$(realpath "${BUILD:-build}")

export GST_TRACERS=leaks GST_REGISTRY_FORK=no OMP_NUM_THREADS=1
export TORCHSTREAMER_MODELS=$build/tests/models TORCHSTREAMER_EXPORTED=$PWD/tests/data/exported
export LD_LIBRARY_PATH=$build/lib

check() { count "$1" timeout 300 "${@:2}"; }

# sanitized FOLDER SANITIZERS TARGET...: builds the plugins and these programs in FOLDER.
sanitized() {
  local folder=$1 sanitizers=$2
  shift 2
  export GST_PLUGIN_PATH=$folder/gst GST_REGISTRY=$folder/sanitize.bin
  # AddressSanitizer opens libraries for the programs and ignores their run path.
  export LD_LIBRARY_PATH=$build/lib:$folder/gst
  [ -f "$folder/build.ninja" ] || meson setup "$folder" -Db_sanitize="$sanitizers" -Db_lundef=false \
    -Dbuildtype=debugoptimized || return 1
  ninja -C "$folder" gst/libgsttsresample.so gst/libgsttsmodel.so "$@"
}

# Leaks are not detected here, because libraries keep memory until the end: GST_TRACERS=leaks counts
# objects, and valgrind reports memory without pointers to it.
export ASAN_OPTIONS=detect_leaks=0:halt_on_error=1:detect_container_overflow=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TORCHSTREAMER_RESAMPLE_DATA=$build/tests/resample.bin GST_PRESET_PATH=$PWD/gst/resample
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
export TSAN_OPTIONS=halt_on_error=1:suppressions=$PWD/tests/gst/support/tsan.supp
count 'build for ThreadSanitizer' sanitized "$build-tsan" thread tests/gst/stress_tsan
mkdir -p "$system"
for plugin in audioconvert audiotestsrc coreelements coretracers; do
  ln -sf "$(pkg-config --variable=pluginsdir gstreamer-1.0)/libgst$plugin.so" "$system/"
done
check 'stress, ThreadSanitizer' env GST_PLUGIN_SYSTEM_PATH_1_0="$system" \
  setarch -R "$build-tsan/tests/gst/stress_tsan"

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
