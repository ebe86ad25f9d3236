#include "audio/resampler.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace torchstreamer::audio {
namespace {

// Frames of a piece, whose history and output fit in the cache.
constexpr int64_t kPieceFrames = 1024;
constexpr int64_t kRepeatsApart = 4;  // blocks computed at a time in separate memory

/// Returns the sum of one output frame over its taps. It has the same bits as in a block, because
/// the partial sums start at the same rows. `row`: row of the first tap in the block.
template <class T>
T add_up(const T* coefficients, int64_t coefficient_stride, int64_t row, int64_t taps, const T* x,
         int64_t stride) {
  T sum = 0;
  for (int64_t k = 0; k < taps;) {
    T part = 0;
    const int64_t end = std::min(taps, k + kRowsAtOnce - (row + k) % kRowsAtOnce);
    for (; k < end; ++k) part += coefficients[k * coefficient_stride] * x[k * stride];
    sum += part;
  }
  return sum;
}

template <class T>
bool is_aligned(const void* samples) {
  return reinterpret_cast<uintptr_t>(samples) % alignof(T) == 0;
}

}  // namespace

// The history of a stream and the blocks of outputs that a push computes:
//
//   history_start_                                              end of the input so far
//   |----------------------------history--------------------------------|
//   |---- rows of the first ----|                                       |
//   |       |---- rows of the next ----|                                |
//   |                   ..                             |---- rows of the last - - - -|
//
//   (1) Input, or zeros before and after the signal, is converted and appended to the history.
//   (2) The first block is the one that the previous push computed in part. Its other outputs are
//       written now.
//   (3) Whole blocks are written to the output directly. One pass over the coefficients computes
//       the same block of several periods and of several channels.
//   (4) The last block is computed with the rows that are in the history. An output is written if
//       all missing coefficients are zero. The next push computes the others again.
//   (5) History before the last block is dropped. The next push starts with that block.

template <class T>
Resampler<T>::Resampler(std::shared_ptr<const ResampleFilter<T>> filter, int64_t channels,
                        const SampleFormat& format)
    : filter_(std::move(filter)),
      kernels_(best_kernels<T>()),
      channels_(channels),
      format_(format),
      history_(channels),
      converted_(kPieceFrames * channels),
      apart_(kRepeatsApart * kBlockLanes * channels) {
  const int64_t most_frames =
      std::max(filter_->block_rows(), filter_->clock().longest_taps()) + 2 * kPieceFrames;
  history_.reserve(most_frames);
  if (!filter_->has_blocks())
    interpolator_.emplace(filter_->interpolated().cells(), channels, most_frames);
  reset();
}

template <class T>
void Resampler<T>::reset() {
  frames_in_ = frames_out_ = 0;
  history_.clear();
  if (filter_->has_blocks()) next_ = filter_->place(0);
  history_start_ = filter_->has_blocks() ? next_.frame : filter_->clock().first(0);
  std::fill_n(history_.append(-history_start_), -history_start_ * channels_, T(0));
}

template <class T>
int64_t Resampler<T>::frames_due(int64_t frames, bool final) const {
  const ResampleClock& clock = filter_->clock();
  const int64_t frames_in = frames_in_ + frames;
  return (final ? clock.total(frames_in) : clock.certain(frames_in)) - frames_out_;
}

template <class T>
void Resampler<T>::push(const void* in, int64_t frames, bool final, void* out) {
  const auto* from = static_cast<const uint8_t*>(in);
  auto* to = static_cast<uint8_t*>(out);
  const int64_t frame_bytes = channels_ * format_.bytes();
  if (filter_->passes_through()) {
    if (frames > 0) std::memcpy(to, from, frames * frame_bytes);
    return;
  }
  const ResampleClock& clock = filter_->clock();
  while (frames > 0) {
    const int64_t piece = std::min(frames, kPieceFrames);
    read_samples(format_, from, piece * channels_, history_.append(piece));  // (1)
    from += piece * frame_bytes;
    frames -= piece;
    frames_in_ += piece;
    to = emit(clock.certain(frames_in_), to);
  }
  if (!final) return;
  for (const int64_t total = clock.total(frames_in_); frames_out_ < total;) {
    std::fill_n(history_.append(kPieceFrames), kPieceFrames * channels_, T(0));  // (1)
    const int64_t end = history_start_ + history_.frames();
    to = emit(std::min(total, clock.certain(end)), to);
  }
  reset();
}

template <class T>
uint8_t* Resampler<T>::emit(int64_t end, uint8_t* out) {
  while (frames_out_ < end) {
    const bool is_direct = is_native<T>(format_) && is_aligned<T>(out);
    const Run run = {frames_out_, is_direct ? end : std::min(end, frames_out_ + kPieceFrames),
                     is_direct ? reinterpret_cast<T*>(out) : converted_.data()};
    filter_->has_blocks() ? compute_blocks(run) : interpolate(run);
    const int64_t samples = (run.end - run.begin) * channels_;
    if (!is_direct) write_samples(format_, run.out, samples, out);
    out += samples * format_.bytes();
    frames_out_ = run.end;
  }
  const int64_t needed = filter_->has_blocks() ? next_.frame : filter_->clock().first(end);
  const int64_t unused = std::min(history_.frames(), needed - history_start_);  // (5)
  history_.drop(unused);
  history_start_ += unused;
  return out;
}

