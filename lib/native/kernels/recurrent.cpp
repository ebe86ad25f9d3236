#include <algorithm>
#include <cfloat>
#include <cmath>

#include "native/kernels/kernels.h"
#include "native/simd/convolution.h"
#include "native/simd/memory.h"

namespace torchstreamer::native {
namespace {

// The input's part of the gates is made for this many frames at once.
constexpr int64_t kFramesAtOnce = 4;

bool is_finite(const AlignedFloats& values) {
  bool is_finite = true;
  for (const float value : values) is_finite &= std::abs(value) <= FLT_MAX;
  return is_finite;
}

// What is not finite becomes what it was initially.
void begin_anew(AlignedFloats& values, const AlignedFloats& initial) {
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i])) values[i] = initial[i];
}

// One layer: gates = W_ih x + b_ih, and W_hh h + b_hh, frame by frame.
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

class Recur : public Kernel {
 public:
  Recur(const Recurrence& r, int64_t x_pitch)
      : is_lstm_(r.is_lstm), initial_h_(floats_in(r.initial_h)) {
    if (is_lstm_) initial_c_ = floats_in(r.initial_c);
    for (const Recurrence::Layer& layer : r.layers) {
      cells_.emplace_back(layer, x_pitch);
      x_pitch = cells_.back().hidden;
      gates_ = std::max(gates_, cells_.back().gates);
    }
  }

  int64_t needs_from(int, int64_t first) const override { return first; }

  void run(const Frames* in, const Step& step, float* y, Memory* memory) const override {
    auto* own = static_cast<Carried*>(memory);
    const int64_t hidden = cells_[0].hidden;
    for (int64_t at = 0, frames; at < step.frames; at += frames, y += frames * hidden) {
      frames = std::min(step.frames - at, kFramesAtOnce);
      own->h_before = own->h;
      own->c_before = own->c;
      run_layers(in[0].at(step.first + at), y, frames, own);
      if (own->is_finite()) continue;
      // Once it is not finite the state stays so. Frame by frame: where it begins anew must not
      // depend on how the signal is cut.
      own->h = own->h_before;
      own->c = own->c_before;
      for (int64_t f = 0; f < frames; ++f) {
        run_layers(in[0].at(step.first + at + f), y + f * hidden, 1, own);
        if (!own->is_finite()) begin_anew(own);
      }
    }
  }

  std::unique_ptr<Memory> start() const override {
    auto carried = std::make_unique<Carried>();
    carried->h = carried->h_before = initial_h_;
    carried->c = carried->c_before = initial_c_;
    carried->input_gates.resize(kFramesAtOnce * gates_);
    carried->hidden_gates.resize(gates_);
    return carried;
  }

  int64_t weights_bytes() const override {
    int64_t bytes = 0;
    for (const Cell& cell : cells_) bytes += cell.from_input.bytes() + cell.from_hidden.bytes();
    return bytes;
  }

 private:
  struct Carried : Memory {
    AlignedFloats h, c, h_before, c_before, input_gates, hidden_gates;
    int64_t times_anew = 0;
    bool is_finite() const { return native::is_finite(h) && native::is_finite(c); }
    int64_t bytes() const override {
      return static_cast<int64_t>(
          (2 * (h.size() + c.size()) + input_gates.size() + hidden_gates.size()) * sizeof(float));
    }
    int64_t recoveries() const override { return times_anew; }
  };

  void begin_anew(Carried* own) const {
    ++own->times_anew;
    native::begin_anew(own->h, initial_h_);
    native::begin_anew(own->c, initial_c_);
  }

  void run_layers(const float* x, float* y, int64_t frames, Carried* own) const {
    for (size_t layer = 0; layer < cells_.size(); ++layer) {
      run_layer(layer, x, y, frames, own);
      x = y;
    }
  }

  // `x` and `y` may be the same frames: those of the layer before are read at once.
  void run_layer(size_t layer, const float* x, float* y, int64_t frames, Carried* own) const {
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

KernelPtr recurrent(const Recurrence& recurrence, int64_t x_pitch) {
  return std::make_unique<Recur>(recurrence, x_pitch);
}

}  // namespace torchstreamer::native
