#include "blocks/batch_trials.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <new>

#include "blocks/call_cost.h"
#include "blocks/row_observer.h"

namespace torchstreamer::blocks {
namespace {

// Limits of the samples and the windows of one call.
constexpr int64_t kMostBatchSamples = 1 << 18;
constexpr int64_t kMostRows = 512;
// Maximum cost of a call. Trials make a few tens of calls.
constexpr double kMostCallCost = 1 << 26;
// The windows of a unit start within this number of frames. It is the size of a small audio buffer,
// so that few rows of a call have no window.
constexpr int64_t kUnitFrames = 64;

// Returns factors [N, 1, 1]: windows of one call may be silent, quiet or loud.
Tensor levels(int64_t windows, const at::TensorOptions& options) {
  constexpr float kLevels[] = {1, 0, 1e-3F, 0.1F, 1e-5F, 1e-2F, 1e-4F};
  Tensor factors = at::empty({windows, 1, 1}, options);
  for (int64_t i = 0; i < windows; ++i) factors[i] = kLevels[i % std::size(kLevels)];
  return factors;
}

// Returns true for equal values; a NaN equals a NaN.
bool has_same_values(const Tensor& a, const Tensor& b) {
  return a.allclose(b, /*rtol=*/0, /*atol=*/0, /*equal_nan=*/true);
}

class BatchTrials {
 public:
  BatchTrials(const Trials& trials, const BlockForm& form) : trials_(trials), form_(form) {}

  // Returns the largest number 1, 2, 4, ... of windows, at most `most_rows`, of a call whose cost
  // is within the limits; 0 if a call with one window exceeds them or fails.
  int64_t cheap_rows(const Tensor& window, int64_t most_rows) const {
    const CostObserver observer;
    try {
      call(window);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception&) {  // the model does not take a batch
      return 0;
    }
    const CallCost cost = observer.cost();
    int64_t rows = 1;
    while (rows <= most_rows &&
           static_cast<double>(rows) * cost.multiply_adds + cost.overhead <= kMostCallCost)
      rows *= 2;
    return rows / 2;
  }

  // Returns true if the sizes of all results show one entry per window. Two numbers of windows are
  // tried, because a size of the weights may be a multiple of one of them.
  bool keeps_rows(int64_t window_frames) const {
    for (const int64_t rows : {13, 17}) {
      const Tensor x = trials_.noise(rows, window_frames, form_.channels_in);
      try {
        if (!loses_rows([&] { call(x); }, rows)) return true;
      } catch (const std::bad_alloc&) {
        throw;
      } catch (const std::exception&) {  // the model does not take several windows
        return false;
      }
    }
    return false;
  }

  // Returns the number of sizes unit_rows, 2 * unit_rows, ... of calls in which each row of `x` has
  // the same bits as alone in a call with `unit_rows` rows.
  int sizes(const Tensor& x, int64_t unit_rows) const {
    std::map<int64_t, Tensor> alone;
    int sizes = 0;
    try {
      for (int64_t rows = unit_rows; rows <= x.size(0); rows *= 2, ++sizes) {
        const Tensor y = call(x.narrow(0, 0, rows));
        if (y.sizes() != at::IntArrayRef({rows, form_.frames_out, form_.channels_out}))
          return sizes;
        for (const int64_t row :
             {int64_t{0}, rows / 4, rows / 2 - 1, rows / 2, rows - 2, rows - 1}) {
          if (row < 0) continue;
          Tensor& expected = alone[row];
          if (!expected.defined()) expected = row_alone(x, unit_rows, row);
          if (!has_same_values(y[row], expected)) return sizes;
        }
      }
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception&) {  // the model does not take several windows
    }
    return sizes;
  }

 private:
  Tensor call(const Tensor& x) const {
    return output_frames(trials_.call(form_, x), form_, /*is_batch=*/true);
  }

  // Returns the output of one row of `x` in a call whose other rows are zeros.
  Tensor row_alone(const Tensor& x, int64_t unit_rows, int64_t row) const {
    Tensor rows = at::zeros({unit_rows, x.size(1), x.size(2)}, x.options());
    rows[row % unit_rows] = x[row];
    return call(rows)[row % unit_rows];
  }

  const Trials& trials_;
  const BlockForm& form_;
};

// Returns the number of windows that start within kUnitFrames frames, rounded down to a power of
// two.
int64_t unit_rows_for(const Windows& windows, int64_t most_rows) {
  int64_t rows = 1;
  while (2 * rows * windows.hop_frames <= kUnitFrames && 2 * rows <= most_rows) rows *= 2;
  return rows;
}

// Returns the largest number of windows that one call may have by their sizes.
int64_t rows_that_fit(const Windows& windows, const BlockForm& form) {
  return std::min({kMostRows, kMostBatchFrames / windows.hop_frames,
                   kMostBatchSamples / (windows.window_frames * form.channels_in)});
}

}  // namespace

Batches find_batches(const Trials& trials, const Windows& windows, const BlockForm& form) {
  if (!trials.method().may_take_batches() || graph::axes_of(form.layout).front() != 'B')
    return Batches();
  const BatchTrials batches(trials, form);
  const int64_t fitting_rows = rows_that_fit(windows, form);
  if (fitting_rows < 2) return Batches();
  const Tensor x = trials.noise(fitting_rows, windows.window_frames, form.channels_in);
  const int64_t most_rows = batches.cheap_rows(x.narrow(0, 0, 1), fitting_rows);
  if (most_rows < 2 || !batches.keeps_rows(windows.window_frames)) return Batches();
  const auto sizes_of = [&](const Tensor& windows_of_call, int64_t unit_rows) {
    return batches.sizes(windows_of_call.narrow(0, 0, most_rows), unit_rows);
  };
  const auto are_independent = [&](int64_t unit_rows, int sizes) {
    return sizes_of(x * levels(fitting_rows, x.options()), unit_rows) >= sizes;
  };
  const int sizes = sizes_of(x, /*unit_rows=*/1);
  const bool are_all = int64_t{1} << sizes > most_rows;
  // Windows of one buffer. Rows are not grouped in units if a call may not have as many.
  const int64_t unit_rows = unit_rows_for(windows, fitting_rows);
  if (!are_all && unit_rows > 1)
    if (const int units = sizes_of(x, unit_rows))
      return are_independent(unit_rows, units) ? Batches(unit_rows, units) : Batches();
  return sizes > 1 && are_independent(1, sizes) ? Batches(1, sizes) : Batches();
}

}  // namespace torchstreamer::blocks
