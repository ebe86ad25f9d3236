"""Nets over spectra: STFT, mask and iSTFT in all notations, also as convolutions; conv2d with a
frequency axis."""

import math
from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F

from .model import Model


class Mask(nn.Module):
    """Masks the complex spectrum; convolutions over time compute the mask from magnitudes."""

    def __init__(self, n_fft=16, hop=4, window=torch.hann_window, win_length=None, center=True,
                 pad_mode='reflect', normalized=False, exact_length=False):
        super().__init__()
        self.n_fft, self.hop, self.center = n_fft, hop, center
        self.win_length = n_fft if win_length is None else win_length
        self.pad_mode = pad_mode
        self.normalized = normalized
        self.exact_length = exact_length
        self.register_buffer('window', window(self.win_length))
        bins = n_fft // 2 + 1
        self.net = nn.Sequential(
            nn.Conv1d(bins, 6, 3, padding=1), nn.BatchNorm1d(6), nn.ReLU(),
            nn.Conv1d(6, bins, 1), nn.Sigmoid())

    def forward(self, x):
        length: Optional[int] = x.shape[-1] if self.exact_length else None
        spec = torch.stft(x.squeeze(1), self.n_fft, self.hop, self.win_length, self.window,
                          center=self.center, pad_mode=self.pad_mode, normalized=self.normalized,
                          return_complex=True)
        spec = spec * self.net(spec.abs())
        y = torch.istft(spec, self.n_fft, self.hop, self.win_length, self.window,
                        center=self.center, normalized=self.normalized, length=length)
        return y.unsqueeze(1)


