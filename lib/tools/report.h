// What torchstreamer-inspect finds out about a model.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/model/script_model.h"
#include "tools/verify.h"

namespace torchstreamer::tools {

/// One process of the network. Its timing is against the input of the network.
struct Process {
  std::string description;  ///< "Conv1d(1 -> 16, ...)"
  std::string operation;    ///< "aten::conv1d"; empty for what the plan adds by itself
  std::string module_path;  ///< "encoder.2"
  std::string source;       ///< "model.py:12"
  bool is_native = false;   ///< whether kernels of the library compute it; else libtorch does
  std::vector<int> inputs;  ///< indices of processes, or Network::kSource
  Rational rate;            ///< output frames for each input frame of the network
  int64_t receptive_field_frames = 0;
  Rational look_ahead_frames;
  Rational multiply_adds_per_frame;  ///< for each input frame of the network
};

/// The most that a stream kept between pushes, and what it was given meanwhile.
struct Memory {
  int64_t bytes = 0;
  int64_t settled_bytes = 0;  ///< the same once the beginning of the signal has been forgotten
  int64_t chunk_frames = 0;   ///< 10 ms
  int64_t chunks_frames = 0;  ///< frames in pushes of chunk_frames
  int64_t single_frames = 0;  ///< frames in pushes of one, behind them
};

struct Report {
  std::string path;  ///< of the file
  int64_t rate_hz = 0;
  at::ScalarType dtype = at::kFloat;
  std::string device;
  int64_t channels_in = 0;
  int64_t channels_out = 0;
  Rational rate;
  int64_t receptive_field_frames = 0;
  Rational look_ahead_frames;
  /// Input frames with which the first output leaves; none if only the end brings it.
  std::optional<int64_t> first_output_frames;
  int64_t parameters = 0;
  Rational multiply_adds_per_frame;  ///< for each input frame
  Memory memory;
  std::vector<Process> processes;
  std::vector<std::string> guards;
  std::optional<Certificate> certificate;
};

/// `channels`: that the network was planned for.
Report make_report(const graph::ScriptModel& model, const std::shared_ptr<const Network>& network,
                   int64_t channels, int64_t rate_hz);

/// The processes of a network whose source has this format.
std::vector<Process> processes_of(const Network& network, const Format& in);

/// Input frames after which `enough` first holds, which then holds for good; none if it does not
/// within any likely signal.
std::optional<int64_t> first_frames(const std::function<bool(int64_t frames)>& enough);

}  // namespace torchstreamer::tools
