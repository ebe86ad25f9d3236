#!/usr/bin/python3
"""Collects the recordings of the Debian packages of packages.py, as 16 kHz mono.

    sources.py [FOLDER]

Downloads the packages, unpacks them without installing them, decodes their sounds with ffmpeg, lets espeak-ng and
flite speak some sentences, and writes `audio.i16`, all sounds one after the other, and `index.json`, the place,
kind, split and level of each sound. Speech with a loud background is left out.
"""

import json
import pathlib
import random
import subprocess
import sys

import numpy as np

from packages import PACKAGES, RULES

RATE_HZ = 16000
FOLDER = pathlib.Path('/var/tmp/torchstreamer-speech')
ENDINGS = {'.ogg', '.oga', '.wav', '.flac', '.mp3', '.g722', '.opus'}
SHORTEST_S, LONGEST_S = 0.25, 40
SPEECH_RANGE_DB = 38  # of loud frames over quiet frames, at least
BATCH = 48
VOICE_S = 120  # of each synthetic voice
ESPEAK = ('en-us', 'en-gb', 'de', 'fr', 'es', 'ru', 'pl', 'en+f2', 'en+f4', 'en+m3')
FLITE = ('kal', 'awb', 'rms', 'slt')


def unpack(folder):
    packages = folder / 'packages'
    packages.mkdir(parents=True, exist_ok=True)
    missing = [name for name in PACKAGES if not list(packages.glob(f'{name}_*.deb'))]
    if missing:
        subprocess.run(['apt-get', 'download', *missing], cwd=packages, check=True)
    for name in PACKAGES:
        target = folder / 'unpacked' / name
        if not target.exists():
            target.mkdir(parents=True)
            subprocess.run(['dpkg-deb', '-x', next(packages.glob(f'{name}_*.deb')), target], check=True)


def find_files(folder):
    """Returns (path, rule) of the sounds that a rule takes, in an order that does not depend on the machine."""
    found = []
    for name in PACKAGES:
        root = folder / 'unpacked' / name
        rules = [rule for rule in RULES if rule[0] == name]
        for path in sorted(root.rglob('*')):
            if path.suffix.lower() in ENDINGS and path.is_file() and not path.is_symlink():
                place = '/' + str(path.relative_to(root))
                rule = next((rule for rule in rules if rule[1] in place), None)
                if rule and rule[2]:
                    found.append((path, rule))
    random.Random(1).shuffle(found)
    return found


def decode(paths, folder):
    """Returns the samples of the files, int16; those of a file that cannot be read are empty."""
    command = ['ffmpeg', '-v', 'quiet', '-nostdin', '-threads', '1']
    for path in paths:
        command += ['-i', str(path)]
    outputs = [folder / f'decoded-{i}.raw' for i in range(len(paths))]
    for i, output in enumerate(outputs):
        command += ['-map', f'{i}:a:0', '-t', str(LONGEST_S), '-ar', str(RATE_HZ), '-ac', '1', '-f', 's16le', '-y',
                    str(output)]
    failed = subprocess.run(command).returncode != 0
    if failed and len(paths) > 1:
        return [decode([path], folder)[0] for path in paths]
    sounds = [np.fromfile(output, '<i2') if output.exists() and not failed else np.zeros(0, 'i2')
              for output in outputs]
    for output in outputs:
        output.unlink(missing_ok=True)
    return sounds


def frame_levels_db(sound):
    """Levels of frames of 20 ms, in dB of full scale."""
    frames = sound[:len(sound) // 320 * 320].reshape(-1, 320).astype('f4') / 32768
    return 10 * np.log10(np.mean(frames ** 2, 1) + 1e-10)


def cut_silence(sound, level):
    """Removes silence at both ends but for 60 ms."""
    loud = np.flatnonzero(level > np.percentile(level, 95) - 35)
    first, last = max(0, loud[0] - 3), min(len(level), loud[-1] + 4)
    return sound[first * 320:last * 320]


def accept(sound, kind):
    """Returns the sound, shortened, and its level in dB of full scale, or None if it is of no use."""
    if len(sound) < SHORTEST_S * RATE_HZ:
        return None
    level = frame_levels_db(sound)
    loud = np.percentile(level, 95)
    if loud < -50:
        return None
    if kind == 'speech':
        if loud - np.percentile(level, 5) < SPEECH_RANGE_DB or np.mean(np.abs(sound) > 32700) > 1e-3:
            return None
        sound = cut_silence(sound, level)
        level = frame_levels_db(sound)
    active = level[level > loud - 30]
    return sound, float(10 * np.log10(np.mean(10 ** (active / 10))))


class Store:
    """Appends sounds to audio.i16, as long as their groups have time left."""

    def __init__(self, folder):
        self.folder, self.index, self.used, self.position = folder, [], {}, 0
        self.file = open(folder / 'audio.i16', 'wb')

    def is_full(self, group, seconds):
        return self.used.get(group, 0) >= seconds

    def add(self, sound, kind, split, group):
        accepted = accept(sound, kind)
        if accepted:
            sound, level = accepted
            sound.astype('<i2').tofile(self.file)
            self.index.append({'start': self.position, 'length': len(sound), 'level': round(level, 2),
                               'kind': kind, 'split': split, 'group': group})
            self.position += len(sound)
            self.used[group] = self.used.get(group, 0) + len(sound) / RATE_HZ

    def close(self):
        self.file.close()
        (self.folder / 'index.json').write_text(json.dumps(self.index))


def add_recordings(store, files):
    done = 0
    while files:
        batch = []
        while files and len(batch) < BATCH:
            path, rule = files.pop()
            if not store.is_full(rule[4], rule[5]):
                batch.append((path, rule))
        for (path, rule), sound in zip(batch, decode([path for path, _ in batch], store.folder)):
            store.add(sound, *rule[2:5])
        done += 1
        if done % 20 == 0:
            print(f'{len(files)} files left, {store.position / RATE_HZ / 3600:.2f} h', flush=True)


def add_synthetic(store, folder):
    """Lets each voice speak sentences of the licence texts of the packages."""
    texts = sorted((folder / 'unpacked').glob('*/usr/share/doc/*/copyright'))
    words = ' '.join(path.read_text(errors='ignore') for path in texts[:30]).split()
    words = [word for word in words if word.isalpha()]
    chance = random.Random(2)
    temporary = folder / 'voice.wav'
    for engine, name in [('espeak', name) for name in ESPEAK] + [('flite', name) for name in FLITE]:
        while not store.is_full(name, VOICE_S):
            start = chance.randrange(len(words) - 40)
            text = ' '.join(words[start:start + 40])
            if engine == 'espeak':
                command = ['espeak-ng', '-v', name, '-s', str(chance.randrange(120, 200)), '-w', temporary, text]
            else:
                command = ['ffmpeg', '-v', 'quiet', '-f', 'lavfi', '-i', f'flite=voice={name}:text={text}', '-y',
                           temporary]
            subprocess.run(command, check=True)
            store.add(decode([temporary], folder)[0], 'speech', 'train', name)
    temporary.unlink()


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    unpack(folder)
    store = Store(folder)
    add_synthetic(store, folder)
    add_recordings(store, find_files(folder)[::-1])
    store.close()
    total = {}
    for sound in store.index:
        key = sound['split'], sound['kind']
        total[key] = total.get(key, 0) + sound['length'] / RATE_HZ / 60
    for key, minutes in sorted(total.items()):
        print(*key, f'{minutes:.0f} min')


if __name__ == '__main__':
    main()
