#include "graph/model/model_file.h"

#include "exported/exported_module.h"
#include "files/file_kind.h"
#include "graph/model/script_module.h"
#include "torchstreamer/error.h"

namespace torchstreamer::graph {

torch::jit::Module read_module(const std::string& path, at::Device device,
                               const CallOptions& call) {
  const FileKind kind = file_kind(path);
  switch (kind.program) {
    case ProgramFormat::kTorchScript:
      return read_script_module(path, device);
    case ProgramFormat::kExported:
      return exported::read_exported_module(
          path, device,
          call.window_frames > 0 ? exported::Calls::kBlocks : exported::Calls::kWholeSignal);
    case ProgramFormat::kNone:
      break;
  }
  throw Error("'" + path + "' " + kind.fault);
}

}  // namespace torchstreamer::graph
