// The torch.export files of tests/data/exported, with the outputs that Python computed.
#pragma once

#include <torch/serialize.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "lib/support/streaming.h"

namespace torchstreamer::testing {

/// One folder for each version of torch that wrote files. TORCHSTREAMER_EXPORTED names a different
/// folder, such as one that tests/data/export_models.py made from all families.
inline std::filesystem::path exported_folder() {
  const char* folder = std::getenv("TORCHSTREAMER_EXPORTED");
  if (!folder) throw std::runtime_error("TORCHSTREAMER_EXPORTED names the folder of .pt2 files");
  return folder;
}

inline std::vector<std::filesystem::path> exported_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(exported_folder()))
    if (entry.path().extension() == ".pt2") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// "torch_2_6_speech".
inline std::string exported_name(const ::testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = (info.param.parent_path().filename() / info.param.stem()).string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

/// A signal, the tensors that the Python module returned for it, computed in float64 where it can,
/// and the largest error of the module in its own type. If the exported program `differs` from the
/// module, the tensors are those of the program; there are none if it raises an exception.
struct PythonRun {
  Tensor signal;
  Tensors outputs;
  double own_error;
  bool differs;

  Expected expected(size_t output) const {
    Expected e;
    e.y = outputs.at(output);
    e.peak = e.y.numel() ? peak_of(e.y) : 0;
    e.own_error = own_error;
    e.allowed = std::max(tolerance(signal) * e.peak, 2 * own_error);
    return e;
  }
};

inline std::vector<PythonRun> python_runs(std::filesystem::path file) {
  std::ifstream stream(file.replace_extension(".expected.pt"), std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
  const auto table = torch::pickle_load(bytes).toGenericDict();
  std::vector<PythonRun> runs;
  for (int n = 0; table.contains(c10::str(n, ".signal")); ++n) {
    PythonRun run{table.at(c10::str(n, ".signal")).toTensor(),
                  {},
                  0,
                  table.contains(c10::str(n, ".differs"))};
    run.own_error = table.at(c10::str(n, ".error")).toTensor().item<double>();
    for (int i = 0; table.contains(c10::str(n, ".output.", i)); ++i)
      run.outputs.push_back(table.at(c10::str(n, ".output.", i)).toTensor());
    runs.push_back(std::move(run));
  }
  return runs;
}

/// A complex or boolean output as real numbers.
inline Tensor as_real(const Tensor& y) {
  return y.is_complex() ? at::view_as_real(y) : y.to(at::kDouble);
}

}  // namespace torchstreamer::testing
