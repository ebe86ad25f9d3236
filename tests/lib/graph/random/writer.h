// Writer of the source of random nets.
#pragma once

#include <c10/util/StringUtil.h>

#include <utility>

#include "lib/graph/random/random_graphs.h"

namespace torchstreamer::testing {

using Frames = LengthRule;

// Order of the axes of a tensor: batch, channels, time.
enum class Layout { kBct, kBtc, kTbc, kCt };

// A tensor in the source of the net.
struct Signal {
  std::string name;
  int64_t channels = 1;
  int64_t batch = 1;
  Rational rate = 1;                            // frames per frame of the net's input
  Frames frames = [](int64_t n) { return n; };  // number of frames for n input frames
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
  // `by`: output frames per input frame; `count`: number of output frames for a number of input
  // frames.
  Signal with_frames(Rational by, std::function<int64_t(int64_t)> count) const {
    Signal s = *this;
    s.rate = rate * by;
    s.frames = [before = frames, count = std::move(count)](int64_t n) { return count(before(n)); };
    return s;
  }
};

using Made = std::optional<Signal>;

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
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

  // Adds a line that assigns `expression` to a new variable; the signal is otherwise like `like`.
  Signal add(const Signal& like, const std::string& expression) {
    Signal y = like;
    y.name = fresh();
    line(y.name + " = " + expression);
    return y;
  }
  // `text` with the name of `x` for $x, its channel axis for $c, its time axis for $t and its
  // number of channels for $n.
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
  // Folds the batch into the channels.
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

  // A signal for the next production: mostly the newest one, sometimes a different one for a
  // branch.
  Signal pick() {
    const size_t newest = signals_.size() - 1;
    return take(random.between(0, 3) == 0 ? random.between(0, static_cast<int64_t>(newest))
                                          : newest);
  }
  Signal take(size_t i) {
    part_.inputs.push_back(i);
    return signals_[i];
  }
  // Ends the current part of the source, which computes `made` from the signals that were taken.
  void keep(const Signal& made, std::string production = "") {
    for (const size_t i : part_.inputs) parts_[i].is_used = true;
    part_.production = std::move(production);
    parts_.push_back(std::exchange(part_, {}));
    signals_.push_back(made);
    kept_parameters_ = parameters_.size();
  }
  // Removes the current part of the source.
  void discard() {
    part_ = {};
    parameters_.resize(kept_parameters_);
  }

  size_t signals() const { return signals_.size(); }
  bool is_used(size_t i) const { return parts_[i].is_used; }

  // A step of the source; it depends only on earlier steps.
  struct Part {
    std::string production, methods, body;
    std::vector<size_t> inputs;
    bool is_used = false;
  };
  // The steps that the newest signal depends on. Other steps could fail for a signal that the
  // stream, which does not contain them, accepts.
  std::vector<Part> needed() const {
    std::vector<bool> is_needed(parts_.size());
    is_needed.back() = true;
    for (size_t i = parts_.size(); i-- > 0;)
      for (const size_t input : parts_[i].inputs)
        if (is_needed[i]) is_needed[input] = true;
    is_needed[0] = true;  // the assertion about the input
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
  Part part_;  // the current part
  std::vector<Part> parts_;
  std::vector<Signal> signals_;  // the result of each part
};

inline int64_t divisor(Random& random, int64_t n) {
  int64_t d = random.between(1, n);
  while (n % d != 0) --d;
  return d;
}

}  // namespace torchstreamer::testing
