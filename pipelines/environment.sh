# Sourced by the pipelines. Sets the build folder and adds its plugins to GST_PLUGIN_PATH.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$(realpath "${BUILD:-build}")
export GST_PLUGIN_PATH="$build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
export GST_REGISTRY="$build/registry.bin"

# Prints "FRAMES RATE CHANNELS" of a WAV file with a header of 44 bytes.
wav_info() {
  field() { od -An -t "u$3" -j "$2" -N "$3" "$1"; }
  local channels rate bits bytes
  channels=$(field "$1" 22 2) rate=$(field "$1" 24 4) bits=$(field "$1" 34 2) bytes=$(field "$1" 40 4)
  echo $((bytes / (channels * bits / 8))) $((rate)) $((channels))
}

# Lets espeak-ng create speech, and prints the path of the WAV file.
make_speech() {
  espeak-ng -v en-us -s 140 -f pipelines/speech.txt -w "$build/speech.wav"
  echo "$build/speech.wav"
}
