"""Servers and audio files for the tests of the page."""

import array
import http.client
import os
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import time
import wave

REPOSITORY = pathlib.Path(__file__).resolve().parents[4]
PAGE = REPOSITORY / 'pipelines/server/page'
PATIENCE_S = 120
TEXT = 'The model removes what is not speech. [[_:]] And after a pause, it goes on, frame by frame.'


class Server:
    """torchstreamer-server with the page, at a free port unless `port` is given."""

    def __init__(self, models, *options, token='', port=0):
        self.models = models
        environment = dict(os.environ, TORCHSTREAMER_TOKEN=token)
        self.process = subprocess.Popen(
            [os.environ['TORCHSTREAMER_SERVER'], f'--models={models}', f'--pages={PAGE}', f'--port={port}',
             *options], env=environment, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r'address="http://([^:]+):(\d+)"', line)
            if found:
                break
        else:
            raise RuntimeError('the server does not start')
        self.port = int(found[2])
        self.log = open(models.parent / f'server-{self.port}.log', 'a')
        subprocess.Popen(['cat'], stdin=self.process.stderr, stdout=self.log)  # so that it never waits

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}/'

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()

    def process_raw(self, audio, rate_hz, channels, model='telephone', token=''):
        """Returns the output of /v1/process for float samples, as bytes."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=PATIENCE_S)
        headers = {'Content-Type': f'audio/x-raw;format=F32LE;rate={rate_hz};channels={channels}'}
        if token:
            headers['Authorization'] = f'Bearer {token}'
        while True:
            connection.request('POST',
                               f'/v1/process?model={model}&rate={rate_hz}&channels={channels}', audio, headers)
            response = connection.getresponse()
            body = response.read()
            if response.status == 200:
                return body
            if response.status != 503:
                raise RuntimeError(f'{response.status}: {body}')
            time.sleep(float(response.headers['Retry-After']))


def make_models(folder):
    folder.mkdir()
    for script, name in (('pipelines/make_telephone.py', 'telephone'),
                         ('tests/pipelines/server/page/models.py', 'vad')):
        subprocess.run(['/usr/bin/python3', REPOSITORY / script, folder / f'{name}.pt'], check=True)


def make_speech(path):
    """Writes speech with pauses in noise, mono."""
    subprocess.run(['espeak-ng', '-s', '150', '-w', path, TEXT], check=True)
    with wave.open(str(path)) as file:
        rate_hz, speech = file.getframerate(), array.array('h', file.readframes(file.getnframes()))
    random.seed(1)
    silence = [0] * (rate_hz // 2)
    noisy = [0.5 * x / 32768 + random.gauss(0, 0.008) for x in [*silence, *speech, *silence]]
    write_wav(path, noisy, rate_hz, 1)


def make_stereo(path, rate_hz=44100, frames=60000):
    random.seed(2)
    write_wav(path, [random.uniform(-0.4, 0.4) for _ in range(2 * frames)], rate_hz, 2)


def write_wav(path, samples, rate_hz, channels):
    """Writes 32-bit floats: browsers scale integers in different ways."""
    data = array.array('f', samples).tobytes()
    form = struct.pack('<4sIHHIIHH', b'fmt ', 16, 3, channels, rate_hz, 4 * channels * rate_hz, 4 * channels, 32)
    path.write_bytes(struct.pack('<4sI4s', b'RIFF', 4 + len(form) + 8 + len(data), b'WAVE') + form +
                     struct.pack('<4sI', b'data', len(data)) + data)


def parse_wav(content):
    """Returns rate, channels and the raw floats of a WAV file in 32-bit floats."""
    number = lambda at, size: int.from_bytes(content[at:at + size], 'little')
    assert content[:4] == b'RIFF' and content[8:16] == b'WAVEfmt ', content[:16]
    assert number(4, 4) == len(content) - 8 and number(20, 2) == 3 and number(34, 2) == 32
    data = content.index(b'data', 36)
    assert number(data + 4, 4) == len(content) - data - 8
    return number(24, 4), number(22, 2), content[data + 8:]


def wait_for_port(port):
    """Waits until nothing listens there."""
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)):
                return
        time.sleep(0.1)
