// Productions: joins of two signals.
#include "lib/graph/random/productions.h"

#include <c10/util/StringUtil.h>

namespace torchstreamer::testing {

// ---- joins ----

// Comparison of the lengths of two signals for all input lengths.
struct Lengths {
  bool is_never_shorter = true, is_never_longer = true;
};

// Tests enough consecutive lengths to cover all remainders of the possible rates.
Lengths compared(const Signal& a, const Signal& b) {
  Lengths lengths;
  for (int64_t n = 4000; n < 4240; ++n) {
    const int64_t difference = a.frames(n) - b.frames(n);
    lengths.is_never_shorter &= difference >= 0;
    lengths.is_never_longer &= difference <= 0;
  }
  return lengths;
}

// `b` at the rate of `a`, if one rate is a small multiple of the other.
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

// The longer signal, cropped at its end or equally at both ends.
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

// Crops or pads one or both signals to the same length.
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

}  // namespace torchstreamer::testing
