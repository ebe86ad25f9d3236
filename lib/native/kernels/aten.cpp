#include <ATen/ops/from_blob.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>
#include <c10/core/InferenceMode.h>

#include "native/kernels/kernels.h"
#include "support/exceptions.h"
#include "torchstreamer/error.h"

namespace torchstreamer::native {

namespace {

int64_t bytes_of(const Format& f) {
  return f.samples() * static_cast<int64_t>(c10::elementSize(f.dtype));
}

// Frames in the memory of a track: those of complex numbers as pairs of floats, which need not lie
// where a complex number might.
Tensor tensor_at(const float* at, int64_t frames, int64_t pitch, Format format) {
  if (format.dtype == at::kComplexFloat) {
    format.dtype = at::kFloat;
    format.frame.push_back(2);
  }
  auto sizes = format.frame;
  sizes.insert(sizes.begin(), frames);
  std::vector<int64_t> strides(sizes.size(), 1);
  for (size_t d = sizes.size() - 1; d > 1; --d) strides[d - 1] = strides[d] * sizes[d];
  strides[0] = pitch * static_cast<int64_t>(sizeof(float)) /
               static_cast<int64_t>(c10::elementSize(format.dtype));
  return at::from_blob(const_cast<float*>(at), sizes, strides, at::TensorOptions(format.dtype));
}

// Copies, for states keep what they are given.
Tensor read(const float* at, int64_t frames, int64_t pitch, const Format& format) {
  const Tensor x = tensor_at(at, frames, pitch, format).clone(at::MemoryFormat::Contiguous);
  return format.dtype == at::kComplexFloat ? at::view_as_complex(x) : x;
}
void write(const Tensor& x, float* at, int64_t pitch, const Format& format) {
  const bool is_complex = format.dtype == at::kComplexFloat;
  tensor_at(at, x.size(0), pitch, format)
      .copy_(is_complex ? at::view_as_real(x.resolve_conj()) : x);
}

class RunState : public Kernel {
 public:
  RunState(LayerPtr layer, std::vector<Format> in, Format out)
      : layer_(std::move(layer)), in_(std::move(in)), out_(std::move(out)) {}

  int64_t needs_from(int, int64_t) const override { return kTaken; }

  void run(const Frames* in, const Step& step, float* y, Memory* memory) const override {
    c10::InferenceMode guard;
    auto* own = static_cast<AtenMemory*>(memory);
    Tensors x;
    for (size_t i = 0; i < in_.size(); ++i) {
      const int64_t frames = in[i].count() - own->taken[i];
      x.push_back(frames ? read(in[i].at(own->taken[i]), frames, in[i].pitch(), in_[i]) : Tensor());
      own->taken[i] = in[i].count();
    }
    Tensor out;
    try {
      out = own->state->push(x, step);
    } catch (...) {
      rethrow_as_error(layer_->describe());
    }
    if ((out.defined() ? out.size(0) : 0) != step.frames)
      throw Error(layer_->describe() + " did not return the frames its timing promises");
    if (step.frames) write(out, y, floats_of(out_), out_);
  }

  std::unique_ptr<Memory> start() const override {
    auto running = std::make_unique<AtenMemory>();
    running->state = layer_->start();
    running->taken.assign(in_.size(), 0);
    return running;
  }

 private:
  struct AtenMemory : Memory {
    std::unique_ptr<State> state;
    std::vector<int64_t> taken;
    int64_t bytes() const override { return state->held_bytes(); }
    int64_t recoveries() const override { return state->recoveries(); }
  };

  LayerPtr layer_;
  std::vector<Format> in_;
  Format out_;
};

}  // namespace

// A multiple of the widest type, so that a row is a whole number of elements of any.
int64_t floats_of(const Format& format) {
  if (format.dtype == at::kFloat) return format.samples();
  if (format.dtype == at::kComplexFloat) return 2 * format.samples();
  constexpr int64_t kWidestBytes = 16;
  return ceil_div(bytes_of(format), kWidestBytes) * kWidestBytes / sizeof(float);
}

AlignedFloats floats_in(const Tensor& x) {
  const Floats values(x);
  return values ? AlignedFloats(values + 0, values + x.numel()) : AlignedFloats();
}

KernelPtr run_state(LayerPtr layer, std::vector<Format> in, Format out) {
  return std::make_unique<RunState>(std::move(layer), std::move(in), std::move(out));
}

}  // namespace torchstreamer::native
