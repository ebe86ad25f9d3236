// Productions: windows of time, padding and cropping.
#include "lib/graph/random/productions.h"

#include <c10/util/StringUtil.h>

namespace torchstreamer::testing {

Made convolution(Writer& w, const Signal& given) {
  Random& r = w.random;
  const Signal x = given.layout == Layout::kCt ? given : w.bct(given);
  const int64_t kernel = r.between(1, 5), dilation = r.between(1, 3);
  const int64_t span = dilation * (kernel - 1) + 1;
  const int64_t groups = r.flip() ? 1 : divisor(r, x.channels);
  const int64_t out = groups * r.between(1, std::max<int64_t>(1, 6 / groups));
  const bool is_same = r.between(0, 4) == 0, is_valid = !is_same && r.between(0, 4) == 0;
  const int64_t stride = is_same ? 1 : r.pick<int64_t>({1, 1, 1, 2, 3, 4});
  const int64_t padding = is_valid ? 0 : r.between(0, span - 1);
  const std::string weight =
      w.weight({out, x.channels / groups, kernel}, kernel * x.channels / groups);
  const std::string bias = r.flip() ? w.weight({out}, 4) : "None";
  const Signal y = x.with_channels(out).with_frames(Rational(1, stride), [=](int64_t n) {
    return is_same ? n : floor_div(n + 2 * padding - span, stride) + 1;
  });
  const auto words = [&](auto pad) {
    return c10::str("torch.conv1d(", x.name, ", ", weight, ", ", bias, ", [", stride, "], ", pad,
                    ", [", dilation, "], ", groups, ")");
  };
  if (is_same || is_valid) return w.add(y, words(is_same ? "'same'" : "'valid'"));
  if (x.layout == Layout::kBct && r.between(0, 3) == 0)  // the operator in traces
    return w.add(y, c10::str("torch._convolution(", x.name, ", ", weight, ", ", bias, ", [", stride,
                             "], [", padding, "], [", dilation, "], False, [0], ", groups,
                             ", False, False, True, True)"));
  return w.add(y, words(c10::str("[", padding, "]")));
}

Made transposed_convolution(Writer& w, const Signal& given) {
  Random& r = w.random;
  const Signal x = w.bct(given);
  const int64_t kernel = r.between(1, 5), dilation = r.between(1, 2), stride = r.between(1, 3);
  const int64_t span = dilation * (kernel - 1) + 1, padding = r.between(0, span - 1);
  const int64_t extra = r.flip() ? 0 : r.between(0, std::max(stride, dilation) - 1);
  const int64_t groups = r.flip() ? 1 : divisor(r, x.channels), each = r.between(1, 3);
  w.may_wait |= kernel < stride || (dilation > 1 && stride > 1);
  const std::string weight = w.weight({x.channels, each, kernel},
                                      std::max<int64_t>(1, x.channels / groups * kernel / stride));
  const std::string bias = r.flip() ? w.weight({each * groups}, 4) : "None";
  return w.add(
      x.with_channels(each * groups)
          .with_frames(stride,
                       [=](int64_t n) { return (n - 1) * stride - 2 * padding + span + extra; }),
      c10::str("torch.conv_transpose1d(", x.name, ", ", weight, ", ", bias, ", [", stride, "], [",
               padding, "], [", extra, "], ", groups, ", [", dilation, "])"));
}

Made pool(Writer& w, const Signal& given) {
  Random& r = w.random;
  const Signal x = w.bct(given);
  const bool is_max = r.flip(), is_ceil = r.flip();
  const int64_t kernel = r.between(1, 4), stride = r.pick<int64_t>({1, 1, 2, 3});
  const int64_t dilation = is_max ? r.between(1, 3) : 1, padding = r.between(0, kernel / 2);
  // PyTorch's pooling_output_shape (aten/src/ATen/native/Pool.h).
  const Signal y = x.with_frames(Rational(1, stride), [=](int64_t n) {
    const int64_t room = n + 2 * padding - dilation * (kernel - 1) - 1;
    const int64_t out = (is_ceil ? ceil_div(room, stride) : floor_div(room, stride)) + 1;
    return is_ceil && (out - 1) * stride >= n + padding ? out - 1 : out;
  });
  const std::string sizes = c10::str(x.name, ", [", kernel, "], [", stride, "], [", padding, "], ");
  const char* ceil = is_ceil ? "True" : "False";
  if (is_max)
    return w.add(y, c10::str("torch.max_pool1d(", sizes, "[", dilation, "], ", ceil, ")"));
  return w.add(y,
               c10::str("torch.avg_pool1d(", sizes, ceil, ", ", r.flip() ? "True" : "False", ")"));
}

// ---- padding and cropping ----

Made padding(Writer& w, const Signal& given) {
  Random& r = w.random;
  const Signal x = w.bct(given);
  const char* mode = r.pick({"constant", "reflect", "replicate"});
  const bool is_constant = std::string(mode) == "constant";
  w.may_wait |= std::string(mode) == "reflect";
  const int64_t least = is_constant ? -3 : 0;
  const int64_t left = r.between(least, 5), right = r.between(least, 5);
  const Signal y = x.with_frames(1, [=](int64_t n) { return n + left + right; });
  const std::string both = c10::str("[", left, ", ", right, "]");
  if (r.flip())
    return w.add(y, c10::str("torch.pad(", x.name, ", ", both, ", '", mode, "'",
                             is_constant && r.flip() ? ", 0.25)" : ")"));
  if (is_constant)
    return w.add(y, c10::str("torch.constant_pad_nd(", x.name, ", ", both, ", ",
                             r.pick({"0", "-0.5"}), ")"));
  return w.add(y, c10::str("torch.", std::string(mode) == "reflect" ? "reflection" : "replication",
                           "_pad1d(", x.name, ", ", both, ")"));
}

Made slice(Writer& w, const Signal& x) {
  Random& r = w.random;
  const int64_t start = r.between(0, 4), cut = r.between(0, 4);
  const int64_t step = r.pick<int64_t>({1, 1, 1, 2, 3});
  const Signal y =
      x.with_frames(Rational(1, step), [=](int64_t n) { return ceil_div(n - start - cut, step); });
  if (step == 1 && r.between(0, 2) == 0)
    return w.add(
        y, Writer::filled(
               c10::str("torch.narrow($x, $t, ", start, ", $x.size($t) - ", start + cut, ")"), x));
  std::string range = start ? std::to_string(start) : "";
  range += ":";
  if (cut) range += std::to_string(-cut);
  if (step > 1) range += ":" + std::to_string(step);
  std::string axes;
  for (int64_t d = 0; d < x.time_axis(); ++d) axes += ":, ";
  return w.add(y, x.name + "[" + axes + range + "]");
}

// Pads to a multiple, downsamples, upsamples and crops to the input's length, as U-Nets do.
Made multiple(Writer& w, const Signal& given) {
  Random& r = w.random;
  const Signal x = w.bct(given);
  const int64_t stride = r.between(2, 3), kernel = stride + 2 * r.between(0, 1);
  const int64_t padding = (kernel - stride) / 2, c = x.channels;
  const std::string down = w.weight({c, c, kernel}, c * kernel);
  const std::string up = w.weight({c, c, kernel}, c * kernel / stride);
  Signal y = w.add(x, c10::str("torch.constant_pad_nd(", x.name, ", [0, (-", x.name,
                               ".size(-1)) % ", stride, "])"));
  y = w.add(y,
            c10::str("torch.conv1d(", y.name, ", ", down, ", None, ", stride, ", ", padding, ")"));
  y = w.add(y, c10::str("torch.conv_transpose1d(torch.tanh(", y.name, "), ", up, ", None, ", stride,
                        ", ", padding, ")"));
  return w.add(x, c10::str(y.name, "[:, :, :", x.name, ".size(-1)]"));
}

Made cropped_to_multiple(Writer& w, const Signal& x) {
  const int64_t k = w.random.between(2, 4);
  return w.add(
      x.with_frames(1, [k](int64_t n) { return n / k * k; }),
      Writer::filled(c10::str("torch.narrow($x, $t, 0, $x.size($t) // ", k, " * ", k, ")"), x));
}

Made padded_to_multiple(Writer& w, const Signal& given) {
  const Signal x = w.bct(given);
  const int64_t k = w.random.between(2, 5);
  const char* mode = w.random.pick({"constant", "replicate"});
  return w.add(x.with_frames(1, [k](int64_t n) { return ceil_div(n, k) * k; }),
               c10::str("torch.pad(", x.name, ", [0, ", k, " - 1 - (", x.name, ".size(2) - 1) % ",
                        k, "], '", mode, "')"));
}

}  // namespace torchstreamer::testing
