/// @file
/// Exact ratios of integers.
#pragma once

#include <cstdint>

#include "torchstreamer/export.h"

namespace torchstreamer {

/// Returns a / b, rounded down. b > 0; a may be negative.
TORCHSTREAMER_API int64_t floor_div(int64_t a, int64_t b);
/// Returns a / b, rounded up. b > 0; a may be negative.
TORCHSTREAMER_API int64_t ceil_div(int64_t a, int64_t b);

/// An exact ratio, always reduced, with a positive denominator.
struct TORCHSTREAMER_API Rational {
  int64_t num = 0;  ///< numerator
  int64_t den = 1;  ///< denominator, > 0

  Rational() = default;
  /// num / den, reduced. `den` is not 0.
  Rational(int64_t num, int64_t den = 1);

  /// Returns the largest integer that is not greater.
  int64_t floor() const { return floor_div(num, den); }
  /// Returns the smallest integer that is not less.
  int64_t ceil() const { return ceil_div(num, den); }
};

TORCHSTREAMER_API Rational operator+(Rational a, Rational b);  ///< exact sum
TORCHSTREAMER_API Rational operator-(Rational a, Rational b);  ///< exact difference
TORCHSTREAMER_API Rational operator*(Rational a, Rational b);  ///< exact product
TORCHSTREAMER_API Rational operator/(Rational a, Rational b);  ///< exact quotient; b is not 0
TORCHSTREAMER_API bool operator==(Rational a, Rational b);     ///< true if equal
TORCHSTREAMER_API bool operator!=(Rational a, Rational b);     ///< true if different
TORCHSTREAMER_API bool operator<(Rational a, Rational b);      ///< true if a is less than b

}  // namespace torchstreamer
