// Results of a verification.
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace torchstreamer::tools {

/// Comparison of stream and model in one floating type. Errors are relative to the largest value of
/// an output.
struct TypeCertificate {
  at::ScalarType dtype = at::kFloat;
  std::string not_run;   ///< reason why nothing was compared in this type, or empty
  int64_t signals = 0;   ///< lengths that the model takes, one random signal each
  int64_t rejected = 0;  ///< lengths that the model rejects offline
  int64_t shortest_frames = 0, longest_frames = 0;  ///< of the signals
  int64_t cases = 0;       ///< streamed runs: each signal cut in several ways
  int64_t failures = 0;    ///< number of failed cases
  std::string failure;     ///< description of the first failed case
  double worst_error = 0;  ///< of cases with the right length
  double tolerance = 0;    ///< largest allowed error
  /// Error of the model itself against the same model in float64, for these signals: no stream can
  /// be closer. None if the model does not run in float64.
  std::optional<double> own_error;
  int64_t identical = 0;        ///< signals whose output had the same bits for all cuts
  double worst_difference = 0;  ///< between cuts of one signal

  bool holds() const { return not_run.empty() && signals > 0 && failures == 0; }
};

/// Number of input frames before the first output frame: of the stream, and the smallest possible
/// number, after which no later input changes that frame. None: not within the signals tried.
struct Delay {
  std::optional<int64_t> first_output_frames;
  std::optional<int64_t> least_frames;
};

struct Certificate {
  uint32_t seed = 0;
  at::ScalarType own_type = at::kFloat;  ///< of the model
  std::vector<TypeCertificate> types;
  Delay delay;

  /// Whether all types that could be compared hold, the model's own among them.
  bool holds() const;
};

}  // namespace torchstreamer::tools
