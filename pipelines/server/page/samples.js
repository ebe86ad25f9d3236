// Audio that grows while it is streamed.

// Samples of all channels, in blocks of one second.
export class Samples {
  constructor(rate_hz, channels) {
    this.rate_hz = rate_hz;
    this.channels = channels;
    this.frames = 0;
    this.blocks = [];
  }

  get duration_s() {
    return this.frames / this.rate_hz;
  }

  // Appends one array for each channel.
  append(planar) {
    for (let from = 0; from < planar[0].length;) {
      const offset = this.frames % this.rate_hz;
      if (offset === 0) this.blocks.push(planar.map(() => new Float32Array(this.rate_hz)));
      const count = Math.min(planar[0].length - from, this.rate_hz - offset);
      const block = this.blocks[this.blocks.length - 1];
      planar.forEach((samples, c) => block[c].set(samples.subarray(from, from + count), offset));
      this.frames += count;
      from += count;
    }
  }

  // Returns one array for each channel; zeros before the start and after the end.
  read(start, count) {
    const planar = Array.from({length: this.channels}, () => new Float32Array(count));
    const end = Math.min(start + count, this.frames);
    for (let frame = Math.max(start, 0); frame < end;) {
      const offset = frame % this.rate_hz;
      const length = Math.min(end - frame, this.rate_hz - offset);
      const block = this.blocks[Math.floor(frame / this.rate_hz)];
      planar.forEach((samples, c) =>
        samples.set(block[c].subarray(offset, offset + length), frame - start));
      frame += length;
    }
    return planar;
  }

  // Returns the mean of the channels.
  readMono(start, count) {
    const [mono, ...others] = this.read(start, count);
    for (const samples of others)
      for (let i = 0; i < count; ++i) mono[i] += samples[i];
    if (others.length)
      for (let i = 0; i < count; ++i) mono[i] /= this.channels;
    return mono;
  }

  // Returns the first channel at a time; 0 after the end.
  valueAt(time_s) {
    const frame = Math.floor(time_s * this.rate_hz);
    if (frame < 0 || frame >= this.frames) return 0;
    return this.blocks[Math.floor(frame / this.rate_hz)][0][frame % this.rate_hz];
  }
}

export function interleave(planar) {
  const channels = planar.length;
  if (channels === 1) return planar[0];
  const samples = new Float32Array(planar[0].length * channels);
  planar.forEach((channel, c) => {
    for (let i = 0; i < channel.length; ++i) samples[i * channels + c] = channel[i];
  });
  return samples;
}

export function deinterleave(samples, channels) {
  if (channels === 1) return [samples];
  const frames = samples.length / channels;
  return Array.from({length: channels}, (_, c) =>
    Float32Array.from({length: frames}, (_, i) => samples[i * channels + c]));
}

// Returns the level of the `length_s` before a time, in dB of full scale.
export function level_dB(samples, end_s, length_s = 0.05) {
  const count = Math.round(length_s * samples.rate_hz);
  const part = samples.readMono(Math.round(end_s * samples.rate_hz) - count, count);
  let energy = 0;
  for (const x of part) energy += x * x;
  return 10 * Math.log10(energy / count + 1e-12);
}
