// All sample formats, and the conversion between bytes and samples.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "audio/sample_format.h"

namespace torchstreamer::audio {

/// A format, and the bytes of the values 0.5 and -1 in it.
struct FormatCase {
  const char* name;
  SampleFormat format;
  std::vector<uint8_t> half, minus_one;
};

inline std::vector<FormatCase> all_formats() {
  std::vector<FormatCase> formats;
  // Adds the little-endian format and, with reversed bytes, the big-endian one.
  const auto add = [&](const char* name, int width, int depth, bool is_float, bool is_signed,
                       std::vector<uint8_t> half, std::vector<uint8_t> minus_one) {
    formats.push_back({name, {width, depth, is_float, is_signed, false}, half, minus_one});
    if (width == 8) return;
    std::reverse(half.begin(), half.end());
    std::reverse(minus_one.begin(), minus_one.end());
    formats.push_back({name, {width, depth, is_float, is_signed, true}, half, minus_one});
  };
  add("S8", 8, 8, false, true, {0x40}, {0x80});
  add("U8", 8, 8, false, false, {0xc0}, {0x00});
  add("S16", 16, 16, false, true, {0x00, 0x40}, {0x00, 0x80});
  add("U16", 16, 16, false, false, {0x00, 0xc0}, {0x00, 0x00});
  add("S18", 24, 18, false, true, {0x00, 0x00, 0x01}, {0x00, 0x00, 0xfe});
  add("U18", 24, 18, false, false, {0x00, 0x00, 0x03}, {0x00, 0x00, 0x00});
  add("S20", 24, 20, false, true, {0x00, 0x00, 0x04}, {0x00, 0x00, 0xf8});
  add("U20", 24, 20, false, false, {0x00, 0x00, 0x0c}, {0x00, 0x00, 0x00});
  add("S24", 24, 24, false, true, {0x00, 0x00, 0x40}, {0x00, 0x00, 0x80});
  add("U24", 24, 24, false, false, {0x00, 0x00, 0xc0}, {0x00, 0x00, 0x00});
  add("S24_32", 32, 24, false, true, {0x00, 0x00, 0x40, 0x00}, {0x00, 0x00, 0x80, 0xff});
  add("U24_32", 32, 24, false, false, {0x00, 0x00, 0xc0, 0x00}, {0x00, 0x00, 0x00, 0x00});
  add("S32", 32, 32, false, true, {0x00, 0x00, 0x00, 0x40}, {0x00, 0x00, 0x00, 0x80});
  add("U32", 32, 32, false, false, {0x00, 0x00, 0x00, 0xc0}, {0x00, 0x00, 0x00, 0x00});
  add("F32", 32, 32, true, true, {0x00, 0x00, 0x00, 0x3f}, {0x00, 0x00, 0x80, 0xbf});
  add("F64", 64, 64, true, true, {0, 0, 0, 0, 0, 0, 0xe0, 0x3f}, {0, 0, 0, 0, 0, 0, 0xf0, 0xbf});
  return formats;
}

inline std::string text(const FormatCase& c) {
  return std::string(c.name) + (c.format.is_big_endian ? "BE" : "LE");
}

template <class T>
std::vector<T> decode(const SampleFormat& format, const std::vector<uint8_t>& bytes) {
  std::vector<T> samples(bytes.size() / format.bytes());
  read_samples(format, bytes.data(), samples.size(), samples.data());
  return samples;
}

template <class T>
std::vector<uint8_t> encode(const SampleFormat& format, const std::vector<T>& samples) {
  std::vector<uint8_t> bytes(samples.size() * format.bytes());
  write_samples(format, samples.data(), samples.size(), bytes.data());
  return bytes;
}

}  // namespace torchstreamer::audio
