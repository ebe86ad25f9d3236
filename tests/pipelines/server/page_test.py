#!/usr/bin/python3
"""Tests the page of torchstreamer-server in Chromium. See tests/page.sh.

    page_test.py FOLDER_OF_PICTURES [CHECK...]
"""

import array
import os
import pathlib
import sys
import tempfile
import time
import traceback

import page_server
from chromium import Chromium

COMPLETE = "document.getElementById('status').textContent.startsWith('Complete')"
READY = "!document.getElementById('choose').disabled"
TOKEN = 'page-test.token'
# Records what the WebSockets of a page carry, and how far the input is ahead of the output.
RECORDER = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols);
    this.parts = [];
    this.sent = this.received = this.ahead = 0;
    sockets.push(this);
    this.addEventListener('message', ({data}) => this.received += data.byteLength ?? 0);
  }
  send(data) {
    if (typeof data !== 'string') {
      this.parts.push(new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)));
      this.sent += data.byteLength;
      this.ahead = Math.max(this.ahead, this.sent - this.received);
    }
    super.send(data);
  }
};
"""


class Bench:
    """Browser, server and files that the checks share."""

    def __init__(self, folder, pictures):
        self.folder, self.pictures, self.tabs = folder, pictures, []
        page_server.make_models(folder / 'models')
        self.speech, self.stereo = folder / 'speech.wav', folder / 'stereo.wav'
        page_server.make_speech(self.speech)
        page_server.make_stereo(self.stereo)
        self.server = page_server.Server(folder / 'models')
        self.browser = Chromium(folder / 'profile', '--use-fake-ui-for-media-stream')
        self.downloads = folder / 'downloads'
        self.browser.call('Browser.setDownloadBehavior', behavior='allow', downloadPath=str(self.downloads))

    def close(self):
        self.browser.close()
        self.server.stop()

    def open(self, server=None, is_recorded=False, **size):
        tab = self.browser.open('about:blank', **size)
        if is_recorded:
            tab.call('Page.addScriptToEvaluateOnNewDocument', source=RECORDER)
        tab.url = (server or self.server).url
        tab.call('Page.navigate', url=tab.url)
        self.tabs.append(tab)
        return tab

    def open_ready(self, **options):
        tab = self.open(**options)
        tab.wait(READY)
        return tab

    def download(self, tab, name):
        """Returns the content of the file that the page downloads."""
        path = self.downloads / name
        path.unlink(missing_ok=True)
        click(tab, 'download')
        for _ in range(300):
            if path.exists():
                return path.read_bytes()
            time.sleep(0.1)
        raise AssertionError(f'{name} does not arrive')

    def check_output(self, tab, path, server=None, token=''):
        """Compares the download with the same samples through /v1/process, bit for bit."""
        rate_hz, channels, raw = page_server.parse_wav(path.read_bytes())
        expected = (server or self.server).process_raw(raw, rate_hz, channels, token=token)
        found = page_server.parse_wav(self.download(tab, f'{path.stem}-telephone.wav'))
        assert found[:2] == (rate_hz, channels), found[:2]
        assert len(found[2]) == len(raw) and any(found[2]), (len(found[2]), len(raw))
        assert found[2] == expected, difference(found[2], expected)


def difference(found, expected):
    a, b = array.array('f', found), array.array('f', expected)
    differing = [i for i, (x, y) in enumerate(zip(a, b)) if x != y]
    largest = max((abs(x - y) for x, y in zip(a, b)), default=0)
    return f'{len(a)} and {len(b)} samples, {len(differing)} differ from {differing[:1]}, at most by {largest}'


def click(tab, name):
    tab.evaluate(f"document.getElementById('{name}').click()")


def text(tab, name):
    return tab.evaluate(f"document.getElementById('{name}').textContent")


def wait_text(tab, name, part):
    tab.wait(f"document.getElementById('{name}').textContent.includes({part!r})")


def file_round_trip(bench):
    tab = bench.open_ready(is_recorded=True)
    tab.choose_file(bench.speech)
    tab.wait(COMPLETE)
    bench.check_output(tab, bench.speech)
    # At most a second is ahead; an output message may be late in the count by one more.
    rate_hz, _, _ = page_server.parse_wav(bench.speech.read_bytes())
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
    rate_hz, channels, data = page_server.parse_wav(bench.download(tab, 'microphone-telephone.wav'))
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
    page_server.write_wav(empty, [], 16000, 1)
    tab.choose_file(empty)
    wait_text(tab, 'error', 'empty.wav')


def token(bench):
    server = page_server.Server(bench.folder / 'models', token=TOKEN)
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
    server = page_server.Server(bench.folder / 'models')
    try:
        tab = bench.open_ready(server=server)
        click(tab, 'microphone')
        wait_text(tab, 'delay', 'ms')
        server.stop()
        wait_text(tab, 'error', 'The server has gone')
        tab.wait("!document.getElementById('download').disabled")
        tab.choose_file(bench.stereo)
        wait_text(tab, 'error', 'The server does not answer')
        page_server.wait_for_port(server.port)
        server = page_server.Server(bench.folder / 'models', port=server.port)
        tab.choose_file(bench.stereo)
        tab.wait(COMPLETE)
        bench.check_output(tab, bench.stereo, server=server)
    finally:
        server.stop()


def model_refused(bench):
    models = bench.folder / 'other' / 'models'
    models.parent.mkdir()
    page_server.make_models(models)
    server = page_server.Server(models)
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
    server = page_server.Server(bench.folder / 'models', '--max-sessions=2')
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


def narrow(bench):
    tab = bench.open_ready(width=320, height=640)
    fits = 'document.documentElement.scrollWidth <= window.innerWidth'
    assert tab.evaluate(fits), 'empty page'
    tab.choose_file(bench.speech)
    tab.wait(COMPLETE)
    assert tab.evaluate(fits), 'page with a result'
    assert tab.evaluate("[...document.querySelectorAll('button, select, input[type=range]')].every((e) => {"
                        'const {left, right} = e.getBoundingClientRect();'
                        'return left >= 0 && right <= innerWidth; })'), 'controls'


# Smallest ratio of the contrast of text to its background, by the formula of WCAG 2.
CONTRAST = """(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = parts(color).map((x) => x / 255)
      .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (parts(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const hasText = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const isShown = (e) => e.getClientRects().length && !e.disabled && !e.closest(':disabled, .hidden');
  return Math.min(...[...document.querySelectorAll('body *')].filter((e) => hasText(e) && isShown(e))
    .map((e) => {
      const [a, b] = [luminance(getComputedStyle(e).color), luminance(background(e))].sort((x, y) => x - y);
      return (b + 0.05) / (a + 0.05);
    }));
})()"""


def keyboard_and_names(bench):
    tab = bench.open_ready()
    tab.choose_file(bench.speech)
    tab.wait(COMPLETE)
    tab.call('Page.bringToFront')
    reached = []
    for _ in range(12):
        tab.press('Tab', 9)
        reached.append(tab.evaluate('document.activeElement.id || document.activeElement.value || ""'))
        if reached[-1] and reached[-1] not in ('after', 'position'):
            style = tab.evaluate('getComputedStyle(document.activeElement).outlineStyle')
            assert style != 'none', f'{reached[-1]} shows no focus'
    for name in ('model', 'choose', 'microphone', 'position', 'play', 'after', 'download'):
        assert name in reached, (name, reached)
    tab.call('Accessibility.enable')
    roles = ('button', 'combobox', 'slider', 'radio', 'meter', 'textbox', 'image')
    for node in tab.call('Accessibility.getFullAXTree')['nodes']:
        if not node['ignored'] and node['role']['value'] in roles:
            assert node['name']['value'], node
    for dark in (False, True):
        tab.show(1200, 1000, dark=dark)
        assert tab.evaluate(CONTRAST) >= 4.5, (dark, tab.evaluate(CONTRAST))


def pictures(bench):
    folder = pathlib.Path(os.environ.get('PAGE_MODELS', bench.folder / 'models'))
    server = page_server.Server(folder)
    try:
        tab = bench.open_ready(server=server, width=1000, height=960)
        tab.screenshot(bench.pictures / 'empty.png')
        tab.choose_file(bench.speech)
        tab.wait(COMPLETE)
        seek = "document.getElementById('position')"
        tab.evaluate(f"{seek}.value = 2.2; {seek}.dispatchEvent(new Event('input'))")
        for name, dark in (('light', False), ('dark', True)):
            tab.show(1000, 960, dark=dark)
            tab.screenshot(bench.pictures / f'desktop-{name}.png')
            tab.show(390, 1180, scale=2, dark=dark)
            tab.screenshot(bench.pictures / f'phone-{name}.png')
    finally:
        server.stop()


def no_other_requests(bench):
    for tab in bench.tabs:
        for request in tab.requests:
            origin = request.replace('ws://', 'http://')
            assert origin.startswith(tab.url) or request.startswith(('blob:' + tab.url, 'about:')), request


def quiet_console(bench):
    for tab in bench.tabs:
        assert not tab.messages, tab.messages
    # The browser itself reports requests that a check makes fail.
    ordinary = [tab for tab in bench.tabs if tab.url == bench.server.url]
    for tab in ordinary:
        assert not tab.failed_requests, tab.failed_requests


CHECKS = [file_round_trip, playing, played_samples, microphone, microphone_refused, file_not_decoded, token,
          server_gone, model_refused, two_tabs, busy_server, narrow, keyboard_and_names, pictures,
          no_other_requests, quiet_console]


def main(folder, *names):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(pathlib.Path(temporary), folder)
        try:
            for check in CHECKS:
                if names and check.__name__ not in names:
                    continue
                start, open_tabs = time.monotonic(), len(bench.tabs)
                try:
                    check(bench)
                    passed += 1
                    result = 'ok'
                except Exception:  # the other checks run anyway
                    traceback.print_exc(file=sys.stdout)
                    failed += 1
                    result = 'failed'
                print(f'{result}: {check.__name__} ({time.monotonic() - start:.0f} s)', flush=True)
                for tab in bench.tabs[open_tabs:]:
                    tab.close()
        finally:
            bench.close()
    print(f'{passed} passed, {failed} failed')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
