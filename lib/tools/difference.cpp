#include "tools/difference.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

namespace torchstreamer::tools {

Tensor is_same(const Tensor& a, const Tensor& b) {
  return a.eq(b).logical_or(a.isnan().logical_and(b.isnan()));
}

bool is_identical(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && is_same(a, b).all().item<bool>();
}

double largest_value(const Tensor& x) {
  return x.numel() ? x.abs().nan_to_num(0, 0, 0).max().item<double>() : 0;
}

double relative_error(const Tensor& y, const Tensor& expected) {
  if (is_identical(y, expected)) return 0;
  const Tensor differences = (y - expected).abs().masked_fill(is_same(y, expected), 0);
  const double error = differences.max().item<double>() / largest_value(expected);
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

double tolerance_of(const Format& in) {
  if (in.dtype == at::kDouble) return 1e-12;
  return in.device.is_cpu() ? 1e-6 : 1e-5;
}

}  // namespace torchstreamer::tools
