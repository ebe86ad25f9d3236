#include "random_graphs.h"

#include <c10/util/StringUtil.h>
#include <torch/version.h>
#include <algorithm>
#include <utility>

namespace torchstreamer::testing {
namespace {

using Frames = LengthRule;

// Where the axes of a tensor are: batch, channels, time.
enum class Layout { kBct, kBtc, kTbc, kCt };

// A tensor of the net while it is made.
struct Signal {
  std::string name;
  int64_t channels = 1;
  int64_t batch = 1;
  Rational rate = 1;                            // frames for each one of the net's input
  Frames frames = [](int64_t n) { return n; };  // for every n that is long enough
  Layout layout = Layout::kBct;

  int64_t channel_axis() const {
    return layout == Layout::kCt ? 0 : layout == Layout::kBct ? 1 : 2;
  }
  int64_t time_axis() const { return layout == Layout::kBct ? 2 : layout == Layout::kTbc ? 0 : 1; }

  Signal with_channels(int64_t n) const {
    Signal s = *this;
    s.channels = n;
    return s;
  }
  // `count`: the frames that come out, given those that go in; `rate`: how many for each one.
  Signal with_frames(Rational by, std::function<int64_t(int64_t)> count) const {
    Signal s = *this;
    s.rate = rate * by;
    s.frames = [before = frames, count = std::move(count)](int64_t n) { return count(before(n)); };
    return s;
  }
};

using Made = std::optional<Signal>;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

// Writes the source of the net line by line.
class Writer {
 public:
  Writer(Random& random, at::ScalarType dtype) : random(random), dtype_(dtype) {}

  // A name that is not used yet.
  std::string fresh(const char* prefix = "v") { return prefix + std::to_string(names_++); }

  void line(const std::string& text) { part_.body += "    " + text + "\n"; }
  void method(const std::string& text) { part_.methods += text; }

  // The value of an expression, in which $x is `x`, $c and $t its axes of channels and time, $n its
  // channels.
  Signal add(const Signal& like, const std::string& expression) {
    Signal y = like;
    y.name = fresh();
    line(y.name + " = " + expression);
    return y;
  }
  static std::string filled(std::string text, const Signal& x) {
    text = replaced(std::move(text), "$x", x.name);
    text = replaced(std::move(text), "$c", std::to_string(x.channel_axis()));
    text = replaced(std::move(text), "$t", std::to_string(x.time_axis()));
    return replaced(std::move(text), "$n", std::to_string(x.channels));
  }

  std::string parameter(const Tensor& value) {
    const std::string name = "w" + std::to_string(parameters_.size());
    parameters_.emplace_back(name, value.to(dtype_));
    return "self." + name;
  }
  // Random weights that keep the level of the signal: each output sums `fan_in` products.
  std::string weight(at::IntArrayRef sizes, int64_t fan_in) {
    return parameter(torch::randn(sizes) / std::sqrt(static_cast<double>(fan_in)));
  }

  Signal as(const Signal& x, Layout layout) {
    if (x.layout == layout) return x;
    const char* to_bct[] = {"", ".transpose(1, 2)", ".permute(1, 2, 0)", ".unsqueeze(0)"};
    const char* from_bct[] = {"", ".transpose(1, 2)", ".permute(2, 0, 1)", ".squeeze(0)"};
    Signal y = layout == Layout::kCt ? one_batch(x) : x;
    y = add(y, y.name + to_bct[static_cast<int>(y.layout)] + from_bct[static_cast<int>(layout)]);
    y.layout = layout;
    return y;
  }
  Signal bct(const Signal& x) { return as(x, Layout::kBct); }
  // The batch folded into the channels.
  Signal one_batch(const Signal& x) {
    if (x.batch == 1) return x;
    Signal y = bct(x);
    y = add(y, c10::str(y.name, ".reshape(1, ", y.batch * y.channels, ", ", y.name, ".size(2))"));
    y.channels *= y.batch;
    y.batch = 1;
    return y;
  }
  // `x` `[B, C, T]` with this many channels.
  Signal mixed(const Signal& x, int64_t channels) {
    const Signal in = bct(x);
    return add(in.with_channels(channels),
               c10::str("torch.matmul(", weight({channels, in.channels}, in.channels), ", ",
                        in.name, ")"));
  }

