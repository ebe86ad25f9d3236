#!/usr/bin/env bash
# Checks the sources with clang-format and clang-tidy, in the versions of Debian 12. The last line
# counts the checks.
#
#   tests/style.sh [format]   both, or clang-format only
#
# clang-tidy reads most of lib/ as the unity files of lib/meson.build, because the headers of libtorch
# cost seconds per file.
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/count.sh
.ci/prepare tests || exit 1
build=$(realpath "${BUILD:-build}")
tidy=$build-tidy

if ! clang-format --version | grep -q 'version 14\.'; then
  echo "clang-format is not version 14, as in Debian 12: the style is not checked"
  counted
  exit
fi

format() {
  find lib gst tests pipelines -name '*.cpp' -o -name '*.h' -o -name '*.c' |
    xargs clang-format --dry-run -Werror
}

# tidied BUILD OBJECTS: runs clang-tidy on the sources of a build folder whose objects match OBJECTS. A
# source of several targets is read once.
tidied() {
  local folder=$tidy/$(basename "$1")
  mkdir -p "$folder"
  /usr/bin/python3 - "$1" "$2" "$folder" <<'PYTHON' || return 1
import json
import os
import re
import sys

build, objects, folder = sys.argv[1:]
commands = json.load(open(f'{build}/compile_commands.json'))
chosen = {c['file']: c for c in commands if re.match(objects + r'.*\.c(pp)?\.o$', c['output'])}
for c in chosen.values():  # clang cannot read precompiled headers of g++
    c['command'] = re.sub(r'-include (\w+\.h)', rf'-include {os.getcwd()}/tests/pch/\1', c['command'])
json.dump(list(chosen.values()), open(f'{folder}/compile_commands.json', 'w'))
sys.exit(not chosen)
PYTHON
  run-clang-tidy -quiet -p "$folder" 2> /dev/null | grep -v '^clang-tidy'
  return "${PIPESTATUS[0]}"
}

tidied_unity() {
  local unity=$tidy/unity
  [ -f "$unity/build.ninja" ] || CXX=clang++ CC=clang meson setup "$unity" -Dtests=false \
    -Dbuildtype=debug || return 1
  ninja -C "$unity" lib/libtorchstreamer-core.a.p/torch.h.pch || return 1
  tidied "$unity" 'lib/libtorchstreamer-core'
}

count 'clang-format' format
if [ "${1:-}" = format ]; then
  counted
  exit
fi
count 'clang-tidy, base, simd and tools of lib' tidied "$build" 'lib/(libtorchstreamer-(base|simd)|tools)'
count 'clang-tidy, lib' tidied_unity
count 'clang-tidy, gst' tidied "$build" 'gst/'
count 'clang-tidy, tests/gst' tidied "$build" 'tests/gst/'
counted
