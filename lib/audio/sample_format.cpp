#include "audio/sample_format.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>

#include "audio/kernels.h"
#include "torchstreamer/error.h"

namespace torchstreamer::audio {
namespace {

constexpr bool kHostIsBigEndian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

uint8_t swap_bytes(uint8_t x) { return x; }
uint16_t swap_bytes(uint16_t x) { return __builtin_bswap16(x); }
uint32_t swap_bytes(uint32_t x) { return __builtin_bswap32(x); }
uint64_t swap_bytes(uint64_t x) { return __builtin_bswap64(x); }

/// Loads and stores the bits of a sample at any address. Word: unsigned integer of the sample's
/// width.
template <class Word, bool kBigEndian>
struct Layout {
  static constexpr int kBytes = sizeof(Word);
  static Word load(const uint8_t* from) {
    Word word;
    std::memcpy(&word, from, kBytes);
    return kBigEndian == kHostIsBigEndian ? word : swap_bytes(word);
  }
  static void store(Word word, uint8_t* to) {
    if (kBigEndian != kHostIsBigEndian) word = swap_bytes(word);
    std::memcpy(to, &word, kBytes);
  }
};

template <bool kBigEndian>
struct Layout24 {
  static constexpr int kBytes = 3;
  static constexpr int kLow = kBigEndian ? 1 : 0, kHigh = kBigEndian ? 0 : 2;
  using Low = Layout<uint16_t, kBigEndian>;
  static uint32_t load(const uint8_t* from) {
    return Low::load(from + kLow) | uint32_t{from[kHigh]} << 16;
  }
  static void store(uint32_t word, uint8_t* to) {
    Low::store(static_cast<uint16_t>(word), to + kLow);
    to[kHigh] = static_cast<uint8_t>(word >> 16);
  }
};

/// Calls `run` with the layout of the samples as a type, so that a loop is compiled for each
/// layout.
template <bool kBigEndian, class Run>
void with_width(int width_bits, Run run) {
  switch (width_bits) {
    case 8:
      return run(Layout<uint8_t, kBigEndian>());
    case 16:
      return run(Layout<uint16_t, kBigEndian>());
    case 24:
      return run(Layout24<kBigEndian>());
    case 32:
      return run(Layout<uint32_t, kBigEndian>());
    default:
      return run(Layout<uint64_t, kBigEndian>());
  }
}

template <class Run>
void with_layout(const SampleFormat& format, Run run) {
  format.is_big_endian ? with_width<true>(format.width_bits, run)
                       : with_width<false>(format.width_bits, run);
}

/// Shifts the sign bit to bit 31, so that all depths have the same full scale.
template <class Layout, class T>
void read_integers(const SampleFormat& format, const uint8_t* in, int64_t samples, T* out) {
  const int shift = 32 - format.depth_bits;
  const uint32_t offset = format.is_signed ? 0 : 0x80000000;
  for (int64_t i = 0; i < samples; ++i) {
    const uint32_t word = static_cast<uint32_t>(Layout::load(in + i * Layout::kBytes)) << shift;
    out[i] = static_cast<T>(static_cast<int32_t>(word ^ offset)) * static_cast<T>(0x1p-31);
  }
}

template <class Layout, class T>
void write_integers(const SampleFormat& format, const T* in, int64_t samples, uint8_t* out) {
  constexpr int64_t kSamplesAtOnce = 256;
  int32_t rounded[kSamplesAtOnce];
  const auto round = best_kernels<T>().round;
  const uint32_t half = uint32_t{1} << (format.depth_bits - 1);
  const uint32_t offset = format.is_signed ? 0 : half;
  for (int64_t start = 0; start < samples; start += kSamplesAtOnce) {
    const int64_t count = std::min(kSamplesAtOnce, samples - start);
    round(in + start, count, static_cast<T>(half), rounded);
    for (int64_t i = 0; i < count; ++i, out += Layout::kBytes)
      Layout::store(offset + static_cast<uint32_t>(rounded[i]), out);
  }
}

/// Float: float or double, with the width of Layout.
template <class Float, class Layout, class T>
void read_floats(const uint8_t* in, int64_t samples, T* out) {
  for (int64_t i = 0; i < samples; ++i) {
    const auto word = Layout::load(in + i * Layout::kBytes);
    Float value;
    std::memcpy(&value, &word, sizeof(value));
    out[i] = static_cast<T>(value);
  }
}

template <class Float, class Layout, class T>
void write_floats(const T* in, int64_t samples, uint8_t* out) {
  for (int64_t i = 0; i < samples; ++i) {
    const auto value = static_cast<Float>(in[i]);
    decltype(Layout::load(out)) word;
    std::memcpy(&word, &value, sizeof(value));
    Layout::store(word, out + i * Layout::kBytes);
  }
}

bool is_known(const SampleFormat& f) {
  if (f.is_float) return f.width_bits == f.depth_bits && (f.depth_bits == 32 || f.depth_bits == 64);
  switch (f.width_bits) {
    case 8:
      return f.depth_bits == 8;
    case 16:
      return f.depth_bits == 16;
    case 24:
      return f.depth_bits == 18 || f.depth_bits == 20 || f.depth_bits == 24;
    case 32:
      return f.depth_bits == 24 || f.depth_bits == 32;
    default:
      return false;
  }
}

}  // namespace

void check_format(const SampleFormat& format) {
  if (is_known(format)) return;
  throw Error("samples of " + std::to_string(format.depth_bits) + " bits in " +
              std::to_string(format.width_bits) + (format.is_float ? " (float)" : " (integer)") +
              " are not supported: use floats of 32 or 64 bits, or integers of 8, 16, 24 or 32 "
              "bits, of 18 or 20 bits in 24, or of 24 bits in 32");
}

bool needs_double(const SampleFormat& format) {
  return format.is_float ? format.depth_bits == 64 : format.depth_bits == 32;
}

template <class T>
bool is_native(const SampleFormat& format) {
  return format.is_float && format.bytes() == sizeof(T) && format.is_big_endian == kHostIsBigEndian;
}

template <class T>
SampleFormat native_format() {
  constexpr int kBits = 8 * sizeof(T);
  return {kBits, kBits, /*is_float=*/true, /*is_signed=*/true, kHostIsBigEndian};
}

template <class T>
void read_samples(const SampleFormat& format, const void* in, int64_t samples, T* out) {
  if (is_native<T>(format)) {
    std::memcpy(out, in, samples * sizeof(T));
    return;
  }
  const auto* bytes = static_cast<const uint8_t*>(in);
  with_layout(format, [&](auto layout) {
    using Layout = decltype(layout);
    if constexpr (Layout::kBytes == 8)
      read_floats<double, Layout>(bytes, samples, out);
    else if (!format.is_float)
      read_integers<Layout>(format, bytes, samples, out);
    else if constexpr (Layout::kBytes == 4)
      read_floats<float, Layout>(bytes, samples, out);
  });
}

template <class T>
void write_samples(const SampleFormat& format, const T* in, int64_t samples, void* out) {
  auto* bytes = static_cast<uint8_t*>(out);
  with_layout(format, [&](auto layout) {
    using Layout = decltype(layout);
    if constexpr (Layout::kBytes == 8)
      write_floats<double, Layout>(in, samples, bytes);
    else if (!format.is_float)
      write_integers<Layout>(format, in, samples, bytes);
    else if constexpr (Layout::kBytes == 4)
      write_floats<float, Layout>(in, samples, bytes);
  });
}

template SampleFormat native_format<float>();
template SampleFormat native_format<double>();
template bool is_native<float>(const SampleFormat&);
template bool is_native<double>(const SampleFormat&);
template void read_samples(const SampleFormat&, const void*, int64_t, float*);
template void read_samples(const SampleFormat&, const void*, int64_t, double*);
template void write_samples(const SampleFormat&, const float*, int64_t, void*);
template void write_samples(const SampleFormat&, const double*, int64_t, void*);

}  // namespace torchstreamer::audio
