// Trial calls that find the form of the calls of a model.
#pragma once

#include <memory>
#include <utility>

#include "blocks/block_form.h"
#include "blocks/method/block_method.h"
#include "blocks/windows.h"

namespace torchstreamer::blocks {

/// Calls a method with noise. Every call is the first one of a signal.
class Trials {
 public:
  /// `rate_hz`: sample rate of the signal; 0 if it is unknown.
  Trials(std::shared_ptr<const BlockMethod> method, int64_t rate_hz)
      : method_(std::move(method)), rate_hz_(rate_hz) {}

  /// Finds the layout, the channels and the output of calls with `windows`. `options.layout` kAuto:
  /// the first one that the model takes; time before the channels is found only if the model
  /// computes over time, because its frames could be a batch otherwise. `channels`: the numbers to
  /// try in this order; if there are several, the model must not take twice the number, too, unless
  /// it is 1, and those after the first two are not tried if that costs much. Throws
  /// WindowsRejected with the message of the model if it takes none, OptionError.
  ///
  /// The output is frames or one vector:
  /// - A number is one frame of one channel.
  /// - The axis that is longer if the window has twice the frames is time.
  /// - If the model takes only one size: an axis of as many entries as the window or the hop has
  ///   frames is time, if it is the last one or that of the layout.
  /// - Otherwise the output is one frame, and all its values are channels.
  BlockForm find_form(const Windows& windows, const LoadOptions& options,
                      const std::vector<int64_t>& channels) const;

  /// Returns the numbers of output frames and channels of a call with `frames` frames of `channels`
  /// channels. Throws Error with the message of the model if it does not take them.
  std::pair<int64_t, int64_t> output_size(const BlockForm& form, int64_t frames,
                                          int64_t channels) const;
  /// Returns the number of output frames of a call with the last `frames` frames of a signal.
  /// Throws the same.
  int64_t frames_out(const BlockForm& form, int64_t frames) const;

  /// Returns noise between -1 and 1, `[windows, frames, channels]`, in the type and on the device
  /// of the model.
  Tensor noise(int64_t windows, int64_t frames, int64_t channels) const;
  /// Calls the method with windows `[N, T, C]`. Throws the exceptions of the model.
  IValue call(const BlockForm& form, const Tensor& windows) const;
  const BlockMethod& method() const { return *method_; }

 private:
  BlockForm completed(const Windows& windows, BlockForm form, const Tensor& argument,
                      const LoadOptions& options) const;
  bool folds_channels(const Windows& windows, const BlockForm& form) const;
  std::optional<int> time_axis(const Windows& windows, const BlockForm& form,
                               const Tensor& y) const;
  bool computes_over_time(const Windows& windows, const BlockForm& form) const;

  std::shared_ptr<const BlockMethod> method_;
  int64_t rate_hz_;
};

}  // namespace torchstreamer::blocks
