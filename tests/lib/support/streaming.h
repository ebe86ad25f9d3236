// Helpers of the tests of streams: seeds, chunks and the comparison with the offline module.
#pragma once

#include <gtest/gtest.h>
#include <torch/nn.h>
#include <torch/utils.h>

#include <cstdlib>
#include <functional>
#include <optional>
#include <random>

#include "lib/support/precision.h"
#include "torchstreamer/modules.h"

namespace torchstreamer::testing {

/// Seed of the random cases of a test. TORCHSTREAMER_SEED repeats a failed run.
inline unsigned base_seed() {
  const char* given = std::getenv("TORCHSTREAMER_SEED");
  return given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : 20261123u;
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) { torch::manual_seed(seed); }

  int64_t between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine_);
  }
  bool flip() { return between(0, 1) == 1; }
  template <class T>
  T pick(std::initializer_list<T> options) {
    return options.begin()[between(0, static_cast<int64_t>(options.size()) - 1)];
  }

 private:
  std::mt19937 engine_;
};

/// Sizes of the pushes of a signal; kRandom includes empty pushes.
enum class Chunks { kOnes, kPrimes, kWhole, kRandom };

inline std::vector<int64_t> chunks_of(Chunks kind, Random& random, int64_t frames) {
  const int64_t primes[] = {2, 3, 5, 7, 11, 13};
  std::vector<int64_t> chunks;
  for (int64_t remaining = frames; remaining > 0;) {
    int64_t n = kind == Chunks::kOnes     ? 1
                : kind == Chunks::kPrimes ? primes[chunks.size() % 6]
                : kind == Chunks::kWhole  ? remaining
                                          : random.between(0, 1 + frames / 3);
    n = std::min(n, remaining);
    chunks.push_back(n);
    remaining -= n;
  }
  if (frames == 0 || random.flip()) chunks.push_back(0);  // an empty final push
  return chunks;
}

inline std::vector<int64_t> random_chunks(Random& random, int64_t frames) {
  return chunks_of(static_cast<Chunks>(random.between(0, 3)), random, frames);
}

/// The concatenated output of the stream; undefined if there is none. Expects after each push the
/// number of frames that the timing states.
inline Tensor run(BaseStream& stream, const Tensor& x, const std::vector<int64_t>& chunks) {
  Tensors parts;
  int64_t in = 0, out = 0;
  for (size_t i = 0; i < chunks.size(); ++i) {
    const bool final = i + 1 == chunks.size();
    const auto y = stream.forward(x.narrow(-1, in, chunks[i]), final);
    in += chunks[i];
    if (y) {
      EXPECT_GT(y->size(-1), 0) << "the stream returned an empty tensor instead of nothing";
      out += y->size(-1);
      parts.push_back(*y);
    }
    EXPECT_EQ(out, stream.timing().frames_out(in, final)) << "after " << in << " frames";
  }
  return parts.empty() ? Tensor() : at::cat(parts, -1);
}

/// Expects that the output of the stream for `x` in `chunks` equals the offline output in length,
/// and in values up to rounding. If the module fails because the signal is too short, expects no
/// output and returns false.
inline bool expect_equal(BaseStream& stream, const Offline& offline, const Tensor& x,
                         const std::vector<int64_t>& chunks) {
  torch::NoGradGuard guard;
  std::optional<Expected> expected;
  try {
    expected = expected_of(offline, x);
  } catch (const std::exception&) {  // the signal is too short for the module
  }
  const Tensor y = run(stream, x, chunks);
  if (!expected || expected->y.numel() == 0) {
    EXPECT_FALSE(y.defined()) << "the stream has output, the module has none";
    return false;
  }
  EXPECT_TRUE(y.defined()) << "no output; expected " << expected->y.sizes();
  if (y.defined()) expect_within_rounding(y, *expected);
  return true;
}

/// The offline run of a float32 module, and the same in float64.
inline Offline offline_of(torch::nn::AnyModule module) {
  Offline::Run run = [module](const Tensor& x) mutable {
    return module.forward<Tensor>(x.unsqueeze(0)).squeeze(0);
  };
  return {run, [run, net = module.ptr()](const Tensor& x) mutable {
            net->to(at::kDouble);
            Tensor y;
            try {
              y = run(x);
            } catch (...) {
              net->to(at::kFloat);
              throw;
            }
            net->to(at::kFloat);
            return y;
          }};
}

/// Expects that every output frame is emitted with the last input frame it depends on: after n
/// frames, exactly the output frames that do not depend on later frames (which are replaced by NaN)
/// and that exist for every length of the signal. The last `margin` frames of `x` only continue the
/// signal.
inline void expect_causal(BaseStream& stream, const Offline& offline, const Tensor& x,
                          Random& random) {
  torch::NoGradGuard guard;
  const int64_t frames = x.size(1), margin = stream.timing().receptive_field_frames();
  auto length = [&](int64_t n) -> int64_t {
    try {
      return offline(x.narrow(1, 0, n)).size(1);
    } catch (const std::exception&) {
      return 0;
    }
  };
  int64_t exists = length(frames);
  for (int64_t n = frames - 1; n > 0; --n) {
    exists = std::min(exists, length(n));
    if (n > frames - margin) continue;
    Tensor poisoned = x.clone();
    poisoned.narrow(1, n, frames - n).fill_(std::nan(""));
    const Tensor bad = offline(poisoned).isnan().any(0);
    int64_t certain = 0;
    while (certain < bad.size(0) && !bad[certain].item<bool>()) ++certain;

    stream.reset();
    int64_t emitted = 0;
    for (int64_t at = 0; at < n;) {
      const int64_t step = std::min(n - at, random.between(1, 7));
      if (const auto y = stream.forward(x.narrow(1, at, step))) emitted += y->size(1);
      at += step;
    }
    ASSERT_EQ(emitted, std::min(certain, exists)) << "after " << n << " of " << frames << " frames";
  }
  stream.reset();
}

}  // namespace torchstreamer::testing
