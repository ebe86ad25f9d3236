#!/usr/bin/env bash
# Checks that the benchmark runs and that its rows become tables: runs each section and one model for a
# moment. The figures mean nothing.
#
#   moment.sh BENCH TABLE
set -euo pipefail
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
"$1" --help | grep -- --only > /dev/null
for section in tcn resample modules blocks jitter flatness memory cores groups; do
  "$1" --only "$section" --seconds 0.01 --file-seconds 0.1 --long-seconds 0.1 --repeats 1 \
    --json "$rows" > /dev/null
  "$2" "$rows" | grep "^|---|" > /dev/null || { echo "no table of $section"; exit 1; }
done
! "$1" --no-such-option 2> /dev/null
