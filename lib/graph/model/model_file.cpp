#include "graph/model/model_file.h"

#include <c10/util/StringUtil.h>

#include "exported/exported_module.h"
#include "files/file_kind.h"
#include "graph/model/script_module.h"
#include "torchstreamer/error.h"

namespace torchstreamer::graph {

void require_rate(const ModelFile& file, int64_t rate_hz) {
  const int64_t only_hz = file.sample_rate_hz();
  if (rate_hz > 0 && only_hz > 0 && rate_hz != only_hz)
    throw Error(c10::str("the model takes audio of ", only_hz, " Hz, not of ", rate_hz,
                         " Hz; resample it to this rate"));
}

AnyChannels any_channels(
    int64_t of_one, const std::function<std::optional<int64_t>(int64_t channels)>& channels_out) {
  const auto of_two = channels_out(2);
  const auto of_three = of_two ? channels_out(3) : std::nullopt;
  if (!of_three) return {};
  const int64_t added = *of_two - of_one;
  if (*of_three - *of_two != added) return {true, std::nullopt};
  return {true, added};
}

torch::jit::Module read_module(const std::string& path, at::Device device, const CallOptions& call,
                               Trust trust) {
  const FileKind kind = file_kind(path);
  switch (kind.program) {
    case ProgramFormat::kTorchScript:
      return read_script_module(path, device, trust);
    case ProgramFormat::kExported:
      return exported::read_exported_module(
          path, device,
          call.window_frames > 0 ? exported::Calls::kBlocks : exported::Calls::kWholeSignal, trust);
    case ProgramFormat::kNone:
      break;
  }
  throw Error("'" + path + "' " + kind.fault);
}

}  // namespace torchstreamer::graph
