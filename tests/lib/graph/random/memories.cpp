// Productions: operators with a state over time, and Python code around operators.
#include "lib/graph/random/productions.h"

#include <c10/util/StringUtil.h>

namespace torchstreamer::testing {

// ---- operators with a state over time ----

Made joined_with_constant(Writer& w, const Signal& given) {
  const Signal x = w.bct(given);
  const int64_t frames = w.random.between(1, 4);
  const std::string constant = w.weight({x.batch, x.channels, frames}, 1);
  return w.add(x.with_frames(1, [=](int64_t n) { return n + frames; }),
               w.random.flip() ? c10::str("torch.cat([", constant, ", ", x.name, "], -1)")
                               : c10::str("torch.cat([", x.name, ", ", constant, "], 2)"));
}

Made difference(Writer& w, const Signal& x) {
  return w.add(x.with_frames(1, [](int64_t n) { return n - 1; }),
               Writer::filled("0.7 * torch.diff($x, 1, $t)", x));
}

Made cumulative_maximum(Writer& w, const Signal& x) {
  w.may_wait = true;
  return w.add(x, Writer::filled("torch.cummax($x, $t)[0]", x));
}

Made positional(Writer& w, const Signal& given) {
  const Signal x = w.bct(given);
  return w.add(x, Writer::filled(w.random.pick({
                                     "$x * torch.cos(0.1 * torch.arange($x.size(-1)))",
                                     "torch.cumsum($x, -1) / torch.arange(1, $x.size(-1) + 1)",
                                 }),
                                 x));
}

// Attention to a few past frames, as in transformers with a bounded window.
Made attention(Writer& w, const Signal& given) {
  w.spreads_nan = true;
  const Signal x = w.as(given, Layout::kBtc);
  const std::string at = w.fresh(), back = w.fresh(), score = w.fresh();
  auto mixed = [&] {
    return c10::str("torch.matmul(", x.name, ", ", w.weight({x.channels, x.channels}, x.channels),
                    ")");
  };
  w.line(c10::str(at, " = torch.arange(", x.name, ".size(1))"));
  w.line(c10::str(back, " = ", at, ".unsqueeze(1) - ", at, ".unsqueeze(0)"));
  w.line(c10::str(score, " = torch.matmul(", mixed(), ", ", mixed(), ".transpose(1, 2)) * 0.5"));
  w.line(c10::str(score, " = ", score, ".masked_fill((", back, " < 0) | (", back,
                  " >= ", w.random.between(1, 6), "), -float('inf'))"));
  return w.add(x, c10::str("torch.matmul(torch.softmax(", score, ", -1), ", mixed(), ")"));
}

// ---- Python code around operators ----

Made control_flow(Writer& w, const Signal& x) {
  const Signal y = w.add(x, x.name + " * 1.0");
  const std::string list = w.fresh("outs"), i = w.fresh("i");
  auto lines = [&](std::initializer_list<const char*> all) {
    for (const char* text : all)
      w.line(Writer::filled(
          replaced(replaced(replaced(text, "$y", y.name), "$list", list), "$i", i), x));
  };
  switch (w.random.between(0, 6)) {
    case 0:
      lines({"$list: List[Tensor] = []",
             "for $i in range(3):", "    $list.append(torch.tanh($x * (0.5 + 0.25 * $i)))",
             "$y = torch.stack($list, 0).mean(0)"});
      break;
    case 1:
      lines({"if $x.size($c) >= 2 and $x.dim() <= 3:", "    $y = torch.tanh($x)",
             "else:", "    $y = 0.5 * $x"});
      break;
    case 2:
      lines({"$i = 0", "while $i < 3:", "    $y = $y + 0.1 * $i", "    $i += 1"});
      break;
    case 3:
      lines({"$list = (torch.tanh($x), torch.sigmoid($x), 0.5)",
             "$y = $list[0] * $list[1] * $list[2]"});
      break;
    case 4:
      lines({"$list: Optional[Tensor] = None", "if $list is None:", "    $list = torch.sin($x)",
             "$y = $y + $list"});
      break;
    case 5:
      lines({"assert $x.size($t) > 0, 'no frames'", "$list = [$x, 0.5 * $x]", "$list.reverse()",
             "$y = $list.pop() - $list[0]"});
      break;
    default:
      lines({"$i = $x.size($t)", "if $i < 0:", "    $y = -$x", "else:", "    $y = $y + 0.25"});
  }
  return y;
}

Made in_place(Writer& w, const Signal& x) {
  const Signal y =
      w.add(x, Writer::filled(w.random.pick({"$x.clone()", "0.5 * $x", "torch.sin($x)"}), x));
  switch (w.random.between(0, 4)) {
    case 0:
      w.line(y.name + ".add_(0.25)");
      break;
    case 1:
      w.line("torch.relu_(" + y.name + ")");
      break;
    case 2:
      w.line(y.name + " += " + x.name);
      w.line(y.name + ".mul_(0.5)");
      break;
    case 3:
      w.line(y.name + ".clamp_(-1.0, 1.0).tanh_()");
      break;
    default:
      w.line(y.name + " *= " + w.parameter(torch::rand({1}) + 0.4));
  }
  return y;
}

Made slice_assignment(Writer& w, const Signal& given) {
  const Signal x = w.bct(given);
  const Signal y = w.add(x, x.name + ".clone()");
  w.line(Writer::filled(c10::str(y.name, "[:, 0] = torch.tanh($x[:, $n - 1])"), x));
  return y;
}

// A helper method that is called twice.
Made method(Writer& w, const Signal& given) {
  const Signal x = w.bct(given);
  const std::string name = w.fresh("helper");
  const std::string weight = w.weight({x.channels, x.channels, 3}, 3 * x.channels);
  w.method(c10::str("def ", name, "(self, x: Tensor, gain: float, dilation: int = 1) -> Tensor:\n",
                    "    y = torch.conv1d(x, ", weight, ", None, [1], [dilation], [dilation])\n",
                    "    return 0.7 * x + gain * torch.tanh(y)\n"));
  const Signal y = w.add(x, c10::str("self.", name, "(", x.name, ", 0.5)"));
  return w.add(y, c10::str("self.", name, "(", y.name, ", 0.4, dilation=2)"));
}

// Residual blocks in a loop over dilations, with the sum of all skips.
Made residual_stack(Writer& w, const Signal& given) {
  Random& r = w.random;
  const Signal x = w.bct(given);
  const int64_t c = x.channels, kernel = r.between(2, 3);
  const bool is_causal = r.flip();
  const std::string filter = w.weight({c, c, kernel}, kernel * c);
  const std::string gate = w.weight({c, c, kernel}, kernel * c), mix = w.weight({c, c, 1}, 4 * c);
  const Signal y = w.add(x, x.name), sum = w.add(x, "0.5 * " + x.name);
  const std::string d = w.fresh("d"), p = w.fresh("p");
  w.line("for " + d + " in [1, 2, 4]:");
  if (is_causal) {
    w.line(c10::str("    ", p, " = torch.constant_pad_nd(", y.name, ", [", kernel - 1, " * ", d,
                    ", 0])"));
  } else {
    w.line(c10::str("    ", p, " = torch.pad(", y.name, ", [", kernel / 2, " * ", d, ", ",
                    (kernel - 1) / 2, " * ", d, "], '", r.pick({"constant", "replicate"}), "')"));
  }
  w.line(c10::str("    ", p, " = torch.tanh(torch.conv1d(", p, ", ", filter, ", None, 1, 0, ", d,
                  ")) * torch.sigmoid(torch.conv1d(", p, ", ", gate, ", None, 1, 0, ", d, "))"));
  w.line(c10::str("    ", sum.name, " = ", sum.name, " + 0.5 * ", p));
  w.line(c10::str("    ", y.name, " = 0.8 * ", y.name, " + torch.conv1d(", p, ", ", mix, ")"));
  return w.random.flip() ? sum : y;
}

}  // namespace torchstreamer::testing
