#include "native/simd/bluestein.h"

#include <algorithm>
#include <limits>

namespace torchstreamer::native {
namespace {

// Returns the size of at least `least` that takes the fewest operations.
int64_t fast_size(int64_t least) {
  int64_t best = 0, fewest = std::numeric_limits<int64_t>::max();
  for (const int64_t odd : {1, 3, 5, 9, 15, 25}) {
    int64_t size = odd;
    while (size < least) size *= 2;
    const int64_t operations = Stockham::operations(size);
    if (operations >= fewest) continue;
    best = size;
    fewest = operations;
  }
  return best;
}

}  // namespace

Bluestein::Bluestein(int64_t size, int64_t few) : stockham_(fast_size(size + few - 1)) {
  for (int64_t n = 0; n < size; ++n) chirp_.push_back(root(n * n % (2 * size), 2 * size));
  const int64_t m = stockham_.size();
  std::vector<Complex> work(work_values());
  for (int64_t k = 0; k < few; ++k) work[k] = conjugate(chirp_[k]);
  for (int64_t n = 1; n < size; ++n) work[m - n] = conjugate(chirp_[n]);
  const Complex* filter = stockham_.transform(work.data());
  for (int64_t f = 0; f < m; ++f) filter_.push_back(filter[f] * (1 / static_cast<double>(m)));
}

// The rest, which are products and copies, takes as long as the transforms.
int64_t Bluestein::operations(int64_t size, int64_t few) {
  return 4 * Stockham::operations(fast_size(size + few - 1));
}

// The second transform is the inverse one: the conjugate of the transform of the conjugate.
Complex* Bluestein::transform(Complex* work, int64_t inputs, int64_t outputs) const {
  const int64_t m = stockham_.size();
  const bool is_reversed = inputs < outputs;
  for (int64_t n = 0; n < inputs; ++n) work[n] = work[n] * chirp_[n];
  std::fill(work + inputs, work + m, Complex{});
  const Complex* z = stockham_.transform(work);
  for (int64_t f = 0; f < m; ++f)
    work[f] = conjugate(z[f] * filter_[is_reversed && f > 0 ? m - f : f]);
  Complex* y = stockham_.transform(work);
  for (int64_t k = 0; k < outputs; ++k) y[k] = conjugate(y[k]) * chirp_[k];
  return y;
}

int64_t Bluestein::bytes() const {
  return stockham_.bytes() +
         static_cast<int64_t>((chirp_.size() + filter_.size()) * sizeof(Complex));
}

}  // namespace torchstreamer::native
