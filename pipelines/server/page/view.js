// The result on the page: charts, levels, measurements and the position.
import {AudioChart, COLUMNS, drawAxis, drawSpeech, readTheme} from './charts.js';
import {level_dB} from './samples.js';
import {Columns} from './spectrum.js';

const LIVE_SPAN_S = 10;
const FRAME_MS = 33;
// Drawing takes at most this share of the time: audio comes first on a slow machine.
const MOST_SHARE = 0.25;
// Columns that one picture adds at most, so that the page stays responsive.
const MOST_NEW_COLUMNS = 100;
const LEAST_DB = -60;
// Quiet audio is drawn larger, down to this peak; both waveforms have the same scale.
const LEAST_PEAK = 0.1;

const byId = (id) => document.getElementById(id);

export function formatTime(time_s) {
  const tenths = Math.round(10 * time_s);
  const seconds = (tenths % 600 / 10).toFixed(1).padStart(4, '0');
  return `${Math.floor(tenths / 600)}:${seconds}`;
}

function formatMs(time_ms) {
  return time_ms < 10 ? `${time_ms.toFixed(1)} ms` : `${Math.round(time_ms)} ms`;
}

function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

export class View {
  constructor() {
    this.before = new AudioChart(byId('chart-before'));
    this.after = new AudioChart(byId('chart-after'));
    this.theme = readTheme();
    this.job = this.player = null;
    this.next_ms = 0;
    this.isScheduled = false;
    new ResizeObserver(() => this.schedule()).observe(byId('chart-before'));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.setTheme());
  }

  setTheme() {
    this.theme = readTheme();
    this.before.drawn = this.after.drawn = 0;
    this.schedule();
  }

  // `job` may be null: empty charts.
  show(job, player) {
    this.job = job;
    this.player = player;
    byId('speech').hidden = !job?.speech;
    this.resetColumns();
    this.schedule();
  }

  // Divides the audio into columns: all of it, or the last seconds of a microphone.
  resetColumns() {
    const {job} = this;
    for (const side of ['before', 'after']) this[side].reset(null);
    if (!job?.after) return;
    const isMoving = job.isLive && !job.isOver;
    const span_frames = isMoving ? LIVE_SPAN_S * job.before.rate_hz : job.before.frames;
    this.hop_frames = Math.max(1, Math.ceil(span_frames / COLUMNS));
    for (const side of ['before', 'after']) this[side].reset(new Columns(job[side], this.hop_frames));
  }

  // Draws soon, once for many calls.
  schedule() {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setTimeout(() => requestAnimationFrame(() => this.onFrame()), this.next_ms - performance.now());
  }

  onFrame() {
    this.isScheduled = false;
    const start_ms = performance.now();
    const isComplete = this.draw();
    const cost_ms = performance.now() - start_ms;
    this.next_ms = start_ms + Math.max(FRAME_MS, cost_ms / MOST_SHARE);
    byId('result').ariaBusy = !isComplete;
    if (!isComplete || this.player?.isPlaying) this.schedule();
  }

  // Returns false if there will be more to draw.
  draw() {
    const {job, player, theme} = this;
    const columns = this.before.columns;
    const first = job?.isLive && columns ? Math.max(0, columns.count - COLUMNS) : 0;
    const view = {start_s: 0, length_s: LIVE_SPAN_S};
    let head = null;
    if (columns) {
      for (const side of [this.before, this.after]) side.columns.update(job.isOver, MOST_NEW_COLUMNS);
      view.start_s = first * this.hop_frames / job.before.rate_hz;
      view.length_s = COLUMNS * this.hop_frames / job.before.rate_hz;
      if (player && (player.isPlaying || player.position > 0))
        head = (player.position_s - view.start_s) / view.length_s;
    }
    const peak = Math.max(LEAST_PEAK, this.before.columns?.peak ?? 1, this.after.columns?.peak ?? 1);
    this.before.draw(theme, theme.before, peak, first, head);
    this.after.draw(theme, theme.after, peak, first, head);
    drawAxis(byId('axis'), theme, view);
    if (job?.speech) this.drawSpeech(view, head);
    this.drawLevels();
    this.drawPosition();
    this.drawFigures();
    return !job || (columns && job.isOver && this.hasAllColumns());
  }

  hasAllColumns() {
    return [this.before, this.after].every(({columns}) =>
      columns.count * columns.hop_frames >= columns.samples.frames);
  }

  drawSpeech(view, head) {
    const {speech} = this.job;
    speech.update();
    drawSpeech(byId('chart-speech'), this.theme, speech, view, head);
    const count = speech.list.length;
    setText('speech-text', `${count} segment${count === 1 ? '' : 's'}, ${speech.speech_s.toFixed(1)} s`);
  }

  // Shows the levels at the position of the player, or of the newest audio.
  drawLevels() {
    const {job, player} = this;
    const isActive = job?.after && (player?.isPlaying || !job.isOver);
    for (const side of ['before', 'after']) {
      const end_s = isActive && (player?.isPlaying ? player.position_s : job.after.duration_s);
      const dB = isActive ? level_dB(job[side], end_s) : -Infinity;
      const shown = Math.max(LEAST_DB, Math.min(0, dB));
      const meter = byId(`level-${side}`);
      meter.firstElementChild.style.transform = `scaleX(${1 - shown / LEAST_DB})`;
      meter.setAttribute('aria-valuenow', Math.round(shown));
      setText(`level-${side}-text`, isActive ? `${Math.round(shown)} dB`.replace('-', '\u2212') : '');
    }
  }

  drawPosition() {
    const {job, player} = this;
    const position_s = player?.position_s ?? 0, duration_s = job?.before?.duration_s ?? 0;
    const slider = byId('position');
    slider.disabled = !player;
    slider.parentElement.hidden = job?.isLive && !job.isOver;
    slider.max = duration_s;
    slider.value = position_s;
    slider.setAttribute('aria-valuetext', `${position_s.toFixed(1)} of ${duration_s.toFixed(1)} seconds`);
    setText('time', formatTime(position_s));
    setText('duration', formatTime(duration_s));
  }

  drawFigures() {
    const delays = this.job?.delays, speed = this.job?.speed;
    setText('delay', delays ? formatMs(delays.median) : '\u2013');
    setText('delay-note', delays ? `from sending a frame to its output; worst ${formatMs(delays.worst)}` :
      'from sending a frame to its output');
    setText('speed', speed ? `${speed.toFixed(speed < 10 ? 2 : 1)}\u00d7` : '\u2013');
    setText('speed-note', this.job?.isLive ? 'times real time; a microphone gives 1\u00d7' :
      'times real time; the page asks for 16\u00d7 at most');
  }
}
