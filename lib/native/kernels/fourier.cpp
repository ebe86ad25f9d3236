#include "native/simd/fourier.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "native/kernels/floats.h"
#include "native/kernels/table.h"
#include "torchstreamer/error.h"
#include "torchstreamer/timing.h"

namespace torchstreamer::native {
namespace {

std::vector<double> doubles_in(const Tensor& x) {
  const Tensor y = x.to(at::kCPU, at::kDouble).contiguous();
  return {y.data_ptr<double>(), y.data_ptr<double>() + y.numel()};
}

// Memory of one transform.
struct TransformMemory {
  explicit TransformMemory(const RealFourier& transform, size_t size)
      : signal(size), spectrum(transform.frequencies()), work(transform.work_values()) {}
  int64_t bytes() const {
    return static_cast<int64_t>(signal.size() * sizeof(double) +
                                (spectrum.size() + work.size()) * sizeof(Complex));
  }
  std::vector<double> signal;
  std::vector<Complex> spectrum, work;
};

class Spectra : public Kernel {
 public:
  Spectra(const ShortTimeFourier& f, int64_t signals)
      : hop_(f.hop_frames),
        signals_(signals),
        window_(doubles_in(f.window)),
        transform_(static_cast<int64_t>(window_.size())),
        written_(f.is_onesided ? transform_.frequencies() : static_cast<int64_t>(window_.size())) {}

  int64_t needs_from(int, int64_t first) const override { return first * hop_; }

  void run(const FrameReader* in, const Step& step, float* y, KernelState* state) const override {
    TransformMemory& memory = static_cast<Work*>(state)->memory;
    for (int64_t w = step.first; w < step.first + step.frames; ++w)
      for (int64_t s = 0; s < signals_; ++s, y += 2 * written_) {
        const float* x = in[0].at(w * hop_) + s;
        for (size_t n = 0; n < window_.size(); ++n, x += in[0].pitch())
          memory.signal[n] = *x * window_[n];
        transform_.forward(memory.signal.data(), memory.spectrum.data(), memory.work.data());
        write(memory.spectrum, y);
      }
  }

  std::unique_ptr<KernelState> start() const override {
    return std::make_unique<Work>(transform_, window_.size());
  }
  int64_t weights_bytes() const override {
    return transform_.bytes() + static_cast<int64_t>(window_.size() * sizeof(double));
  }

 private:
  struct Work : KernelState {
    Work(const RealFourier& transform, size_t size) : memory(transform, size) {}
    TransformMemory memory;
    int64_t bytes() const override { return memory.bytes(); }
  };

  // The spectrum of a real signal at a negative frequency is the conjugate of the positive one.
  void write(const std::vector<Complex>& spectrum, float* y) const {
    const int64_t positive = transform_.frequencies();
    for (int64_t k = 0; k < written_; ++k) {
      const bool is_negative = k >= positive;
      const Complex& z = spectrum[is_negative ? written_ - k : k];
      y[2 * k] = static_cast<float>(z.re);
      y[2 * k + 1] = static_cast<float>(is_negative ? -z.im : z.im);
    }
  }

  int64_t hop_, signals_;
  std::vector<double> window_;
  RealFourier transform_;
  int64_t written_;  // frequencies of an output frame
};

// Adds each spectrum when its first output frame is computed.
class InverseSpectra : public Kernel {
 public:
  InverseSpectra(const InverseShortTimeFourier& f, int64_t floats_in, int64_t samples)
      : hop_(f.hop_frames),
        samples_(samples),
        frequencies_(floats_in / 2 / (samples - 1)),
        window_(doubles_in(f.window)),
        envelope_(doubles_in(f.envelope)),
        size_(static_cast<int64_t>(window_.size())),
        transform_(size_) {}

  int64_t needs_from(int, int64_t first) const override { return ceil_div(first, hop_); }

