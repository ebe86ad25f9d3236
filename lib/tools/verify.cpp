#include "tools/verify.h"

#include <algorithm>

#include "support/exceptions.h"
#include "tools/compare.h"
#include "tools/delay.h"

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

TypeCertificate verify_in(const graph::ScriptModel& model, LoadOptions options, uint32_t seed,
                          Delay& delay) {
  const Format in{model.dtype(), model.device(), {options.channels}};
  options.call.tail = Tail::kAuto;  // signals end as in the model
  const LayerPtr network = model.plan(options);
  const auto& call = dynamic_cast<const graph::PlannedNetwork&>(*network).call();
  const auto offline = model.offline_rule(call);
  const int64_t most_frames = longest_signal_frames(options);
  delay = measure_delay(network, offline, in, seed, most_frames);
  return compare(network, offline, in, seed, exact_rule(model, call), most_frames);
}

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
  // float64 is last, so that its delay, which shows smaller effects, is reported.
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    TypeCertificate type;
    try {
      type = verify_in(dtype == model.dtype() ? model : model.in_type(dtype), options, seed,
                       certificate.delay);
    } catch (const std::exception& e) {
      type.dtype = dtype;
      type.not_run = message_of(e);
    }
    certificate.types.push_back(std::move(type));
  }
  return certificate;
}

}  // namespace torchstreamer::tools
