// The limit: what oneDNN reaches on this machine when nothing is in its way.
#pragma once

#include <memory>

namespace torchstreamer::bench {

/// A few convolutions whose weights are packed and whose frames are in the cache, on one thread.
/// Not thread-safe.
class Peak {
 public:
  Peak();
  ~Peak();

  /// Runs all of them for some milliseconds; the GFLOP/s of the best.
  double gflop_per_s();

 private:
  struct Convolution;
  std::unique_ptr<Convolution> wide_, narrow_, large_;
};

}  // namespace torchstreamer::bench
