"""Noises that are computed: hiss, hum, fans, clicks. Each function returns float32 of any level."""

import numpy as np

RATE_HZ = 16000


def shaped(random, length, gain_of_hz):
    """White noise with a spectrum of `gain_of_hz`."""
    spectrum = np.fft.rfft(random.standard_normal(length, dtype='f4'))
    hz = np.fft.rfftfreq(length, 1 / RATE_HZ)
    return np.fft.irfft(spectrum * gain_of_hz(np.maximum(hz, 20)), length)


def coloured(random, length):
    """From blue to brown, -9 to 3 dB an octave."""
    slope = random.uniform(-1.5, 0.5)
    return shaped(random, length, lambda hz: (hz / 1000) ** slope)


def curve(random, length):
    """A random smooth spectrum, and a level that rises and falls slowly."""
    knots_hz = np.geomspace(50, 8000, 10)
    gains_db = random.uniform(-20, 10, 10)
    noise = shaped(random, length, lambda hz: 10 ** (np.interp(np.log(hz), np.log(knots_hz), gains_db) / 20))
    times = np.linspace(0, length, 2 + length // 8000)
    return noise * 10 ** (np.interp(np.arange(length), times, random.uniform(-8, 8, len(times))) / 20)


def hum(random, length):
    """Mains hum or a motor: harmonics of a tone, and some hiss."""
    base_hz = random.choice([50, 60, random.uniform(40, 400)])
    time = np.arange(length) / RATE_HZ
    wave = 0.02 * random.standard_normal(length)
    for k in range(1, 1 + random.integers(3, 20)):
        if k * base_hz < 7500:
            wave += random.uniform(0, 1) / k * np.sin(2 * np.pi * (k * base_hz * time + random.uniform()))
    return wave


def fan(random, length):
    """Low noise, modulated by blades, with a tone."""
    blades_hz = random.uniform(8, 120)
    time = np.arange(length) / RATE_HZ
    noise = shaped(random, length, lambda hz: 1 / (1 + (hz / random.uniform(200, 1500)) ** 2))
    tone = random.uniform(0, 0.1) * np.sin(2 * np.pi * blades_hz * 3 * time)
    return noise * (1 + random.uniform(0, 0.7) * np.sin(2 * np.pi * blades_hz * time)) + tone * np.std(noise)


def clicks(random, length):
    """Short decaying bursts at random times: keys, switches, crackle."""
    wave = np.zeros(length + 2000)
    decay = np.exp(-np.arange(2000) / random.uniform(5, 300))
    burst = coloured(random, 2000) * decay
    for start in random.integers(0, length, random.integers(3, 60)):
        wave[start:start + 2000] += random.uniform(0.1, 1) * burst
    return wave[:length] + 1e-3 * random.standard_normal(length)


NOISES = (coloured, coloured, curve, curve, hum, fan, clicks)


def computed_noise(random, length):
    noise = NOISES[random.integers(len(NOISES))](random, length)
    if random.random() < 0.3:
        other = NOISES[random.integers(len(NOISES))](random, length)
        noise = noise / (np.std(noise) + 1e-9) + random.uniform(0.1, 1) * other / (np.std(other) + 1e-9)
    return noise.astype('f4')
