// Columns of a picture of audio: the range of the waveform, and the spectrum.

export const BANDS = 96;
const WINDOW_S = 0.03;
const LEAST_HZ = 60, MOST_HZ = 16000;
const LEAST_DB = -95, MOST_DB = -25;
// Spectra of one column at most, if it is wider than a window.
const MOST_WINDOWS = 3;

// Complex Fourier transform in place, radix 2.
export class Fft {
  constructor(size) {
    this.size = size;
    this.cos = Float64Array.from({length: size / 2}, (_, i) => Math.cos(2 * Math.PI * i / size));
    this.sin = Float64Array.from({length: size / 2}, (_, i) => -Math.sin(2 * Math.PI * i / size));
    this.reversed = new Uint32Array(size);
    for (let i = 1; i < size; ++i)
      this.reversed[i] = (this.reversed[i >> 1] >> 1) | (i & 1 ? size >> 1 : 0);
  }

  transform(re, im) {
    for (let i = 0; i < this.size; ++i) {
      const j = this.reversed[i];
      if (j <= i) continue;
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
    for (let half = 1; half < this.size; half *= 2)
      for (let start = 0; start < this.size; start += 2 * half) this.butterflies(re, im, start, half);
  }

  butterflies(re, im, start, half) {
    const stride = this.size / (2 * half);
    for (let k = 0, a = start, b = start + half; k < half; ++k, ++a, ++b) {
      const c = this.cos[k * stride], s = this.sin[k * stride];
      const x = re[b] * c - im[b] * s, y = re[b] * s + im[b] * c;
      re[b] = re[a] - x;
      im[b] = im[a] - y;
      re[a] += x;
      im[a] += y;
    }
  }
}

const mel = (hz) => 2595 * Math.log10(1 + hz / 700);
const hertz = (mels) => 700 * (10 ** (mels / 2595) - 1);

// The scale of frequencies: bands of equal width in mel.
export class Scale {
  constructor(rate_hz) {
    this.low = mel(LEAST_HZ);
    this.high = mel(Math.min(rate_hz / 2, MOST_HZ));
  }

  edge_hz(band) {
    return hertz(this.low + (this.high - this.low) * band / BANDS);
  }

  // 0: lowest, 1: highest.
  place(hz) {
    return (mel(hz) - this.low) / (this.high - this.low);
  }
}

export class Columns {
  // `hop_frames`: width of a column.
  constructor(samples, hop_frames) {
    this.samples = samples;
    this.hop_frames = hop_frames;
    this.scale = new Scale(samples.rate_hz);
    this.least = [];
    this.most = [];
    this.peak = 0;
    this.bands = [];  // a Uint8Array for each column, 255: loudest
    const size = 2 ** Math.round(Math.log2(WINDOW_S * samples.rate_hz));
    this.fft = new Fft(size);
    this.window = Float64Array.from({length: size}, (_, i) =>
      (1 - Math.cos(2 * Math.PI * (i + 0.5) / size)) / size * 2);
    this.re = new Float64Array(size);
    this.im = new Float64Array(size);
    this.edges = Array.from({length: BANDS + 1}, (_, b) => this.scale.edge_hz(b) * size / samples.rate_hz);
  }

  get count() {
    return this.bands.length;
  }

  // Adds columns for new samples, at most `most`. `isOver`: no samples will follow.
  update(isOver, most = Infinity) {
    const {hop_frames, samples, fft} = this;
    for (; most > 0; --most) {
      const start = this.count * hop_frames;
      const needed = isOver ? start + 1 : start + hop_frames + fft.size / 2;
      if (samples.frames < needed) return;
      this.addRange(samples.readMono(start, Math.min(hop_frames, samples.frames - start)));
      this.bands.push(this.spectrum(start));
    }
  }

  addRange(mono) {
    let least = Infinity, most = -Infinity;
    for (const x of mono) {
      if (x < least) least = x;
      if (x > most) most = x;
    }
    this.least.push(least);
    this.most.push(most);
    this.peak = Math.max(this.peak, most, -least);
  }

  spectrum(start) {
    const {hop_frames, fft} = this;
    const windows = Math.max(1, Math.min(MOST_WINDOWS, Math.floor(hop_frames / fft.size)));
    const powers = new Float64Array(fft.size / 2 + 1);
    for (let w = 0; w < windows; ++w) {
      const centre = start + Math.round((w + 0.5) * hop_frames / windows);
      const mono = this.samples.readMono(centre - fft.size / 2, fft.size);
      for (let i = 0; i < fft.size; ++i) this.re[i] = mono[i] * this.window[i];
      this.im.fill(0);
      fft.transform(this.re, this.im);
      for (let i = 0; i < powers.length; ++i)
        powers[i] += (this.re[i] ** 2 + this.im[i] ** 2) / windows;
    }
    return Uint8Array.from({length: BANDS}, (_, b) => this.brightness(powers, b));
  }

  // Takes the largest bin of a band; between two bins if the band has none.
  brightness(powers, band) {
    const from = this.edges[band], to = this.edges[band + 1];
    let power = 0;
    if (Math.ceil(from) < to) {
      for (let bin = Math.ceil(from); bin < to && bin < powers.length; ++bin)
        power = Math.max(power, powers[bin]);
    } else {
      const bin = Math.floor(from), part = (from + to) / 2 - bin;
      power = powers[bin] * (1 - part) + powers[bin + 1] * part;
    }
    const dB = 10 * Math.log10(power + 1e-20);
    return Math.max(0, Math.min(255, 255 * (dB - LEAST_DB) / (MOST_DB - LEAST_DB)));
  }
}
