// Processors of the audio thread: the microphone, and the player.

const BLOCK_S = 0.01;
const REPORT_S = 0.02;
const FADE_S = 0.01;

// Posts the input in blocks of 10 ms.
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(Math.round(BLOCK_S * sampleRate));
    this.filled = 0;
  }

  process([[input]]) {
    for (let from = 0; input && from < input.length;) {
      const count = Math.min(input.length - from, this.block.length - this.filled);
      this.block.set(input.subarray(from, from + count), this.filled);
      this.filled += count;
      from += count;
      if (this.filled === this.block.length) {
        this.port.postMessage(this.block);
        this.filled = 0;
      }
    }
    return true;
  }
}

// Plays a queue of {before, after}, arrays of channels with the same frames; cross-fades between both.
// Posts {generation, played, queued} in frames.
class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.clear(0);
    this.gain = this.target = 1;  // of the audio after the model
    this.port.onmessage = ({data}) => {
      if (data.parts) this.enqueue(data);
      else if (data.clear !== undefined) this.clear(data.clear);
      else this.target = data.after ? 1 : 0;
    };
  }

  clear(generation) {
    this.generation = generation;
    this.queue = [];
    this.offset = this.played = this.queued = this.unreported = 0;
  }

  enqueue({generation, parts}) {
    if (generation !== this.generation) return;
    this.queue.push(parts);
    this.queued += parts.before[0].length;
  }

  process(_, [output]) {
    for (let i = 0; i < output[0].length && this.queue.length; ++i) this.playFrame(output, i);
    this.unreported += output[0].length;
    if (this.unreported >= REPORT_S * sampleRate) {
      this.unreported = 0;
      this.port.postMessage({generation: this.generation, played: this.played, queued: this.queued});
    }
    return true;
  }

  playFrame(output, i) {
    const step = 1 / (FADE_S * sampleRate);
    this.gain += Math.max(-step, Math.min(step, this.target - this.gain));
    const {before, after} = this.queue[0];
    for (let c = 0; c < output.length; ++c)
      output[c][i] = (1 - this.gain) * before[c][this.offset] + this.gain * after[c][this.offset];
    ++this.played;
    --this.queued;
    if (++this.offset < before[0].length) return;
    this.queue.shift();
    this.offset = 0;
  }
}

registerProcessor('capture', Capture);
registerProcessor('player', Player);
