// Runs a layer without a kernel by its own State, with tensors of libtorch.
#include <ATen/ops/from_blob.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>
#include <c10/core/InferenceMode.h>

#include <utility>

#include "native/kernels/floats.h"
#include "native/kernels/table.h"
#include "support/exceptions.h"
#include "torchstreamer/error.h"

namespace torchstreamer::native {
namespace {

// Returns frames in the memory of an edge buffer as a tensor `[frames, ...]`. Complex numbers are
// returned as pairs of floats `[frames, ..., 2]`, because they may not be aligned like complex
// numbers.
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

// Returns a copy, because states keep their input.
Tensor read(const float* at, int64_t frames, int64_t pitch, const Format& format) {
  const Tensor x = tensor_at(at, frames, pitch, format).clone(at::MemoryFormat::Contiguous);
  return format.dtype == at::kComplexFloat ? at::view_as_complex(x) : x;
}
void write(const Tensor& x, float* at, int64_t pitch, const Format& format) {
  const bool is_complex = format.dtype == at::kComplexFloat;
  tensor_at(at, x.size(0), pitch, format)
      .copy_(is_complex ? at::view_as_real(x.resolve_conj()) : x);
}

class Fallback : public Kernel {
 public:
  explicit Fallback(KernelSite site) : site_(std::move(site)) {}

  int64_t needs_from(int, int64_t) const override { return kConsumed; }

  void run(const FrameReader* in, const Step& step, float* y, KernelState* state) const override {
    c10::InferenceMode guard;
    auto* own = static_cast<FallbackState*>(state);
    Tensors x;
    for (size_t i = 0; i < site_.in.size(); ++i) {
      const int64_t begin = std::exchange(own->consumed_frames[i], in[i].count());
      const int64_t frames = in[i].count() - begin;
      x.push_back(frames ? read(in[i].at(begin), frames, in[i].pitch(), site_.in[i]) : Tensor());
    }
    Tensor out;
    try {
      out = own->state->push(x, step);
    } catch (...) {
      rethrow_as_error(site_.layer->describe());
    }
    if ((out.defined() ? out.size(0) : 0) != step.frames)
      throw Error(site_.layer->describe() +
                  " did not return the number of frames that follows from its timing");
    if (step.frames) write(out, y, floats_of(site_.out), site_.out);
  }

  std::unique_ptr<KernelState> start() const override {
    auto state = std::make_unique<FallbackState>();
    state->state = site_.layer->start();
    state->consumed_frames.assign(site_.in.size(), 0);
    return state;
  }

 private:
  struct FallbackState : KernelState {
    std::unique_ptr<State> state;
    std::vector<int64_t> consumed_frames;  // number of consumed frames of each input
    int64_t bytes() const override { return state->held_bytes(); }
    int64_t recoveries() const override { return state->recoveries(); }
  };

  KernelSite site_;
};

}  // namespace

KernelPtr make_kernel(const std::monostate&, const KernelSite& site) {
  return std::make_unique<Fallback>(site);
}

}  // namespace torchstreamer::native
