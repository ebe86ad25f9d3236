"""Tries the files of pipelines/server/deploy with the programs that they are for; see tests/deploy.sh."""
import array
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import pathlib
import urllib.parse
import wave

from client import RATE_HZ, Upload
from servers import BUILD, DEPLOY, Process, Server, SOURCE, get, wait_until

SEED = int(os.environ.get('TORCHSTREAMER_SEED', '0')) or random.randrange(1 << 30)
PROXY_PORT, SERVER_PORTS, PROMETHEUS_PORT = 8090, (8091, 8092, 8093), 8094


def noise(seconds, seed=0):
    source = random.Random(SEED + seed)
    return array.array('h', (source.randrange(-8000, 8000)
                             for _ in range(int(seconds * RATE_HZ)))).tobytes()


def make_models(folder):
    models = folder / 'models'
    models.mkdir()
    subprocess.run([SOURCE / 'pipelines/make_telephone.py', models / 'telephone.pt'], check=True)
    return models


def processed(audio, port=PROXY_PORT):
    """Output of one request without a pace."""
    upload = Upload(port, audio, 'telephone', pace=0)
    upload.start()
    upload.join(60)
    assert upload.is_complete and upload.status == 200, (upload.status, upload.body[:200])
    return upload.body


def sessions_of(servers):
    return [len(server.sessions()) if server.is_running() else None for server in servers]


def check_haproxy(folder):
    """A server is killed under load: its own sessions are cut, the others are exact; new sessions go to
    the living servers. A server that drains keeps its sessions and gets no new ones. A server that comes
    back gets sessions again."""
    models = make_models(folder)
    servers = [Server(port, models, folder) for port in SERVER_PORTS]
    proxy = Process([shutil.which('haproxy') or '/usr/sbin/haproxy', '-db', '-f',
                     DEPLOY / 'haproxy.cfg'], folder / 'haproxy.log')
    try:
        url = f'http://127.0.0.1:{PROXY_PORT}/readyz'
        wait_until(lambda: get(url)[0] == 200, 'the proxy has servers')
        audio = noise(8)
        expected = processed(audio, SERVER_PORTS[0])
        time.sleep(1.5)
        uploads = [Upload(PROXY_PORT, audio, 'telephone') for _ in range(9)]
        for upload in uploads:
            upload.start()
        wait_until(lambda: sum(sessions_of(servers)) == 9, 'all sessions run')
        counts = sessions_of(servers)
        print('sessions of the servers:', counts)
        assert all(counts), counts
        servers[0].kill()
        servers[1].kill(signal.SIGTERM)
        time.sleep(2.5)
        # New sessions go to the one that is left.
        for _ in range(4):
            assert processed(audio) == expected
        for upload in uploads:
            upload.join(60)
        exact = sum(upload.is_complete and upload.body == expected for upload in uploads)
        cut = sum(not upload.is_complete for upload in uploads)
        print('exact:', exact, 'cut:', cut)
        assert (exact, cut) == (9 - counts[0], counts[0])
        wait_until(lambda: not servers[1].is_running(), 'the drained server has ended')
        assert servers[1].process.returncode == 0
        servers[0] = Server(SERVER_PORTS[0], models, folder)
        time.sleep(2)
        before = [started(server) for server in (servers[0], servers[2])]
        uploads = [Upload(PROXY_PORT, audio[:RATE_HZ], 'telephone') for _ in range(4)]
        for upload in uploads:
            upload.start()
        for upload in uploads:
            upload.join(60)
        after = [started(server) for server in (servers[0], servers[2])]
        assert all(b > a for a, b in zip(before, after)), (before, after)
    finally:
        proxy.stop()
        for server in servers:
            server.stop()


def started(server):
    """Number of sessions that a server has started."""
    text = get(server.url('/metrics'))[1]
    return sum(float(line.split()[-1]) for line in text.splitlines()
               if line.startswith('torchstreamer_sessions_total{'))


