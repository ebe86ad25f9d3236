#include "blocks/first_form.h"

#include <c10/util/StringUtil.h>

#include "blocks/trial_failure.h"
#include "modules/probe.h"

namespace torchstreamer::blocks {
namespace {

// Maximum number of samples of a window for numbers of channels that only the weights suggest.
constexpr int64_t kMostTriedSamples = int64_t{1} << 22;

// Returns the numbers of channels to try.
std::vector<int64_t> channels_to_try(const graph::ScriptModel& model, const LoadOptions& options,
                                     const std::optional<MethodParams>& params,
                                     int64_t window_frames) {
  if (options.each_channel) return {1};
  if (options.channels > 0) return {options.channels};
  if (params) return {params->channels_in};
  std::vector<int64_t> channels = {1, 2};
  for (const int64_t c : likely_channels(graph::floating_weights(model.module())))
    if (c > 2 && c * window_frames <= kMostTriedSamples) channels.push_back(c);
  return channels;
}

}  // namespace

FormAtRate first_form(const std::shared_ptr<const BlockMethod>& method, const Windows& windows,
                      const LoadOptions& options, const std::optional<MethodParams>& params) {
  const graph::ScriptModel& model = method->model();
  const auto channels = channels_to_try(model, options, params, windows.window_frames);
  std::vector<int64_t> rates_hz = model.likely_rates_hz();
  if (rates_hz.empty()) rates_hz = {0};
  std::optional<WindowsRejected> failure;
  for (const int64_t rate_hz : rates_hz) {
    try {
      return {Trials(method, rate_hz).find_form(windows, options, channels), rate_hz};
    } catch (const WindowsRejected& rejected) {
      if (!failure || rejected.call.is_closer_than(failure->call)) failure = rejected;
    }
  }
  const bool is_described = params && channels[0] == params->channels_in;
  if (!is_described) throw *failure;
  throw WindowsRejected(c10::str(failure->what(), "; its buffer ", method->name(),
                                 "_params describes ", params->channels_in, " input channels"),
                        failure->call);
}

}  // namespace torchstreamer::blocks
