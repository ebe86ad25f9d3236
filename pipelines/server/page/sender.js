// Sends audio to sessions, no faster than they process it.

const CHUNK_S = 0.02;
// A file is streamed at most so many times as fast as real time: the server counts its sessions as live
// ones, and others need their share.
const MOST_SPEED = 16;
// Bounds of the frames that are sent and not yet answered.
const LEAST_WINDOW_S = 0.04, MOST_WINDOW_S = 1;
// The window shrinks beyond this delay: a server takes no more sessions while its output is 50 ms late.
const MOST_DELAY_MS = 20;
const MOST_BUFFERED_BYTES = 256 * 1024;
const STALL_MS = 200;
const TICK_MS = 10;
// A microphone does not wait: its session fails if the server is so late.
const MOST_LIVE_S = 10;

export class FileSender {
  constructor(input, streams) {
    this.input = input;
    this.streams = streams;
    this.chunk_frames = Math.ceil(CHUNK_S * input.rate_hz);
    this.window_frames = LEAST_WINDOW_S * input.rate_hz;
    this.sent_frames = 0;
    this.start_ms = this.progress_ms = performance.now();
    this.timer = setInterval(() => this.pump(), TICK_MS);
  }

  // Adapts the window to the delay of the output that has just come.
  onOutput() {
    this.progress_ms = performance.now();
    const delays = this.streams.map((stream) => stream.turnarounds.last_ms ?? 0);
    const factor = Math.max(...delays) > MOST_DELAY_MS ? 0.7 : 1.1;
    const window_frames = Math.max(this.window_frames * factor, LEAST_WINDOW_S * this.input.rate_hz);
    this.window_frames = Math.min(window_frames, MOST_WINDOW_S * this.input.rate_hz);
    this.pump();
  }

  pump() {
    this.streams = this.streams.filter((stream) => !stream.is_over);
    this.widenIfStalled();
    while (this.timer && this.streams.length && this.hasRoom()) this.sendChunk();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
  }

  hasRoom() {
    const paced_s = MOST_SPEED * (performance.now() - this.start_ms) / 1000;
    if (this.sent_frames > paced_s * this.input.rate_hz) return false;
    return this.streams.every((stream) => stream.buffered_bytes < MOST_BUFFERED_BYTES &&
      stream.outstanding_frames < this.window_frames + stream.held_frames);
  }

  // Sends more if nothing comes back: a session may hold more frames than its latency says.
  widenIfStalled() {
    const now_ms = performance.now();
    if (now_ms - this.progress_ms < STALL_MS) return;
    if (this.streams.some((stream) => stream.buffered_bytes > 0)) return;
    this.progress_ms = now_ms;
    for (const stream of this.streams) stream.held_frames += this.chunk_frames;
  }

  sendChunk() {
    const count = Math.min(this.chunk_frames, this.input.frames - this.sent_frames);
    const planar = this.input.read(this.sent_frames, count);
    for (const stream of this.streams) stream.send(planar);
    this.sent_frames += count;
    if (this.sent_frames < this.input.frames) return;
    for (const stream of this.streams) stream.sendEnd();
    this.stop();
  }
}

export class LiveSender {
  constructor(streams) {
    this.streams = streams;
  }

  // Returns false if the server is too slow.
  send(planar) {
    for (const stream of this.streams) stream.send(planar);
    return this.streams.every((stream) => stream.is_over ||
      stream.outstanding_frames < MOST_LIVE_S * stream.format.rate_hz + stream.held_frames);
  }

  sendEnd() {
    for (const stream of this.streams) stream.sendEnd();
  }

  onOutput() {}
  stop() {}
}
