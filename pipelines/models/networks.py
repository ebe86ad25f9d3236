"""Networks of the speech models: a denoiser and a voice activity detector, causal, at 16 kHz."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

SAMPLE_RATE_HZ = 16000
HOP = 160  # 10 ms


class Denoiser(nn.Module):
    """Masks a spectrum. [B, 1, T] -> [B, 1, T], look-ahead 319 samples.

    The analysis window has 512 samples, and the synthesis window is its last 320 samples, so that the
    resolution in frequency is that of 32 ms, and the latency is that of 20 ms (Mauler and Martin,
    https://doi.org/10.5281/zenodo.40566). Bins below 4 kHz have a mask each, and the bins above share one
    in bands of 8.
    """

    def __init__(self, hidden=120):
        super().__init__()
        self.window, self.hop, self.low, self.band = 512, HOP, 128, 8
        analysis, synthesis = asymmetric_windows(self.window, 2 * HOP)
        self.register_buffer('analysis', analysis)
        self.register_buffer('synthesis', synthesis)
        features = self.low + (self.window // 2 - self.low) // self.band
        self.fc_in = nn.Linear(features, hidden)
        self.gru1 = nn.GRU(hidden, hidden, batch_first=True)
        self.gru2 = nn.GRU(hidden, hidden, batch_first=True)
        self.mask = nn.Linear(2 * hidden, features)

    def forward(self, x):
        left = self.window - self.hop
        padded = F.pad(x, (left, 2 * self.hop - 1))
        spec = torch.stft(padded.squeeze(1), self.window, self.hop, window=self.analysis, center=False,
                          return_complex=True)  # [B, bins, frames]
        real, imag = spec.real, spec.imag
        mask = self.masks(real * real + imag * imag)
        frames = torch.fft.irfft(torch.complex(real * mask, imag * mask), n=self.window, dim=1)
        frames = (frames[:, left - self.hop:] * self.synthesis).transpose(1, 2)  # [B, frames, 320]
        y = frames[:, :-1, self.hop:] + frames[:, 1:, :self.hop]
        return y.flatten(1).unsqueeze(1)[:, :, :x.shape[-1]]

    def masks(self, power):
        """[B, 257, frames] -> [B, 257, frames]"""
        last = self.window // 2
        low, high = power[:, :self.low], power[:, self.low:last]
        high = high.unflatten(1, (-1, self.band)).mean(2)
        z = torch.log(torch.cat([low, high], 1) + 1e-6).transpose(1, 2)
        z = torch.relu(self.fc_in(0.2 * z + 1))
        a, _ = self.gru1(z)
        b, _ = self.gru2(a)
        mask = torch.sigmoid(self.mask(torch.cat([a, b], 2))).transpose(1, 2)
        high = mask[:, self.low:].repeat_interleave(self.band, 1)
        return torch.cat([mask[:, :self.low], high, mask[:, -1:]], 1)


class Vad(nn.Module):
    """Probability of speech. [B, 1, T] -> [B, 1, T / 160]: one value for 10 ms, look-ahead 0 blocks."""

    def __init__(self, bands=32, hidden=64):
        super().__init__()
        self.size, self.hop = 400, HOP
        self.register_buffer('window', torch.hann_window(self.size))
        self.register_buffer('bands', mel_bands(bands, self.size))
        self.conv = nn.Conv1d(bands, hidden, 5)
        self.gru = nn.GRU(hidden, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        x = F.pad(x, (self.size - self.hop, 0)).squeeze(1)
        spec = torch.stft(x, self.size, self.hop, window=self.window, center=False, return_complex=True)
        power = spec.real * spec.real + spec.imag * spec.imag
        z = 0.2 * torch.log(torch.matmul(self.bands, power) + 1e-6) + 1
        z = torch.relu(self.conv(F.pad(z, (4, 0))))
        z, _ = self.gru(z.transpose(1, 2))
        return torch.sigmoid(self.out(z)).transpose(1, 2)


def asymmetric_windows(size, synthesis):
    """Windows whose products overlap-add to 1 at half the length of the synthesis window."""
    fall = synthesis // 2
    rise = size - fall
    up = torch.sin(math.pi / 2 * (torch.arange(rise) + 0.5) / rise)
    down = torch.cos(math.pi / 2 * (torch.arange(fall) + 0.5) / fall)
    analysis = torch.cat([up, down])
    hann = torch.sin(math.pi * (torch.arange(synthesis) + 0.5) / synthesis).square()
    return analysis, (hann / analysis[-synthesis:]).view(1, -1, 1)


def mel_bands(bands, window):
    """Triangular bands, equally wide on the mel scale from 60 Hz to 8 kHz: [bands, window / 2 + 1]"""
    low, high = (2595 * math.log10(1 + hz / 700) for hz in (60, SAMPLE_RATE_HZ / 2))
    edges = 700 * (10 ** (torch.linspace(low, high, bands + 2) / 2595) - 1)
    hz = torch.linspace(0, SAMPLE_RATE_HZ / 2, window // 2 + 1)
    rise = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    weight = torch.minimum(rise, fall).clamp_min(0)
    return weight / weight.sum(1, keepdim=True)


NETWORKS = {'denoise': Denoiser, 'vad': Vad}
