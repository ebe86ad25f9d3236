#!/usr/bin/env bash
# Resamples speech to 16 kHz, runs a model (a telephone line) on it, resamples the output to 48 kHz
# and writes it to a WAV file. First installs missing packages and builds the elements.
#
#   pipelines/speech.sh [INPUT.wav [OUTPUT.wav [MODEL.pt]]]
#
# Without an input, espeak-ng creates the speech. Without a model, make_telephone.py creates one
# (16 kHz, mono).
set -euo pipefail
input=${1:+$(realpath "$1")} output=${2:+$(realpath -m "$2")} model=${3:+$(realpath "$3")}
"$(dirname "$0")/../.ci/prepare" main
. "$(dirname "$0")/environment.sh"

input=${input:-$(make_speech)}
if [ -z "$model" ]; then
  model=$build/telephone.pt
  pipelines/make_telephone.py "$model"
fi
output=${output:-$build/telephone.wav}

start_ns=$(date +%s%N)
gst-launch-1.0 --quiet \
  filesrc location="$input" ! wavparse ! audioconvert ! progressreport update-freq=1 \
  ! tsresample ! audio/x-raw,rate=16000,channels=1 \
  ! tsmodel location="$model" \
  ! tsresample ! audio/x-raw,rate=48000 \
  ! audioconvert ! audio/x-raw,format=S16LE ! wavenc ! filesink location="$output"
elapsed_ns=$(($(date +%s%N) - start_ns))

read -r frames rate channels < <(wav_info "$output")
awk -v file="$output" -v n="$frames" -v hz="$rate" -v c="$channels" -v ns="$elapsed_ns" 'BEGIN {
  printf "Wrote %s: %d frames, %d channel(s), %d Hz, %.2f s of audio in %.2f s, %.1f times real time\n",
         file, n, c, hz, n / hz, ns / 1e9, n / hz / (ns / 1e9) }'
