#include "blocks/block_choice.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string>
#include <vector>

#include "blocks/call_cost.h"
#include "blocks/first_form.h"
#include "graph/model/planned_model.h"
#include "graph/model/planned_network.h"
#include "support/noise.h"

namespace torchstreamer::blocks {
namespace {

using ScriptModelPtr = std::shared_ptr<const graph::ScriptModel>;

// Limits of a number in a message that may be the size of a window, and of the numbers to try.
constexpr int64_t kFewestFrames = 16, kMostFrames = 1 << 16;
constexpr size_t kMostTried = 8;
// Sizes that only models without a fixed window accept. The large one is for models that need a
// minimum length; it costs much if a model has attention.
constexpr int64_t kSmallOddFrames = 263, kOddFrames = 4099;

// Parts of the reasons for refusals of models that need the whole signal. The test BlockAdvice
// checks each.
constexpr const char* kWholeSignalReasons[] = {"whole signal",
                                               "end of the signal",
                                               "mixes frames",
                                               "does not keep the time axis",
                                               "selects one frame of the signal",
                                               "LayerNorm can be streamed over channels"};

// Parts of the reasons for refusals of models that may take only one size. They do not contain the
// size.
constexpr const char* kOneSizeReasons[] = {"only one length of the signal", "the model raises"};

// Total cost of the calls after which no more sizes are tried. The first size is always tried.
constexpr double kMostSizesCost = int64_t{1} << 32;

// Returns the numbers in a text that may be the size of a window, in their order.
std::vector<int64_t> likely_sizes(const std::string& text) {
  std::vector<int64_t> sizes;
  const char* const digits = "0123456789";
  for (size_t i = text.find_first_of(digits); i != text.npos;) {
    const int64_t size = std::strtoll(text.c_str() + i, nullptr, 10);
    if (size >= kFewestFrames && size <= kMostFrames) sizes.push_back(size);
    const size_t end = text.find_first_not_of(digits, i);
    i = end == text.npos ? end : text.find_first_of(digits, end);
  }
  return sizes;
}

template <size_t kCount>
bool has_one_of(const char* const (&parts)[kCount], const std::string& text) {
  return std::any_of(std::begin(parts), std::end(parts),
                     [&](const char* part) { return text.find(part) != text.npos; });
}

// Finds the sizes of windows that a model takes, by the texts in which it rejects others.
class SizeSearch {
 public:
  SizeSearch(ScriptModelPtr model, LoadOptions options, const std::string& text)
      : model_(std::move(model)),
        options_(std::move(options)),
        may_have_size_(has_one_of(kOneSizeReasons, text)) {
    add_sizes(text);
  }

  // Returns the size for the highest sample rate, if there are several; 0 if there is none.
  int64_t accepted_size() {
    if (sizes_.empty() && !may_have_size_) return 0;
    const CostObserver observer;
    if (takes_any_size()) return 0;
    int64_t accepted = 0, highest_hz = -1;
    while (tried_ < std::min(sizes_.size(), kMostTried) &&
           (tried_ == 0 || observer.cost().total() < kMostSizesCost)) {
      const int64_t size = sizes_[tried_++];
      const int64_t rate_hz = rate_for(size);
      if (rate_hz > highest_hz) accepted = size;
      highest_hz = std::max(highest_hz, rate_hz);
    }
    return accepted;
  }

 private:
  bool takes_any_size() {
    try {
      tried_rate(kSmallOddFrames);
      return true;
    } catch (const Error&) {
      return rate_for(kOddFrames) >= 0;
    }
  }

  // The newest text is about windows, so its sizes are tried next.
  void add_sizes(const std::string& text) {
    auto next = static_cast<int64_t>(tried_);
    for (const int64_t size : likely_sizes(text))
      if (size != kOddFrames && std::find(sizes_.begin(), sizes_.end(), size) == sizes_.end())
        sizes_.insert(sizes_.begin() + next++, size);
  }

  // Returns the sample rate at which the model takes windows of this size, 0 if it takes no rate,
  // -1 if it does not take them.
  int64_t rate_for(int64_t window_frames) {
    try {
      return tried_rate(window_frames);
    } catch (const Error& e) {
      add_sizes(e.what());
      return -1;
    }
  }

  // The same as rate_for(). Throws Error if the model does not take such windows.
  int64_t tried_rate(int64_t window_frames) {
    options_.call.window_frames = window_frames;
    const auto method = std::make_shared<BlockMethod>(model_, options_);
    return first_form(method, required_windows(options_.call, 0), options_, std::nullopt).rate_hz;
  }

