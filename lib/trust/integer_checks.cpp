#include <ATen/ops/any.h>
#include <ATen/record_function.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <limits>

#include "torchstreamer/error.h"
#include "torchstreamer/tensor.h"
#include "trust/checks.h"

namespace torchstreamer {
namespace {

using c10::IValue;

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

[[noreturn]] void refuse_division(int64_t dividend, int64_t divisor) {
  throw Error(c10::str("it divides ", dividend, " by ", divisor));
}

bool is_integral(const IValue& value) {
  return value.isTensor() ? value.toTensor().defined() &&
                                at::isIntegralType(value.toTensor().scalar_type(), false)
                          : value.isInt();
}

// Returns true if the integral type has the number. eq() would convert it: -1 is 255 in 8 bits.
bool has(at::ScalarType type, int64_t integer) {
  if (type == at::kByte) return integer >= 0 && integer < 256;
  const int64_t bits = 8 * static_cast<int64_t>(c10::elementSize(type));
  return bits == 64 ||
         (integer >= -(int64_t{1} << (bits - 1)) && integer < int64_t{1} << (bits - 1));
}

// Only divisions on the CPU end the process. Reading tensors on other devices would wait for them.
bool contains(const IValue& value, int64_t integer) {
  if (!value.isTensor()) return value.toInt() == integer;
  const Tensor& tensor = value.toTensor();
  if (!tensor.is_cpu() || !has(tensor.scalar_type(), integer)) return false;
  const at::DisableRecordFunctionGuard unobserved;
  return tensor.eq(integer).any().item<bool>();
}

// Returns the least integer of the type in which tensors are divided. Types of 8 and 16 bits are
// divided in 32 bits.
int64_t least_dividend(const IValue& dividend, const IValue& divisor) {
  const auto is_short = [](const IValue& value) {
    return !value.isTensor() || value.toTensor().scalar_type() != at::kLong;
  };
  return is_short(dividend) && is_short(divisor) ? std::numeric_limits<int32_t>::min() : kLeast;
}

// Refuses a division of tensors of integers. libtorch itself raises an exception for the divisor 0.
void require_tensor_division(const IValue& dividend, const IValue& divisor) {
  if (!contains(divisor, -1)) return;
  for (const int64_t least : {kLeast, least_dividend(dividend, divisor)})
    if (contains(dividend, least)) refuse_division(least, -1);
}

// (dividend, divisor, ..).
void require_division(const Arguments& args) {
  if (args.size() < 2 || !is_integral(args[0]) || !is_integral(args[1])) return;
  if (args[0].isTensor() || args[1].isTensor()) return require_tensor_division(args[0], args[1]);
  const int64_t dividend = args[0].toInt(), divisor = args[1].toInt();
  if (divisor == 0 || (divisor == -1 && dividend == kLeast)) refuse_division(dividend, divisor);
}

// Without a rounding mode, real numbers are divided.
void require_rounded_division(const Arguments& args) {
  const IValue* mode = args.find("rounding_mode");
  if (mode && !mode->isNone()) require_division(args);
}

// Euclid's algorithm divides the least integer by -1, in either order of both.
void require_common_divisor(const Arguments& args) {
  if (!is_integral(args[0]) || !is_integral(args[1])) return;
  for (const size_t i : {0, 1})
    if (contains(args[i], kLeast) && contains(args[1 - i], -1)) refuse_division(kLeast, -1);
}

// The common divisor may be -1 if an operand is the least integer.
void require_common_multiple(const Arguments& args) {
  for (const size_t i : {0, 1})
    if (is_integral(args[i]) && contains(args[i], least_dividend(args[0], args[1])))
      refuse_division(least_dividend(args[0], args[1]), -1);
}

double real(const IValue* value, double otherwise) {
  if (!value || !(value->isInt() || value->isDouble())) return otherwise;
  return value->toScalar().toDouble();
}

// libtorch computes the number of elements in 64 bits.
void require_short_range(const Arguments& args) {
  constexpr double kMostElements = 1e18;
  const double start = real(args.find("start"), 0), end = real(args.find("end"), 0);
  const double step = real(args.find("step"), 1);
  if (step != 0 && (end - start) / step > kMostElements)
    throw Error(c10::str("its range from ", start, " to ", end, " by ", step, " is too long"));
}

// (text, width, ..). libtorch pads one character after the other.
void require_short_text(const Arguments& args) {
  constexpr int64_t kMostCharacters = 1 << 20;
  const int64_t width = args[1].toInt();
  if (width < -kMostCharacters || width > kMostCharacters)
    throw Error(c10::str("its width is ", width, "; at most ", kMostCharacters, " are supported"));
}

// center() pads without an end.
void require_width_of_text(const Arguments& args) {
  require_short_text(args);
  if (args[1].toInt() < 0) throw Error(c10::str("its width is ", args[1].toInt()));
}

// (text, part, ..).
void require_part_of_text(const Arguments& args) {
  if (args[0].isString() && args[1].isString() && args[1].toStringRef().empty())
    throw Error("it looks for an empty text");
}

// (list, times) or (times, list). libtorch appends one element after the other.
void require_short_list(const Arguments& args) {
  constexpr double kMost = 1 << 24;
  double elements = 1;
  for (size_t i = 0; i < args.size(); ++i)
    elements *= args[i].isInt() ? std::max(0.0, static_cast<double>(args[i].toInt()))
                                : static_cast<double>(args[i].toListRef().size());
  if (elements > kMost)
    throw Error(
        c10::str("it makes a list of ", elements, " elements; at most ", kMost, " are supported"));
}

// Larger factorials do not fit in 64 bits. libtorch multiplies one number after the other.
void require_short_product(const Arguments& args) {
  constexpr int64_t kMost = 1 << 20;
  if (args[0].isInt() && args[0].toInt() > kMost)
    throw Error(
        c10::str("its argument is ", args[0].toInt(), "; at most ", kMost, " are supported"));
}

// (tensor, least, most, ..). libtorch looks for the largest number below the largest integer.
void require_range_of_numbers(const Arguments& args) {
  constexpr int64_t kMost = int64_t{1} << 62;
  for (size_t i = 1; i < args.size(); ++i)
    if (args[i].isInt() && (args[i].toInt() > kMost || args[i].toInt() < -kMost))
      throw Error(c10::str("its argument '", args.name(i), "' is ", args[i].toInt()));
}

}  // namespace

std::vector<CheckedOperators> integer_checks() {
  return {
      {{"aten::__round_to_zero_floordiv", "aten::divmod", "aten::floor_divide",
        "aten::floor_divide_", "aten::floordiv", "aten::fmod", "aten::fmod_", "aten::remainder",
        "aten::remainder_"},
       require_division},
      {{"aten::div", "aten::div_", "aten::divide", "aten::divide_"}, require_rounded_division},
      {{"aten::gcd"}, require_common_divisor},
      {{"aten::lcm", "aten::lcm_"}, require_common_multiple},
      {{"aten::arange"}, require_short_range},
      {{"aten::ljust", "aten::rjust", "aten::zfill"}, require_short_text},
      {{"aten::center"}, require_width_of_text},
      {{"aten::count", "aten::replace", "aten::rsplit"}, require_part_of_text},
      {{"aten::factorial"}, require_short_product},
      {{"aten::mul.left_t", "aten::mul.right_", "aten::mul_.t"}, require_short_list},
      {{"aten::random", "aten::random_"}, require_range_of_numbers},
  };
}

}  // namespace torchstreamer
