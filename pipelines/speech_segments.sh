#!/usr/bin/env bash
# Finds speech with a voice activity detector and writes a text file with the start and the end of
# each segment of speech in seconds.
#
#   pipelines/speech_segments.sh [INPUT.wav [OUTPUT.txt [MODEL.pt]]]
#
# Without an input, espeak-ng creates the speech. Without a model, make_vad.py creates one. The model
# takes 512 frames at 16 kHz, mono, and returns the probability of speech, as Silero VAD does.
set -euo pipefail
input=${1:+$(realpath "$1")} output=${2:+$(realpath -m "$2")} model=${3:+$(realpath "$3")}
"$(dirname "$0")/../.ci/prepare" main
. "$(dirname "$0")/environment.sh"

input=${input:-$(make_speech)}
if [ -z "$model" ]; then
  model=$build/vad.pt
  pipelines/make_vad.py "$model"
fi
output=${output:-$build/speech_segments.txt}

# A message of tsmodel for each window, such as
#   ... tsmodel, ..., window-timestamp=(guint64)32000000, window-duration=(guint64)32000000,
#   values=(float)< 0.973 >;
gst-launch-1.0 --messages \
  filesrc location="$input" ! wavparse ! audioconvert ! tsresample \
  ! audio/x-raw,rate=16000,channels=1 \
  ! tsmodel location="$model" window=512 output-mode=message ! fakesink sync=false \
  | awk -v begin_at=0.5 -v end_below=0.35 '
      function field(name) {
        match($0, name "=\\([a-z0-9]*\\)(< )?[-+.e0-9]+")
        value = substr($0, RSTART, RLENGTH)
        sub(/.*[)< ]/, "", value)
        return value
      }
      / tsmodel, / {
        start = field("window-timestamp")
        end = start + field("window-duration")
        probability = field("values")
        if (!is_speech && probability >= begin_at) { is_speech = 1; first = start }
        if (is_speech && probability < end_below) { is_speech = 0; print_segment(first, start) }
      }
      END { if (is_speech) print_segment(first, end) }
      function print_segment(from_ns, to_ns) { printf "%.3f %.3f\n", from_ns / 1e9, to_ns / 1e9 }
    ' > "$output"
echo "Wrote $output: $(wc -l < "$output") segments of speech"
