// Plays the audio before and after the model, in step, also while it is streamed.
import {gone} from './server.js';

const PART_S = 0.05;
const QUEUE_S = 0.25;
// Live audio that is later than this is skipped.
const MOST_LAG_S = 0.5, LIVE_LAG_S = 0.05;

// `rate_hz`: undefined for that of the device. Throws ServerError.
export async function openAudio(rate_hz) {
  const context = new AudioContext({latencyHint: 'interactive', ...(rate_hz && {sampleRate: rate_hz})});
  try {
    await context.audioWorklet.addModule('worklets.js');
  } catch {
    context.close();
    throw gone();
  }
  return context;
}

export class Player {
  // `job` has before, after, isLive, isOver. Calls `onChange` when playing starts or stops.
  constructor(context, job, onChange) {
    this.context = context;
    this.job = job;
    this.onChange = onChange;
    this.isPlaying = false;
    this.generation = 0;
    this.start = this.fed = this.position = 0;  // in frames
    this.node = new AudioWorkletNode(context, 'player',
      {numberOfInputs: 0, outputChannelCount: [job.before.channels]});
    this.node.port.onmessage = ({data}) => this.onReport(data);
    this.node.connect(context.destination);
  }

  get position_s() {
    return this.position / this.job.before.rate_hz;
  }

  get available_frames() {
    return Math.min(this.job.before.frames, this.job.after.frames);
  }

  setSide(isAfter) {
    this.node.port.postMessage({after: isAfter});
  }

  async play() {
    await this.context.resume();
    this.isPlaying = true;
    const isAtEnd = this.position >= this.available_frames;
    if (this.isMonitoring()) this.seek(this.liveFrame());
    else this.seek(isAtEnd ? 0 : this.position);
    this.onChange();
  }

  pause() {
    this.isPlaying = false;
    this.seek(this.position);
    this.onChange();
  }

  // Continues at a frame.
  seek(frame) {
    this.start = this.fed = this.position = Math.max(0, Math.min(frame, this.available_frames));
    this.node.port.postMessage({clear: ++this.generation});
    this.feed(0);
  }

  close() {
    this.isPlaying = false;
    this.node.port.onmessage = null;
    this.node.disconnect();
  }

  isMonitoring() {
    return this.job.isLive && !this.job.isOver;
  }

  liveFrame() {
    return this.available_frames - Math.round(LIVE_LAG_S * this.job.before.rate_hz);
  }

  onReport({generation, played, queued}) {
    if (generation !== this.generation || !this.isPlaying) return;
    this.position = this.start + played;
    const lag_frames = this.available_frames - this.position;
    if (this.isMonitoring() && lag_frames > MOST_LAG_S * this.job.before.rate_hz)
      return this.seek(this.liveFrame());
    if (this.job.isOver && this.position >= this.available_frames) return this.pause();
    this.feed(queued);
  }

  feed(queued) {
    if (!this.isPlaying) return;
    const {before, after} = this.job;
    const part_frames = Math.ceil(PART_S * before.rate_hz);
    while (queued < QUEUE_S * before.rate_hz && this.fed < this.available_frames) {
      const count = Math.min(part_frames, this.available_frames - this.fed);
      const parts = {before: before.read(this.fed, count), after: after.read(this.fed, count)};
      this.node.port.postMessage({generation: this.generation, parts});
      this.fed += count;
      queued += count;
    }
  }
}
