// Exact ratios of integers.
#pragma once

#include <cstdint>

#include "torchstreamer/export.h"

namespace torchstreamer {

/// Floor and ceiling of a / b for b > 0 and any sign of a.
TORCHSTREAMER_API int64_t floor_div(int64_t a, int64_t b);
TORCHSTREAMER_API int64_t ceil_div(int64_t a, int64_t b);

/// An exact ratio, always reduced, with a positive denominator.
struct TORCHSTREAMER_API Rational {
  int64_t num = 0;
  int64_t den = 1;

  Rational() = default;
  Rational(int64_t num, int64_t den = 1);

  int64_t floor() const { return floor_div(num, den); }
  int64_t ceil() const { return ceil_div(num, den); }
};

TORCHSTREAMER_API Rational operator+(Rational a, Rational b);
TORCHSTREAMER_API Rational operator-(Rational a, Rational b);
TORCHSTREAMER_API Rational operator*(Rational a, Rational b);
TORCHSTREAMER_API Rational operator/(Rational a, Rational b);
TORCHSTREAMER_API bool operator==(Rational a, Rational b);
TORCHSTREAMER_API bool operator!=(Rational a, Rational b);
TORCHSTREAMER_API bool operator<(Rational a, Rational b);

}  // namespace torchstreamer