template <class T>
void Resampler<T>::compute_blocks(const Run& run) {
  const int64_t period = filter_->period_outputs();
  const Place last = filter_->place(run.end);
  Place place = std::exchange(next_, last);
  if (place.output < run.begin && place.output < last.output) {
    compute_apart(run, place, 1);  // (2)
    place = filter_->next(place);
  }
  const int64_t stop = std::min(last.output, place.output + period);
  for (int64_t repeats = ceil_div(last.output - place.output, period); place.output < stop;
       place = filter_->next(place)) {
    if (place.output + (repeats - 1) * period >= last.output) --repeats;
    if (place.block->outputs == kBlockLanes)
      compute_whole(run, place, repeats);  // (3)
    else
      compute_apart(run, place, repeats);
  }
  if (last.output < run.end) compute_apart(run, last, 1);  // (4)
}

template <class T>
BlockRepeats<T> Resampler<T>::blocks_at(const Run& run, const Place& place, int64_t repeats) const {
  BlockRepeats<T> blocks;
  if (const auto& polynomials = filter_->polynomials())
    blocks.polynomials = polynomials->at(filter_->index(*place.block), place.block->first);
  else
    blocks.rows = filter_->rows(*place.block);
  // The rows behind the history of the last repeat have no part in its outputs.
  const int64_t last_frame = place.frame + (repeats - 1) * filter_->period_frames();
  blocks.row_count =
      std::min(filter_->block_rows(), history_start_ + history_.frames() - last_frame);
  blocks.channels = channels_;
  blocks.repeats = repeats;
  blocks.in = history_.data() + (place.frame - history_start_) * channels_;
  blocks.out = run.out + (place.output - run.begin) * channels_;
  blocks.in_samples = filter_->period_frames() * channels_;
  blocks.out_samples = filter_->period_outputs() * channels_;
  return blocks;
}

template <class T>
void Resampler<T>::compute_block(const Place& place, Lanes lanes, BlockRepeats<T>& blocks) {
  const auto& polynomials = filter_->polynomials();
  const bool is_finite =
      polynomials ? kernels_.interpolate_blocks(blocks) : kernels_.compute(blocks);
  if (is_finite) return;
  if (!polynomials) return compute_exactly(place, lanes, blocks);
  if (!polynomials->omits_edges()) return;
  polynomials->observe_windows(blocks.polynomials);
  kernels_.interpolate_blocks(blocks);
}

template <class T>
void Resampler<T>::compute_whole(const Run& run, const Place& place, int64_t repeats) {
  BlockRepeats<T> blocks = blocks_at(run, place, repeats);
  compute_block(place, {0, kBlockLanes}, blocks);
}

/// Computes blocks in separate memory, because only some of their outputs are written.
template <class T>
void Resampler<T>::compute_apart(const Run& run, const Place& place, int64_t repeats) {
  BlockRepeats<T> blocks = blocks_at(run, place, repeats);
  const int64_t first = std::max<int64_t>(0, run.begin - place.output);
  const int64_t end = std::min(place.block->outputs, run.end - place.output);
  const int64_t block_samples = kBlockLanes * channels_;
  T* out = std::exchange(blocks.out, apart_.data()) + first * channels_;
  const int64_t period_samples = std::exchange(blocks.out_samples, block_samples);
  for (; repeats > 0; repeats -= kRepeatsApart) {
    blocks.repeats = std::min(repeats, kRepeatsApart);
    compute_block(place, {first, end}, blocks);
    const T* apart = apart_.data() + first * channels_;
    for (int64_t r = 0; r < blocks.repeats; ++r, apart += block_samples, out += period_samples)
      std::copy_n(apart, (end - first) * channels_, out);
    blocks.in += kRepeatsApart * blocks.in_samples;
  }
}

/// Computes each output over its own taps only, because zero times NaN or infinity would be NaN.
template <class T>
void Resampler<T>::compute_exactly(const Place& place, Lanes lanes, BlockRepeats<T> b) const {
  const ResampleClock& clock = filter_->clock();
  const int64_t first_output = place.output % filter_->period_outputs();
  for (; b.repeats > 0; --b.repeats, b.in += b.in_samples, b.out += b.out_samples)
    for (int64_t l = lanes.begin; l < lanes.end; ++l) {
      const int64_t row = clock.first(first_output + l) - place.block->first;
      const int64_t taps = clock.last(first_output + l) - clock.first(first_output + l) + 1;
      for (int64_t c = 0; c < channels_; ++c)
        b.out[l * channels_ + c] = add_up(&b.rows[row].lane[l], kBlockLanes, row, taps,
                                          b.in + row * channels_ + c, channels_);
    }
}

template <class T>
void Resampler<T>::interpolate(const Run& run) {
  const T* in = history_.data() + (filter_->clock().first(run.begin) - history_start_) * channels_;
  interpolator_->compute(filter_->interpolated(), in, run.begin, run.end, run.out);
}

template class Resampler<float>;
template class Resampler<double>;

}  // namespace torchstreamer::audio
