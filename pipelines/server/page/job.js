// One run of a model over a file or the microphone.
import {LiveStream} from './live.js';
import {Samples} from './samples.js';
import {latency_ms, retryWhileBusy} from './server.js';
import {FileSender, LiveSender} from './sender.js';
import {Segments} from './segments.js';

export const VAD = 'vad';
const MOST_LIVE_S = 600;

const sleep = (time_s) => new Promise((resolve) => setTimeout(resolve, 1000 * time_s));

export class Job {
  // `model`, `vad`: entries of /v1/models; vad may be null. `listener`: onWait(seconds),
  // onVadFailed(error), onOver(error).
  constructor(server, model, vad, listener) {
    this.server = server;
    this.model = model;
    this.vad = vad;
    this.listener = listener;
    this.isOver = this.isLive = this.isStopping = false;
    this.before = this.after = this.speech = null;
    this.end_ms = null;
  }

  // Streams all of `before`.
  async runFile(before) {
    this.before = before;
    await this.open();
    if (this.isOver) return;
    this.sender = new FileSender(before, this.streams());
    this.sender.pump();
  }

  // Streams what append() gets until stop().
  async runLive(rate_hz) {
    this.isLive = true;
    this.before = new Samples(rate_hz, 1);
    await this.open();
    this.sender = new LiveSender(this.streams());
  }

  append(planar) {
    if (this.isOver || this.isStopping) return;
    this.before.append(planar);
    if (!this.sender.send(planar))
      this.finish(new Error('The server is slower than real time with this model: it is 10 s late.'));
    else if (this.isFull)
      this.stop();
  }

  // Ends a live input; the remaining output follows.
  stop() {
    if (this.isStopping || this.isOver) return;
    this.isStopping = true;
    this.sender.sendEnd();
  }

  // Ends at once, without calling the listener.
  cancel() {
    this.isOver = true;
    this.end_ms ??= performance.now();
    if (this.sender) this.sender.stop();
    for (const stream of this.streams()) stream.close();
  }

  get isFull() {
    return this.isLive && this.before.duration_s >= MOST_LIVE_S;
  }

  // Returns seconds of output per second, or null.
  get speed() {
    if (!this.after || !this.after.frames) return null;
    return 1000 * this.after.duration_s / ((this.end_ms ?? performance.now()) - this.start_ms);
  }

  get delays() {
    return this.stream ? this.stream.delays.summary() : null;
  }

  streams() {
    return [this.stream, this.vadStream].filter(Boolean);
  }

  async open() {
    this.stream = await this.openStream(this.model, (error) => this.finish(error));
    this.after = this.stream.output;
    if (this.vad && !this.isOver) await this.openVad();
    this.start_ms = performance.now();
  }

  async openVad() {
    const onOver = (error) => {
      if (error && !this.isOver) this.listener.onVadFailed(error);
      if (this.stream.is_over) this.finish(null);
    };
    try {
      this.vadStream = await this.openStream(this.vad, onOver);
      this.speech = new Segments(this.vadStream.output);
    } catch (error) {
      this.listener.onVadFailed(error);
    }
  }

  openStream(model, onOver) {
    const format = {model: model.name, rate_hz: this.before.rate_hz, channels: this.before.channels,
      latency_ms: latency_ms(model, this.before.rate_hz)};
    const wait = async (time_s) => {
      this.listener.onWait(time_s);
      await sleep(time_s);
      return !this.isOver;
    };
    return retryWhileBusy(async () => {
      const stream = new LiveStream(this.server, format, () => this.sender?.onOutput(), onOver);
      await stream.open();
      if (this.isOver) stream.close();
      return stream;
    }, wait);
  }

  finish(error) {
    if (this.isOver) return;
    this.end_ms ??= performance.now();
    if (!error && this.vadStream && !this.vadStream.is_over) return;  // its last output is still to come
    this.cancel();
    this.listener.onOver(error);
  }
}
