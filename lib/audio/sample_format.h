// Conversion between raw audio samples in GStreamer's formats and numbers in [-1, 1].
#pragma once

#include <cstdint>

namespace torchstreamer::audio {

/// Format of one sample in memory. Integers are in the low `depth_bits` of their width. The higher
/// bits are ignored when read, and written as copies of the sign bit (signed) or as zeros
/// (unsigned).
struct SampleFormat {
  int width_bits = 32;
  int depth_bits = 32;
  bool is_float = true;
  bool is_signed = true;
  bool is_big_endian = false;

  int bytes() const { return width_bits / 8; }
};

/// Accepts F32, F64, integers of 8, 16, 24 or 32 bits, of 18 or 20 bits in 24 (S18, S20, ...) and
/// of 24 bits in 32 (S24_32, ...), in either byte order. Throws Error for any other format.
void check_format(const SampleFormat& format);

/// Returns true if the precision of the samples requires double: for S32, U32 and F64.
bool needs_double(const SampleFormat& format);

/// Returns true if the samples in memory are values of T.
template <class T>
bool is_native(const SampleFormat& format);

/// The format of values of T in memory.
template <class T>
SampleFormat native_format();

/// Converts samples to numbers: floats unchanged, integers divided by 2^(depth_bits - 1).
template <class T>
void read_samples(const SampleFormat& format, const void* in, int64_t samples, T* out);

/// Converts numbers to samples. Integers are rounded to the nearest, halves to even, and saturate;
/// NaN becomes 0.
template <class T>
void write_samples(const SampleFormat& format, const T* in, int64_t samples, void* out);

}  // namespace torchstreamer::audio
