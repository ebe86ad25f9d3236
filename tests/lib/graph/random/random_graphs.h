// Random TorchScript nets: operators that must stream, composed with strides, branches and joins.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include "lib/support/streaming.h"

namespace torchstreamer::testing {

/// A net over `[1, C, T]`, or `[C, T]` for rank 2.
struct RandomGraph {
  torch::jit::Module module{"net"};
  std::string source;  ///< its methods
  std::vector<std::string> productions;
  int64_t channels = 1;
  int64_t rank = 3;
  at::ScalarType dtype = at::kFloat;
  LengthRule frames_out;  ///< for every signal that is long enough

  /// Some frames may leave later than they could, or so it seems: a reflection waits for the later
  /// frames that it shows first, even where they are cropped off again, a transposed kernel with
  /// holes for the frames that it skips, an interpolation for those of weight 0; a frame repeated
  /// by a broken rate is what a replicated last one would be; the next frame rarely changes a
  /// maximum.
  bool may_wait = false;
  /// Masked products: NaN times 0 shows a dependency that is none.
  bool spreads_nan = false;

  /// The module over `[C, T]`; throws where the signal is too short for it.
  Offline offline() const;
};

/// A row of the table of productions.
struct ProductionRow {
  std::string name;
  int weight;  ///< 0: only by name
};
std::vector<ProductionRow> productions();

constexpr int64_t kMostSteps = 10;

/// The net of this seed, of `steps` productions where given: fewer are the beginning of more. With
/// `always`, the production of that name comes every other time.
RandomGraph random_graph(unsigned seed, int64_t steps = 0, const std::string& always = "");

}  // namespace torchstreamer::testing