  void run(const FrameReader* in, const Step& step, float* y, KernelState* state) const override {
    auto* sums = static_cast<Sums*>(state);
    const int64_t end = step.first + step.frames;
    for (int64_t f = step.first, next; f < end; f = next) {
      const int64_t spectrum = f / hop_;
      next = std::min(end, (spectrum + 1) * hop_);
      if (f == spectrum * hop_ && spectrum < in[0].count()) add(in[0].at(spectrum), f, sums);
      take(f, next - f, sums, y);
      y += (next - f) * samples_;
    }
  }

  std::unique_ptr<KernelState> start() const override {
    return std::make_unique<Sums>(transform_, size_, samples_);
  }
  int64_t weights_bytes() const override {
    return transform_.bytes() + static_cast<int64_t>(2 * window_.size() * sizeof(double));
  }

 private:
  struct Sums : KernelState {
    Sums(const RealFourier& transform, int64_t size, int64_t samples)
        : memory(transform, size), frames(size * samples) {}
    TransformMemory memory;
    std::vector<double> frames;  // [size][samples], the next output frames in a ring
    int64_t bytes() const override {
      return memory.bytes() + static_cast<int64_t>(frames.size() * sizeof(double));
    }
  };

  // Moves the sums of output frames to `y`.
  void take(int64_t first, int64_t frames, Sums* sums, float* y) const {
    std::vector<double>& ring = sums->frames;
    auto at = static_cast<size_t>(first % size_ * samples_);
    for (int64_t i = 0; i < frames * samples_; ++i) {
      y[i] = static_cast<float>(std::exchange(ring[at], 0));
      if (++at == ring.size()) at = 0;
    }
  }

  // Adds the signals of one spectrum and its envelope to the output frames from `first`.
  void add(const float* x, int64_t first, Sums* sums) const {
    TransformMemory& memory = sums->memory;
    for (int64_t s = 0; s + 1 < samples_; ++s, x += 2 * frequencies_) {
      for (int64_t k = 0; k < transform_.frequencies(); ++k)
        memory.spectrum[k] = {x[2 * k], x[2 * k + 1]};
      transform_.inverse(memory.spectrum.data(), memory.signal.data(), memory.work.data());
      for (int64_t n = 0; n < size_; ++n) memory.signal[n] *= window_[n];
      add(memory.signal, first, s, sums);
    }
    add(envelope_, first, samples_ - 1, sums);
  }

  void add(const std::vector<double>& values, int64_t first, int64_t sample, Sums* sums) const {
    const int64_t begin = first % size_;
    double* sum = sums->frames.data() + sample;
    for (int64_t n = 0; n < size_; ++n)
      sum[(n < size_ - begin ? n + begin : n + begin - size_) * samples_] += values[n];
  }

  int64_t hop_, samples_, frequencies_;
  std::vector<double> window_, envelope_;
  int64_t size_;
  RealFourier transform_;
};

class DivideByLast : public Kernel {
 public:
  explicit DivideByLast(int64_t samples) : samples_(samples) {}

  void run(const FrameReader* in, const Step& step, float* y, KernelState*) const override {
    for (int64_t f = step.first; f < step.first + step.frames; ++f, y += samples_) {
      const float* x = in[0].at(f);
      if (std::abs(x[samples_]) < DividedByLast::kLeast) throw Error(DividedByLast::kIsZero);
      for (int64_t i = 0; i < samples_; ++i) y[i] = x[i] / x[samples_];
    }
  }

 private:
  int64_t samples_;
};

}  // namespace

KernelPtr make_kernel(const ShortTimeFourier& f, const KernelSite& site) {
  return std::make_unique<Spectra>(f, floats_of(site.in[0]));
}

KernelPtr make_kernel(const InverseShortTimeFourier& f, const KernelSite& site) {
  return std::make_unique<InverseSpectra>(f, floats_of(site.in[0]), floats_of(site.out));
}

KernelPtr make_kernel(const DividedByLast&, const KernelSite& site) {
  return std::make_unique<DivideByLast>(floats_of(site.out));
}

}  // namespace torchstreamer::native
