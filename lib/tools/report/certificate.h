// Results of a verification.
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace torchstreamer::tools {

/// Comparison of stream and model in one floating type. Errors are relative to the peak of an
/// output.
struct TypeCertificate {
  at::ScalarType dtype = at::kFloat;
  std::string not_run;   ///< reason if nothing was compared in this type, otherwise empty
  int64_t signals = 0;   ///< number of lengths that the model takes; one random signal for each
  int64_t rejected = 0;  ///< number of lengths that the model rejects offline
  int64_t shortest_frames = 0, longest_frames = 0;  ///< lengths of the signals
  int64_t cases = 0;     ///< number of streamed runs; each signal is cut in several ways
  int64_t failures = 0;  ///< number of failed cases
  std::string failure;   ///< description of the first failed case
  /// Errors compared with the model in float64, for the signal for which the error of the stream is
  /// closest to the allowed one: `tolerance`, or twice the model's own error if that is larger. See
  /// support/rounding.h.
  double worst_error = 0, allowed_error = 0;
  double own_error = 0;  ///< error of the model's own run in this type
  double tolerance = 0;
  int64_t without_exact_output = 0;  ///< number of signals compared with the model's own output
  int64_t identical = 0;             ///< number of signals with bit-identical output for all cuts
  /// Number of signals whose output differs although only native kernels computed it.
  int64_t not_identical = 0;
  /// Largest difference between outputs for different cuts of a signal.
  double worst_difference = 0;

  bool holds() const {
    return not_run.empty() && signals > 0 && failures == 0 && not_identical == 0;
  }
};

/// Number of input frames before the first output frame: that of the stream, and the smallest
/// possible one, after which no later input changes the frame. None: more than the tested signals
/// have.
struct Delay {
  std::optional<int64_t> first_output_frames;
  std::optional<int64_t> least_frames;
  std::string not_measured;  ///< reason if a stream failed, otherwise empty
};

struct Certificate {
  uint32_t seed = 0;
  at::ScalarType own_type = at::kFloat;  ///< type of the model
  std::vector<TypeCertificate> types;
  Delay delay;

  /// Returns true if the comparison held in all types in which it was possible, including the type
  /// of the model.
  bool holds() const;
};

}  // namespace torchstreamer::tools
