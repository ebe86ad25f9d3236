// The reason why a model does not take windows.
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "blocks/block_form.h"
#include "blocks/block_state.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {

/// A failed call, for comparison with the failures of other layouts.
struct FailedCall {
  /// Place in the source of the model: file and function, and the line. Empty, 0 if it is unknown.
  std::string function;
  int64_t line = 0;
  int64_t operators = -1;  ///< number of those that ran before; -1: there was no call
  int weight = 0;          ///< more for texts that say more about the windows
  /// False for a number of channels that was only read from the weights: a size of the model that
  /// is tried as another axis may pass its checks.
  bool has_likely_channels = false;

  /// Returns true if the model has run further than in `other`, which failed before. At the same
  /// place, the text that says more counts.
  bool is_closer_than(const FailedCall& other) const;
};

/// The model does not take the windows.
class WindowsRejected : public Error {
 public:
  WindowsRejected(const std::string& what, FailedCall call) : Error(what), call(std::move(call)) {}
  FailedCall call;
};

/// Shapes of the tensors of a state.
using StateShapes = std::vector<std::vector<int64_t>>;

StateShapes shapes_of(const IValue& state);

/// Returns "[1, 2, 8], [1, 8]".
std::string text_of(const StateShapes& shapes);

/// The failure of the layout in which the model has run furthest, because the model takes that one
/// or is closest to it. At the same place in the model, in this order: an exception of the model
/// that names the window size, a different exception of the model, the first failure.
class TrialFailure {
 public:
  explicit TrialFailure(int64_t window_frames) : window_frames_(window_frames) {}

  /// Adds an exception of a call. `operators`: number of those that ran before. Returns true if the
  /// call before in this layout failed for the same reason, although it had another number of
  /// channels: then no number of channels helps. Exceptions that the model raises may have the same
  /// text for all wrong numbers.
  bool add(const std::exception& e, const BlockForm& form, int64_t operators);
  /// Adds that the model takes the windows, but computes every frame independently.
  void add_independent(const BlockForm& form);

  /// Throws WindowsRejected. `state`: before the first call.
  [[noreturn]] void raise(const BlockMethod& method, const BlockState& state) const;

 private:
  int64_t window_frames_;
  FailedCall call_;  // of `text_`
  std::string text_, hint_;
  std::string last_;  // layout and message
};

}  // namespace torchstreamer::blocks
