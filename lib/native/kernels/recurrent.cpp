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

// Number of frames for which the input parts of the gates are computed at a time.
constexpr int64_t kFramesAtOnce = 4;

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
      : is_lstm_(r.is_lstm), initial_h_(floats_in(r.initial_h)) {
    if (is_lstm_) initial_c_ = floats_in(r.initial_c);
    for (const Recurrence::Layer& layer : r.layers) {
      cells_.emplace_back(layer, x_pitch);
      x_pitch = cells_.back().hidden;
      gates_ = std::max(gates_, cells_.back().gates);
    }
  }

  int64_t needs_from(int, int64_t first) const override { return first; }

  void run(const FrameReader* in, const Step& step, float* y, KernelState* state) const override {
    auto* own = static_cast<CellStates*>(state);
    const int64_t hidden = cells_[0].hidden;
    for (int64_t at = 0, frames; at < step.frames; at += frames, y += frames * hidden) {
      frames = std::min(step.frames - at, kFramesAtOnce);
      own->h_before = own->h;
      own->c_before = own->c;
      run_layers(in[0].at(step.first + at), y, frames, own);
      if (own->is_finite()) continue;
      // A state that is not finite would never become finite again. It is checked after every
      // frame, so that the frame of the reset does not depend on the sizes of the pushes.
      own->h = own->h_before;
      own->c = own->c_before;
      for (int64_t f = 0; f < frames; ++f) {
        run_layers(in[0].at(step.first + at + f), y + f * hidden, 1, own);
        if (!own->is_finite()) reset_not_finite(own);
      }
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

  void reset_not_finite(CellStates* own) const {
    ++own->resets;
    native::reset_not_finite(own->h, initial_h_);
    native::reset_not_finite(own->c, initial_c_);
  }

  void run_layers(const float* x, float* y, int64_t frames, CellStates* own) const {
    for (size_t layer = 0; layer < cells_.size(); ++layer) {
      run_layer(layer, x, y, frames, own);
      x = y;
    }
  }

  // `x` and `y` may be the same memory, because all of x is read before y is written.
  void run_layer(size_t layer, const float* x, float* y, int64_t frames, CellStates* own) const {
    const Cell& cell = cells_[layer];
    float* h = own->h.data() + layer * cell.hidden;
    float* c = own->c.data() + (is_lstm_ ? layer * cell.hidden : 0);
    cell.from_input.run(x, own->input_gates.data(), frames);
    for (int64_t f = 0; f < frames; ++f) {
      float* gates = own->input_gates.data() + f * cell.gates;
      cell.from_hidden.run(h, own->hidden_gates.data(), 1);
      if (is_lstm_) {
        elementwise({Function::kAdd,
                     1,
                     0,
                     {gates, cell.gates},
                     {own->hidden_gates.data(), cell.gates},
                     gates,
                     cell.gates,
                     1,
                     cell.gates});
        lstm_cell(gates, cell.hidden, h, c);
      } else {
        gru_cell(gates, own->hidden_gates.data(), cell.hidden, h);
      }
      std::copy_n(h, cell.hidden, y + f * cell.hidden);
    }
  }

  bool is_lstm_;
  std::vector<Cell> cells_;
  AlignedFloats initial_h_, initial_c_;
  int64_t gates_ = 0;
};

}  // namespace

KernelPtr make_kernel(const Recurrence& recurrence, const KernelSite& site) {
  return std::make_unique<Recurrent>(recurrence, site.x_pitch);
}

}  // namespace torchstreamer::native
