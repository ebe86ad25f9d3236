#!/usr/bin/env bash
# Processes a live source with a model in buffers of 10 ms. Prints the latency that the elements
# report.
#
#   pipelines/live.sh MODEL.pt [SECONDS]
set -euo pipefail
model=$(realpath "$1") seconds=${2:-3}
. "$(dirname "$0")/environment.sh"
gst-launch-1.0 --verbose \
  audiotestsrc is-live=true wave=ticks samplesperbuffer=480 num-buffers=$((seconds * 100)) \
  ! audio/x-raw,rate=48000,channels=1 ! tsresample ! audio/x-raw,rate=16000 \
  ! tsmodel location="$model" ! fakesink sync=true
