// The certificate of a stream: how its output compares with the model's own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/model/script_model.h"
#include "network/network.h"

namespace torchstreamer::tools {

/// The comparison in one floating type. Errors are relative to the largest value of an output.
struct TypeCertificate {
  at::ScalarType dtype = at::kFloat;
  std::string not_run;   ///< why the model cannot be compared in this type; empty if it was
  int64_t signals = 0;   ///< lengths that the model takes, one random signal each
  int64_t rejected = 0;  ///< lengths that the model rejects offline
  int64_t shortest_frames = 0, longest_frames = 0;  ///< of the signals
  int64_t cases = 0;       ///< streamed runs: signals, each cut in several ways
  int64_t failures = 0;    ///< of these
  std::string failure;     ///< the first of them, in words
  double worst_error = 0;  ///< of runs whose length was right
  double tolerance = 0;
  /// How far the model itself is from the same model in float64, on these signals: no stream can be
  /// expected to be closer. None where it was not run in float64.
  std::optional<double> own_error;
  int64_t identical = 0;        ///< signals whose output was bit for bit the same for all cuts
  double worst_difference = 0;  ///< between cuts of one signal

  bool holds() const { return not_run.empty() && signals > 0 && failures == 0; }
};

/// Input frames with which the first output left, and with which it could have: when no future of
/// the signal changes it any more. None: not within the signals that were tried.
struct Delay {
  std::optional<int64_t> first_output_frames;
  std::optional<int64_t> least_frames;
};

struct Certificate {
  uint32_t seed = 0;
  at::ScalarType own_type = at::kFloat;  ///< of the model
  std::vector<TypeCertificate> types;
  Delay delay;

  /// All types that could be compared hold, and the model's own is one of them.
  bool holds() const;
};

/// Runs random signals from 1 frame to beyond twice the receptive field through streams of the
/// network, each cut in several ways, and through the model. `in`: one frame of the signal.
/// `exact`: the model in float64, or null.
TypeCertificate compare(const LayerPtr& network, const graph::OfflineRule& offline,
                        const Format& in, uint32_t seed, const graph::OfflineRule& exact = nullptr);

Delay measure_delay(const LayerPtr& network, const graph::OfflineRule& offline, const Format& in,
                    uint32_t seed);

/// Both, in float32 and float64. `options`: those that the network of `model` is planned with,
/// channels included.
Certificate verify(const graph::ScriptModel& model, LoadOptions options, uint32_t seed);

}  // namespace torchstreamer::tools
