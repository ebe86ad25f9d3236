#include <algorithm>
#include <cfloat>
#include <cmath>

#include "native/kernels/floats.h"
#include "native/kernels/table.h"
#include "native/simd/convolution.h"
#include "native/simd/elementwise.h"
#include "native/simd/memory.h"

namespace torchstreamer::native {
namespace {

// Number of frames for which the input parts of the gates are computed at a time: the largest tile
// of a convolution. More take more memory for each stream, and every frame reads the weights of its
// hidden part anyway.
constexpr int64_t kFramesAtOnce = 6;

bool is_finite(const AlignedFloats& values) {
  bool is_finite = true;
  for (const float value : values) is_finite &= std::abs(value) <= FLT_MAX;
  return is_finite;
}

// Resets the values that are not finite.
void reset_not_finite(AlignedFloats& values, const AlignedFloats& initial) {
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i])) values[i] = initial[i];
}

// One layer. Its gates are W_ih x + b_ih and W_hh h + b_hh, computed frame by frame.
struct Cell {
  Cell(const Recurrence::Layer& layer, int64_t x_pitch)
      : hidden(layer.hidden_weight.size(1)),
        gates(layer.hidden_weight.size(0)),
        from_input(shape(layer.input_weight), Floats(layer.input_weight), Floats(layer.input_bias),
                   x_pitch, gates),
        from_hidden(shape(layer.hidden_weight), Floats(layer.hidden_weight),
                    Floats(layer.hidden_bias), hidden, gates) {}

  static ConvolutionShape shape(const Tensor& w) { return {w.size(1), w.size(0), 1, 1, 1, 1}; }

  int64_t hidden, gates;
  Convolution from_input, from_hidden;
};

class Recurrent : public Kernel {
 public:
  Recurrent(const Recurrence& r, int64_t x_pitch)
      : is_lstm_(r.is_lstm), x_pitch_(x_pitch), initial_h_(floats_in(r.initial_h)) {
    if (is_lstm_) initial_c_ = floats_in(r.initial_c);
    for (const Recurrence::Layer& layer : r.layers) {
      cells_.emplace_back(layer, x_pitch);
      x_pitch = cells_.back().hidden;
      gates_ = std::max(gates_, cells_.back().gates);
    }
  }

  int64_t needs_from(int, int64_t first) const override { return first; }

  void run(const FrameReader* in, const Step& step, float* y, KernelState* state) const override {
    const KernelRun run{in, step.first, step.frames, y, state};
    run_together(&run, 1);
  }

  int64_t frames_at_once() const override { return kFramesAtOnce; }
  int64_t shared_bytes() const override { return weights_bytes(); }
  void run_together(const KernelRun* runs, int count) const override {
    Part parts[kMostTogether];
    for (int64_t at = 0;; at += kFramesAtOnce) {
      int left = 0;
      for (int r = 0; r < count; ++r)
        if (runs[r].frames > at) parts[left++] = part_of(runs[r], at);
      if (left == 0) return;
      run_parts(parts, left);
    }
  }

  std::unique_ptr<KernelState> start() const override {
    auto states = std::make_unique<CellStates>();
    states->h = states->h_before = initial_h_;
    states->c = states->c_before = initial_c_;
    states->input_gates.resize(kFramesAtOnce * gates_);
    states->hidden_gates.resize(gates_);
    return states;
  }

  int64_t weights_bytes() const override {
    int64_t bytes = 0;
    for (const Cell& cell : cells_) bytes += cell.from_input.bytes() + cell.from_hidden.bytes();
    return bytes;
  }

 private:
  struct CellStates : KernelState {
    AlignedFloats h, c, h_before, c_before, input_gates, hidden_gates;
    int64_t resets = 0;
    bool is_finite() const { return native::is_finite(h) && native::is_finite(c); }
    int64_t bytes() const override {
      return static_cast<int64_t>(
          (2 * (h.size() + c.size()) + input_gates.size() + hidden_gates.size()) * sizeof(float));
    }
    int64_t recoveries() const override { return resets; }
  };