  // A signal for the next production: the newest, or, for a branch, any other.
  Signal pick() {
    const size_t newest = signals_.size() - 1;
    return take(random.between(0, 3) == 0 ? random.between(0, static_cast<int64_t>(newest))
                                          : newest);
  }
  Signal take(size_t i) {
    part_.inputs.push_back(i);
    return signals_[i];
  }
  // Ends a part of the source: what made `made` out of the signals that were taken.
  void keep(const Signal& made, std::string production = "") {
    for (const size_t i : part_.inputs) parts_[i].is_used = true;
    part_.production = std::move(production);
    parts_.push_back(std::exchange(part_, {}));
    signals_.push_back(made);
    kept_parameters_ = parameters_.size();
  }
  // Or takes it back.
  void discard() {
    part_ = {};
    parameters_.resize(kept_parameters_);
  }

  size_t signals() const { return signals_.size(); }
  bool is_used(size_t i) const { return parts_[i].is_used; }

  // A step of the source. The others it needs stand before it.
  struct Part {
    std::string production, methods, body;
    std::vector<size_t> inputs;
    bool is_used = false;
  };
  // Those that the newest signal needs: what is left out may fail for a signal that the rest takes,
  // and a stream does not know of it.
  std::vector<Part> needed() const {
    std::vector<bool> is_needed(parts_.size());
    is_needed.back() = true;
    for (size_t i = parts_.size(); i-- > 0;)
      for (const size_t input : parts_[i].inputs)
        if (is_needed[i]) is_needed[input] = true;
    is_needed[0] = true;  // what is said of the input
    std::vector<Part> parts;
    for (size_t i = 0; i < parts_.size(); ++i)
      if (is_needed[i]) parts.push_back(parts_[i]);
    return parts;
  }
  const std::vector<std::pair<std::string, Tensor>>& parameters() const { return parameters_; }

  Random& random;
  bool may_wait = false, spreads_nan = false;

