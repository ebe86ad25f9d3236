// Raw audio samples in memory, as GStreamer names their formats, and as numbers in [-1, 1].
#pragma once

#include <cstdint>

namespace torchstreamer::audio {

/// One sample in memory. Integers stand in the low `depth_bits` of their width; what stands above
/// is ignored when read and, when written, the sign of signed and zero of unsigned formats.
struct SampleFormat {
  int width_bits = 32;
  int depth_bits = 32;
  bool is_float = true;
  bool is_signed = true;
  bool is_big_endian = false;

  int bytes() const { return width_bits / 8; }
};

/// Throws Error for any format but F32, F64, integers of 8, 16, 24 or 32 bits, of 18 or 20 bits in
/// 24 (S18, S20, ...) and of 24 bits in 32 (S24_32, ...), each in either byte order.
void check_format(const SampleFormat& format);

/// Whether samples need double to keep their precision: S32, U32 and F64.
bool needs_double(const SampleFormat& format);

/// Whether samples in memory are values of T as they stand.
template <class T>
bool is_native(const SampleFormat& format);

/// The format of which that is true.
template <class T>
SampleFormat native_format();

/// Samples as numbers: floats as they are, integers divided by their full scale 2^(depth_bits - 1).
template <class T>
void read_samples(const SampleFormat& format, const void* in, int64_t samples, T* out);

/// The reverse: integers are rounded to the nearest, halves to even, and saturate; NaN becomes 0.
template <class T>
void write_samples(const SampleFormat& format, const T* in, int64_t samples, void* out);

}  // namespace torchstreamer::audio
