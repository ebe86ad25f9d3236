// Formats of the audio that clients send and receive.
#pragma once

#include <gst/audio/audio.h>

#include <string>
#include <vector>

#include "server/ref.h"

namespace torchstreamer::server {

/// Raw audio: interleaved samples without a header.
struct RawFormat {
  GstAudioFormat sample = GST_AUDIO_FORMAT_S16LE;
  /// 0: as the model's output.
  int rate = 0, channels = 0;

  Ref<GstCaps> caps() const;
};

/// A container or encoding; `kRaw` has no header.
enum class Container { kRaw, kWav, kFlac, kOgg };

/// Audio that a client sends. `raw` is used only if the container is kRaw.
struct InputFormat {
  Container container = Container::kWav;
  RawFormat raw;
};

/// Audio that a client receives. WAV and raw audio have the samples of `raw`, FLAC has S16LE, Ogg
/// contains Opus.
struct OutputFormat {
  Container container = Container::kWav;
  RawFormat raw;

  const char* media_type() const;
};

/// Fields of a query: `output` (raw, wav, flac, ogg), `format` (S16LE, S32LE, F32LE), `rate` in Hz,
/// `channels`.
using Query = GHashTable;

/// Value of a field of a query; "" if it is missing.
std::string query_value(Query* query, const char* name);

/// Parses a media type: audio/wav, audio/flac, audio/ogg, or audio/x-raw with the parameters
/// format, rate and channels. Throws Failure with the status 415.
InputFormat parse_input(const std::string& media_type);

/// Raw input of a live session: format, rate and channels of the query. Throws Failure.
InputFormat parse_raw_input(Query* query);

/// Default: the same as the input if it is raw, otherwise WAV with S16LE. Throws Failure.
OutputFormat parse_output(Query* query, const InputFormat& input);

/// Header of a WAV file of unknown length: both sizes are 0xffffffff, as in streams of ffmpeg.
std::string wav_header(GstAudioFormat sample, int rate, int channels);

/// Elements between the source and the raw audio. A demuxer is last: its pads appear later.
std::vector<std::string> decoder_elements(Container container);

/// Decoder for a pad of a demuxer with these caps; nullptr: not supported.
const char* decoder_of_pad(const GstCaps* caps);

/// Elements between the raw audio and the sink.
std::vector<std::string> encoder_elements(Container container);

/// Decodes the first pad that a demuxer adds, for an element of the same bin.
void decode_first_pad(GstElement* demuxer, GstElement* converter);

}  // namespace torchstreamer::server