  ScriptModelPtr model_;
  LoadOptions options_;
  bool may_have_size_;  // which the exception of a call names
  std::vector<int64_t> sizes_;
  size_t tried_ = 0;  // number of sizes
};

bool keeps_state(const ScriptModelPtr& model, const LoadOptions& options) {
  try {
    return BlockMethod(model, options).keeps_state();
  } catch (const Error&) {  // it cannot be called block by block
    return false;
  }
}

// Returns the properties that call the model block by block, as an addition to the reason why it is
// not planned; empty if they may not help.
std::string block_advice(const std::string& reason, const ScriptModelPtr& model,
                         const LoadOptions& options) {
  const int64_t size = SizeSearch(model, options, reason).accepted_size();
  if (!size && !has_one_of(kWholeSignalReasons, reason) && !keeps_state(model, options)) return "";
  const std::string window = size ? std::to_string(size) : "FRAMES";
  return "; window=" + window + " calls it block by block";
}

// Returns true if the model has a plan whose output has the described size, and the plan takes
// signals that end inside a block.
bool is_planned_as_described(const graph::ScriptModel& model, LoadOptions options,
                             const MethodParams& params) {
  constexpr int64_t kManyBlocks = 1024;  // longer than signals that the model treats differently
  const bool is_comparable = options.output.empty() && !options.each_channel &&
                             options.complex_output == ComplexOutput::kRefused;
  if (options.each_channel)
    options.channels = 1;
  else if (options.channels == 0)
    options.channels = params.channels_in;
  options.each_channel = false;
  options.execution = Execution::kReference;  // compiles nothing
  try {
    const LayerPtr network = graph::plan_at_rate(model, 0, options).network;
    const auto& guards = dynamic_cast<const graph::PlannedNetwork&>(*network).guards();
    const Format in{model.dtype(), model.device(), {options.channels}};
    const bool is_as_described =
        network->timing().rate() == Rational(params.ratio_in, params.ratio_out) &&
        network->accept({in}).channels() == params.channels_out;
    if (is_comparable && options.channels == params.channels_in && !is_as_described) return false;
    const int64_t block_frames = params.window_frames, frames = kManyBlocks * block_frames;
    return block_frames == 1 || guards.violation(frames) || !guards.violation(frames + 1);
  } catch (const OptionError&) {
    throw;
  } catch (const Error&) {
    return false;
  }
}

Tensor output_of(const Model& model, const Tensor& x, int64_t rate_hz) {
  const auto engine = model.start(static_cast<int>(x.size(1)), rate_hz);
  const int64_t frames = engine->frames_due(x.size(0), /*final=*/true);
  Tensor y = at::empty({frames, model.channels_out(static_cast<int>(x.size(1)))});
  const void* const in = x.data_ptr();
  void* const out = y.data_ptr();
  engine->push(&in, x.size(0), /*final=*/true, &out);
  return y;
}

// Returns true if the plan, which is one call over the whole signal, has the same output as the
// calls of blocks in a trial. The outputs differ, for example, if the model counts its calls.
bool plan_equals_calls(const BlockModel& called, const ScriptModelPtr& model,
                       const LoadOptions& options) {
  constexpr int64_t kBlocks = 6;
  constexpr double kTolerance = 1e-4;
  try {
    const graph::PlannedModel planned(model, options);
    const int64_t channels = std::max(called.channels_in(), 1);
    const Tensor x =
        Noise(/*seed=*/1).next({kBlocks * called.window_frames(), channels}, at::kFloat);
    const int64_t rate_hz = called.first_plan().rate_hz();
    const Tensor y = output_of(called, x, rate_hz), z = output_of(planned, x, rate_hz);
    return y.sizes() == z.sizes() &&
           (y - z).abs().max().item<double>() <= kTolerance * y.abs().max().item<double>();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::unique_ptr<BlockModel> block_model(const ScriptModelPtr& model, const LoadOptions& options) {
  const CallOptions& call = options.call;
  const auto params = method_params(model->module(), call.method_name());
  const Windows windows = required_windows(call, params ? params->window_frames : 0);
  if (windows.window_frames == 0) return nullptr;
  const bool has_options =
      call.window_frames > 0 || call.hop_frames > 0 || call.tail != Tail::kAuto;
  const bool is_planned = !has_options && is_planned_as_described(*model, options, *params);
  if (is_planned && !keeps_state(model, options)) return nullptr;
  auto called = std::make_unique<BlockModel>(model, options);
  if (is_planned && plan_equals_calls(*called, model, options)) return nullptr;
  return called;
}

void rethrow_with_advice(const ScriptModelPtr& model, const LoadOptions& options) {
  try {
    throw;
  } catch (const OptionError&) {
    throw;
  } catch (const Refusal& refusal) {
    const std::string& reason = refusal.reason();
    throw Refusal(refusal.subject(), refusal.path(), refusal.source(),
                  reason + block_advice(reason, model, options));
  } catch (const Error& error) {
    throw Error(error.what() + block_advice(error.what(), model, options));
  }
}

}  // namespace torchstreamer::blocks
