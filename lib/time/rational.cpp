#include "torchstreamer/rational.h"

#include <numeric>

namespace torchstreamer {

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b > 0 ? 1 : 0); }

Rational::Rational(int64_t n, int64_t d) {
  const int64_t common = std::gcd(n, d) * (d < 0 ? -1 : 1);
  num = n / common;
  den = d / common;
}

// Reduces each numerator with the other denominator first, so that long chains of rates do not
// overflow.
Rational operator*(Rational a, Rational b) {
  const Rational x(a.num, b.den), y(b.num, a.den);
  return {x.num * y.num, x.den * y.den};
}
Rational operator/(Rational a, Rational b) { return a * Rational(b.den, b.num); }
Rational operator+(Rational a, Rational b) {
  const int64_t den = std::lcm(a.den, b.den);
  return {a.num * (den / a.den) + b.num * (den / b.den), den};
}
Rational operator-(Rational a, Rational b) { return a + Rational(-b.num, b.den); }
bool operator==(Rational a, Rational b) { return a.num == b.num && a.den == b.den; }
bool operator!=(Rational a, Rational b) { return !(a == b); }
bool operator<(Rational a, Rational b) { return (a - b).num < 0; }

}  // namespace torchstreamer