  // Consecutive frames of one stream.
  struct Part {
    const float* x;
    float* y;
    int64_t frames;
    CellStates* own;
  };

  Part part_of(const KernelRun& run, int64_t at) const {
    return {run.in[0].at(run.first + at), run.y + at * cells_[0].hidden,
            std::min(run.frames - at, kFramesAtOnce), static_cast<CellStates*>(run.state)};
  }

  void run_parts(const Part* parts, int count) const {
    for (int p = 0; p < count; ++p) {
      parts[p].own->h_before = parts[p].own->h;
      parts[p].own->c_before = parts[p].own->c;
    }
    run_layers(parts, count);
    for (int p = 0; p < count; ++p)
      if (!parts[p].own->is_finite()) run_again(parts[p]);
  }

  // A state that is not finite would never become finite again. It is checked after every frame, so
  // that the frame of the reset does not depend on the sizes of the pushes.
  void run_again(const Part& part) const {
    CellStates* own = part.own;
    own->h = own->h_before;
    own->c = own->c_before;
    const int64_t x_pitch = x_pitch_, hidden = cells_[0].hidden;
    for (int64_t f = 0; f < part.frames; ++f) {
      const Part frame{part.x + f * x_pitch, part.y + f * hidden, 1, own};
      run_layers(&frame, 1);
      if (!own->is_finite()) reset_not_finite(own);
    }
  }

  void reset_not_finite(CellStates* own) const {
    ++own->resets;
    native::reset_not_finite(own->h, initial_h_);
    native::reset_not_finite(own->c, initial_c_);
  }

  void run_layers(const Part* parts, int count) const {
    for (size_t layer = 0; layer < cells_.size(); ++layer) run_layer(layer, parts, count);
  }

  // The output of a layer is the input of the next one in the same memory, because all of it is
  // read before the first frame is written.
  void run_layer(size_t layer, const Part* parts, int count) const {
    const Cell& cell = cells_[layer];
    Segment segments[kMostTogether];
    int64_t frames = 0;
    for (int p = 0; p < count; ++p) {
      const float* x = layer == 0 ? parts[p].x : parts[p].y;
      segments[p] = {x, parts[p].own->input_gates.data(), parts[p].frames};
      frames = std::max(frames, parts[p].frames);
    }
    cell.from_input.run(segments, count);
    for (int64_t f = 0; f < frames; ++f) {
      int running = 0;
      for (int p = 0; p < count; ++p)
        if (f < parts[p].frames)
          segments[running++] = {h_of(layer, parts[p].own), parts[p].own->hidden_gates.data(), 1};
      cell.from_hidden.run(segments, running);
      for (int p = 0; p < count; ++p)
        if (f < parts[p].frames) run_cell(layer, f, parts[p]);
    }
  }

  float* h_of(size_t layer, CellStates* own) const {
    return own->h.data() + layer * cells_[layer].hidden;
  }

  // Computes frame `f` from its gates.
  void run_cell(size_t layer, int64_t f, const Part& part) const {
    const Cell& cell = cells_[layer];
    float* h = h_of(layer, part.own);
    float* gates = part.own->input_gates.data() + f * cell.gates;
    const float* hidden_gates = part.own->hidden_gates.data();
    if (is_lstm_) {
      elementwise({Function::kAdd,
                   1,
                   0,
                   {gates, cell.gates},
                   {hidden_gates, cell.gates},
                   gates,
                   cell.gates,
                   1,
                   cell.gates});
      lstm_cell(gates, cell.hidden, h, part.own->c.data() + layer * cell.hidden);
    } else {
      gru_cell(gates, hidden_gates, cell.hidden, h);
    }
    std::copy_n(h, cell.hidden, part.y + f * cell.hidden);
  }

  bool is_lstm_;
  int64_t x_pitch_;
  std::vector<Cell> cells_;
  AlignedFloats initial_h_, initial_c_;
  int64_t gates_ = 0;
};

}  // namespace

KernelPtr make_kernel(const Recurrence& recurrence, const KernelSite& site) {
  return std::make_unique<Recurrent>(recurrence, site.x_pitch);
}

}  // namespace torchstreamer::native
