// Productions: operators that change the rate, and spectra.
#include "lib/graph/random/productions.h"

#include <c10/util/StringUtil.h>

namespace torchstreamer::testing {

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

// Blocks of k frames, folded into the channels of one frame.
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
    w.may_wait = true;  // waits for the whole block, even if the result is an earlier frame
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
  w.may_wait = true;  // because of the reflection padding
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

}  // namespace torchstreamer::testing
