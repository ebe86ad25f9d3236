// Random TorchScript nets: operators that must stream, composed with strides, branches and joins.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include "lib/support/streaming.h"

namespace torchstreamer::testing {

/// A net over `[1, C, T]`, or `[C, T]` for rank 2.
struct RandomGraph {
  torch::jit::Module module{"net"};
  std::string source;  ///< source of the methods
  std::vector<std::string> productions;
  int64_t channels = 1;
  int64_t rank = 3;
  at::ScalarType dtype = at::kFloat;
  LengthRule frames_out;  ///< number of output frames of a signal that is long enough

  /// Some frames may be emitted later than the check expects: a reflection waits for the frames
  /// that it mirrors, even if they are cropped later; a transposed kernel with holes waits for the
  /// frames that it skips; an interpolation waits for frames of weight 0; a frame that a fractional
  /// rate repeats may equal a replicated last frame; the next frame rarely changes a maximum.
  bool may_wait = false;
  /// The net multiplies by masks: NaN times 0 is NaN and looks like a dependency.
  bool spreads_nan = false;

  /// The module over `[C, T]`; throws if the signal is too short.
  Offline offline() const;
};

/// A row of the table of productions.
struct ProductionRow {
  std::string name;
  int weight;  ///< relative frequency; 0: only if requested by name
};
std::vector<ProductionRow> productions();

constexpr int64_t kMostSteps = 10;

/// The net of this seed, with `steps` productions (0: a random number); nets of the same seed have
/// the same first productions. Every other production is `always` if it is not empty.
RandomGraph random_graph(unsigned seed, int64_t steps = 0, const std::string& always = "");

}  // namespace torchstreamer::testing
