"""Checks of what the page streams and plays, and of its errors."""

import array
import time

import servers
from bench import COMPLETE, READY, click, difference, text, wait_text
from chromium import Chromium

TOKEN = 'page-test.token'


def file_round_trip(bench):
    tab = bench.open_ready(is_recorded=True)
    tab.choose_file(bench.speech)
    tab.wait(COMPLETE)
    bench.check_output(tab, bench.speech)
    # At most a second is ahead; an output message may be late in the count by one more.
    rate_hz, _, _ = servers.parse_wav(bench.speech.read_bytes())
    ahead = tab.evaluate('sockets.map(({ahead}) => ahead)')
    assert len(ahead) == 2 and max(ahead) <= 4 * 1.1 * rate_hz, ahead
    wait_text(tab, 'speech-text', 'segment')
    assert not text(tab, 'speech-text').startswith('0 '), text(tab, 'speech-text')
    wait_text(tab, 'delay', 'ms')
    wait_text(tab, 'speed', '\u00d7')
    tab.choose_file(bench.stereo)
    tab.wait(f"{COMPLETE} && document.getElementById('duration').textContent === '0:01.4'")
    bench.check_output(tab, bench.stereo)


def playing(bench):
    tab = bench.open_ready()
    tab.choose_file(bench.speech)
    tab.wait(COMPLETE)
    position = "Number(document.getElementById('position').value)"
    click(tab, 'play')
    tab.wait(f'{position} > 0.5')
    tab.wait("document.getElementById('level-after-text').textContent.endsWith('dB')")
    tab.evaluate("document.querySelector('[name=side][value=before]').click()")
    start = tab.evaluate(position)
    tab.wait(f'{position} > {start} + 0.2')
    click(tab, 'play')
    tab.wait("document.getElementById('play').textContent === 'Play'")
    tab.evaluate("document.getElementById('position').focus()")
    tab.press('Home', 36)
    tab.wait(f'{position} === 0')
    tab.press('End', 35)
    tab.wait(f'{position} > 3')


# The processor that plays gives each side sample for sample, and fades between both.
PLAY_OFFLINE = """(async () => {
  const rate = 8000, frames = 4000;
  const context = new OfflineAudioContext(1, frames, rate);
  await context.audioWorklet.addModule('worklets.js');
  const node = new AudioWorkletNode(context, 'player', {numberOfInputs: 0, outputChannelCount: [1]});
  node.connect(context.destination);
  const ramp = (sign) => Float32Array.from({length: 1000}, (_, i) => sign * (i + 1) / 1024);
  node.port.postMessage({clear: 1});
  node.port.postMessage({after: %s});
  for (let i = 0; i < 3; ++i)
    node.port.postMessage({generation: 1, parts: {before: [ramp(1)], after: [ramp(-1)]}});
  await new Promise((done) => setTimeout(done, 500));
  const samples = (await context.startRendering()).getChannelData(0);
  const expected = [...ramp(%s), ...ramp(%s), ...ramp(%s)];
  return {first: samples[0], same: expected.every((x, i) => i < %s || x === samples[i]),
    rest: samples.slice(3000).every((x) => x === 0)};
})()"""


def played_samples(bench):
    tab = bench.open_ready()
    after = tab.evaluate(PLAY_OFFLINE % ('true', -1, -1, -1, 0))
    assert after['same'] and after['rest'], after
    before = tab.evaluate(PLAY_OFFLINE % ('false', 1, 1, 1, 100))  # the fade takes 80 frames
    assert before['same'] and before['rest'] and before['first'] < 0, before


def microphone(bench):
    tab = bench.open_ready(is_recorded=True)
    click(tab, 'microphone')
    wait_text(tab, 'delay', 'ms')
    tab.wait("Number(document.getElementById('level-after').getAttribute('aria-valuenow')) > -50")
    click(tab, 'play')  # hears it while it streams
    tab.wait("document.getElementById('time').textContent > '0:02.0'")
    tab.screenshot(bench.pictures / 'microphone.png')
    click(tab, 'stop')
    tab.wait(COMPLETE)
    sent = tab.evaluate('sockets[0].parts.map((part) => Array.from(part))')
    rate_hz, channels, data = servers.parse_wav(bench.download(tab, 'microphone-telephone.wav'))
    raw = b''.join(map(bytes, sent))
    assert channels == 1 and len(data) == len(raw) and len(raw) > 4 * 2 * rate_hz, (len(data), len(raw))
    expected = bench.server.process_raw(raw, rate_hz, 1)
    assert data == expected, difference(data, expected)
    assert max(map(abs, array.array('f', raw))) > 0.01, 'the microphone is silent'


