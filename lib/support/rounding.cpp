#include "support/rounding.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace torchstreamer {
namespace {

// Limit of rounding errors, as a part of the peak. Those of float32 are far smaller: if the error
// is larger, a comparison or a quantiser of the model has a different result in float64.
constexpr double kLargestRounding = 1e-3;

bool chooses_differently(const Expected& e) { return e.own_error > kLargestRounding * e.peak; }

}  // namespace

Tensor is_same(const Tensor& a, const Tensor& b) {
  return a.eq(b).logical_or(a.isnan().logical_and(b.isnan()));
}

bool is_identical(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && is_same(a, b).all().item<bool>();
}

double peak_of(const Tensor& x) {
  return x.numel() ? x.abs().to(at::kDouble).nan_to_num(0, 0, 0).max().item<double>() : 0;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  if (a.numel() == 0) return 0;
  const Tensor differences =
      (a.to(at::kDouble) - b.to(at::kDouble)).abs().masked_fill(is_same(a, b), 0);
  const double largest = differences.max().item<double>();
  return std::isnan(largest) ? std::numeric_limits<double>::infinity() : largest;
}

double tolerance_of(at::ScalarType type, at::Device device) {
  if (type == at::kDouble) return 1e-12;
  return device.is_cpu() ? 1e-6 : 1e-5;
}

Expected expected_from(const Tensor& own, const Tensor& exact, double tolerance) {
  Expected e;
  e.y = exact;
  e.peak = peak_of(exact);
  e.own_error = largest_difference(own, exact);
  e.allowed = std::max(tolerance * e.peak, 2 * e.own_error);
  return e;
}

Expected expected_of(const OfflineFunction& own, const OfflineFunction& exact, const Tensor& x) {
  const Tensor y = own(x);
  const double tolerance = tolerance_of(x.scalar_type(), x.device());
  if (x.scalar_type() == at::kFloat && exact && y.numel() > 0) {
    try {
      const Tensor reference = exact(x.to(at::kDouble));
      const Expected e = expected_from(y, reference, tolerance);
      if (reference.sizes() == y.sizes() && !chooses_differently(e)) return e;
    } catch (const std::exception&) {  // the model itself mixes both types
    }
  }
  return expected_from(y, y, tolerance);
}

bool is_within_rounding(const Tensor& y, const Expected& expected) {
  return y.sizes() == expected.y.sizes() && largest_difference(y, expected.y) <= expected.allowed;
}

}  // namespace torchstreamer
