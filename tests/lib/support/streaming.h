// Helpers of the tests of streams: seeds, chunks, and the comparison with the offline module.
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

/// A seed a test: random cases are made of it alone. TORCHSTREAMER_SEED repeats a failed run.
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

/// What the pushes of a signal are: kRandom ones have any size, and empty ones in between.
enum class Chunks { kOnes, kPrimes, kWhole, kRandom };

inline std::vector<int64_t> chunks_of(Chunks kind, Random& random, int64_t frames) {
  const int64_t primes[] = {2, 3, 5, 7, 11, 13};
  std::vector<int64_t> chunks;
  for (int64_t left = frames; left > 0;) {
    int64_t n = kind == Chunks::kOnes     ? 1
                : kind == Chunks::kPrimes ? primes[chunks.size() % 6]
                : kind == Chunks::kWhole  ? left
                                          : random.between(0, 1 + frames / 3);
    n = std::min(n, left);
    chunks.push_back(n);
    left -= n;
  }
  if (frames == 0 || random.flip()) chunks.push_back(0);  // an empty final push
  return chunks;
}

inline std::vector<int64_t> random_chunks(Random& random, int64_t frames) {
  return chunks_of(static_cast<Chunks>(random.between(0, 3)), random, frames);
}

/// The concatenated outputs of the stream; undefined where nothing came out. Checks at each push
/// that what came is what the timing promised.
inline Tensor run(BaseStream& stream, const Tensor& x, const std::vector<int64_t>& chunks) {
  Tensors parts;
  int64_t in = 0, out = 0;
  for (size_t i = 0; i < chunks.size(); ++i) {
    const bool final = i + 1 == chunks.size();
    const auto y = stream.forward(x.narrow(-1, in, chunks[i]), final);
    in += chunks[i];
    if (y) {
      EXPECT_GT(y->size(-1), 0) << "an empty output should be no output";
      out += y->size(-1);
      parts.push_back(*y);
    }
    EXPECT_EQ(out, stream.timing().frames_out(in, final)) << "after " << in << " frames";
  }
  return parts.empty() ? Tensor() : at::cat(parts, -1);
}

/// The stream's output for `x`, cut into `chunks`, must equal the offline one: length, and values
/// within rounding. Returns false if the module refuses the signal as too short: then the stream
/// must return nothing.
inline bool expect_equal(BaseStream& stream, const Offline& offline, const Tensor& x,
                         const std::vector<int64_t>& chunks) {
  torch::NoGradGuard guard;
  std::optional<Expected> expected;
  try {
    expected = expected_of(offline, x);
  } catch (const std::exception&) {  // too short for the module
  }
  const Tensor y = run(stream, x, chunks);
  if (!expected || expected->y.numel() == 0) {
    EXPECT_FALSE(y.defined()) << "frames from a signal that the module refuses";
    return false;
  }
  EXPECT_TRUE(y.defined()) << "no output; expected " << expected->y.sizes();
  if (y.defined()) expect_within_rounding(y, *expected);
  return true;
}

/// The offline run of a module of float32, also in float64.
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

/// Every output frame leaves with the last input frame it depends on: after n frames those have
/// left that stay the same whatever follows (the future is poisoned with NaN) and that exist
/// however the signal goes on. The last `margin` frames of `x` are only there to go on with.
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
    int64_t left = 0;
    for (int64_t at = 0; at < n;) {
      const int64_t step = std::min(n - at, random.between(1, 7));
      if (const auto y = stream.forward(x.narrow(1, at, step))) left += y->size(1);
      at += step;
    }
    ASSERT_EQ(left, std::min(certain, exists)) << "after " << n << " of " << frames << " frames";
  }
  stream.reset();
}

}  // namespace torchstreamer::testing
