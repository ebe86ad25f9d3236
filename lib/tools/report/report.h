// Results of torchstreamer-inspect for a model.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "graph/model/script_model.h"
#include "network/network.h"
#include "tools/report/certificate.h"
#include "tools/report/interface.h"

namespace torchstreamer::tools {

/// One process of the network. Its timing is relative to the input of the network.
struct Process {
  std::string description;  ///< "Conv1d(1 -> 16, ...)"
  std::string operation;    ///< "aten::conv1d"; empty for processes that the plan adds
  std::string module_path;  ///< "encoder.2"
  std::string source;       ///< "model.py:12"
  bool is_native = false;   ///< computed by a kernel of the library, not by libtorch
  std::vector<int> inputs;  ///< indices of processes, or Network::kSource
  Rational rate;            ///< output frames per input frame of the network
  int64_t receptive_field_frames = 0;
  Rational look_ahead_frames;
  Rational multiply_adds_per_frame;  ///< multiply-adds per input frame of the network
};

/// Maximum memory of a stream between pushes, and the signal with which it was measured.
struct StreamMemory {
  int64_t bytes = 0;
  /// Memory in a long signal, after the start of the signal has been dropped.
  int64_t settled_bytes = 0;
  int64_t chunk_frames = 0;   ///< frames of a chunk of 10 ms
  int64_t chunks_frames = 0;  ///< total frames in pushes of chunk_frames
  int64_t single_frames = 0;  ///< total frames in the following pushes of one frame
};

struct Report {
  std::string path;  ///< path of the file
  int64_t rate_hz = 0;
  at::ScalarType dtype = at::kFloat;
  std::string device;
  std::string layout;                ///< of the tensor that forward() takes, "[B, C, T]"
  std::vector<std::string> remarks;  ///< see Model::remarks()
  std::vector<std::string> warnings;
  std::string settings;  ///< JSON in the file; empty if there is none
  Interface interface;
  int64_t channels_in = 0;
  int64_t channels_out = 0;
  Rational rate;
  int64_t receptive_field_frames = 0;
  Rational look_ahead_frames;
  /// Input frames before the first output; none if all output comes at the end of the signal.
  std::optional<int64_t> first_output_frames;
  int64_t parameters = 0;
  Rational multiply_adds_per_frame;  ///< multiply-adds per input frame
  StreamMemory memory;
  std::vector<Process> processes;
  std::string proof;  ///< see graph::PlannedNetwork::proof()
  std::vector<std::string> guards;
  std::optional<Certificate> certificate;
};

/// `options`: those for which the network was planned, with the number of input channels.
Report make_report(const graph::ScriptModel& model, const std::shared_ptr<const Network>& network,
                   const LoadOptions& options, int64_t rate_hz);

/// Returns the processes of a network whose source has this format.
std::vector<Process> processes_of(const Network& network, const Format& in);

/// Returns the smallest number of input frames for which `holds` is true. `holds` must be true for
/// all larger numbers, too. None if it is false for all likely lengths.
std::optional<int64_t> first_frames(const std::function<bool(int64_t frames)>& holds);

}  // namespace torchstreamer::tools
