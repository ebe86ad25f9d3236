#include "graph/model/model_file.h"

#include "graph/model/script_model.h"

namespace torchstreamer::graph {
namespace {

struct Kind {
  bool (*is_kind)(const std::string& path);
  std::shared_ptr<const ModelFile> (*read)(const std::string& path, at::Device device);
};

template <class Model>
std::shared_ptr<const ModelFile> read_as(const std::string& path, at::Device device) {
  return std::make_shared<Model>(path, device);
}

// Each kind of model file, the most common one first.
constexpr Kind kKinds[] = {
    {is_script_file, read_as<ScriptModel>},
};

}  // namespace

std::shared_ptr<const ModelFile> read_model_file(const std::string& path, at::Device device) {
  for (const Kind& kind : kKinds)
    if (kind.is_kind(path)) return kind.read(path, device);
  return kKinds[0].read(path, device);  // throws an error that names the expected kind of file
}

}  // namespace torchstreamer::graph
