// One session of /v1/live: raw float audio over a WebSocket, both ways.
import {deinterleave, interleave, Samples} from './samples.js';
import {ServerError} from './server.js';

const SAMPLE_BYTES = 4;
const RECENT = 200;

// Times from sending frames to receiving the output that completes them.
class Delays {
  constructor() {
    this.sent = [];
    this.recent_ms = [];
  }

  addSent(end_frame) {
    this.sent.push({end_frame, time_ms: performance.now()});
  }

  // `frames`: of the input that the output covers.
  addReceived(frames) {
    let last;
    while (this.sent.length && this.sent[0].end_frame <= frames) last = this.sent.shift();
    if (!last) return;
    this.recent_ms.push(performance.now() - last.time_ms);
    if (this.recent_ms.length > RECENT) this.recent_ms.shift();
  }

  get last_ms() {
    return this.recent_ms[this.recent_ms.length - 1];
  }

  // Returns {median, worst} of the recent ones; null: there are none.
  summary() {
    if (!this.recent_ms.length) return null;
    const sorted = [...this.recent_ms].sort((a, b) => a - b);
    return {median: sorted[sorted.length >> 1], worst: sorted[sorted.length - 1]};
  }
}

export class LiveStream {
  // `format`: {model, rate_hz, channels, latency_ms}. Calls `onOutput()` when output has come,
  // `onOver(error)` once at the end; the error is null if all output has come.
  constructor(server, format, onOutput, onOver) {
    this.server = server;
    this.format = format;
    this.onOutput = onOutput;
    this.onOver = onOver;
    this.query = {model: format.model, format: 'F32LE', rate: format.rate_hz, channels: format.channels};
    this.output = null;
    this.sent_frames = 0;
    this.received_bytes = new Uint8Array(0);
    // Frames that the model needs beyond an output.
    this.held_frames = Math.ceil(format.latency_ms * format.rate_hz / 1000);
    this.delays = new Delays();
    this.turnarounds = new Delays();
    this.is_over = false;
  }

  // Waits until the server is ready. Throws ServerError.
  open() {
    return new Promise((resolve, reject) => {
      const socket = this.socket = this.server.connect(this.query);
      socket.binaryType = 'arraybuffer';
      socket.onmessage = ({data}) => {
        if (typeof data !== 'string') return this.receive(data);
        const message = JSON.parse(data);
        if (message.type === 'ready') {
          this.output = new Samples(message.rate, message.channels);
          resolve();
        } else if (message.type === 'end') {
          this.finish(null);
        } else {
          const error = new ServerError(500, message.error);
          reject(error);
          this.finish(error);
        }
      };
      socket.onclose = async () => {
        if (this.is_over) return;
        if (this.output) this.finish(await this.server.explainClose());
        else reject(await this.server.explain(this.query));
      };
    });
  }

  get outstanding_frames() {
    return this.sent_frames - this.covered_frames();
  }

  get buffered_bytes() {
    return this.socket.bufferedAmount;
  }

  isOpen() {
    return !this.is_over && this.socket.readyState === WebSocket.OPEN;
  }

  // Returns the number of input frames that the output covers.
  covered_frames() {
    return Math.floor(this.output.frames * this.format.rate_hz / this.output.rate_hz);
  }

  send(planar) {
    if (!this.isOpen()) return;
    this.socket.send(interleave(planar));
    this.sent_frames += planar[0].length;
    this.delays.addSent(this.sent_frames);
    this.turnarounds.addSent(this.sent_frames);
  }

  // Marks the end of the input; the remaining output follows.
  sendEnd() {
    if (this.isOpen()) this.socket.send(JSON.stringify({type: 'end'}));
  }

  close() {
    this.is_over = true;
    if (this.socket) this.socket.close();
  }

  receive(data) {
    let bytes = new Uint8Array(data);
    if (this.received_bytes.length) {
      const joined = new Uint8Array(this.received_bytes.length + bytes.length);
      joined.set(this.received_bytes);
      joined.set(bytes, this.received_bytes.length);
      bytes = joined;
    }
    const frame_bytes = SAMPLE_BYTES * this.output.channels;
    const whole = bytes.length - bytes.length % frame_bytes;
    this.received_bytes = bytes.slice(whole);
    const samples = new Float32Array(bytes.buffer, 0, whole / SAMPLE_BYTES);
    if (samples.length) this.output.append(deinterleave(samples, this.output.channels));
    this.delays.addReceived(this.covered_frames());
    this.turnarounds.addReceived(this.covered_frames() + this.held_frames);
    this.onOutput();
  }

  finish(error) {
    if (this.is_over) return;
    this.close();
    this.onOver(error);
  }
}
