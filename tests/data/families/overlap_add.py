"""Overlap-add by fold(), bands by unfold(), division by the sum of the windows, and padding that is
written as an assignment to a longer tensor."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from .model import Model


class Folded(nn.Module):
    """A mask over frames of the spectrum; the frames are summed by fold() up to the length of the
    signal, as in DTLN. Samples that no frame covers are zero."""

    def __init__(self, n=16, hop=4):
        super().__init__()
        self.n, self.hop = n, hop
        self.mask = nn.Sequential(nn.Linear(n // 2 + 1, n // 2 + 1), nn.Sigmoid())

    def forward(self, x):
        x = x.squeeze(1)
        spec = torch.stft(x, self.n, self.hop, window=torch.ones(self.n), center=False,
                          return_complex=True).permute(0, 2, 1)
        spec = spec * self.mask(spec.abs())
        frames = torch.fft.irfft(spec, dim=-1).permute(0, 2, 1)
        y = F.fold(frames, (x.shape[1], 1), kernel_size=(self.n, 1), stride=(self.hop, 1))
        return y.reshape(x.shape[0], 1, -1)


class Vocoder(nn.Module):
    """An inverse transform with padding 'same' and the envelope of its windows, as in Vocos."""

    def __init__(self, channels=3, n=16, hop=4):
        super().__init__()
        self.n, self.hop, self.pad = n, hop, (n - hop) // 2
        self.net = nn.Conv1d(channels, n + 2, 3, padding=1)
        self.register_buffer('window', torch.hann_window(n))

    def forward(self, x):
        magnitude, phase = self.net(x).chunk(2, dim=1)
        spec = torch.exp(magnitude).clip(max=100) * (torch.cos(phase) + 1j * torch.sin(phase))
        frames = torch.fft.irfft(spec, self.n, dim=1) * self.window[None, :, None]
        size = (x.shape[-1] - 1) * self.hop + self.n
        y = self.overlap_add(frames, size)[:, 0, 0, self.pad:-self.pad]
        squares = self.window.square().expand(1, x.shape[-1], -1).transpose(1, 2)
        envelope = self.overlap_add(squares, size).squeeze()[self.pad:-self.pad]
        return (y / envelope).unsqueeze(1)

    def overlap_add(self, frames, size: int):
        return F.fold(frames, output_size=(1, size), kernel_size=(1, self.n),
                      stride=(1, self.hop))


class CroppedFold(nn.Module):
    """fold() with padding, which crops both ends."""

    def __init__(self):
        super().__init__()
        self.net = nn.Conv1d(2, 7, 3, padding=1)

    def forward(self, x):
        x = self.net(x)
        size = (x.shape[-1] - 1) * 3 + 7 - 4
        return F.fold(x, (size, 1), kernel_size=(7, 1), padding=(2, 0), stride=(3, 1)).squeeze(-1)


class Envelope(nn.Module):
    """Transforms as convolutions; the sum of the squared windows normalises the signal, as in the
    conv_stft of DCCRN."""

    def __init__(self, n=16, hop=4):
        super().__init__()
        self.n, self.hop = n, hop
        self.register_buffer('analysis', torch.randn(n, 1, n))
        self.register_buffer('synthesis', torch.randn(n, 1, n) * 0.1)
        self.register_buffer('window', torch.hann_window(n).view(1, n, 1))
        self.register_buffer('enframe', torch.eye(n).unsqueeze(1))
        self.mask = nn.Sequential(nn.Conv1d(n, n, 1), nn.Sigmoid())

    def forward(self, x):
        x = F.pad(x, (self.n - self.hop, self.n - self.hop))
        frames = F.conv1d(x, self.analysis, stride=self.hop)
        frames = frames * self.mask(frames)
        y = F.conv_transpose1d(frames, self.synthesis, stride=self.hop)
        squares = self.window.repeat(1, 1, frames.size(-1)) ** 2
        y = y / (F.conv_transpose1d(squares, self.enframe, stride=self.hop) + 1e-2)
        return y[..., self.n - self.hop:-(self.n - self.hop)]


class Bands(nn.Module):
    """Each frequency with its neighbours as channels, as in GTCRN; time is before frequency."""

    def __init__(self, n=14, hop=7, frames=1):
        super().__init__()
        self.n, self.hop, self.frames = n, hop, frames
        self.net = nn.Conv2d(3 * frames, 1, 1)

    def forward(self, x):
        spec = torch.stft(x.squeeze(1), self.n, self.hop, window=torch.ones(self.n), center=False,
                          return_complex=True).abs().transpose(1, 2).unsqueeze(1)  # [B, 1, T, F]
        bands = F.unfold(spec, (self.frames, 3), padding=(0, 1))
        bands = bands.reshape(x.shape[0], 3 * self.frames, -1, self.n // 2 + 1)
        return self.net(bands).squeeze(1).transpose(1, 2)


class AssignedPadding(nn.Module):
    """A U-Net that pads to a multiple by writing to zeros, as in SuDoRM-RF."""

    def __init__(self, multiple=8):
        super().__init__()
        self.multiple = multiple
        self.down = nn.Conv1d(1, 6, 8, stride=4, padding=2)
        self.up = nn.ConvTranspose1d(6, 1, 8, stride=4, padding=2)

    def forward(self, x):
        missing = self.multiple - x.shape[-1] % self.multiple
        padded = torch.zeros([x.shape[0], x.shape[1], x.shape[-1] + missing])
        padded[..., :x.shape[-1]] = x
        return self.up(torch.tanh(self.down(padded)))[..., :x.shape[-1]]


MODELS = {
    'overlap_add_folded': Model(Folded, trace=False),
    'overlap_add_vocoder': Model(Vocoder, 3, trace=False),
    'overlap_add_cropped': Model(CroppedFold, 2, trace=False),
    'overlap_add_envelope': Model(Envelope),
    'overlap_add_bands': Model(Bands),
    'overlap_add_bands_of_frames': Model(lambda: Bands(frames=2)),
    'overlap_add_assigned_padding': Model(AssignedPadding, trace=False),
}
