"""Demucs and other U-Nets over samples: strided encoder, GLU, LSTM, skips added or joined."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from .model import Model


def sinc(t):
    return torch.where(t == 0, torch.tensor(1.), torch.sin(t) / t)


def kernel_upsample2(zeros: int):
    win = torch.hann_window(4 * zeros + 1, periodic=False)
    winodd = win[1::2]
    t = torch.linspace(-zeros + 0.5, zeros - 0.5, 2 * zeros)
    t *= math.pi
    return (sinc(t) * winodd).view(1, 1, -1)


def upsample2(x, zeros: int = 8):
    """As in https://arxiv.org/abs/2006.12847: every second sample by sinc interpolation."""
    channels, time = x.shape[1], x.shape[-1]
    kernel = kernel_upsample2(zeros).to(x)
    out = F.conv1d(x.view(-1, 1, time), kernel, padding=zeros)[..., 1:].view(-1, channels, time)
    y = torch.stack([x, out], dim=-1)
    return y.view(x.shape[0], channels, -1)


def downsample2(x, zeros: int = 8):
    if x.shape[-1] % 2 != 0:
        x = F.pad(x, (0, 1))
    xeven = x[..., ::2]
    xodd = x[..., 1::2]
    channels, time = xodd.shape[1], xodd.shape[-1]
    kernel = kernel_upsample2(zeros).to(x)
    out = xeven + F.conv1d(xodd.reshape(-1, 1, time), kernel, padding=zeros)[..., :-1].view(
        -1, channels, time)
    return out.view(x.shape[0], channels, -1).mul(0.5)


class BLSTM(nn.Module):
    def __init__(self, dim, layers=2):
        super().__init__()
        self.lstm = nn.LSTM(bidirectional=False, num_layers=layers, hidden_size=dim, input_size=dim)

    def forward(self, x):
        return self.lstm(x)[0]


class Demucs(nn.Module):
    """The causal Demucs of https://arxiv.org/abs/2006.12847 (denoiser), without the normalisation
    by the standard deviation of the whole signal."""

    def __init__(self, hidden=4, depth=3, kernel_size=8, stride=4, resample=1, growth=1.5, glu=True,
                 lstm=True, join=False):
        super().__init__()
        self.depth = depth
        self.kernel_size = kernel_size
        self.stride = stride
        self.resample = resample
        self.join = join
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        activation = nn.GLU(1) if glu else nn.ReLU()
        ch_scale = 2 if glu else 1
        chin = chout = 1
        for index in range(depth):
            self.encoder.append(nn.Sequential(
                nn.Conv1d(chin, hidden, kernel_size, stride), nn.ReLU(),
                nn.Conv1d(hidden, hidden * ch_scale, 1), activation))
            decode = [nn.Conv1d(hidden * (2 if join else 1), ch_scale * hidden, 1), activation,
                      nn.ConvTranspose1d(hidden, chout, kernel_size, stride)]
            if index > 0:
                decode.append(nn.ReLU())
            self.decoder.insert(0, nn.Sequential(*decode))
            chout = hidden
            chin = hidden
            hidden = int(growth * hidden)
        self.lstm = BLSTM(chin) if lstm else None

    def valid_length(self, length: int) -> int:
        length = math.ceil(length * self.resample)
        for idx in range(self.depth):
            length = math.ceil((length - self.kernel_size) / self.stride) + 1
            length = max(length, 1)
        for idx in range(self.depth):
            length = (length - 1) * self.stride + self.kernel_size
        length = int(math.ceil(length / self.resample))
        return int(length)

    def forward(self, mix):
        if mix.dim() == 2:
            mix = mix.unsqueeze(1)
        length = mix.shape[-1]
        x = mix
        x = F.pad(x, (0, self.valid_length(length) - length))
        if self.resample == 2:
            x = upsample2(x)
        skips = []
        for encode in self.encoder:
            x = encode(x)
            skips.append(x)
        if self.lstm is not None:
            x = x.permute(2, 0, 1)
            x = self.lstm(x)
            x = x.permute(1, 2, 0)
        for decode in self.decoder:
            skip = skips.pop(-1)
            skip = skip[..., :x.shape[-1]]
            if self.join:
                x = torch.cat([x, skip], dim=1)
            else:
                x = x + skip
            x = decode(x)
        if self.resample == 2:
            x = downsample2(x)
        return x[..., :length]