def check_prometheus(folder):
    """Prometheus reads the metrics; promtool accepts the configuration, the rules and the metrics."""
    shutil.copytree(DEPLOY, folder / 'deploy')
    run = lambda *words, **more: subprocess.run(words, check=True, **more)
    run('promtool', 'check', 'config', folder / 'deploy/prometheus.yml')
    run('promtool', 'check', 'rules', folder / 'deploy/alerts.yml')
    server = Server(SERVER_PORTS[0], make_models(folder), folder)
    prometheus = None
    try:
        processed(noise(1), server.port)
        text = get(server.url('/metrics'))[1]
        run('promtool', 'check', 'metrics', input=text.encode())
        prometheus = Process(['prometheus', f'--config.file={folder}/deploy/prometheus.yml',
                              f'--storage.tsdb.path={folder}/data',
                              f'--web.listen-address=127.0.0.1:{PROMETHEUS_PORT}'],
                             folder / 'prometheus.log')
        wait_until(lambda: value('torchstreamer_audio_seconds_total') == 1, 'the metrics are read')
        assert value('torchstreamer_sessions_total{kind="file"}') == 1
        rules = json.loads(get(f'http://127.0.0.1:{PROMETHEUS_PORT}/api/v1/rules')[1])
        names = [rule['name'] for group in rules['data']['groups'] for rule in group['rules']]
        assert 'TorchstreamerLate' in names, names
    finally:
        if prometheus:
            prometheus.stop()
        server.stop()


def value(query):
    """Value of a query of one sample; None: there is none yet."""
    url = f'http://127.0.0.1:{PROMETHEUS_PORT}/api/v1/query?' + urllib.parse.urlencode(
        {'query': query})
    status, text = get(url)
    result = json.loads(text)['data']['result'] if status == 200 else []
    return round(float(result[0]['value'][1]), 3) if result else None


def write_wav(path, audio):
    with wave.open(str(path), 'wb') as file:
        file.setparams((1, 2, RATE_HZ, 0, 'NONE', ''))
        file.writeframes(audio)


def read_wav(path):
    with wave.open(str(path), 'rb') as file:
        return file.readframes(file.getnframes())


def jobs_are_over():
    result = subprocess.run(['squeue', '--noheader'], capture_output=True, text=True, check=True)
    return not result.stdout.strip()


def check_slurm(folder):
    """A job array processes a folder. Tasks whose file is broken fail; after the file is mended, only
    these run again. A result is whole or absent, also if its task was killed."""
    from slurm import Slurm
    models = make_models(folder)
    inputs, outputs = folder / 'in', folder / 'out'
    inputs.mkdir()
    signals = {f'{i}.wav': noise(1 + i % 3, i) for i in range(4)}
    for name, audio in signals.items():
        write_wav(inputs / name, audio)
    (inputs / '3.wav').write_bytes(b'not audio')
    submit = [DEPLOY / 'batch.sh', 'submit', models / 'telephone.pt', inputs, outputs]
    missing = [DEPLOY / 'batch.sh', 'missing', inputs, outputs]
    with Slurm(folder):
        subprocess.run(submit, check=True)
        wait_until(jobs_are_over, 'the first array is over', 180)
        left = subprocess.run(missing, check=True, capture_output=True, text=True).stdout.split()
        assert left == [str(inputs / '3.wav')], left
        times = {path.name: path.stat().st_mtime_ns for path in outputs.glob('*.wav')}
        write_wav(inputs / '3.wav', signals['3.wav'])
        subprocess.run(submit, check=True)
        wait_until(jobs_are_over, 'the second array is over', 180)
    assert sorted(path.name for path in outputs.glob('*.wav')) == sorted(signals)
    for name, time_ns in times.items():
        assert (outputs / name).stat().st_mtime_ns == time_ns, f'{name} was written twice'
    server = Server(SERVER_PORTS[0], models, folder)
    try:
        for name, audio in signals.items():
            assert len(read_wav(outputs / name)) == len(processed(audio, server.port)), name
    finally:
        server.stop()
    assert not list(outputs.glob('.*.part'))


CHECKS = {'haproxy': check_haproxy, 'prometheus': check_prometheus, 'slurm': check_slurm}


def main():
    passed = failed = 0
    print('seed', SEED)
    for name in sys.argv[1:] or CHECKS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                CHECKS[name](pathlib.Path(folder))
                passed += 1
                print('ok:', name, flush=True)
            except Exception:  # a check that fails in any way
                traceback.print_exc()
                for log in pathlib.Path(folder).glob('*.log'):
                    print(f'{log.name}:', log.read_text(errors='replace')[-2000:])
                failed += 1
                print('failed:', name, flush=True)
    print(f'{passed} passed, {failed} failed')
    sys.exit(failed > 0)


if __name__ == '__main__':
    main()
