"""Mixtures of speech and noise, made from the sounds that sources.py collected."""

import json
import pathlib

import numpy as np

from noises import computed_noise
from rooms import random_rooms

RATE_HZ = 16000
FRAME = 160
ROOMS = {'train': (400, 11), 'valid': (30, 12), 'test': (60, 13)}  # count, seed
CLEAN = 100  # dB; a ratio that stands for no noise at all
SPEECH_RANGE_DB = 27  # a frame has speech if its level is in this range under that of the speaker


class Sounds:
    """The sounds of one kind and split, by group. Groups are drawn by the square root of their time."""

    def __init__(self, folder, index, kind, split):
        self.audio = np.memmap(folder / 'audio.i16', '<i2', 'r')
        self.groups = {}
        for sound in index:
            if (sound['kind'], sound['split']) == (kind, split):
                self.groups.setdefault(sound['group'], []).append(sound)
        self.names = sorted(self.groups)
        time = np.array([sum(s['length'] for s in self.groups[name]) for name in self.names], 'f8')
        self.chances = np.sqrt(time) / np.sqrt(time).sum()

    def group(self, random):
        return self.groups[self.names[random.choice(len(self.names), p=self.chances)]]

    def read(self, sound, start=0, length=None):
        start += sound['start']
        end = sound['start'] + sound['length']
        return self.audio[start:end if length is None else min(end, start + length)].astype('f4') / 32768


class Mixtures:
    """Draws mixtures. The same seed gives the same ones."""

    def __init__(self, folder, split):
        folder = pathlib.Path(folder)
        index = json.loads((folder / 'index.json').read_text())
        self.speech = Sounds(folder, index, 'speech', split)
        self.noise = Sounds(folder, index, 'noise', split)
        self.music = Sounds(folder, index, 'music', split)
        self.rooms = random_rooms(*ROOMS[split])

    def draw_speech(self, random, length):
        """Sentences of one speaker with pauses; and which frames of 10 ms have speech."""
        group = self.speech.group(random)
        wave = np.zeros(length, 'f4')
        position = random.integers(0, RATE_HZ // 2)
        while position < length - RATE_HZ // 10:
            sound = group[random.integers(len(group))]
            skip = random.integers(0, max(1, sound['length'] - length // 2))
            part = self.speech.read(sound, skip, length) * 10 ** ((-25 - sound['level']) / 20)
            part = part[:length - position]
            wave[position:position + len(part)] += part
            position += len(part) + random.integers(800, RATE_HZ)
        frames = wave[:length // FRAME * FRAME].reshape(-1, FRAME)
        level = 10 * np.log10(np.mean(frames ** 2, 1) + 1e-10)
        return wave, held(level > -25 - SPEECH_RANGE_DB)

    def draw_recorded(self, random, length, sounds):
        """A part of a long sound, or short ones one after the other, with pauses or without."""
        group = sounds.group(random)
        pause = random.choice([0, 0, RATE_HZ])
        parts, have = [], 0
        sound = group[random.integers(len(group))]
        while have < length:
            if random.random() < 0.5:
                sound = group[random.integers(len(group))]
            skip = random.integers(0, max(1, sound['length'] - length))
            part = sounds.read(sound, skip, length) * 10 ** ((-25 - sound['level']) / 20)
            parts += [part, np.zeros(random.integers(0, pause + 1), 'f4')]
            have += len(parts[-1]) + len(part)
        return np.concatenate(parts)[:length]

    def draw_noise(self, random, length):
        kind = random.choice(4, p=[0.5, 0.12, 0.28, 0.1])
        if kind == 0:
            noise = self.draw_recorded(random, length, self.noise)
        elif kind == 1:
            noise = self.draw_recorded(random, length, self.music)
        elif kind == 2:
            noise = computed_noise(random, length)
        else:  # babble
            noise = sum(random.uniform(0.3, 1) * self.draw_speech(random, length)[0]
                        for _ in range(random.integers(4, 9)))
        if kind < 2 and random.random() < 0.3:
            noise = noise + 0.3 * self.draw_level(random, computed_noise(random, length))
        return noise

    def draw_level(self, random, wave):
        return wave * (10 ** (-25 / 20) / (np.std(wave) + 1e-6) * random.uniform(0.1, 1))

    def in_room(self, random, wave):
        room = self.rooms[random.integers(len(self.rooms))]
        size = 1 << (len(wave) + len(room) - 1).bit_length()
        return np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(room, size), size)[:len(wave)]

    def draw(self, random, length, snr_db, rms_db=None, speechless=0.0, clipped=0.05):
        """Returns noisy, clean, active: the mixture, its speech, and which frames have speech."""
        clean, active = self.draw_speech(random, length)
        if random.random() < speechless:
            clean, active = clean * 0, active * 0
        else:
            clean = changed(random, clean)
        if random.random() < 0.4:
            clean = self.in_room(random, clean)
        noise = self.draw_noise(random, length) if snr_db < CLEAN else np.zeros(length)
        power = np.mean(clean ** 2) or 1e-3
        noise = noise * np.sqrt(power / (np.mean(noise ** 2) + 1e-12) * 10 ** (-snr_db / 10))
        clean, noise = through_line(random, clean, noise)
        noisy = clean + noise
        rms_db = random.uniform(-42, -14) if rms_db is None else rms_db
        gain = 10 ** (rms_db / 20) / (np.sqrt(np.mean(noisy ** 2)) + 1e-6)
        noisy, clean = noisy * gain, clean * gain
        if random.random() < clipped:
            highest = random.uniform(0.4, 0.9) * np.abs(noisy).max()
            noisy = np.clip(noisy, -highest, highest)
        return noisy.astype('f4'), clean.astype('f4'), active


def held(active, before=2, after=10):
    """Lengthens each run of frames with speech."""
    kernel = np.ones(before + after + 1)
    return (np.convolve(active.astype('f4'), kernel)[before:before + len(active)] > 0).astype('f4')


def changed(random, wave):
    """Colours the voice as microphones do."""
    if random.random() < 0.5:
        return wave
    spectrum = np.fft.rfft(wave)
    knots = random.uniform(-6, 6, 8)
    gain_db = np.interp(np.linspace(0, 1, len(spectrum)) ** 0.5, np.linspace(0, 1, 8), knots)
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), len(wave))


def through_line(random, clean, noise):
    """A line that carries fewer frequencies, or loses packets of 20 ms, in one mixture of six each."""
    chance = random.random()
    if chance < 0.16:
        hz = np.fft.rfftfreq(len(clean), 1 / RATE_HZ)
        low, high = random.choice([20, 100, 300]), random.uniform(3300, 7500)
        gain = 1 / np.sqrt((1 + (low / np.maximum(hz, 1)) ** 8) * (1 + (hz / high) ** 24))
        return [np.fft.irfft(np.fft.rfft(wave) * gain, len(wave)) for wave in (clean, noise)]
    if chance < 0.2:
        kept = np.repeat(random.random(len(clean) // 320 + 1) > random.uniform(0.01, 0.1), 320)[:len(clean)]
        return clean * kept, noise * kept
    return clean, noise


def draw_batch(mixtures, seed, step, count, length, speechless):
    """Arrays [count, length], [count, length], [count, length / 160]"""
    random = np.random.default_rng([seed, step])
    drawn = []
    for _ in range(count):
        snr_db = CLEAN if random.random() < 0.08 else random.uniform(-8, 20)
        drawn.append(mixtures.draw(random, length, snr_db, speechless=speechless))
    return [np.stack(part) for part in zip(*drawn)]
