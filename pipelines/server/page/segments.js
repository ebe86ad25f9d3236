// Segments of speech from the probabilities of a voice activity detector.

const STEP_S = 0.005;
const STARTS_AT = 0.5, ENDS_AT = 0.35;

export class Segments {
  // `probabilities`: Samples.
  constructor(probabilities) {
    this.probabilities = probabilities;
    this.list = [];  // of {start_s, end_s}
    this.steps = 0;
  }

  // Adds the probabilities that have come since the last call.
  update() {
    for (; (this.steps + 1) * STEP_S <= this.probabilities.duration_s; ++this.steps) {
      const time_s = this.steps * STEP_S;
      const value = this.probabilities.valueAt(time_s);
      const last = this.list[this.list.length - 1];
      const isOpen = last && last.end_s >= time_s - STEP_S / 2;
      if (value < (isOpen ? ENDS_AT : STARTS_AT)) continue;
      if (isOpen) last.end_s = time_s + STEP_S;
      else this.list.push({start_s: time_s, end_s: time_s + STEP_S});
    }
  }

  get speech_s() {
    return this.list.reduce((sum, {start_s, end_s}) => sum + end_s - start_s, 0);
  }
}
