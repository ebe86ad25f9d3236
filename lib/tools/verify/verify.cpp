#include "tools/verify/verify.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "support/exceptions.h"
#include "tools/verify/compare.h"
#include "tools/verify/delay.h"

namespace torchstreamer::tools {
namespace {

// Returns the model in float64; null if its type is float64 already or if it cannot be converted.
graph::OfflineRule exact_rule(const graph::ScriptModel& model, const graph::ForwardCall& call) {
  if (model.dtype() == at::kDouble) return nullptr;
  try {
    return model.in_type(at::kDouble).offline_rule(call);
  } catch (const std::exception&) {
    return nullptr;
  }
}

// The cost of attention over all frames grows with the square of the length.
int64_t longest_signal_frames(const LoadOptions& options) {
  constexpr int64_t kLongestAttentionFrames = 4096;
  return options.max_memory_frames > 0
             ? std::min(options.max_memory_frames, kLongestAttentionFrames)
             : kAnyFrames;
}

/// A model with its network.
struct Planned {
  Planned(graph::ScriptModel of, LoadOptions options)
      : model(std::move(of)),
        network(model.plan(options)),
        in{model.dtype(), model.device(), {options.channels}},
        most_frames(longest_signal_frames(options)) {}

  const graph::ForwardCall& call() const {
    return dynamic_cast<const graph::PlannedNetwork&>(*network).call();
  }
  TypeCertificate compared(uint32_t seed) const {
    return compare(network, model.offline_rule(call()), in, seed, exact_rule(model, call()),
                   most_frames);
  }
  Delay delay(uint32_t seed) const {
    return measure_delay(network, model.offline_rule(call()), in, seed, most_frames);
  }

  graph::ScriptModel model;
  LayerPtr network;
  Format in;
  int64_t most_frames;
};

}  // namespace

bool Certificate::holds() const {
  return !types.empty() && std::all_of(types.begin(), types.end(), [&](const TypeCertificate& t) {
    return t.holds() || (!t.not_run.empty() && t.dtype != own_type);
  });
}

Certificate verify(const graph::ScriptModel& model, LoadOptions options, uint32_t seed) {
  Certificate certificate;
  certificate.seed = seed;
  certificate.own_type = model.dtype();
  options.call.tail = Tail::kAuto;  // signals end as in the model
  std::unique_ptr<Planned> last;
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    TypeCertificate type;
    try {
      auto planned =
          std::make_unique<Planned>(dtype == model.dtype() ? model : model.in_type(dtype), options);
      type = planned->compared(seed);
      last = std::move(planned);
    } catch (const std::exception& e) {
      type.dtype = dtype;
      type.not_run = message_of(e);
    }
    certificate.types.push_back(std::move(type));
  }
  // In float64, which shows smaller effects, if the model runs in it.
  if (last) certificate.delay = last->delay(seed);
  return certificate;
}

}  // namespace torchstreamer::tools
