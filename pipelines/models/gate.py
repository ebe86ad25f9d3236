"""A spectral gate to compare with: noise by minimum statistics, gain of Wiener with decision-directed a-priori SNR.

Martin, https://doi.org/10.1109/89.928915 (here with a fixed smoothing and a fixed bias), and Ephraim and Malah,
https://doi.org/10.1109/TASSP.1984.1164453.
"""

import numpy as np

SIZE, HOP = 512, 256  # 32 ms
SMOOTHING = 0.85
MINIMUM_FRAMES = 60   # 0.96 s
BIAS = 1.8            # of the mean over the minimum
DECISION = 0.98
LOWEST_GAIN = 10 ** (-18 / 20)


def noise_power(power):
    """Minimum of the smoothed power in the past: [frames, bins]"""
    smoothed = np.empty_like(power)
    state = power[:5].mean(0)
    for k, frame in enumerate(power):
        state = SMOOTHING * state + (1 - SMOOTHING) * frame
        smoothed[k] = state
    before = np.full((MINIMUM_FRAMES - 1, power.shape[1]), np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([before, smoothed]), MINIMUM_FRAMES, axis=0)
    return BIAS * windows.min(-1) + 1e-12


def gains(power):
    noise = noise_power(power)
    gain = np.empty_like(power)
    earlier = np.zeros(power.shape[1])
    for k, frame in enumerate(power):
        posterior = np.minimum(frame / noise[k], 1e4)
        prior = DECISION * earlier + (1 - DECISION) * np.maximum(posterior - 1, 0)
        gain[k] = np.maximum(prior / (1 + prior), LOWEST_GAIN)
        earlier = gain[k] ** 2 * posterior
    return gain


def spectral_gate(wave):
    window = np.sqrt(np.hanning(SIZE + 1)[:-1])
    padded = np.pad(wave, (SIZE, SIZE + -len(wave) % HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP] * window
    spectrum = np.fft.rfft(frames)
    frames = np.fft.irfft(spectrum * gains(np.abs(spectrum) ** 2)) * window
    output = np.zeros(len(padded))
    for k, frame in enumerate(frames):
        output[k * HOP:k * HOP + SIZE] += frame
    return output[SIZE:SIZE + len(wave)]
