// Productions: operators over channels, and recurrences.
#include "lib/graph/random/productions.h"

#include <c10/util/StringUtil.h>

namespace torchstreamer::testing {

// ---- channels ----

Made over_channels(Writer& w, const Signal& x) {
  const char* expression = w.random.pick({
      "torch.softmax($x, $c) * $n",
      "torch.log_softmax($x, $c) * 0.3",
      "$x - torch.mean($x, $c, True)",
      "$x + torch.sum(0.3 * $x, $c, keepdim=True)",
      "$x / (0.5 + torch.norm($x, 2, [$c], True))",
      "$x / torch.sqrt(0.5 + torch.mean($x * $x, [$c], True))",
      "$x - torch.amax($x, [$c], True)",
      "0.3 * torch.cumsum($x, $c)",
      "torch.flip($x, [$c])",
      "torch.roll($x, 1, [$c])",
  });
  return w.add(x, Writer::filled(expression, x));
}

Made one_channel(Writer& w, const Signal& x) {
  const char* expression = w.random.pick({
      "torch.mean($x, [$c], True)",
      "torch.sum(0.4 * $x, $c).unsqueeze($c)",
      "torch.amax($x, $c, True)",
      "torch.logsumexp($x, [$c], True)",
      "torch.select($x, $c, 0).unsqueeze($c)",
      "torch.narrow($x, $c, $n - 1, 1)",
      "torch.std(torch.cat([$x, $x - 1.0], $c), [$c], True, True)",
  });
  return w.add(x.with_channels(1), Writer::filled(expression, x));
}

Made glu(Writer& w, const Signal& x) {
  if (x.channels % 2 != 0) return {};
  return w.add(x.with_channels(x.channels / 2), Writer::filled("torch.glu($x, $c)", x));
}

Made split(Writer& w, const Signal& x) {
  if (x.channels % 2 != 0) return {};
  const std::string a = w.fresh(), b = w.fresh();
  w.line(c10::str(a, ", ", b, " = ",
                  Writer::filled(w.random.pick({"$x.chunk(2, $c)", "torch.chunk($x, 2, $c)",
                                                "torch.split($x, $n // 2, $c)"}),
                                 x)));
  switch (w.random.between(0, 3)) {
    case 0:
      return w.add(x.with_channels(x.channels / 2),
                   c10::str("torch.tanh(", a, ") * torch.sigmoid(", b, ")"));
    case 1:
      return w.add(x, c10::str("torch.cat([", b, ", 0.5 * ", a, "], ", x.channel_axis(), ")"));
    case 2:
      return w.add(x.with_channels(x.channels / 2),
                   c10::str("torch.stack([", a, ", ", b, "], 0).mean(0)"));
    default:
      return w.add(
          x.with_channels(x.channels / 2 * 3),
          c10::str("torch.cat((", a, ", ", b, ", ", a, " - ", b, "), ", x.channel_axis(), ")"));
  }
}

Made shuffle(Writer& w, const Signal& given) {
  const Signal x = w.bct(given);
  const int64_t groups = divisor(w.random, x.channels);
  const std::string sizes = c10::str(x.batch, ", ", x.channels);
  const char* length = w.random.pick({"-1", "$x.size(2)", "$x.shape[-1]"});
  return w.add(
      x, Writer::filled(c10::str("$x.view(", x.batch, ", ", groups, ", ", x.channels / groups, ", ",
                                 length, ").transpose(1, 2).reshape(", sizes, ", ", length, ")"),
                        x));
}

Made fold_batch(Writer& w, const Signal& given) {
  if (given.batch != 1 || given.channels % 2 != 0) return {};
  const Signal x = w.bct(given);
  Signal y = w.add(x, c10::str(x.name, ".reshape(2, ", x.channels / 2, ", ", x.name, ".size(-1))"));
  y.batch = 2;
  y.channels /= 2;
  return y;
}

Made other_layout(Writer& w, const Signal& x) {
  const Layout to = w.random.pick({Layout::kBtc, Layout::kTbc, Layout::kCt});
  if (to == x.layout || (to == Layout::kCt && x.batch != 1)) return {};
  return w.as(x, to);
}

// ---- recurrences ----

Made cumulative_sum(Writer& w, const Signal& x) {
  return w.add(x, Writer::filled("0.1 * torch.cumsum($x, $t)", x));
}

Made recurrent(Writer& w, const Signal& given) {
  Random& r = w.random;
  const int kind = static_cast<int>(r.between(0, 2));
  const char* names[] = {"lstm", "gru", "rnn_tanh"};
  const int64_t gates[] = {4, 3, 1};
  const bool batch_first = r.flip();
  const Signal x = w.as(given, batch_first ? Layout::kBtc : Layout::kTbc);
  const int64_t layers = r.between(1, 2), hidden = r.between(1, 4), rows = gates[kind] * hidden;
  std::vector<std::string> weights;
  for (int64_t layer = 0; layer < layers; ++layer) {
    const int64_t in = layer == 0 ? x.channels : hidden;
    weights.push_back(w.weight({rows, in}, in));
    weights.push_back(w.weight({rows, hidden}, 2 * hidden));
    for (int i = 0; i < 2; ++i) weights.push_back(w.weight({rows}, 4));
  }
  const std::string zeros = c10::str("torch.zeros([", layers, ", ", x.batch, ", ", hidden,
                                     "], dtype=", x.name, ".dtype)");
  const std::string state = r.flip() ? zeros : w.weight({layers, x.batch, hidden}, 4);
  const std::string out = w.fresh(), rest = w.fresh();
  w.line(c10::str(out, ", ", rest, kind == 0 ? ", " + w.fresh() : "", " = torch.", names[kind], "(",
                  x.name, ", ", kind == 0 ? "[" + state + ", " + state + "]" : state, ", [",
                  c10::Join(", ", weights), "], True, ", layers, ", 0.0, False, False, ",
                  batch_first ? "True" : "False", ")"));
  Signal y = x.with_channels(hidden);
  y.name = out;
  return y;
}

}  // namespace torchstreamer::testing
