// Streams of models that are called block by block.
#pragma once

#include <memory>
#include <vector>

#include "blocks/block_plan.h"
#include "blocks/block_state.h"
#include "torchstreamer/engine.h"

namespace torchstreamer::blocks {

/// Collects the frames of a signal, and calls the model for each window.
///
///     queue    |==================|..........|     [frames, channels]
///              |--------|                          (1) windows of the next call
///                   |--------|
///                        |========|                (2) frames of later windows: move to the start
class BlockEngine : public Engine {
 public:
  explicit BlockEngine(std::shared_ptr<const BlockPlan> plan);

  const Timing& timing() const override { return plan_->timing(); }
  int64_t held_bytes() const override;
  void set_inputs(const NamedValues& inputs) override { state_.set_inputs(inputs); }

 private:
  void process(const void* const* in, int64_t frames, bool final, void* const* out) override;
  void clear() override;
  void call_complete(float** out);
  void call_last(int64_t signal_frames, float** out);
  void call_batch(int64_t first_window, const Batches::Call& rows, int64_t frames_out, float** out);
  Tensor queued(int64_t first_window, int64_t windows, int64_t frames);
  Tensor output_of(const Tensor& windows, int64_t frames_out, bool is_batch);

  std::shared_ptr<const BlockPlan> plan_;
  BlockState state_;
  std::vector<float> queue_;
  int64_t queued_frames_ = 0;
  int64_t called_windows_ = 0;  // windows of this signal; the queue begins with the next one
};

/// Runs engines of one channel over each channel of interleaved audio. The outputs for channel 0
/// come first.
class EachChannelEngine : public Engine {
 public:
  /// `channels_out`: number of output channels of each engine.
  EachChannelEngine(std::vector<std::unique_ptr<Engine>> engines, int64_t channels_out);

  const Timing& timing() const override { return engines_[0]->timing(); }
  int64_t held_bytes() const override;
  void set_inputs(const NamedValues& inputs) override;

 private:
  void process(const void* const* in, int64_t frames, bool final, void* const* out) override;
  void clear() override;

  std::vector<std::unique_ptr<Engine>> engines_;
  int64_t channels_out_;
  std::vector<float> in_, out_;  // input and output of one channel
};

}  // namespace torchstreamer::blocks