def center_trim(tensor, reference):
    """Crops to the length of the reference; for valid lengths the difference is constant."""
    delta = tensor.size(-1) - reference.size(-1)
    if delta < 0:
        raise ValueError('tensor must be larger than reference. Delta is ' + str(delta))
    if delta:
        tensor = tensor[..., delta // 2:-(delta - delta // 2)]
    return tensor


class MusicDemucs(nn.Module):
    """As in https://arxiv.org/abs/1911.13254: unpadded context in the decoder, so the skips are
    longer than the signals they are added to. The output has several sources of two channels."""

    def __init__(self, sources=2, channels=4, depth=2, kernel=4, stride=2, context=3):
        super().__init__()
        self.depth, self.kernel, self.stride, self.context = depth, kernel, stride, context
        self.sources = sources
        self.audio_channels = 2
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        c_in, c_out = 2, 2 * sources
        for index in range(depth):
            self.encoder.append(nn.Sequential(
                nn.Conv1d(c_in, channels, kernel, stride), nn.ReLU(),
                nn.Conv1d(channels, 2 * channels, 1), nn.GLU(dim=1)))
            self.decoder.insert(0, nn.Sequential(
                nn.Conv1d(channels, 2 * channels, context), nn.GLU(dim=1),
                nn.ConvTranspose1d(channels, c_out, kernel, stride)))
            c_in = c_out = channels
            channels *= 2

    def valid_length(self, length: int) -> int:
        for _ in range(self.depth):
            length = math.ceil((length - self.kernel) / self.stride) + 1
            length = max(1, length)
            length += self.context - 1
        for _ in range(self.depth):
            length = (length - 1) * self.stride + self.kernel
        return int(length)

    def forward(self, mix):
        x = F.pad(mix, (0, self.valid_length(mix.shape[-1]) - mix.shape[-1]))
        saved = []
        for encode in self.encoder:
            x = encode(x)
            saved.append(x)
        for decode in self.decoder:
            skip = center_trim(saved.pop(-1), x)
            x = x + skip
            x = decode(x)
        x = x.view(x.size(0), self.sources, self.audio_channels, x.size(-1))
        return x.sum(1)


class WaveUNet(nn.Module):
    """As in https://arxiv.org/abs/1806.03185: decimation by slices, linear upsampling."""

    def __init__(self, layers=3, interval=3):
        super().__init__()
        channels = [1] + [interval * (i + 1) for i in range(layers)]
        self.encoder = nn.ModuleList([
            nn.Sequential(nn.Conv1d(a, b, 7, padding=3), nn.BatchNorm1d(b), nn.LeakyReLU(0.1))
            for a, b in zip(channels[:-1], channels[1:])])
        last = channels[-1]
        self.middle = nn.Sequential(nn.Conv1d(last, last, 7, padding=3), nn.LeakyReLU(0.1))
        self.decoder = nn.ModuleList([
            nn.Sequential(nn.Conv1d(channels[i] + channels[min(i + 1, layers)], channels[i], 5,
                                    padding=2),
                          nn.LeakyReLU(0.1)) for i in range(layers, 0, -1)])
        self.out = nn.Sequential(nn.Conv1d(1 + interval, 1, kernel_size=1), nn.Tanh())

    def forward(self, input):
        tmp = []
        o = input
        for layer in self.encoder:
            o = layer(o)
            tmp.append(o)
            o = o[:, :, ::2]
        o = self.middle(o)
        for layer in self.decoder:
            o = F.interpolate(o, scale_factor=2.0, mode='linear', align_corners=False)
            skip = tmp.pop()
            o = torch.cat([o[:, :, :skip.shape[2]], skip], dim=1)
            o = layer(o)
        o = torch.cat([o, input], dim=1)
        return self.out(o)


class GuardedUNet(nn.Module):
    """Accepts only multiples of 16 frames; concatenates skips and does not crop."""

    def __init__(self, channels=4):
        super().__init__()
        self.enc1 = nn.Conv1d(1, channels, 5, stride=4, padding=2)
        self.enc2 = nn.Conv1d(channels, 2 * channels, 5, stride=4, padding=2)
        self.dec2 = nn.ConvTranspose1d(2 * channels, channels, 4, stride=4)
        self.dec1 = nn.ConvTranspose1d(2 * channels, 1, 4, stride=4)

    def forward(self, x):
        assert x.shape[-1] % 16 == 0, f'expected a multiple of 16, got {x.shape[-1]} frames'
        e1 = F.relu(self.enc1(x))
        e2 = F.relu(self.enc2(e1))
        d2 = F.relu(self.dec2(e2))
        return self.dec1(torch.cat([d2, e1], dim=1)) + x


class GuardedAdd(nn.Module):
    """Without an explicit check, the sum accepts only multiples of 8 frames."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv1d(2, 4, 4, 2, 1), nn.ReLU(), nn.Conv1d(4, 4, 4, 4))
        self.up = nn.Sequential(nn.ConvTranspose1d(4, 4, 4, 4), nn.ReLU(),
                                nn.ConvTranspose1d(4, 2, 4, 2, 1))

    def forward(self, x):
        return x + self.up(self.down(x))


MODELS = {
    # A trace would keep the padding that math.ceil gave for the traced length.
    'demucs_add': Model(Demucs, trace=False),
    'demucs_cat': Model(lambda: Demucs(depth=2, join=True, kernel_size=6, stride=3), trace=False),
    'demucs_resample': Model(lambda: Demucs(hidden=3, depth=2, resample=2), trace=False),
    'demucs_plain': Model(lambda: Demucs(depth=4, kernel_size=4, stride=2, growth=1, glu=False,
                                         lstm=False), trace=False),
    'demucs_music': Model(MusicDemucs, 2, trace=False),
    'demucs_wave_u_net': Model(WaveUNet),
    'guard_u_net': Model(GuardedUNet, multiple=16),
    'guard_add': Model(GuardedAdd, 2, multiple=8),
}
