// Audio of a file and of the microphone.
import {Samples} from './samples.js';

const USUAL_RATE_HZ = 48000;
// Sample rates that every browser can play.
const LEAST_RATE_HZ = 8000, MOST_RATE_HZ = 96000;

function startsWith(view, at, text) {
  return at + text.length <= view.byteLength &&
    [...text].every((letter, i) => view.getUint8(at + i) === letter.charCodeAt(0));
}

function wavRate_hz(view) {
  for (let at = 12; at + 16 <= view.byteLength;) {
    if (startsWith(view, at, 'fmt ')) return view.getUint32(at + 12, true);
    const bytes = view.getUint32(at + 4, true);
    at += 8 + bytes + bytes % 2;
  }
  return 0;
}

// Returns the sample rate of a WAV or FLAC file: decoders convert to the rate they are told, and this
// one changes no sample. Other files are decoded at the usual rate.
export function rateOf_hz(bytes) {
  const view = new DataView(bytes);
  let rate_hz = 0;
  if (startsWith(view, 0, 'RIFF') && startsWith(view, 8, 'WAVE')) rate_hz = wavRate_hz(view);
  if (startsWith(view, 0, 'fLaC') && view.byteLength >= 22) rate_hz = view.getUint32(18) >>> 12;
  return rate_hz >= LEAST_RATE_HZ && rate_hz <= MOST_RATE_HZ ? rate_hz : USUAL_RATE_HZ;
}

// Returns the samples of a file. Throws an Error that can be shown.
export async function decodeFile(file) {
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Error(`${file.name} cannot be read. Was it moved or deleted?`);
  });
  const rate_hz = rateOf_hz(bytes);
  const decoder = new OfflineAudioContext(1, 1, rate_hz);
  const audio = await decoder.decodeAudioData(bytes).catch(() => {
    throw new Error(`${file.name} cannot be decoded. Browsers read WAV, FLAC, MP3, Ogg, Opus and AAC.`);
  });
  const samples = new Samples(rate_hz, audio.numberOfChannels);
  if (audio.length)
    samples.append(Array.from({length: audio.numberOfChannels}, (_, c) => audio.getChannelData(c)));
  return samples;
}

const MICROPHONE_ERRORS = {
  NotAllowedError: 'The browser does not allow the microphone. Allow it beside the address of this page.',
  NotFoundError: 'There is no microphone.',
  NotReadableError: 'A different program uses the microphone.',
};

// The microphone without the processing of the browser.
export class Microphone {
  // Asks for permission. Throws an Error that can be shown.
  async open() {
    if (!navigator.mediaDevices)
      throw new Error('Browsers allow the microphone only over HTTPS and on localhost.');
    const audio = {channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false};
    try {
      this.media = await navigator.mediaDevices.getUserMedia({audio});
    } catch (error) {
      throw new Error(MICROPHONE_ERRORS[error.name] || `The microphone cannot be used: ${error.message}`);
    }
  }

  // Calls `onBlock` with every 10 ms of audio, `onLost` if the device ends.
  start(context, onBlock, onLost) {
    this.source = context.createMediaStreamSource(this.media);
    this.capture = new AudioWorkletNode(context, 'capture',
      {numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit'});
    this.capture.port.onmessage = ({data}) => onBlock([data]);
    this.media.getAudioTracks()[0].onended = onLost;
    this.source.connect(this.capture);
  }

  close() {
    if (this.capture) this.capture.port.onmessage = null;
    if (this.source) this.source.disconnect();
    if (this.media) for (const track of this.media.getTracks()) track.stop();
  }
}
