#include "native/kernels/chain.h"

#include <algorithm>

#include "native/simd/elementwise.h"
#include "torchstreamer/timing.h"

namespace torchstreamer::native {
namespace {

// Number of samples that are computed at a time, so that they stay in the L1 cache.
constexpr int64_t kSamplesAtOnce = 1024;
// Heads with more weights compute Kernel::frames_at_once() frames at a time, because the weights do
// not stay in the L1 cache.
constexpr int64_t kManyWeightsBytes = 1 << 14;
// Minimum length of a row. Shorter constants are repeated, because short rows are slow.
constexpr int64_t kMinColumns = 64;

class ChainKernel : public Kernel {
 public:
  explicit ChainKernel(Chain chain)
      : chain_(std::move(chain)),
        granularity_frames_(chain_.heads.empty() ? 1
                                                 : chain_.heads[0].kernel->granularity_frames()) {
    const int64_t whole = ceil_div(kSamplesAtOnce, chain_.samples * granularity_frames_);
    instruction_frames_ = head_frames_ = whole * granularity_frames_;
    if (weights_bytes() > kManyWeightsBytes)
      head_frames_ = ceil_div(heads_at_once(), instruction_frames_) * instruction_frames_;
    repeats_ = std::min(instruction_frames_, ceil_div(kMinColumns, chain_.samples));
    for (auto& constant : chain_.constants) {
      const AlignedFloats one = constant;
      for (int64_t i = 1; i < repeats_; ++i)
        constant.insert(constant.end(), one.begin(), one.end());
    }
    assign_slots();
  }

  int64_t granularity_frames() const override { return granularity_frames_; }

  int64_t needs_from(int i, int64_t first) const override {
    for (const Chain::Head& head : chain_.heads) {
      if (i < head.inputs) return head.kernel->needs_from(i, first);
      i -= head.inputs;
    }
    return first;
  }

  void run(const FrameReader* in, const Step& step, float* y, KernelState* state) const override {
    auto* own = static_cast<Scratch*>(state);
    Step part = step;
    for (int64_t at = 0; at < step.frames; at += part.frames) {
      part.first = step.first + at;
      part.frames = std::min(step.frames - at, head_frames_);
      float* out = y + at * chain_.samples;
      const FrameReader* head_in = in;
      for (size_t h = 0; h < chain_.heads.size(); ++h) {
        chain_.heads[h].kernel->run(head_in, part, out, own->heads[h].get());
        head_in += chain_.heads[h].inputs;
      }
      run_instructions({in, part.first, part.frames, out, state});
    }
  }

  int64_t frames_at_once() const override { return heads_at_once(); }
  int64_t shared_bytes() const override {
    int64_t bytes = 0;
    for (const Chain::Head& head : chain_.heads) {
      if (head.kernel->shared_bytes() == 0) return 0;
      bytes += head.kernel->shared_bytes();
    }
    return bytes;
  }

  void run_together(const KernelRun* runs, int count) const override {
    KernelRun parts[kMostTogether];
    for (int64_t at = 0;; at += head_frames_) {
      int left = 0;
      for (int r = 0; r < count; ++r) {
        if (runs[r].frames <= at) continue;
        parts[left] = runs[r];
        parts[left].first += at;
        parts[left].frames = std::min(runs[r].frames - at, head_frames_);
        parts[left++].y += at * chain_.samples;
      }
      if (left == 0) return;
      run_heads(parts, left);
      for (int r = 0; r < left; ++r) run_instructions(parts[r]);
    }
  }

  std::unique_ptr<KernelState> start() const override {
    auto state = std::make_unique<Scratch>();
    for (const Chain::Head& head : chain_.heads) state->heads.push_back(head.kernel->start());
    state->samples.resize(slots_ * instruction_frames_ * chain_.samples);
    return state;
  }

  int64_t weights_bytes() const override {
    int64_t bytes = 0;
    for (const Chain::Head& head : chain_.heads) bytes += head.kernel->weights_bytes();
    return bytes;
  }

 private:
  int64_t heads_at_once() const {
    int64_t frames = 1;
    for (const Chain::Head& head : chain_.heads)
      frames = std::max(frames, head.kernel->frames_at_once());
    return frames;
  }

  struct Scratch : KernelState {
    std::vector<std::unique_ptr<KernelState>> heads;
    AlignedFloats samples;
    int64_t bytes() const override {
      int64_t bytes = static_cast<int64_t>(samples.size() * sizeof(float));
      for (const auto& head : heads) bytes += head ? head->bytes() : 0;
      return bytes;
    }
    int64_t recoveries() const override {
      int64_t recoveries = 0;
      for (const auto& head : heads) recoveries += head ? head->recoveries() : 0;
      return recoveries;
    }
  };

