// Pictures of audio on canvases.
import {BANDS} from './spectrum.js';

// Columns of a chart; more are drawn by moving it.
export const COLUMNS = 800;
const WAVE_SHARE = 0.34;
const FONT = '11px system-ui, sans-serif';
const LABELS = [[500, '500 Hz'], [1000, '1 kHz'], [2000, '2 kHz'], [4000, '4 kHz'], [8000, '8 kHz']];

// Returns the colours of the style sheet, for the theme in use.
export function readTheme() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const spectrum = color('--spectrum').split(/\s+/);
  return {
    ink: color('--ink'), faint: color('--faint'), line: color('--line'),
    before: color('--before'), after: color('--accent'), speech: color('--speech'),
    head: color('--head'), halo: color('--halo'), quiet: spectrum[0], spectrum: palette(spectrum),
  };
}

// Interpolates colours such as #102030 to 256 of them, as 32-bit pixels.
function palette(colors) {
  const stops = colors.map((color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)));
  return Uint32Array.from({length: 256}, (_, i) => {
    const place = i / 255 * (stops.length - 1);
    const stop = Math.min(Math.floor(place), stops.length - 2);
    const [r, g, b] = stops[stop].map((from, c) =>
      Math.round(from + (stops[stop + 1][c] - from) * (place - stop)));
    return (255 << 24 | b << 16 | g << 8 | r) >>> 0;
  });
}

// Prepares a canvas for drawing in CSS pixels, sharp on every screen.
function clear(canvas) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  const context = canvas.getContext('2d');
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return {context, width, height};
}

function drawHead(context, x, height, theme) {
  if (x === null) return;
  context.fillStyle = theme.head;
  context.fillRect(Math.round(x) - 1, 0, 2, height);
}

// The waveform, and the spectrogram below it.
export class AudioChart {
  constructor(canvas) {
    this.canvas = canvas;
    this.image = new OffscreenCanvas(COLUMNS, BANDS);
    this.reset(null);
  }

  reset(columns) {
    this.columns = columns;
    this.drawn = 0;
    this.image.getContext('2d').clearRect(0, 0, COLUMNS, BANDS);
  }

  // `peak`: of the waveform at full height; `first`: the column at the left edge; `head`: place of the
  // player from 0 to 1, or null.
  draw(theme, color, peak, first, head) {
    const {context, width, height} = clear(this.canvas);
    const wave = Math.round(height * WAVE_SHARE);
    context.fillStyle = theme.line;
    context.fillRect(0, Math.round(wave / 2), width, 1);
    context.fillStyle = theme.quiet;
    context.fillRect(0, wave + 4, width, height - wave - 4);
    if (!this.columns) return;
    this.drawWave(context, width, wave, color, peak, first);
    this.updateImage(theme.spectrum);
    this.drawImage(context, width, wave + 4, height - wave - 4, first);
    this.drawLabels(context, theme, wave + 4, height - wave - 4);
    drawHead(context, head === null ? null : head * width, height, theme);
  }

  drawWave(context, width, height, color, peak, first) {
    const {least, most, count} = this.columns;
    const step = width / COLUMNS;
    const y = (value) => height / 2 * (1 - Math.max(-1, Math.min(1, value / peak)));
    context.fillStyle = color;
    for (let c = first; c < Math.min(count, first + COLUMNS); ++c) {
      const top = y(most[c]);
      context.fillRect((c - first) * step, top - 0.5, Math.max(step, 0.75), y(least[c]) - top + 1);
    }
  }

  // Adds new columns to the image; column c is at x = c modulo its width.
  updateImage(colors) {
    const context = this.image.getContext('2d');
    this.drawn = Math.max(this.drawn, this.columns.count - COLUMNS);
    for (; this.drawn < this.columns.count; ++this.drawn) {
      const pixels = context.createImageData(1, BANDS);
      const words = new Uint32Array(pixels.data.buffer);
      const bands = this.columns.bands[this.drawn];
      for (let b = 0; b < BANDS; ++b) words[BANDS - 1 - b] = colors[bands[b]];
      context.putImageData(pixels, this.drawn % COLUMNS, 0);
    }
  }

  drawImage(context, width, top, height, first) {
    const shown = Math.min(this.columns.count - first, COLUMNS);
    const step = width / COLUMNS;
    const left = first % COLUMNS, part = Math.min(shown, COLUMNS - left);
    if (part > 0)
      context.drawImage(this.image, left, 0, part, BANDS, 0, top, part * step, height);
    if (shown > part)
      context.drawImage(this.image, 0, 0, shown - part, BANDS, part * step, top, (shown - part) * step, height);
  }

  drawLabels(context, theme, top, height) {
    context.font = FONT;
    context.textBaseline = 'middle';
    context.lineWidth = 3;
    context.lineJoin = 'round';
    for (const [hz, text] of height < 90 ? LABELS.filter((_, i) => i % 2) : LABELS) {
      const place = this.columns.scale.place(hz);
      if (place > 0.95) continue;
      context.strokeStyle = theme.halo;
      context.fillStyle = theme.ink;
      context.strokeText(text, 6, top + height * (1 - place));
      context.fillText(text, 6, top + height * (1 - place));
    }
  }
}

// Draws probabilities as an area, and their segments as bars below it.
export function drawSpeech(canvas, theme, speech, view, head) {
  const {context, width, height} = clear(canvas);
  const base = height - 9, x = (time_s) => (time_s - view.start_s) / view.length_s * width;
  context.fillStyle = theme.line;
  context.fillRect(0, base, width, 1);
  const end_s = Math.min(view.start_s + view.length_s, speech.probabilities.duration_s);
  context.beginPath();
  context.moveTo(0, base);
  for (let c = 0; c <= COLUMNS; ++c) {
    const time_s = Math.min(view.start_s + c / COLUMNS * view.length_s, end_s - 1e-6);
    const value = Math.max(0, Math.min(1, speech.probabilities.valueAt(time_s)));
    context.lineTo(x(time_s), base - value * (base - 2));
  }
  context.lineTo(x(end_s), base);
  context.globalAlpha = 0.4;
  context.fillStyle = theme.speech;
  context.fill();
  context.globalAlpha = 1;
  for (const segment of speech.list) {
    const left = Math.max(0, x(segment.start_s)), right = Math.min(width, x(segment.end_s));
    if (right > left) context.fillRect(left, base + 3, right - left, 5);
  }
  drawHead(context, head === null ? null : head * width, height, theme);
}

// Draws the time in seconds.
export function drawAxis(canvas, theme, view) {
  const {context, width} = clear(canvas);
  const least_s = view.length_s * 70 / width;
  const step_s = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600].find((s) => s >= least_s) || 1800;
  context.font = FONT;
  context.textBaseline = 'top';
  for (let i = Math.ceil(view.start_s / step_s); i * step_s <= view.start_s + view.length_s; ++i) {
    const x = (i * step_s - view.start_s) / view.length_s * width;
    const text = `${+(i * step_s).toFixed(1)} s`;
    const text_width = context.measureText(text).width;
    context.fillStyle = theme.line;
    context.fillRect(x, 0, 1, 4);
    context.fillStyle = theme.faint;
    context.fillText(text, Math.max(0, Math.min(width - text_width, x - text_width / 2)), 5);
  }
}
