#include "audio/resample_filter.h"

#include <algorithm>
#include <numeric>

namespace torchstreamer::audio {
namespace {

/// Reading larger tables takes longer than to interpolate the coefficients.
constexpr int64_t kMaxTableBytes = 8 << 20;

}  // namespace

template <class T>
ResampleFilter<T>::ResampleFilter(int64_t source_hz, int64_t target_hz,
                                  const ResampleOptions& options)
    : clock_(source_hz, target_hz, options), sinc_(clock_.orig(), clock_.phases(), options) {
  lay_out_blocks();
}

template <class T>
void ResampleFilter<T>::coefficients(int64_t phase, T* out) const {
  constexpr int kAtOnce = WindowedSinc<T>::kAtOnce;
  const T time = sinc_.phase_time(phase);
  const int64_t last = clock_.last(phase);
  for (int64_t tap = clock_.first(phase); tap <= last; tap += kAtOnce) {
    T times[kAtOnce], values[kAtOnce];
    for (int l = 0; l < kAtOnce; ++l) times[l] = sinc_.tap_time(tap + l) - time;
    sinc_.coefficients(times, values);
    out = std::copy_n(values, std::min<int64_t>(kAtOnce, last - tap + 1), out);
  }
}

// A block must not contain outputs of two periods. A short period is therefore repeated until it
// fills its blocks; in a long period the number of unused lanes is small.
template <class T>
void ResampleFilter<T>::lay_out_blocks() {
  const int64_t phases = clock_.phases();
  const int64_t repeats =
      phases < int64_t{8} * kBlockLanes ? kBlockLanes / std::gcd<int64_t>(phases, kBlockLanes) : 1;
  period_outputs_ = repeats * phases;
  period_frames_ = repeats * clock_.orig();
  const int64_t blocks = ceil_div(period_outputs_, kBlockLanes);
  auto end_of = [&](int64_t output) { return std::min(output + kBlockLanes, period_outputs_); };
  int64_t rows = 0;
  for (int64_t output = 0; output < period_outputs_; output += kBlockLanes)
    rows = std::max(rows, clock_.last(end_of(output) - 1) - clock_.first(output) + 1);
  if (blocks * rows * static_cast<int64_t>(sizeof(Row<T>)) > kMaxTableBytes) {
    lay_out_polynomials();
    return;
  }
  block_rows_ = rows;
  rows_.resize(blocks * rows);
  for (int64_t output = 0; output < period_outputs_; output += kBlockLanes)
    blocks_.push_back({clock_.last(end_of(output) - 1) - rows + 1, end_of(output) - output,
                       output / kBlockLanes * rows});
  fill_rows();
}

template <class T>
void ResampleFilter<T>::lay_out_polynomials() {
  polynomials_ = PolynomialBlocks<T>::make(clock_, sinc_);
  if (!polynomials_) {
    interpolated_.emplace(clock_, sinc_);
    return;
  }
  block_rows_ = polynomials_->row_count();
  for (int64_t output = 0; output < period_outputs_; output += kBlockLanes)
    blocks_.push_back(
        {clock_.first(output), std::min<int64_t>(kBlockLanes, period_outputs_ - output), 0});
}

template <class T>
void ResampleFilter<T>::fill_rows() {
  std::vector<T> coefficient(clock_.longest_taps());
  for (int64_t output = 0; output < period_outputs_; ++output) {
    const Block& block = blocks_[output / kBlockLanes];
    Row<T>* row = &rows_[block.row_index + clock_.first(output) - block.first];
    coefficients(output % clock_.phases(), coefficient.data());
    for (int64_t k = 0; k <= clock_.last(output) - clock_.first(output); ++k)
      row[k].lane[output % kBlockLanes] = coefficient[k];
  }
}

template class ResampleFilter<float>;
template class ResampleFilter<double>;

}  // namespace torchstreamer::audio
