# Sourced by the pipelines: the build folder, and GStreamer's way to the plugins in it.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${BUILD:-build}
export GST_PLUGIN_PATH="$PWD/$build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
export GST_REGISTRY="$PWD/$build/registry.bin"

# What a WAV file holds: "FRAMES RATE CHANNELS".
wav_info() {
  local rate channels bits
  channels=$(od -An -t u2 -j 22 -N 2 "$1") rate=$(od -An -t u4 -j 24 -N 4 "$1")
  bits=$(od -An -t u2 -j 34 -N 2 "$1")
  echo $((($(stat -c %s "$1") - 44) / (channels * bits / 8))) $((rate)) $((channels))
}
