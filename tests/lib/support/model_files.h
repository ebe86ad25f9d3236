// TorchScript files made by tests/data, and the tables that describe them.
#pragma once

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "graph/model/script_model.h"
#include "lib/support/streaming.h"

namespace torchstreamer::testing {

inline std::filesystem::path models() {
  const char* folder = std::getenv("TORCHSTREAMER_MODELS");
  if (!folder) throw std::runtime_error("TORCHSTREAMER_MODELS is not set to the test models");
  return folder;
}

/// Rows of a table in the folder of the models; tabs separate the cells.
inline std::vector<std::vector<std::string>> rows_of(const std::string& table) {
  std::ifstream file(models() / table);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream cells(line);
    rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, '\t');) rows.back().push_back(cell);
  }
  return rows;
}

/// A row of models.txt.
struct ModelFile {
  std::string name;      ///< path relative to models()
  int64_t channels = 0;  ///< 0: the least number that the model accepts
  int rank = 3;          ///< rank of the signal for forward()
  at::ScalarType dtype = at::kFloat;
  std::string family = "";
};

/// The call of its forward().
inline graph::ForwardCall call_of(const ModelFile& file) {
  graph::ForwardCall call;
  if (file.rank == 2) call.layout = Layout::kChannelsTime;
  if (file.rank == 1) call.layout = Layout::kTime;
  return call;
}

inline std::vector<ModelFile> model_files() {
  std::vector<ModelFile> files;
  for (const auto& row : rows_of("models.txt"))
    files.push_back({row.at(0), std::stoll(row.at(1)), std::stoi(row.at(2)),
                     row.at(3) == "float64" ? at::kDouble : at::kFloat, row.at(4)});
  return files;
}

inline std::vector<ModelFile> float_files() {
  std::vector<ModelFile> files;
  for (const ModelFile& file : model_files())
    if (file.dtype == at::kFloat) files.push_back(file);
  return files;
}

/// Name of a test of one file.
inline std::string name_of(const ::testing::TestParamInfo<ModelFile>& info) {
  std::string name = std::filesystem::path(info.param.name).stem().string();
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

inline void PrintTo(const ModelFile& file, std::ostream* out) { *out << file.name; }

/// A model of a file, offline and as a stream.
struct LoadedModel {
  explicit LoadedModel(const ModelFile& file, Padding padding = Padding::kModel,
                       Execution execution = Execution::kNative)
      : script((models() / file.name).string(), at::kCPU), file(file) {
    LoadOptions options;
    options.padding = padding;
    options.execution = execution;
    options.channels = file.channels;
    network = script.plan(options);
    stream = std::make_shared<LayerStream>(network);
    channels = options.channels;
  }

  Offline offline() const {
    if (file.dtype == at::kFloat && !exact)
      exact = script.in_type(at::kDouble).offline_rule(call_of(file));
    return {script.offline_rule(call_of(file)), exact};
  }
  Tensor signal(int64_t frames) const { return torch::randn({channels, frames}, file.dtype); }
  /// True if the plan holds for a signal of this length.
  bool holds_for(int64_t frames) const {
    const auto* planned = dynamic_cast<const graph::PlannedNetwork*>(network.get());
    return !planned || !planned->guards().violation(frames);
  }

  graph::ScriptModel script;
  ModelFile file;
  LayerPtr network;
  std::shared_ptr<LayerStream> stream;
  int64_t channels = 0;
  mutable Offline::Run exact;  ///< the offline model in float64, loaded by the first offline()
};

/// The compiled network; null if libtorch executes it.
inline const native::Program* program_of(const LoadedModel& model) {
  const auto* planned = dynamic_cast<const graph::PlannedNetwork*>(model.network.get());
  return planned ? planned->program() : nullptr;
}

/// True if libtorch executes parts of the program.
inline bool has_fallback(const native::Program& program) {
  for (size_t n = 0; n < program.nodes().size(); ++n)
    if (program.is_fallback(static_cast<int>(n))) return true;
  return false;
}

}  // namespace torchstreamer::testing