  void run_heads(const KernelRun* runs, int count) const {
    KernelRun of_head[kMostTogether];
    std::copy_n(runs, count, of_head);
    for (size_t h = 0; h < chain_.heads.size(); ++h) {
      for (int r = 0; r < count; ++r)
        of_head[r].state = static_cast<Scratch*>(runs[r].state)->heads[h].get();
      chain_.heads[h].kernel->run_together(of_head, count);
      for (int r = 0; r < count; ++r) of_head[r].in += chain_.heads[h].inputs;
    }
  }

  void run_instructions(const KernelRun& run) const {
    float* scratch = static_cast<Scratch*>(run.state)->samples.data();
    KernelRun part = run;
    for (int64_t at = 0; at < run.frames; at += part.frames) {
      part.first = run.first + at;
      part.frames = std::min(run.frames - at, instruction_frames_);
      part.y = run.y + at * chain_.samples;
      for (size_t i = 0; i < chain_.instructions.size(); ++i) run_instruction(i, part, scratch);
    }
  }

  bool is_last(size_t i) const { return i + 1 == chain_.instructions.size(); }

  // Assigns a slot of the scratch memory to each result. The slot is free again after the last
  // reader of the result.
  void assign_slots() {
    std::vector<size_t> last_reader(chain_.instructions.size(), 0);
    for (size_t i = 0; i < chain_.instructions.size(); ++i)
      for (const auto& o : chain_.instructions[i].operands)
        if (o.kind == Chain::Source::kResult) last_reader[o.index] = i;
    std::vector<int> free;
    for (size_t i = 0; i < chain_.instructions.size(); ++i) {
      for (size_t r = 0; r < i; ++r)
        if (last_reader[r] == i) free.push_back(slot_of_[r]);
      if (free.empty()) free.push_back(is_last(i) ? 0 : slots_++);
      slot_of_.push_back(free.back());
      free.pop_back();
    }
  }

  float* result(size_t i, float* y, float* scratch) const {
    return is_last(i) ? y : scratch + slot_of_[i] * instruction_frames_ * chain_.samples;
  }

  SampleRows rows(const Chain::Source& source, const KernelRun& run, float* scratch) const {
    switch (source.kind) {
      case Chain::Source::kInput:
        return {run.in[source.index].at(run.first), run.in[source.index].pitch()};
      case Chain::Source::kHead:
        return {run.y, chain_.samples};
      case Chain::Source::kResult:
        return {result(source.index, run.y, scratch), chain_.samples};
      case Chain::Source::kConstant:
        break;
    }
    return {chain_.constants[source.index].data(), 0};
  }

  void run_instruction(size_t i, const KernelRun& run, float* scratch) const {
    const auto& instruction = chain_.instructions[i];
    SampleMap map;
    map.function = instruction.function;
    map.p = static_cast<float>(instruction.p);
    map.q = static_cast<float>(instruction.q);
    map.a = rows(instruction.operands[0], run, scratch);
    if (instruction.operands.size() > 1) map.b = rows(instruction.operands[1], run, scratch);
    map.y = result(i, run.y, scratch);
    map.y_pitch = map.columns = chain_.samples;
    map.rows = run.frames;
    run_rows(map);
  }

  // Joins contiguous frames to rows of `repeats_` frames, the length of the repeated constants.
  // Changes `map` in place, because a copy would have to wait for earlier writes.
  void run_rows(SampleMap& map) const {
    const auto is_dense = [&](const SampleRows& r) {
      return !r.data || r.pitch == 0 || r.pitch == map.columns;
    };
    const bool has_constant = map.a.pitch == 0 || (map.b.data && map.b.pitch == 0);
    if (!has_constant || !is_dense(map.a) || !is_dense(map.b)) return elementwise(map);
    const int64_t whole = map.rows / repeats_, rest = map.rows % repeats_;
    const int64_t columns = map.columns * repeats_, columns_left = map.columns * rest;
    map.rows = whole;
    map.columns = map.y_pitch = columns;
    for (SampleRows* r : {&map.a, &map.b}) r->pitch *= repeats_;
    if (whole) elementwise(map);
    map.rows = 1;
    map.columns = columns_left;
    for (SampleRows* r : {&map.a, &map.b})
      if (r->pitch) r->data += whole * columns;
    map.y += whole * columns;
    if (rest) elementwise(map);
  }

  Chain chain_;
  int64_t granularity_frames_;
  int64_t instruction_frames_ = 1, head_frames_ = 1, repeats_ = 1;
  std::vector<int> slot_of_;
  int slots_ = 0;
};

}  // namespace

KernelPtr make_chain(Chain chain) { return std::make_unique<ChainKernel>(std::move(chain)); }

}  // namespace torchstreamer::native
