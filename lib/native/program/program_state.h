// A running program: one stream.
#pragma once

#include <memory>
#include <vector>

#include "native/program/program.h"

namespace torchstreamer::native {

/// Runs the calls of a program, block after block, see Stages:
///
///     (1) The frames of a block are appended to buffer 0.
///     (2) Stage after stage, step after step, every call appends its output to its buffer, as many
///         frames as the counts of the network give.
///     (3) The new frames of the output are copied to the caller.
///     (4) Every buffer drops the frames that no call needs; the buffers of a stage after each
///     step.
class ProgramState : public State {
 public:
  explicit ProgramState(const Program& program, Work work = Work::kAll);

  Tensor push(const Tensors& in, const Step& step) override;
  void push_frames(const float* in, int64_t frames, int64_t channels, const Step& step,
                   float* out) override;
  int64_t held_bytes() const override;
  int64_t recoveries() const override;

  const std::vector<EdgeBuffer>& buffers() const { return buffers_; }

  /// The parts of a push, in this order: begin_push(); then, while has_block() returns true,
  /// begin_block(), run_stage() for each stage, and end_block(). A push has at least one block,
  /// which may be empty.
  void begin_push(const Push& push);
  bool has_block() const { return !is_last_block_; }
  void begin_block();
  void run_stage(int s);
  void end_block();
  /// Number of source frames of the block.
  int64_t block_frames() const { return block_frames_; }

  /// The parts of run_stage() for each step: begin_step(), run_call() for each call, and
  /// end_step(). `frames_after`: number of source frames of the block after the step.
  void begin_step(int64_t frames_after);
  void run_call(int c);
  void end_step(int s);

  /// The parts of run_call(), between which the kernel runs. The arguments are valid until
  /// end_call(). Not for calls of fallbacks.
  KernelRun begin_call(int c);
  void end_call(int c);

 private:
  int64_t emit(int64_t max_frames, float* out);
  void drop_frames(int first, int end, int stage);
  int64_t frames_of(int node) const;
  int64_t frames_left(int c) const;

  bool runs(const KernelCall& call) const {
    return work_ == Work::kAll || (work_ == Work::kFallbacks && call.is_fallback);
  }

  const Program& program_;
  const Work work_;
  std::vector<AlignedFloats> memory_;  // memory of the buffers
  std::vector<EdgeBuffer> buffers_;
  std::vector<std::unique_ptr<KernelState>> kernel_states_;
  std::vector<int64_t> computed_frames_;  // number of frames computed by each call
  int64_t source_frames_ = 0, emitted_frames_ = 0;
  // The push, and its current block.
  Push push_;
  int64_t pushed_frames_ = 0, returned_frames_ = 0, block_frames_ = 0;
  bool is_last_block_ = false;
  bool final_ = false;  // the step is the end of the signal
  // Work memory for one step.
  std::vector<Count> counts_;
  int64_t counted_frames_ = -1;  // source frames of the counts
  std::vector<FrameReader> in_;
  std::vector<int64_t> needed_;
};

}  // namespace torchstreamer::native
