#include "tools/report/block_report.h"

#include "graph/script/signature.h"
#include "settings/names.h"
#include "support/noise.h"

namespace torchstreamer::tools {
namespace {

std::string name_of(Tail tail) {
  for (const auto& [name, value] : tail_names())
    if (value == tail) return name;
  return "";
}

// Returns the memory of an engine after two windows.
int64_t measured_bytes(const blocks::BlockModel& model, int channels, int64_t rate_hz) {
  const auto engine = model.start(channels, rate_hz);
  const int64_t frames = 2 * model.window_frames();
  const Tensor x = Noise(/*seed=*/20).next({frames, channels}, at::kFloat).mul_(0.25).clamp_(-1, 1);
  std::vector<float> out(engine->frames_due(frames, false) * model.channels_out(channels));
  const void* const in_plane = x.data_ptr();
  void* const out_plane = out.data();
  engine->push(&in_plane, frames, false, &out_plane);
  return engine->held_bytes();
}

}  // namespace

BlockReport make_block_report(const blocks::BlockModel& model, int64_t rate_hz) {
  const blocks::BlockPlan& plan = model.first_plan();
  const graph::ScriptModel& script = plan.method()->model();
  const auto channels = static_cast<int>(plan.form().channels_in);
  BlockReport report;
  report.method = graph::signature_of(plan.method()->schema());
  report.layout = graph::name_of(plan.form().layout);
  report.type = script.dtype() == at::kDouble ? "float64" : "float32";
  report.device = script.device().str();
  report.remarks = model.remarks();
  report.warnings = model.warnings();
  report.settings = script.settings().json;
  report.rate_hz = rate_hz;
  report.channels_in = channels;
  report.channels_out = plan.form().channels_out;
  report.window_frames = model.window_frames();
  report.hop_frames = model.hop_frames();
  report.tail = name_of(plan.windows().tail);
  report.frames_out = plan.windows().frames_out;
  report.most_windows = plan.batches().most_rows();
  report.keeps_state = plan.method()->keeps_state();
  report.look_ahead_frames = model.timing().look_ahead_frames();
  report.parameters = script.parameters();
  report.stream_bytes = measured_bytes(model, channels, rate_hz);
  return report;
}

}  // namespace torchstreamer::tools
