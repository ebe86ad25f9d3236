#include "model.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <cstdlib>

#include "graph/model/script_model.h"
#include "measure.h"
#include "noise.h"
#include "tools/report/report.h"

namespace torchstreamer::bench {
namespace {

double multiply_adds_per_frame(const graph::ScriptModel& script, int64_t channels) {
  c10::InferenceMode guard;
  LoadOptions options;
  options.channels = channels;
  const auto network = std::dynamic_pointer_cast<const Network>(script.plan(options));
  double sum = 0;
  for (const auto& process : tools::processes_of(*network, {at::kFloat, at::kCPU, {channels}}))
    sum += static_cast<double>(process.multiply_adds_per_frame.num) /
           static_cast<double>(process.multiply_adds_per_frame.den);
  return sum;
}

}  // namespace

std::string path_of(const std::string& name) {
  const char* folder = std::getenv("TORCHSTREAMER_BENCH_MODELS");
  return std::string(folder ? folder : ".") + "/" + name + ".pt";
}

const std::vector<ModelCase>& model_cases() {
  static const std::vector<ModelCase> cases = {
      {"seanet", 1, 24000, 320}, {"tcn", 1, 48000, 480},    {"wavenet", 1, 48000, 64},
      {"hifigan", 80, 100, 1},   {"demucs", 1, 16000, 512}, {"denoiser", 1, 16000, 160},
  };
  return cases;
}

const ModelCase& model_case(const std::string& name) {
  for (const ModelCase& what : model_cases())
    if (what.name == name) return what;
  throw std::out_of_range("no model is called " + name);
}

BenchModel::BenchModel(const ModelCase& what)
    : what_(what),
      model_(torchstreamer_load_model(path_of(what.name).c_str(), {})),
      module_(torch::jit::load(path_of(what.name))) {
  const graph::ScriptModel script(module_, at::kCPU);
  multiply_adds_per_second_ = multiply_adds_per_frame(script, what.channels) * what.rate_hz;
  weights_bytes_ = script.parameters() * static_cast<int64_t>(sizeof(float));
}

double BenchModel::offline_seconds(int64_t frames) {
  c10::InferenceMode guard;
  auto signal = noise(what_.channels * frames);
  const at::Tensor x = at::from_blob(signal.data(), {1, what_.channels, frames}, at::kFloat);
  const Stopwatch watch;
  module_.forward({x});
  return watch.seconds();
}

Feed::Feed(const BenchModel& model, const std::shared_ptr<Group>& group)
    : engine_(model.start(group)),
      channels_in_(model.what().channels),
      channels_out_(model.channels_out()),
      in_(noise(kMostFrames * channels_in_)) {}

void Feed::push(int64_t frames) {
  if (next_frame_ + frames > kMostFrames) next_frame_ = 0;
  const size_t due = engine_->frames_due(frames, /*final=*/false) * channels_out_;
  if (out_.size() < due) out_.resize(due);
  const void* in = in_.data() + next_frame_ * channels_in_;
  void* out = out_.data();
  engine_->push(&in, frames, /*final=*/false, &out);
  next_frame_ += frames;
}

double Feed::seconds_per_frame(int64_t frames, int64_t chunk_frames) {
  const Stopwatch watch;
  int64_t pushed = 0;
  for (; pushed < frames; pushed += chunk_frames) push(chunk_frames);
  return watch.seconds() / static_cast<double>(pushed);
}

}  // namespace torchstreamer::bench
