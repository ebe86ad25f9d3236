#!/usr/bin/env bash
# Changes the sample rate of a WAV file, exactly as torchaudio.functional.resample does.
#
#   pipelines/resample.sh INPUT.wav RATE_HZ OUTPUT.wav
set -euo pipefail
input=$(realpath "$1") rate_hz=$2 output=$(realpath -m "$3")
. "$(dirname "$0")/environment.sh"
gst-launch-1.0 --quiet filesrc location="$input" ! wavparse \
  ! tsresample ! audio/x-raw,rate="$rate_hz" ! wavenc ! filesink location="$output"
