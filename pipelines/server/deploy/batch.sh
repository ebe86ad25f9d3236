#!/usr/bin/env bash
# Processes a folder of WAV files with a model as a job array of Slurm: one task for each file.
#
#   batch.sh submit MODEL IN_FOLDER OUT_FOLDER   submits the array; prints the number of its job
#   batch.sh missing IN_FOLDER OUT_FOLDER        prints the files that have no result
#
# A task writes its result under a different name and renames it at the end, so that each result is whole
# and is written once. Submitting again processes only files without a result: after failed tasks, or
# after new files have arrived.
set -euo pipefail

missing() {
  local file
  for file in "$1"/*.wav; do
    [ -e "$2/$(basename "$file")" ] || echo "$file"
  done
}

# Runs one task; the list has one file a line. `part` is global: the trap runs after the function.
run() {
  local model=$1 list=$2 out=$3 file
  file=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$list")
  part=$out/.$(basename "$file").$SLURM_JOB_ID.part
  [ ! -e "$out/$(basename "$file")" ] || return 0
  trap 'rm -f "$part"' EXIT
  gst-launch-1.0 -q filesrc location="$file" ! wavparse ! audioconvert ! tsresample \
    ! tsmodel location="$model" ! audioconvert ! audio/x-raw,format=S16LE \
    ! wavenc ! filesink location="$part"
  mv --no-clobber "$part" "$out/$(basename "$file")"
}

case ${1:-} in
  submit)
    model=$(realpath "$2") in=$(realpath "$3")
    mkdir -p "$4"
    out=$(realpath "$4")
    list=$out/.files.$$
    missing "$in" "$out" > "$list"
    count=$(wc -l < "$list")
    [ "$count" -gt 0 ] || { echo "Every file has its result."; exit 0; }
    # The system may end a task and start it again.
    sbatch --parsable --requeue --array="0-$((count - 1))" --output="$out/.log.%A_%a" \
      --export=ALL "$(realpath "$0")" run "$model" "$list" "$out"
    ;;
  missing) missing "$2" "$3" ;;
  run) run "$2" "$3" "$4" ;;
  *) sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" >&2; exit 2 ;;
esac
