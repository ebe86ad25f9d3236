"""Processes of a test: torchstreamer-server, and the programs around it."""
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = SOURCE / 'pipelines/server/deploy'
BUILD = pathlib.Path(os.environ['BUILD'])


def get(url, timeout_s=5):
    """Status and body of a request."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def wait_until(condition, what, limit_s=60):
    end_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end_s:
            raise AssertionError(f'{what}: not within {limit_s} s')
        time.sleep(0.05)


class Process:
    """Runs in a session of its own; stop() ends it with all its children."""

    def __init__(self, command, log, **more):
        self.log = pathlib.Path(log)
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                        stdout=self.log.open('ab'), stderr=subprocess.STDOUT,
                                        start_new_session=True, **more)

    def kill(self, number=signal.SIGKILL):
        os.kill(self.process.pid, number)

    def is_running(self):
        return self.process.poll() is None

    def stop(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Server(Process):
    """torchstreamer-server on a port, ready for requests."""

    def __init__(self, port, models, folder, *options):
        self.port = port
        super().__init__([BUILD / 'pipelines/server/torchstreamer-server', f'--port={port}',
                          f'--models={models}', '--max-sessions=256',
                          '--max-sessions-per-address=256', *options],
                         folder / f'server-{port}.log')
        wait_until(lambda: get(self.url('/readyz'))[0] == 200, f'server at port {port} is ready')

    def url(self, path):
        return f'http://127.0.0.1:{self.port}{path}'

    def sessions(self):
        return json.loads(get(self.url('/v1/streams'))[1])['streams']