 private:
  at::ScalarType dtype_;
  int names_ = 0;
  std::vector<std::pair<std::string, Tensor>> parameters_;
  size_t kept_parameters_ = 0;
  Part part_;  // being written
  std::vector<Part> parts_;
  std::vector<Signal> signals_;  // the result of each part
};

int64_t divisor(Random& random, int64_t n) {
  int64_t d = random.between(1, n);
  while (n % d != 0) --d;
  return d;
}

// ---- windows ----

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
  if (x.layout == Layout::kBct && r.between(0, 3) == 0)  // as traces have it
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

// To a multiple, down and up again, and back to the length: as U-Nets do.
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

// ---- one frame at a time ----

// Each of slope about one at most, so that rounding does not grow.
Made activation(Writer& w, const Signal& x) {
  const char* expression = w.random.pick({
      "torch.relu($x)",
      "torch.tanh($x)",
      "torch.sigmoid($x)",
      "torch.leaky_relu($x, 0.2)",
      "torch.elu($x)",
      "torch.selu($x)",
      "torch.celu($x)",
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

// A parameter for each channel: gain, offset or both.
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
  // A large eps: frames whose channels are almost equal must not amplify their rounding.
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

// ---- rates ----

Made repeated(Writer& w, const Signal& given) {
  Random& r = w.random;
  const int64_t k = r.between(2, 3);
  const Signal x = r.flip() ? given : w.bct(given);
  const Signal y = x.with_frames(k, [k](int64_t n) { return n * k; });
  if (x.layout != Layout::kBct || r.flip())
    return w.add(y,
                 c10::str("torch.repeat_interleave(", x.name, ", ", k, ", ", x.time_axis(), ")"));
  return w.add(y, c10::str(x.name, ".unsqueeze(-1).expand(-1, -1, -1, ", k, ").reshape(", x.batch,
                           ", ", x.channels, ", -1)"));
}

Made pixel_shuffle(Writer& w, const Signal& given) {
  const int64_t k = divisor(w.random, given.channels);
  if (k == 1) return {};
  const Signal x = w.bct(given);
  const int64_t c = x.channels / k;
  return w.add(x.with_channels(c).with_frames(k, [k](int64_t n) { return n * k; }),
               c10::str(x.name, ".view(", x.batch, ", ", c, ", ", k, ", ", x.name,
                        ".size(2)).permute(0, 1, 3, 2).reshape(", x.batch, ", ", c, ", -1)"));
}

// Frames without overlap: the channels of one hold k of the signal.
Made framed(Writer& w, const Signal& given) {
  Random& r = w.random;
  const int64_t k = r.between(2, 3);
  const Signal in = w.bct(given);
  const Signal x =
      w.add(in, c10::str(in.name, "[:, :, :", in.name, ".size(2) // ", k, " * ", k, "]"));
  const Signal y =
      w.add(x, c10::str(x.name, ".reshape(", x.batch, ", ", x.channels, ", -1, ", k, ")"));
  const Signal out = x.with_frames(Rational(1, k), [k](int64_t n) { return n / k; });
  if (r.flip()) {
    w.may_wait = true;  // for the last of the block, though the one before it is asked for
    return w.add(out, y.name + r.pick({".mean(-1)", ".amax(-1)", ".select(-1, 1)"}));
  }
  return w.add(out.with_channels(k * x.channels), c10::str(y.name, ".permute(0, 1, 3, 2).reshape(",
                                                           x.batch, ", ", k * x.channels, ", -1)"));
}

Made nearest(Writer& w, const Signal& given) {
  const Signal x = w.bct(given);
  const auto [num, den] = w.random.pick<std::pair<int, int>>({{2, 1}, {3, 1}, {3, 2}, {1, 2}});
  const Rational rate(num, den);
  w.may_wait |= den > 1;
  return w.add(x.with_frames(rate, [rate](int64_t n) { return (rate * Rational(n)).floor(); }),
               c10::str("torch.upsample_nearest1d(", x.name, ", None, [",
                        static_cast<double>(num) / den, num % den ? "" : ".0", "])"));
}

Made linear_upsampling(Writer& w, const Signal& given) {
  w.may_wait = true;
  const Signal x = w.bct(given);
  const int64_t k = w.random.between(2, 3);
  return w.add(x.with_frames(k, [k](int64_t n) { return n * k; }),
               c10::str("torch.upsample_linear1d(", x.name, ", None, False, [", k, ".0])"));
}

Made unfold(Writer& w, const Signal& given) {
  Random& r = w.random;
  const Signal x = w.bct(given);
  const int64_t k = r.between(1, 3), stride = r.between(1, 3);
  const Signal y =
      x.with_frames(Rational(1, stride), [=](int64_t n) { return floor_div(n - k, stride) + 1; });
  const std::string windows = c10::str(x.name, ".unfold(-1, ", k, ", ", stride, ")");
  if (r.flip()) return w.add(y, windows + r.pick({".mean(-1)", ".amax(-1)"}));
  return w.add(y.with_channels(k * x.channels), c10::str(windows, ".permute(0, 1, 3, 2).reshape(",
                                                         x.batch, ", ", k * x.channels, ", -1)"));
}

// ---- spectra ----

struct Spectrum {
  Signal bins;  // [1, bins, frames], complex
  std::string arguments;
  int64_t fft_frames;
};

Spectrum spectrum(Writer& w, const Signal& given, int64_t hop) {
  w.may_wait = true;  // reflects
  Random& r = w.random;
  const Signal x = w.one_batch(w.bct(given));
  const int64_t fft_frames = r.pick<int64_t>({4, 6});
  const std::string window = w.parameter(torch::rand({fft_frames}) + 0.5);
  const std::string arguments =
      c10::str(fft_frames, ", ", hop, ", ", fft_frames, ", ", window, ", ");
  const Signal y =
      w.add(x.with_channels(fft_frames / 2 + 1)
                .with_frames(Rational(1, hop), [hop](int64_t n) { return n / hop + 1; }),
            c10::str("torch.stft(", x.name, "[:, 0], ", arguments,
                     "True, 'reflect', False, True, True) * 0.3"));
  return {y, arguments, fft_frames};
}

Made magnitudes(Writer& w, const Signal& given) {
  const Signal bins = spectrum(w, given, w.random.between(1, 3)).bins;
  return w.add(bins, "torch.abs(" + bins.name + ")");
}

Made filtered_spectrum(Writer& w, const Signal& given) {
  const int64_t hop = w.random.between(1, 2);
  const Spectrum s = spectrum(w, given, hop);
  const std::string gains = w.parameter(torch::rand({s.fft_frames / 2 + 1, 1}) + 0.5);
  const Signal x = w.one_batch(given);
  return w.add(w.bct(x).with_channels(1),
               Writer::filled(c10::str("torch.istft(", s.bins.name, " * ", gains, ", ", s.arguments,
                                       "True, False, True, $x.size($t), False).unsqueeze(1)"),
                              x));
}

Made convolution_2d(Writer& w, const Signal& given) {
  Random& r = w.random;
  const Signal x = w.bct(given);
  if (x.channels < 2) return {};
  const int64_t height = 2, width = r.between(1, 4), stride = r.between(1, 2),
                out = r.between(1, 2);
  const int64_t padding = r.between(0, width - 1), rows = x.channels - height + 1;
  return w.add(
      x.with_channels(out * rows)
          .with_frames(Rational(1, stride),
                       [=](int64_t n) { return floor_div(n + 2 * padding - width, stride) + 1; }),
      c10::str("torch.conv2d(", x.name, ".unsqueeze(1), ",
               w.weight({out, 1, height, width}, height * width), ", None, [1, ", stride, "], [0, ",
               padding, "]).flatten(1, 2)"));
}

// ---- other memories of time ----

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

// A few frames back, as transformers with a bounded window look.
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

// ---- Python around the operators ----

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

// A helper of the user's, called twice.
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

// ---- joins ----

// Whether a has at least the frames of b for every length, and whether always as many.
struct Lengths {
  bool is_never_shorter = true, is_never_longer = true;
};

// Enough neighbours to meet every remainder of the rates there are.
Lengths compared(const Signal& a, const Signal& b) {
  Lengths lengths;
  for (int64_t n = 4000; n < 4240; ++n) {
    const int64_t difference = a.frames(n) - b.frames(n);
    lengths.is_never_shorter &= difference >= 0;
    lengths.is_never_longer &= difference <= 0;
  }
  return lengths;
}

// `b` at the rate of `a`, where one is a whole multiple of the other.
Made at_rate_of(Writer& w, const Signal& a, const Signal& b) {
  const Rational by = a.rate / b.rate;
  if (by == Rational(1)) return b;
  if (by.den == 1 && by.num <= 4)
    return w.add(b.with_frames(by, [by](int64_t n) { return n * by.num; }),
                 c10::str("torch.repeat_interleave(", b.name, ", ", by.num, ", 2)"));
  if (by.num == 1 && by.den <= 4)
    return w.add(b.with_frames(by, [by](int64_t n) { return ceil_div(n, by.den); }),
                 c10::str(b.name, "[:, :, ::", by.den, "]"));
  return {};
}

// The longer one without its last frames, or without as many at both ends.
Signal cropped(Writer& w, const Signal& longer, const Signal& shorter) {
  Signal y = longer;
  y.frames = shorter.frames;
  const int64_t surplus = longer.frames(4000) - shorter.frames(4000);
  bool is_fixed = true;
  for (int64_t n = 4000; n < 4240; ++n) is_fixed &= longer.frames(n) - shorter.frames(n) == surplus;
  if (!is_fixed || w.random.flip())
    return w.add(y, c10::str(longer.name, "[:, :, :", shorter.name, ".size(2)]"));
  const std::string start = w.fresh("start");
  w.line(c10::str(start, " = (", longer.name, ".size(2) - ", shorter.name, ".size(2)) // 2"));
  return w.add(
      y, c10::str(longer.name, "[:, :, ", start, ":", start, " + ", shorter.name, ".size(2)]"));
}

// Both to the same length.
void match(Writer& w, Signal& a, Signal& b) {
  const Lengths lengths = compared(a, b);
  if (lengths.is_never_shorter && lengths.is_never_longer) return;
  if (lengths.is_never_longer) std::swap(a, b);
  if (!lengths.is_never_shorter && !lengths.is_never_longer) {
    const std::string n = w.fresh("n");
    w.line(c10::str(n, " = min(", a.name, ".size(2), ", b.name, ".size(2))"));
    const Frames frames = [x = a.frames, y = b.frames](int64_t n) { return std::min(x(n), y(n)); };
    for (Signal* s : {&a, &b}) {
      *s = w.add(*s, c10::str(s->name, "[:, :, :", n, "]"));
      s->frames = frames;
    }
  } else if (w.random.between(0, 3) == 0) {
    b.frames = a.frames;
    b = w.add(b, c10::str("torch.constant_pad_nd(", b.name, ", [0, ", a.name, ".size(2) - ", b.name,
                          ".size(2)])"));
  } else {
    a = cropped(w, a, b);
  }
}

Made joined(Writer& w, const Signal& one, const Signal& other) {
  Signal a = w.bct(w.one_batch(one));
  Made found = at_rate_of(w, a, w.bct(w.one_batch(other)));
  if (!found) return {};
  Signal b = *found;
  match(w, a, b);
  if (a.channels + b.channels <= 6 && w.random.between(0, 3) == 0)
    return w.add(a.with_channels(a.channels + b.channels),
                 c10::str("torch.cat([", a.name, ", ", b.name, "], 1)"));
  if (a.channels != 1 && b.channels != a.channels && b.channels != 1) b = w.mixed(b, a.channels);
  const char* expression = w.random.pick({
      "$x + $y",
      "$x + $y",
      "0.5 * ($x - $y)",
      "torch.tanh($x) * $y",
      "torch.tanh($x) * torch.sigmoid($y)",
      "$x * torch.sigmoid($y) + (1 - torch.sigmoid($y)) * $y",
      "torch.add($x, $y, alpha=0.5)",
      "$x / (1 + torch.abs($y))",
      "torch.lerp($x, $y, 0.3)",
      "torch.maximum($x, $y)",
      "torch.minimum($x, $y)",
      "torch.stack(torch.broadcast_tensors([$x, $y]), 1).sum(1)",
      "torch.addcmul($x, $y, torch.sigmoid($y))",
      "torch.where($x > 0, torch.relu($x) * torch.tanh($y), 0.5 * $x)",
  });
  return w.add(a.with_channels(std::max(a.channels, b.channels)),
               replaced(Writer::filled(expression, a), "$y", b.name));
}

Made join(Writer& w, const Signal& x) {
  const Signal other = w.pick();
  if (other.name == x.name) return {};
  return joined(w, x, other);
}

// ---- the table ----

struct Production {
  const char* name;
  int weight;  // how often; with 0 only where it is asked for by name
  Made (*emit)(Writer& w, const Signal& x);
};

constexpr Production kTable[] = {
    {"convolution", 10, convolution},
    {"transposed convolution", 6, transposed_convolution},
    {"pool", 6, pool},
    {"padding", 6, padding},
    {"slice", 6, slice},
    {"multiple", 2, multiple},
    {"cropped to multiple", 2, cropped_to_multiple},
    {"padded to multiple", 2, padded_to_multiple},
    {"activation", 8, activation},
    {"prelu", 1, prelu},
    {"arithmetic", 4, arithmetic},
    {"scaled", 2, scaled},
    {"batch norm", 2, batch_norm},
    {"layer norm", 2, layer_norm},
    {"linear", 2, linear},
    {"matrix", 2, matrix},
    {"over channels", 3, over_channels},
    {"one channel", 1, one_channel},
    {"glu", 2, glu},
    {"split", 3, split},
    {"shuffle", 2, shuffle},
    {"fold batch", 2, fold_batch},
    {"other layout", 2, other_layout},
    {"cumulative sum", 2, cumulative_sum},
    {"recurrent", 3, recurrent},
    {"repeated", 2, repeated},
    {"pixel shuffle", 2, pixel_shuffle},
    {"framed", 3, framed},
    {"nearest", 2, nearest},
    {"linear upsampling", 2, linear_upsampling},
    {"unfold", 2, unfold},
    {"magnitudes", 2, magnitudes},
    {"filtered spectrum", 2, filtered_spectrum},
    {"convolution 2d", 2, convolution_2d},
    {"joined with constant", 2, joined_with_constant},
    {"difference", 2, difference},
    {"cumulative maximum", 2, cumulative_maximum},
    {"positional", 2, positional},
    {"attention", 2, attention},
    {"control flow", 3, control_flow},
    {"in place", 3, in_place},
    {"slice assignment", 2, slice_assignment},
    {"method", 2, method},
    {"residual stack", 2, residual_stack},
    {"join", 10, join},
};

const Production& picked(Random& random, const std::string& always) {
  if (!always.empty() && random.flip())
    for (const Production& p : kTable)
      if (p.name == always) return p;
  int total = 0;
  for (const Production& p : kTable) total += p.weight;
  int64_t ticket = random.between(1, total);
  for (const Production& p : kTable)
    if ((ticket -= p.weight) <= 0) return p;
  return kTable[0];
}

bool is_small(const Signal& s) {
  return s.channels * s.batch <= 8 && !(Rational(6) < s.rate) && !(s.rate < Rational(1, 12));
}

// The newest signal, if there is one and it is not too much.
bool is_kept(Writer& w, const Made& made, const char* production) {
  if (made && is_small(*made))
    w.keep(*made, production);
  else
    w.discard();
  return made && is_small(*made);
}

// What no production took is added to the newest, as far as the rates allow.
void join_leaves(Writer& w) {
  int joins = 0;
  for (size_t i = 0; i + 1 < w.signals() && joins < 3; ++i) {
    if (w.is_used(i)) continue;
    const Signal newest = w.take(w.signals() - 1), leaf = w.take(i);
    joins += is_kept(w, joined(w, newest, leaf), "join");
  }
}

}  // namespace

std::vector<ProductionRow> productions() {
  std::vector<ProductionRow> rows;
  for (const Production& p : kTable) rows.push_back({p.name, p.weight});
  return rows;
}

RandomGraph random_graph(unsigned seed, int64_t steps, const std::string& always) {
  Random random(seed);
  RandomGraph net;
  net.channels = random.between(1, 4);
  net.rank = random.between(0, 9) == 0 ? 2 : 3;
  net.dtype = random.flip() ? at::kFloat : at::kDouble;
  const int64_t most = random.between(1, kMostSteps);
  Writer w(random, net.dtype);
  Signal input;
  input.name = "x";
  input.channels = net.channels;
  if (net.rank == 2) {
    input.layout = Layout::kCt;
    w.line("assert x.dim() == 2, 'expected [C, T]'");
  }
  w.weight({1}, 1);  // the type of the weights is the type of the stream
  w.keep(input);
  for (int64_t left = steps > 0 ? steps : most; left > 0;) {
    const Production& production = picked(random, always);
    left -= is_kept(w, production.emit(w, w.pick()), production.name);
  }
  join_leaves(w);
  const Signal out = w.one_batch(w.bct(w.take(w.signals() - 1)));
  w.line("return " + out.name + (random.between(0, 3) == 0 ? ", x" : ""));
  w.keep(out);
  std::string body;
  for (const Writer::Part& part : w.needed()) {
    net.source += part.methods;
    body += part.body;
    if (!part.production.empty()) net.productions.push_back(part.production);
  }
  net.source += "def forward(self, x: Tensor):\n" + body;
  for (const auto& [name, value] : w.parameters())
    net.module.register_parameter(name, value, false);
  net.module.define(net.source);
  net.frames_out = out.frames;
  net.may_wait = w.may_wait;
  net.spreads_nan = w.spreads_nan;
  return net;
}

Offline RandomGraph::offline() const {
  return [module = module, rank = rank](const Tensor& x) mutable {
    // The optimizer of libtorch 2.6 never returns from some graphs, far inside of LLVM.
    torch::jit::GraphOptimizerEnabledGuard optimizer(TORCH_VERSION_MAJOR < 2);
    const auto y = module.forward({rank == 3 ? x.unsqueeze(0) : x});
    const Tensor first = y.isTuple() ? y.toTupleRef().elements()[0].toTensor() : y.toTensor();
    return first.dim() == 3 ? first.squeeze(0) : first;
  };
}

}  // namespace torchstreamer::testing