class Mono(nn.Module):
    """Input [T], output [T]."""

    def __init__(self, n_fft=8, hop=2):
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        self.register_buffer('window', torch.hann_window(n_fft))
        self.curve = nn.Parameter(torch.rand(n_fft // 2 + 1, 1))

    def forward(self, x):
        if x.dim() != 1:
            raise ValueError('expected [T]')
        spec = torch.stft(x, self.n_fft, self.hop, window=self.window, return_complex=True)
        spec = spec * self.curve
        return torch.istft(spec, self.n_fft, self.hop, window=self.window)


class MagnitudePhase(nn.Module):
    """Splits magnitude and phase, masks the magnitude by a GRU, joins them with torch.polar."""

    def __init__(self, n_fft=16, hop=8, hidden=6):
        super().__init__()
        self.n_fft = n_fft
        self.hop = hop
        self.register_buffer('window', torch.hann_window(n_fft).sqrt())
        self.gru = nn.GRU(n_fft // 2 + 1, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, n_fft // 2 + 1)

    def forward(self, x):
        spec = torch.stft(x[:, 0], self.n_fft, self.hop, window=self.window, return_complex=True)
        mag = torch.abs(spec)
        phase = torch.angle(spec)
        feats = torch.log1p(mag).transpose(1, 2)
        mask = torch.sigmoid(self.fc(self.gru(feats)[0])).transpose(1, 2)
        out = torch.polar(mag * mask, phase)
        return torch.istft(out, self.n_fft, self.hop, window=self.window)[:, None, :]


class ComplexRatio(nn.Module):
    """Real and imaginary parts as channels; a complex mask in real arithmetic (DCCRN,
    https://arxiv.org/abs/2008.00264)."""

    def __init__(self, n_fft=16, hop=4):
        super().__init__()
        self.n_fft = n_fft
        self.hop = hop
        self.register_buffer('window', torch.hamming_window(n_fft))
        bins = n_fft // 2 + 1
        self.conv = nn.Conv1d(2 * bins, 8, 3)
        self.out = nn.Conv1d(8, 2 * bins, 1)

    def forward(self, x):
        spec = torch.stft(x.reshape(-1, x.shape[-1]), self.n_fft, self.hop, window=self.window,
                          center=False, return_complex=True)
        real, imag = spec.real, spec.imag
        h = torch.cat([real, imag], 1)
        h = F.elu(self.conv(F.pad(h, (2, 0))))
        mask_real, mask_imag = torch.tanh(self.out(h)).chunk(2, 1)
        out_real = real * mask_real - imag * mask_imag
        out_imag = real * mask_imag + imag * mask_real
        y = torch.istft(torch.complex(out_real, out_imag), self.n_fft, self.hop, window=self.window,
                        center=False)
        return y.unsqueeze(1)


class AsReal(nn.Module):
    """view_as_real and view_as_complex, conv2d between them: [B, 2, F, T], causal in time."""

    def __init__(self, n_fft=12, hop=4, channels=4):
        super().__init__()
        self.n_fft = n_fft
        self.hop = hop
        self.register_buffer('window', torch.hann_window(n_fft))
        self.conv1 = nn.Conv2d(2, channels, kernel_size=(3, 2), padding=(1, 0))
        self.norm = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, 2, kernel_size=(3, 3), padding=(1, 0))

    def forward(self, x):
        spec = torch.stft(x.squeeze(1), self.n_fft, self.hop, self.n_fft, self.window,
                          return_complex=True)
        spec = torch.view_as_real(spec)
        h = spec.permute(0, 3, 1, 2)
        h = F.elu(self.norm(self.conv1(F.pad(h, (1, 0, 0, 0)))))
        h = self.conv2(F.pad(h, [2, 0]))
        out = (h.permute(0, 2, 3, 1) + spec).contiguous()
        return torch.istft(torch.view_as_complex(out), self.n_fft, self.hop, self.n_fft,
                           self.window, length=x.shape[-1]).unsqueeze(1)


def fourier_basis(n_fft, window):
    """[2 * bins, 1, n_fft]: the real parts, then the imaginary parts."""
    k = torch.arange(n_fft // 2 + 1).unsqueeze(1) * torch.arange(n_fft).unsqueeze(0)
    angle = 2 * math.pi * k / n_fft
    return (torch.cat([torch.cos(angle), -torch.sin(angle)]) * window).unsqueeze(1)


class ConvStft(nn.Module):
    """The transforms as convolutions with Fourier bases (conv_stft of DCCRN and DPCRN)."""

    def __init__(self, n_fft=16, hop=4):
        super().__init__()
        window = torch.hann_window(n_fft)
        self.hop = hop
        self.pad = n_fft - hop
        basis = fourier_basis(n_fft, window)
        self.register_buffer('analysis', basis)
        self.register_buffer('synthesis', torch.linalg.pinv(basis[:, 0]).t().unsqueeze(1) * window)
        self.bins = n_fft // 2 + 1
        self.net = nn.Sequential(nn.Conv1d(self.bins, 8, 1), nn.PReLU(),
                                 nn.Conv1d(8, self.bins, 3, padding=2, dilation=2), nn.Sigmoid())

    def forward(self, x):
        x = F.pad(x, [self.pad, self.pad])
        outputs = F.conv1d(x, self.analysis, stride=self.hop)
        real = outputs[:, :self.bins, :]
        imag = outputs[:, self.bins:, :]
        mags = torch.sqrt(real ** 2 + imag ** 2 + 1e-7)
        phase = torch.atan2(imag, real)
        mags = mags * self.net(mags)
        outputs = torch.cat([mags * torch.cos(phase), mags * torch.sin(phase)], 1)
        y = F.conv_transpose1d(outputs, self.synthesis, stride=self.hop)
        return y[..., self.pad:-self.pad]


class Frames(nn.Module):
    """Frames by unfold, torch.fft over the samples of a frame, overlap-add by pads and a sum."""

    def __init__(self, n=16):
        super().__init__()
        self.n = n
        self.hop = n // 2
        self.register_buffer('window', torch.hann_window(n).sqrt())
        self.gain = nn.Parameter(torch.rand(n // 2 + 1))

    def forward(self, x):
        frames = x.unfold(-1, self.n, self.hop) * self.window  # [B, 1, K, n]
        spec = torch.fft.rfft(frames, dim=-1)
        power = spec.real.pow(2) + spec.imag.pow(2)
        gain = self.gain * power / (power + 0.1)
        y = torch.fft.irfft(spec * gain, n=self.n, dim=-1) * self.window
        head, tail = y[..., :self.hop], y[..., self.hop:]
        y = F.pad(head, (0, 0, 0, 1)) + F.pad(tail, (0, 0, 1, 0))
        return y.flatten(-2)


class Crn(nn.Module):
    """Convolutional recurrent net (https://doi.org/10.21437/Interspeech.2018-1405): conv2d over
    [B, C, F, T], strides in frequency, GRU over all channels and bins, skips joined."""

    def __init__(self, n_fft=16, hop=8, channels=(1, 3, 4)):
        super().__init__()
        self.n_fft = n_fft
        self.hop = hop
        self.register_buffer('window', torch.hann_window(n_fft))
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for i, (a, b) in enumerate(zip(channels[:-1], channels[1:])):
            self.encoder.append(nn.Sequential(
                nn.ZeroPad2d((1, 0, 0, 0)), nn.Conv2d(a, b, (3, 2), stride=(2, 1)),
                nn.BatchNorm2d(b), nn.ELU()))
            self.decoder.insert(0, nn.Sequential(
                nn.ConvTranspose2d(2 * b, a, (3, 1), stride=(2, 1)),
                nn.BatchNorm2d(a) if i else nn.Identity(), nn.ELU() if i else nn.Softplus()))
        self.gru = nn.GRU(channels[-1], channels[-1], batch_first=True)

    def forward(self, x):
        spec = torch.stft(x.squeeze(1), self.n_fft, self.hop, window=self.window,
                          return_complex=True)
        h = spec.abs()[:, None, :-2]  # 7 bins: 7 -> 3 -> 1
        skips = []
        for layer in self.encoder:
            h = layer(h)
            skips.append(h)
        B, C, Fq, T = h.shape
        g = h.permute(0, 3, 1, 2).reshape(B, T, C * Fq)
        g, _ = self.gru(g)
        h = g.reshape(B, T, C, Fq).permute(0, 2, 3, 1)
        for layer in self.decoder:
            h = layer(torch.cat([h, skips.pop()], dim=1))
        mask = F.pad(h.squeeze(1), (0, 0, 0, 2))
        return torch.istft(spec * mask, self.n_fft, self.hop, window=self.window).unsqueeze(1)


class TimeThenFrequency(nn.Module):
    """conv2d over [B, C, T, F] (as in GTCRN): depthwise and causal in time, attention over the
    frequencies of each frame."""

    def __init__(self, n_fft=8, hop=4, channels=4):
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        self.register_buffer('window', torch.hann_window(n_fft).pow(0.5))
        self.conv_in = nn.Conv2d(3, channels, 1)
        self.depth = nn.Conv2d(channels, channels, (3, 3), padding=(0, 1), dilation=(2, 1),
                               groups=channels)
        self.act = nn.PReLU(channels)
        self.q = nn.Linear(channels, channels)
        self.out = nn.Conv2d(channels, 2, 1)

    def forward(self, x):
        spec = torch.stft(x.squeeze(1), self.n_fft, self.hop, self.n_fft, self.window,
                          return_complex=True)
        ri = torch.view_as_real(spec).permute(0, 3, 2, 1)  # [B, 2, T, F]
        mag = (ri[:, 0] ** 2 + ri[:, 1] ** 2 + 1e-8) ** 0.5
        h = self.conv_in(torch.stack([mag, ri[:, 0], ri[:, 1]], dim=1))
        h = h + self.act(self.depth(F.pad(h, (0, 0, 4, 0))))
        a = self.q(h.permute(0, 2, 3, 1))  # [B, T, F, C]
        w = torch.softmax(a @ a.transpose(-1, -2) / 2.0, dim=-1)
        h = h + (w @ h.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        m = torch.tanh(self.out(h))
        s_real = ri[:, 0] * m[:, 0] - ri[:, 1] * m[:, 1]
        s_imag = ri[:, 1] * m[:, 0] + ri[:, 0] * m[:, 1]
        out = torch.stack([s_real, s_imag], dim=-1).permute(0, 2, 1, 3).contiguous()
        return torch.istft(torch.view_as_complex(out), self.n_fft, self.hop, self.n_fft,
                           self.window).unsqueeze(1)


class LogMel(nn.Module):
    """Features of speech: log mel energies and their differences, without an inverse transform."""

    def __init__(self, n_fft=32, hop=10, win_length=25, mels=6):
        super().__init__()
        self.n_fft, self.hop, self.win_length = n_fft, hop, win_length
        self.register_buffer('window', torch.hann_window(win_length))
        self.register_buffer('fb', torch.rand(n_fft // 2 + 1, mels))

    def forward(self, x):
        x = torch.cat([x[..., :1], x[..., 1:] - 0.97 * x[..., :-1]], dim=-1)
        spec = torch.stft(x.squeeze(1), n_fft=self.n_fft, hop_length=self.hop,
                          win_length=self.win_length, window=self.window, center=False,
                          return_complex=True).abs().pow(2.0)
        mel = torch.matmul(spec.transpose(-1, -2), self.fb).transpose(-1, -2)
        logmel = torch.log(mel + 1e-2)
        delta = F.pad(logmel, (1, 1), mode='replicate')
        delta = (delta[..., 2:] - delta[..., :-2]) / 2
        return torch.cat([logmel, delta], dim=1)


class Resynthesis(nn.Module):
    """Two channels in one batch of transforms; each channel has its own mask."""

    def __init__(self, n_fft=20, hop=5):
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        self.register_buffer('window', torch.blackman_window(n_fft))
        self.mask = nn.Parameter(torch.rand(2, n_fft // 2 + 1, 1))

    def forward(self, x):
        b, c, t = x.shape
        spec = torch.stft(x.view(b * c, t), self.n_fft, self.hop, window=self.window,
                          pad_mode='constant', return_complex=True)
        spec = spec.view(b, c, spec.shape[-2], spec.shape[-1])
        mid = spec.sum(1, keepdim=True) * 0.5
        spec = spec * self.mask + mid.conj() * 0.1
        y = torch.istft(spec.flatten(0, 1), self.n_fft, self.hop, window=self.window)
        return y.view(b, c, -1)


MODELS = {
    'spectral_mask': Model(Mask),
    'spectral_mask_length': Model(lambda: Mask(20, 6, exact_length=True)),
    'spectral_mask_short_window': Model(lambda: Mask(24, 5, torch.hamming_window, win_length=15)),
    'spectral_mask_not_centred': Model(lambda: Mask(16, 8, torch.hamming_window, center=False)),
    'spectral_mask_rectangle': Model(lambda: Mask(12, 12, torch.ones, center=False,
                                                  normalized=True)),
    'spectral_mask_constant': Model(lambda: Mask(15, 4, torch.blackman_window,
                                                 pad_mode='constant')),
    'spectral_magnitude_phase': Model(MagnitudePhase),
    'spectral_complex_ratio': Model(ComplexRatio),
    'spectral_as_real': Model(AsReal),
    'spectral_conv_stft': Model(ConvStft),
    'spectral_frames': Model(Frames),
    'spectral_crn': Model(Crn),
    'spectral_time_first': Model(TimeThenFrequency),
    'spectral_log_mel': Model(LogMel),
    'spectral_resynthesis': Model(Resynthesis, 2),
    'spectral_mono': Model(Mono, rank=1),
    'spectral_double': Model(lambda: Mask(10, 3, torch.hamming_window), dtype=torch.float64),
}
