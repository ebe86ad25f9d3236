"""Drives Chromium without a window, by the DevTools protocol over a pair of pipes."""

import base64
import json
import os
import pathlib
import select
import subprocess
import time

PATIENCE_S = 60
FLAGS = ['--headless=new', '--no-sandbox', '--remote-debugging-pipe', '--disable-gpu', '--hide-scrollbars',
         '--mute-audio',
         '--no-first-run', '--disable-background-networking', '--disable-component-update',
         '--autoplay-policy=no-user-gesture-required', '--use-fake-device-for-media-stream']
REQUEST_FAILURES = ('WebSocket connection to', 'Failed to load worklet module script')


class Chromium:
    def __init__(self, profile, *flags):
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()

        def use_pipes():  # the browser reads from 3 and writes to 4
            read, write = os.dup(to_browser), os.dup(from_browser)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self.process = subprocess.Popen(
            ['chromium', *FLAGS, *flags, f'--user-data-dir={profile}', 'about:blank'],
            preexec_fn=use_pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.last_id, self.tabs = b'', 0, {}

    def close(self):
        try:
            self.call('Browser.close')
            self.process.wait(20)
        except (OSError, RuntimeError, subprocess.TimeoutExpired):
            self.process.kill()
        self.process.wait()

    def call(self, method, session=None, **params):
        self.last_id += 1
        message = {'id': self.last_id, 'method': method, 'params': params}
        if session:
            message['sessionId'] = session
        os.write(self.write_end, json.dumps(message).encode() + b'\0')
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            answer = self.read(deadline)
            if answer.get('id') != message['id']:
                continue
            if 'error' in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            return answer['result']
        raise RuntimeError(f'{method}: no answer')

    def read(self, deadline):
        """Returns the next message; hands events to their tabs."""
        while b'\0' not in self.buffer:
            if not select.select([self.read_end], [], [], max(0, deadline - time.monotonic()))[0]:
                return {}
            part = os.read(self.read_end, 1 << 20)
            if not part:
                raise RuntimeError('Chromium has ended')
            self.buffer += part
        text, self.buffer = self.buffer.split(b'\0', 1)
        message = json.loads(text)
        tab = self.tabs.get(message.get('sessionId'))
        if tab and 'method' in message:
            tab.on_event(message['method'], message['params'])
        return message

    def open(self, url, **size):
        return Tab(self, url, **size)


class Tab:
    """`requests`: addresses. `messages`: of the console, without reports of failed requests, which are in
    `failed_requests`."""

    def __init__(self, browser, url, width=1200, height=1000, scale=1, dark=False):
        self.browser, self.requests, self.messages, self.failed_requests = browser, [], [], []
        self.target = browser.call('Target.createTarget', url='about:blank')['targetId']
        self.session = browser.call('Target.attachToTarget', targetId=self.target, flatten=True)['sessionId']
        browser.tabs[self.session] = self
        for domain in ('Page', 'Runtime', 'Log', 'Network', 'DOM'):
            self.call(f'{domain}.enable')
        self.show(width, height, scale, dark)
        self.call('Page.navigate', url=url)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def close(self):
        self.browser.call('Target.closeTarget', targetId=self.target)

    def show(self, width, height, scale=1, dark=False):
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=scale,
                  mobile=width < 600)
        scheme = 'dark' if dark else 'light'
        self.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])

    def on_event(self, method, params):
        if method in ('Network.requestWillBeSent', 'Network.webSocketCreated'):
            self.requests.append(params['url'] if 'url' in params else params['request']['url'])
        elif method == 'Runtime.exceptionThrown':
            self.messages.append(params['exceptionDetails'].get('exception', {}).get('description', 'exception'))
        elif method == 'Runtime.consoleAPICalled':
            self.messages.append(str([a.get('value') for a in params['args']]))
        elif method == 'Log.entryAdded':
            entry = params['entry']
            is_request = entry['source'] == 'network' or entry['text'].startswith(REQUEST_FAILURES)
            (self.failed_requests if is_request else self.messages).append(entry['text'])

    def evaluate(self, expression):
        """Returns the value of an expression, also of a promise."""
        answer = self.call('Runtime.evaluate', expression=expression, awaitPromise=True, returnByValue=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(answer['exceptionDetails']['exception'].get('description', expression))
        return answer['result'].get('value')

    def wait(self, expression, patience_s=PATIENCE_S):
        """Waits until an expression is true."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            try:
                if self.evaluate(expression):
                    return
            except RuntimeError:  # while the page loads
                pass
            time.sleep(0.1)
        raise AssertionError(f'never true: {expression}\n{self.evaluate("document.body.innerText")}')

    def press(self, key, code, text=''):
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                      text=text if kind == 'keyDown' else '')

    def choose_file(self, path, selector='#file'):
        root = self.call('DOM.getDocument')['root']['nodeId']
        node = self.call('DOM.querySelector', nodeId=root, selector=selector)['nodeId']
        self.call('DOM.setFileInputFiles', nodeId=node, files=[str(path)])

    def screenshot(self, path):
        self.call('Page.bringToFront')
        self.evaluate('new Promise((done) => setTimeout(done, 500))')
        data = self.call('Page.captureScreenshot', format='png')['data']
        pathlib.Path(path).write_bytes(base64.b64decode(data))
