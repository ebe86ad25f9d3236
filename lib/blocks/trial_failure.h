// The reason why a model does not take windows.
#pragma once

#include <exception>
#include <string>
#include <vector>

#include "blocks/block_form.h"
#include "blocks/block_state.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {

/// The model does not take the windows.
class WindowsRejected : public Error {
 public:
  /// `weight`: more for texts that say more about the windows.
  WindowsRejected(const std::string& what, int weight) : Error(what), weight(weight) {}
  int weight;
};

/// Shapes of the tensors of a state.
using StateShapes = std::vector<std::vector<int64_t>>;

StateShapes shapes_of(const IValue& state);

/// Returns "[1, 2, 8], [1, 8]".
std::string text_of(const StateShapes& shapes);

/// The most informative failure of trials. In this order: an exception of the model that names the
/// window size, a different exception of the model, the first failure.
class TrialFailure {
 public:
  explicit TrialFailure(int64_t window_frames) : window_frames_(window_frames) {}

  /// Adds an exception of a call. Returns true if the call before in this layout failed for the
  /// same reason, although it had another number of channels: then no number of channels helps.
  /// Exceptions that the model raises may have the same text for all wrong numbers.
  bool add(const std::exception& e, const BlockForm& form);
  /// Adds that the model takes the windows, but computes every frame independently.
  void add_independent(const BlockForm& form);

  /// Throws WindowsRejected. `state`: before the first call.
  [[noreturn]] void raise(const BlockMethod& method, const BlockState& state) const;

 private:
  void add_text(const std::string& message, bool is_raised, const BlockForm& form);

  int64_t window_frames_;
  int weight_ = 0;
  std::string text_, hint_;
  std::string last_;  // layout and message
};

}  // namespace torchstreamer::blocks
