// The page: what its controls do.
import {Job, VAD} from './job.js';
import {openAudio, Player} from './player.js';
import {latency_ms, Server, ServerError} from './server.js';
import {decodeFile, Microphone} from './sources.js';
import {View} from './view.js';
import {download, wavFile} from './wav.js';

const byId = (id) => document.getElementById(id);
const server = new Server();
const view = new View();

let models = [];
let job = null, player = null, microphone = null, audio = null;
// The last file, decoded, so that a different model can run on it.
let source = null;
// Counts starts: one that was overtaken by the next gives up.
let run = 0;

function setStatus(text) {
  byId('status').textContent = text;
}

function showError(error) {
  byId('error').textContent = error ? error.message : '';
  byId('error').hidden = !error;
  if (error) setStatus('');
  if (!(error instanceof ServerError)) return;
  if (error.needsToken) askForToken();
  else if (error.status === 0) setServer('gone', 'No answer');
}

function setServer(state, text) {
  byId('server').dataset.state = state;
  byId('server').textContent = text;
}

function askForToken() {
  setServer('locked', 'Token needed');
  byId('token-form').hidden = false;
  byId('token').focus();
}

function updateControls() {
  const isRunning = job !== null && !job.isOver;
  const isLive = microphone !== null;
  byId('stop').hidden = !isRunning && !isLive;
  byId('choose').disabled = byId('microphone').disabled = models.length === 0 || isLive;
  byId('microphone').hidden = isLive;
  byId('model').disabled = models.length === 0 || isLive;
  byId('play').disabled = !player;
  byId('play').textContent = player?.isPlaying ? 'Pause' : isLive ? 'Listen' : 'Play';
  byId('listen-hint').hidden = !isLive;
  byId('download').disabled = !job?.isOver || !job.after?.frames;
  view.schedule();
}

// The models to choose from: not the voice activity detector, unless there is no other.
function offered() {
  const others = models.filter(({name}) => name !== VAD);
  return others.length ? others : models;
}

const selected = () => models.find(({name}) => name === byId('model').value);
const vad = () => models.find(({name}) => name === VAD && name !== byId('model').value) || null;

function describe(model, rate_hz = 48000) {
  const format = [`${(model.sample_rate || rate_hz) / 1000} kHz`,
    model.channels && (model.channels === 1 ? 'mono' : `${model.channels} channels`)].filter(Boolean);
  byId('look-ahead').textContent = `${+latency_ms(model, rate_hz).toFixed(1)} ms`;
  byId('model-note').textContent = `of ${model.name}, at ${format.join(', ')}`;
}

async function connect() {
  showError(null);
  try {
    models = await server.models();
  } catch (error) {
    models = [];
    showError(error);
    byId('retry').hidden = error.needsToken;
    return updateControls();
  }
  byId('retry').hidden = byId('token-form').hidden = true;
  setServer('ready', location.host);
  const chosen = byId('model').value;
  byId('model').replaceChildren(...offered().map(({name}) => new Option(name, name, false, name === chosen)));
  describe(selected());
  setStatus('Choose a file, drop one here, or use the microphone.');
  updateControls();
}

// Ends the current run and what it plays.
function endRun() {
  ++run;
  microphone?.close();
  microphone = null;
  job?.cancel();
  player?.close();
  player = null;
  audio?.close();
  audio = null;
  showError(null);
}

function complete(error) {
  microphone?.close();
  microphone = null;
  if (job.isLive) view.show(job, player);
  setServer('ready', location.host);
  showError(error);
  if (!error)
    setStatus(`Complete: ${job.after.duration_s.toFixed(1)} s in ` +
      `${((job.end_ms - job.start_ms) / 1000).toFixed(1)} s.` +
      (job.isFull ? ' The page keeps no longer recordings.' : ''));
  updateControls();
}

function newJob() {
  const ours = run;
  return new Job(server, selected(), vad(), {
    onWait: (time_s) => setStatus(`The server is busy; the next try is in ${time_s} s.`),
    onVadFailed: (error) => setStatus(`Without speech detection: ${error.message}`),
    onOver: (error) => ours === run && complete(error),
  });
}

function startPlayer() {
  player = new Player(audio, job, updateControls);
  player.setSide(byId('side').querySelector(':checked').value === 'after');
  view.show(job, player);
}

// Runs `start(ours)`; shows its error unless a later run has begun.
async function guarded(start) {
  endRun();
  const ours = run;
  try {
    await start(() => ours === run);
  } catch (error) {
    if (ours !== run) return;
    endRun();
    view.show(null, null);
    job = null;
    showError(error);
  }
  updateControls();
}

const runFile = (file) => guarded(async (isCurrent) => {
  if (file) {
    setStatus(`Decoding ${file.name}`);
    source = null;
    const samples = await decodeFile(file);
    if (!isCurrent()) return;
    if (samples.frames === 0) throw new Error(`${file.name} contains no audio.`);
    source = {name: file.name.replace(/\.[^.]*$/, ''), samples};
  }
  describe(selected(), source.samples.rate_hz);
  setStatus(`Streaming ${source.name} through ${selected().name}`);
  const opened = await openAudio(source.samples.rate_hz);
  if (!isCurrent()) return opened.close();
  audio = opened;
  job = newJob();
  updateControls();
  await job.runFile(source.samples);
  if (!isCurrent()) return;
  setServer('ready', location.host);
  startPlayer();
});

const runMicrophone = () => guarded(async (isCurrent) => {
  source = null;
  setStatus('Waiting for the microphone');
  const opened = new Microphone();
  await opened.open();
  if (!isCurrent()) return opened.close();
  microphone = opened;
  updateControls();
  const context = await openAudio();
  if (!isCurrent()) return context.close();
  audio = context;
  describe(selected(), audio.sampleRate);
  job = newJob();
  await job.runLive(audio.sampleRate);
  if (!isCurrent()) return;
  const lost = () => {
    job.stop();
    showError(new Error('The microphone has gone.'));
  };
  microphone.start(audio, (planar) => job.append(planar), lost);
  startPlayer();
  await audio.resume();
  setServer('ready', location.host);
  setStatus(`Streaming the microphone through ${selected().name}`);
});

function stop() {
  microphone?.close();
  if (job?.isLive && !job.isOver) return job.stop();
  endRun();
  setStatus('Stopped.');
  updateControls();
}

byId('choose').onclick = () => byId('file').click();
byId('file').onchange = ({target}) => {
  if (target.files.length) runFile(target.files[0]);
  target.value = '';  // so that the same file can be chosen again
};
byId('microphone').onclick = runMicrophone;
byId('stop').onclick = stop;
byId('retry').onclick = connect;
byId('model').onchange = () => {
  describe(selected());
  if (source) runFile(null);
};
byId('play').onclick = () => (player.isPlaying ? player.pause() : player.play().then(() => view.schedule()));
byId('side').onchange = ({target}) => player?.setSide(target.value === 'after');
byId('position').oninput = ({target}) => {
  player?.seek(Math.round(target.value * job.before.rate_hz));
  view.schedule();
};
byId('download').onclick = () =>
  download(wavFile(job.after), `${source?.name || 'microphone'}-${job.model.name}.wav`);
byId('token-form').onsubmit = (event) => {
  event.preventDefault();
  try {
    server.setToken(byId('token').value.trim());
    connect();
  } catch (error) {
    showError(error);
  }
};
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length && models.length && !microphone) runFile(event.dataTransfer.files[0]);
});

connect();
