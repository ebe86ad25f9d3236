"""Rate changes without strided convolutions: nearest and linear upsampling, pixel shuffle,
repeats, strided slices, polyphase filters."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from .model import Model


class Upsampled(nn.Module):
    """Upsampling and a convolution instead of a transposed convolution."""

    def __init__(self, channels, scale, mode='nearest'):
        super().__init__()
        self.scale = scale
        self.mode = mode
        self.conv = nn.Conv1d(channels, channels, 5, padding=2)

    def forward(self, x):
        x = F.interpolate(x, scale_factor=self.scale, mode=self.mode)
        return F.leaky_relu(self.conv(x), 0.2)


class Linear(nn.Module):
    def __init__(self, channels, scale):
        super().__init__()
        self.up = nn.Upsample(scale_factor=scale, mode='linear', align_corners=False)
        self.conv = nn.Conv1d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(self.up(torch.tanh(self.conv(x))))


class ToSize(nn.Module):
    """A size that is a fixed ratio of the length."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv1d(1, 3, 4, stride=4)
        self.mix = nn.Conv1d(3, 1, 1)

    def forward(self, x):
        y = self.down(x)
        y = F.interpolate(y, size=2 * y.shape[-1])
        return self.mix(torch.sin(y))


class PixelShuffle1d(nn.Module):
    """[B, C * r, T] -> [B, C, T * r]"""

    def __init__(self, r):
        super().__init__()
        self.r = r

    def forward(self, x):
        b, c, t = x.size()
        x = x.contiguous().view(b, self.r, c // self.r, t)
        x = x.permute(0, 2, 3, 1).contiguous()
        return x.view(b, c // self.r, t * self.r)


class Shuffled(nn.Module):
    """Folds frames into channels, unfolds them by pixel shuffle, multiplies with the signal."""

    def __init__(self, r=4, hidden=6):
        super().__init__()
        self.r = r
        self.net = nn.Sequential(nn.Conv1d(r, hidden, 3, padding=1), nn.ELU(),
                                 nn.Conv1d(hidden, 2 * r, 1))
        self.shuffle = PixelShuffle1d(r)

    def forward(self, x):
        b, c, t = x.shape
        whole = t // self.r * self.r
        x = x[..., :whole]
        folded = x.reshape(b, c, -1, self.r).permute(0, 1, 3, 2).reshape(b, c * self.r, -1)
        return self.shuffle(self.net(folded)) * x


class Subpixel(nn.Module):
    """Pixel shuffle with a different axis order."""

    def __init__(self, r=3):
        super().__init__()
        self.r = r
        self.conv = nn.Conv1d(2, 2 * r, 5, padding=2, padding_mode='replicate')

    def forward(self, x):
        y = self.conv(x)
        y = y.view(x.shape[0], -1, self.r, x.shape[-1]).transpose(2, 3)
        return y.reshape(y.shape[0], y.shape[1], -1)


class Repeats(nn.Module):
    """A control signal at 1/8 of the rate, upsampled by repeat_interleave and by expand."""

    def __init__(self, hop=8):
        super().__init__()
        self.hop = hop
        self.control = nn.Conv1d(1, 2, 2 * hop, stride=hop, padding=hop // 2)

    def forward(self, x):
        c = torch.sigmoid(self.control(x))
        held = c.repeat_interleave(self.hop, dim=2)
        wide = c.unsqueeze(-1).expand(-1, -1, -1, self.hop).reshape(c.shape[0], c.shape[1], -1)
        return x[..., :held.shape[-1]] * held[:, 0:1] - wide[:, 1:2]


class Slices(nn.Module):
    """Splits even and odd samples; then takes every third frame from index 5 on."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Conv1d(2, 2, 3, padding=1)

    def forward(self, x):
        whole = x.shape[-1] // 2 * 2
        x = x[..., :whole]
        even, odd = x[..., ::2], x[..., 1::2]
        y = self.mix(torch.cat([even - odd, even + odd], dim=1))
        return y[..., 5::3]


class ZeroStuffing(nn.Module):
    """Zeros between samples, then a filter."""

    def __init__(self, factor=4):
        super().__init__()
        self.factor = factor
        self.register_buffer('filter', torch.hann_window(2 * factor + 1).view(1, 1, -1))

    def forward(self, x):
        b, c, t = x.shape
        stuffed = torch.zeros(b, c, t, self.factor, dtype=x.dtype, device=x.device)
        stuffed[..., 0] = x
        stuffed = stuffed.reshape(b * c, 1, t * self.factor)
        return F.conv1d(stuffed, self.filter, padding=self.factor).view(b, c, -1)


class Polyphase(nn.Module):
    """torchaudio.functional.resample of 0.13 (sinc_interpolation) for any ratio of rates."""

    def __init__(self, orig, new, width=6, rolloff=0.95):
        super().__init__()
        self.orig = orig
        self.new = new
        base = min(orig, new) * rolloff
        self.width = math.ceil(width * orig / base)
        idx = torch.arange(-self.width, self.width + orig)[None, None] / orig
        t = torch.arange(0, -new, -1)[:, None, None] / new + idx
        t = (t * base).clamp_(-width, width)
        window = torch.cos(t * math.pi / width / 2) ** 2
        t = t * math.pi
        kernels = torch.where(t == 0, torch.tensor(1.0), t.sin() / t) * window * base / orig
        self.register_buffer('kernel', kernels)

    def forward(self, waveform):
        b, c, length = waveform.shape
        padded = F.pad(waveform.reshape(b * c, length), (self.width, self.width + self.orig))
        resampled = F.conv1d(padded.unsqueeze(1), self.kernel, stride=self.orig)
        resampled = resampled.transpose(1, 2).reshape(b, c, -1)
        target_length = (self.new * length + self.orig - 1) // self.orig
        return resampled[..., :target_length]


MODELS = {
    'resampling_nearest_2': Model(lambda: nn.Sequential(Upsampled(2, 2.0), Upsampled(2, 2.0)), 2),
    'resampling_nearest_3': Model(lambda: nn.Sequential(Upsampled(1, 3.0), nn.AvgPool1d(2))),
    'resampling_nearest_3_halves': Model(lambda: Upsampled(2, 1.5), 2),
    'resampling_nearest_half': Model(lambda: Upsampled(2, 0.5), 2),
    'resampling_linear_2': Model(lambda: nn.Sequential(Linear(2, 2), nn.ELU(), Linear(2, 2)), 2),
    'resampling_linear_3': Model(lambda: Linear(1, 3)),
    'resampling_linear_4': Model(lambda: Linear(2, 4), 2),
    'resampling_to_size': Model(ToSize),
    'resampling_shuffled': Model(Shuffled),
    'resampling_subpixel': Model(Subpixel, 2),
    'resampling_repeats': Model(Repeats),
    'resampling_slices': Model(Slices),
    'resampling_zero_stuffing': Model(ZeroStuffing, 2),
    'resampling_polyphase_up': Model(lambda: Polyphase(2, 3), 2),
    'resampling_polyphase_down': Model(lambda: Polyphase(7, 4)),
}
