"""Browser, server and files that the checks of the page share."""

import array
import time

import servers
from chromium import Chromium

COMPLETE = "document.getElementById('status').textContent.startsWith('Complete')"
READY = "!document.getElementById('choose').disabled"
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
        servers.make_models(folder / 'models')
        self.speech, self.stereo = folder / 'speech.wav', folder / 'stereo.wav'
        servers.make_speech(self.speech)
        servers.make_stereo(self.stereo)
        self.server = servers.Server(folder / 'models')
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
        rate_hz, channels, raw = servers.parse_wav(path.read_bytes())
        expected = (server or self.server).process_raw(raw, rate_hz, channels, token=token)
        found = servers.parse_wav(self.download(tab, f'{path.stem}-telephone.wav'))
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
