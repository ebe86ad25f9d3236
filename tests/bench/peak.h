// Upper limit of the speed of convolutions on this machine, measured with oneDNN.
#pragma once

#include <memory>

namespace torchstreamer::bench {

/// A few convolutions with packed weights and with frames in the cache, on one thread.
/// Not thread-safe.
class Peak {
 public:
  Peak();
  ~Peak();

  /// Runs all of them for some milliseconds; returns the GFLOP/s of the fastest.
  double gflop_per_s();

 private:
  struct Convolution;
  std::unique_ptr<Convolution> wide_, narrow_, large_;
};

}  // namespace torchstreamer::bench
