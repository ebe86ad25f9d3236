// Productions: operators that process each frame independently.
#include "lib/graph/random/productions.h"

#include <c10/util/StringUtil.h>

namespace torchstreamer::testing {

// ---- single frames ----

// The slope of each is at most about 1, so that rounding errors do not grow.
Made activation(Writer& w, const Signal& x) {
  const char* expression = w.random.pick({
      "torch.relu($x)",
      "torch.tanh($x)",
      "torch.sigmoid($x)",
      "torch.leaky_relu($x, 0.2)",
      "torch.elu($x)",
      "torch.selu($x)",
      "torch.celu($x)",
      "torch.celu($x, 0.4)",
      "torch.gelu($x)",
      "torch.silu($x)",
      "torch.mish($x)",
      "torch.softplus($x)",
      "torch.log_sigmoid($x)",
      "torch.hardtanh($x, -0.8, 1.2)",
      "torch.hardsigmoid($x)",
      "torch.hardswish($x)",
      "torch.relu6($x)",
      "torch.softshrink($x, 0.1)",
      "torch.clamp($x, -1.0, 1.5)",
      "torch.clamp_min($x, -0.5)",
      "torch.abs($x)",
      "torch.sin($x)",
      "torch.cos($x)",
      "torch.atan($x)",
      "torch.erf($x)",
      "torch.log1p(torch.abs($x))",
      "torch.exp(-torch.abs($x))",
      "torch.sqrt($x * $x + 0.5)",
      "torch.rsqrt($x * $x + 1.0)",
      "torch.where($x > 0, $x, 0.3 * $x)",
      "$x.masked_fill($x < 0, 0.0)",
      "$x + 0.5 * torch.sin($x) ** 2",
      "$x / (1 + $x.abs())",
      "torch.square(torch.tanh($x))",
      "torch.reciprocal(1.5 + torch.sigmoid($x))",
  });
  return w.add(x, Writer::filled(expression, x));
}

Made prelu(Writer& w, const Signal& given) {
  const Signal x = w.bct(given);
  const std::string slopes = w.weight({w.random.flip() ? x.channels : 1}, 4);
  return w.add(x, "torch.prelu(" + x.name + ", " + slopes + ")");
}

Made arithmetic(Writer& w, const Signal& x) {
  const char* expression = w.random.pick({
      "$x * 0.7 + 0.1",
      "1.0 - $x",
      "-$x",
      "$x / 1.3",
      "0.5 * ($x - 0.2)",
      "torch.sub(0.5 * $x, 0.25, alpha=2)",
      "torch.rsub($x, 1)",
      "torch.add(0.5 * $x, $x, alpha=0.5)",
      "$x.mul(0.9).add(0.05)",
      "$x + torch.ones([1]) * 0.25",
      "$x * torch.full_like($x, 0.5)",
      "$x + torch.zeros_like($x)",
      "$x * (0.5 + 0.1 * $x.size($c))",
      "$x.double().type_as($x)",
      "$x.clone().contiguous().detach()",
  });
  return w.add(x, Writer::filled(expression, x));
}

// A gain per channel, optionally with an offset.
Made scaled(Writer& w, const Signal& x) {
  const bool is_last = x.layout == Layout::kBtc || x.layout == Layout::kTbc;
  const std::string gain = w.parameter(torch::rand({x.channels}) + 0.4);
  const std::string offset = w.weight({x.channels}, 4);
  const std::string shape = is_last ? "" : w.random.pick({".unsqueeze(-1)", ".view(-1, 1)"});
  return w.add(x,
               c10::str(x.name, " * ", gain, shape, w.random.flip() ? " + " + offset + shape : ""));
}

Made batch_norm(Writer& w, const Signal& given) {
  const Signal x = w.bct(given);
  const int64_t c = x.channels;
  const std::string gain = w.parameter(torch::rand({c}) + 0.5), offset = w.weight({c}, 4);
  const std::string mean = w.weight({c}, 4), var = w.parameter(torch::rand({c}) + 0.5);
  return w.add(x, c10::str("torch.batch_norm(", x.name, ", ", gain, ", ", offset, ", ", mean, ", ",
                           var, ", False, 0.1, 0.00001, False)"));
}

Made layer_norm(Writer& w, const Signal& given) {
  if (given.channels < 3) return {};
  const Signal x = w.as(given, w.random.pick({Layout::kBtc, Layout::kTbc}));
  const std::string gain = w.parameter(torch::rand({x.channels}) + 0.4);
  // A large eps: frames with almost equal channels must not amplify rounding errors.
  return w.add(x, c10::str("torch.layer_norm(", x.name, ", [", x.channels, "], ", gain, ", ",
                           w.weight({x.channels}, 4), ", 0.1)"));
}

Made linear(Writer& w, const Signal& given) {
  const Signal x = w.as(given, w.random.pick({Layout::kBtc, Layout::kTbc}));
  const int64_t out = w.random.between(1, 6);
  return w.add(x.with_channels(out),
               c10::str("torch.linear(", x.name, ", ", w.weight({out, x.channels}, x.channels),
                        ", ", w.random.flip() ? w.weight({out}, 4) : "None", ")"));
}

Made matrix(Writer& w, const Signal& given) {
  const int64_t out = w.random.between(1, 6);
  if (w.random.flip()) return w.mixed(given, out);
  const Signal x = w.bct(given);
  return w.add(x.with_channels(out),
               c10::str("torch.einsum('oc,bct->bot', [", w.weight({out, x.channels}, x.channels),
                        ", ", x.name, "])"));
}

}  // namespace torchstreamer::testing