def microphone_refused(bench):
    browser = Chromium(bench.folder / 'refusing')
    try:
        tab = browser.open(bench.server.url)
        tab.wait(READY)
        browser.call('Browser.setPermission', permission={'name': 'microphone'}, setting='denied',
                     origin=bench.server.url)
        click(tab, 'microphone')
        wait_text(tab, 'error', 'does not allow the microphone')
        assert tab.evaluate(READY)
    finally:
        browser.close()


def file_not_decoded(bench):
    path = bench.folder / 'notes.txt'
    path.write_text('This is no audio.')
    tab = bench.open_ready()
    tab.choose_file(path)
    wait_text(tab, 'error', 'notes.txt cannot be decoded')
    empty = bench.folder / 'empty.wav'
    servers.write_wav(empty, [], 16000, 1)
    tab.choose_file(empty)
    wait_text(tab, 'error', 'empty.wav')


def token(bench):
    server = servers.Server(bench.folder / 'models', token=TOKEN)
    try:
        tab = bench.open(server=server)
        tab.wait("!document.getElementById('token-form').hidden")
        wait_text(tab, 'error', 'needs a token')
        for wrong, reason in (('wrong', 'does not accept'), ('a b', 'cannot send')):
            enter_token(tab, wrong)
            wait_text(tab, 'error', reason)
        enter_token(tab, TOKEN)
        tab.wait(READY)
        tab.choose_file(bench.stereo)
        tab.wait(COMPLETE)
        bench.check_output(tab, bench.stereo, server=server, token=TOKEN)
        assert not any(TOKEN in request for request in tab.requests)
    finally:
        server.stop()


def enter_token(tab, value):
    tab.evaluate(f"document.getElementById('token').value = {value!r}")
    tab.evaluate("document.getElementById('token-form').requestSubmit()")


def server_gone(bench):
    server = servers.Server(bench.folder / 'models')
    try:
        tab = bench.open_ready(server=server)
        click(tab, 'microphone')
        wait_text(tab, 'delay', 'ms')
        server.stop()
        wait_text(tab, 'error', 'The server has gone')
        tab.wait("!document.getElementById('download').disabled")
        tab.choose_file(bench.stereo)
        wait_text(tab, 'error', 'The server does not answer')
        servers.wait_for_port(server.port)
        server = servers.Server(bench.folder / 'models', port=server.port)
        tab.choose_file(bench.stereo)
        tab.wait(COMPLETE)
        bench.check_output(tab, bench.stereo, server=server)
    finally:
        server.stop()


def model_refused(bench):
    models = bench.folder / 'other' / 'models'
    models.parent.mkdir()
    servers.make_models(models)
    server = servers.Server(models)
    try:
        tab = bench.open_ready(server=server)
        (models / 'telephone.pt').unlink()
        server.reload()
        time.sleep(1)
        tab.choose_file(bench.stereo)
        wait_text(tab, 'error', 'there is no model "telephone"')
    finally:
        server.stop()


def two_tabs(bench):
    tabs = [bench.open_ready() for _ in range(2)]
    for tab, path in zip(tabs, (bench.speech, bench.stereo)):
        tab.choose_file(path)
    for tab in tabs:
        tab.wait(COMPLETE)
    bench.check_output(tabs[0], bench.speech)
    bench.check_output(tabs[1], bench.stereo)


def busy_server(bench):
    server = servers.Server(bench.folder / 'models', '--max-sessions=2')
    try:
        first = bench.open_ready(server=server)
        click(first, 'microphone')
        wait_text(first, 'delay', 'ms')
        second = bench.open_ready(server=server)
        second.choose_file(bench.stereo)
        wait_text(second, 'status', 'The server is busy')
        first.call('Page.bringToFront')
        click(first, 'stop')
        second.wait(COMPLETE)
    finally:
        server.stop()
