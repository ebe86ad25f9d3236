// WAV files of 32-bit floats.
import {interleave} from './samples.js';

const FLOAT_FORMAT = 3;
const HEADER_BYTES = 58;

function header(samples) {
  const frame_bytes = 4 * samples.channels;
  const data_bytes = samples.frames * frame_bytes;
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  let at = 0;
  const text = (letters) => {
    for (const letter of letters) view.setUint8(at++, letter.charCodeAt(0));
  };
  const number = (value, bytes) => {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  };
  text('RIFF');
  number(HEADER_BYTES - 8 + data_bytes, 4);
  text('WAVEfmt ');
  number(18, 4);
  number(FLOAT_FORMAT, 2);
  number(samples.channels, 2);
  number(samples.rate_hz, 4);
  number(samples.rate_hz * frame_bytes, 4);
  number(frame_bytes, 2);
  number(32, 2);
  number(0, 2);
  text('fact');
  number(4, 4);
  number(samples.frames, 4);
  text('data');
  number(data_bytes, 4);
  return view.buffer;
}

// Returns a Blob.
export function wavFile(samples) {
  const parts = [header(samples)];
  for (let start = 0; start < samples.frames; start += samples.rate_hz)
    parts.push(interleave(samples.read(start, Math.min(samples.rate_hz, samples.frames - start))));
  return new Blob(parts, {type: 'audio/wav'});
}

export function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
