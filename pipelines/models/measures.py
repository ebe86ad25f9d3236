"""Measures of enhanced speech and of detectors."""

import numpy as np

RATE_HZ = 16000


def si_sdr_db(estimate, clean):
    """Scale-invariant signal-to-distortion ratio (Le Roux et al., https://arxiv.org/abs/1811.02508)."""
    estimate, clean = np.asarray(estimate, 'f8'), np.asarray(clean, 'f8')
    target = clean * (estimate @ clean) / (clean @ clean + 1e-20)
    error = estimate - target
    return 10 * np.log10((target @ target + 1e-20) / (error @ error + 1e-20))


def resampled(wave, from_hz, to_hz):
    spectrum = np.fft.rfft(wave)
    length = len(wave) * to_hz // from_hz
    return np.fft.irfft(spectrum[:length // 2 + 1], length) * to_hz / from_hz


def framed(wave, size, hop):
    return np.lib.stride_tricks.sliding_window_view(wave, size)[::hop]


def without_silence(clean, estimate, size=256, hop=128, range_db=40):
    """Removes frames whose clean level is more than 40 dB under the loudest, and overlap-adds the rest."""
    window = np.hanning(size + 2)[1:-1]
    clean, estimate = (framed(wave, size, hop) * window for wave in (clean, estimate))
    level = 20 * np.log10(np.linalg.norm(clean, axis=1) + 1e-12)
    kept = level > level.max() - range_db
    return [overlap_added(frames[kept], hop) for frames in (clean, estimate)]


def overlap_added(frames, hop):
    wave = np.zeros(hop * (len(frames) - 1) + frames.shape[1])
    for i, frame in enumerate(frames):
        wave[i * hop:i * hop + len(frame)] += frame
    return wave


def third_octaves(rate_hz=10000, size=512, count=15, lowest_hz=150):
    hz = np.fft.rfftfreq(size, 1 / rate_hz)
    centre = lowest_hz * 2 ** (np.arange(count) / 3)
    nearest = lambda edge: np.abs(hz[None, :] - edge[:, None]).argmin(1)
    low, high = nearest(centre / 2 ** (1 / 6)), nearest(centre * 2 ** (1 / 6))
    index = np.arange(len(hz))
    return ((index >= low[:, None]) & (index < high[:, None])).astype('f8')


def stoi(estimate, clean):
    """Short-time objective intelligibility (Taal et al., https://doi.org/10.1109/TASL.2011.2114881), of signals
    with at least 30 frames of speech; NaN for shorter ones."""
    clean, estimate = (resampled(wave, RATE_HZ, 10000) for wave in (clean, estimate))
    clean, estimate = without_silence(clean, estimate)
    if len(clean) < 256 + 128 * 30:
        return np.nan
    window, bands = np.hanning(258)[1:-1], third_octaves()
    x, y = (np.sqrt(bands @ (np.abs(np.fft.rfft(framed(wave, 256, 128) * window, 512)) ** 2).T)
            for wave in (clean, estimate))  # [bands, frames]
    x, y = (np.lib.stride_tricks.sliding_window_view(z, 30, axis=1) for z in (x, y))
    y = y * np.linalg.norm(x, axis=2, keepdims=True) / (np.linalg.norm(y, axis=2, keepdims=True) + 1e-12)
    y = np.minimum(y, x * (1 + 10 ** (15 / 20)))
    x, y = (z - z.mean(2, keepdims=True) for z in (x, y))
    scale = np.linalg.norm(x, axis=2) * np.linalg.norm(y, axis=2) + 1e-12
    return float(np.mean((x * y).sum(2) / scale))


def roc_area(scores, labels):
    """Probability that a frame with speech has a higher score than one without; equal scores count a half."""
    order = np.argsort(scores, kind='stable')
    _, first, count = np.unique(scores[order], return_index=True, return_counts=True)
    ranks = np.empty(len(scores))
    ranks[order] = np.repeat(first + (count + 1) / 2, count)
    positive = labels.sum()
    negative = len(labels) - positive
    return (ranks[labels > 0].sum() - positive * (positive + 1) / 2) / (positive * negative)


def miss_rate(scores, labels, false_alarms=0.01):
    """Share of the frames with speech that are missed at the threshold with this share of false alarms."""
    threshold = np.quantile(scores[labels == 0], 1 - false_alarms)
    return float(np.mean(scores[labels > 0] <= threshold))
