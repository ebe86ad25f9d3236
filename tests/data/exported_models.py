"""Small modules, each with one thing that a torch.export file may contain."""

from dataclasses import dataclass
from typing import Callable

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.export import Dim



@dataclass(frozen=True)
class Exported:
    """Options of the export of a module, and the lengths for which its output is stored."""
    build: Callable[[], nn.Module]
    channels: int = 1
    time: object = 'auto'  # the Dim of the time axis, 'auto' for Dim.AUTO; None: static
    core: bool = False  # run_decompositions()
    frames: tuple = (96, 121)
    arguments: tuple = ()  # after the signal
    shape: tuple = ()  # of the signal, with -1 for time; () is [1, channels, T]
    dtype: torch.dtype = torch.float32

    def signal(self, frames):
        shape = self.shape or (1, self.channels, -1)
        return torch.rand([frames if n < 0 else n for n in shape], dtype=self.dtype) * 2 - 1


class Storages(nn.Module):
    """Shared, transposed, expanded, non-persistent and constant tensors of several types."""

    def __init__(self):
        super().__init__()
        whole = torch.randn(4, 12)
        self.first = nn.Parameter(whole[:, :6].reshape(4, 2, 3).contiguous())
        self.tied = self.first
        self.second = nn.Parameter(torch.randn(3, 4, 2).permute(2, 1, 0))  # [2, 4, 3]
        self.register_buffer('left', whole[:2])
        self.register_buffer('right', whole[1:3, 1::2])
        self.register_buffer('gain', torch.randn(1).expand(4))
        self.register_buffer('halves', torch.tensor([0.5, 2, -1, 0.25]).half())
        self.register_buffer('order', torch.tensor([3, 1, 0, 2]))
        self.register_buffer('mask', torch.tensor([True, False, True, True]))
        self.register_buffer('phase', torch.polar(torch.ones(4), torch.arange(4.)))
        self.register_buffer('offset', torch.randn(4, 1), persistent=False)
        self.constant = torch.randn(2, 1)

    def forward(self, x):
        y = F.conv1d(x, self.first, padding=1) + F.conv1d(x, self.tied, padding=1)
        y = y[:, self.order] * self.gain.unsqueeze(-1) + self.halves.float().unsqueeze(-1)
        y = torch.where(self.mask.unsqueeze(-1), y, y * self.phase.real.unsqueeze(-1)) + self.offset
        y = F.conv1d(y, self.second, padding=1) * self.constant
        return y + self.left.sum() * 0.01 + self.right.mean()


class Nested(nn.Module):
    """Dictionaries, lists and tuples of outputs, and outputs that are not tensors."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3, padding=1)

    def forward(self, x):
        y = self.conv(x)
        return {'low': y[:, :1], 'parts': [y[:, 1:2], (y[:, 2:], x)], 'none': None, 'count': 3}


class Lengths(nn.Module):
    """Arithmetic on lengths, and lists of them."""

    def forward(self, x):
        torch._check(x.shape[-1] >= 8)
        n = x.shape[-1] // 3 * 3
        x = x[:, :, :n]
        y = x.view(1, n // 3, 3).transpose(1, 2).reshape(1, 3, n // 3)
        ramp = torch.arange(n, dtype=x.dtype) * 0.001
        return (y.repeat_interleave(3, -1) + x + ramp)[:, :, : n - min(4, n // 2)]


class Wrapped(nn.Module):
    """Contexts that change nothing, and a branch on the length."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv1d(1, 4, 3, padding=1)
        self.b = nn.Conv1d(4, 1, 3, padding=1)

    def forward(self, x):
        with torch.no_grad():
            y = torch.tanh(self.a(x))
        with torch.autocast('cpu', enabled=False):
            y = self.b(y)
        return torch.cond(x.shape[-1] > 4, lambda y: y * 0.5, lambda y: y * 2, (y,))


class Mutated(nn.Module):
    """Buffers that are written: a counter, and a state that the same call reads."""

    def __init__(self):
        super().__init__()
        self.register_buffer('calls', torch.zeros((), dtype=torch.long))
        self.register_buffer('scale', torch.ones(1, 2, 1))

    def forward(self, x):
        self.calls += 1
        self.scale.mul_(0.5)
        return x * self.scale


class Arguments(nn.Module):
    def forward(self, x, gain=1.0, mode='tanh', steps=1, extra=None):
        for _ in range(steps):
            x = (torch.tanh(x) if mode == 'tanh' else x) * gain
        return x if extra is None else x + extra


class Knobs(nn.Module):
    """Tensors as arguments in addition to the signal, and outputs with names."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3, padding=1)

    def forward(self, x, gain, offset):
        wet = torch.tanh(self.conv(x) * gain) + offset
        return {'wet': wet, 'dry': x.expand(1, 2, x.shape[2]) * gain}


class Strided(nn.Module):
    """Lengths must be multiples of 16: the skip has to have the length of the decoder's output."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv1d(1, 4, 16, stride=16)
        self.up = nn.ConvTranspose1d(4, 1, 16, stride=16)

    def forward(self, x):
        return self.up(torch.relu(self.down(x))) + x


class Even(nn.Module):
    """A branch of Python on the length: only even lengths are exported."""

    def forward(self, x):
        if x.shape[-1] % 2 == 1:
            x = F.pad(x, (0, 1))
        return x * 2


class BuiltIn(nn.Module):
    """Its length becomes a number in the graph."""

    def forward(self, x):
        return x + torch.linspace(0, 1, x.shape[-1])


class Cropped(nn.Module):
    """Its length becomes the end of a slice."""

    def forward(self, x):
        return x[:, :, : x.shape[-1] // 2]


class Trimmed(nn.Module):
    """Its length becomes the end of a slice of a longer signal."""

    def __init__(self):
        super().__init__()
        self.conv = nn.ConvTranspose1d(1, 1, 4)

    def forward(self, x):
        return self.conv(x)[:, :, : x.shape[-1]]


class Speech(nn.Module):
    """The usual layers of models of speech."""

    def __init__(self, recurrent=True):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv1d(1, 8, 4, stride=2, padding=1), nn.BatchNorm1d(8),
                                     nn.GELU(), nn.Conv1d(8, 8, 3, padding=1, groups=2))
        self.norm = nn.LayerNorm(8)
        self.recurrent = nn.GRU(8, 8, batch_first=True) if recurrent else None
        self.mask = nn.Linear(8, 8)
        self.decoder = nn.ConvTranspose1d(8, 1, 4, stride=2, padding=1)

    def forward(self, x):
        y = F.glu(torch.cat([self.encoder(x), self.encoder(-x)], 1), 1)
        y = torch.cat([y, y.softmax(1) if self.recurrent is None else y], 1)[:, :8]
        h = self.norm(y.transpose(1, 2))
        if self.recurrent is not None:
            h = self.recurrent(h)[0]
        return self.decoder(y * torch.sigmoid(self.mask(h)).transpose(1, 2))


class Attention(nn.Module):
    """Each frame attends to itself and to the seven frames before it."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        y = x.transpose(1, 2)
        pairs = torch.ones(y.shape[1], y.shape[1], dtype=torch.bool)
        mask = pairs.triu(1) | pairs.tril(-8)
        return self.attention(y, y, y, attn_mask=mask, need_weights=False)[0].transpose(1, 2)


class Resampled(nn.Module):
    """Without decompositions upsample_nearest1d, otherwise an index of computed positions."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3, padding=1)

    def forward(self, x):
        y = F.interpolate(self.conv(F.interpolate(x, scale_factor=3)), scale_factor=2)
        return y[:, :, torch.arange(y.shape[2] // 2) * 2]


class Sized(nn.Module):
    """Linear upsampling to a multiple of the length, which changes before it."""

    def __init__(self, align_corners=False):
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3)
        self.align_corners = align_corners

    def forward(self, x):
        for factor in (2, 3):
            x = self.conv(x)
            x = F.interpolate(x, size=factor * x.shape[2], mode='linear',
                              align_corners=self.align_corners)
        return x


class Spectral(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer('window', torch.hann_window(32))

    def forward(self, x):
        spectrum = torch.stft(x[0], 32, 8, window=self.window, return_complex=True)
        gain = torch.sigmoid(torch.log1p(spectrum.abs()))
        return torch.istft(spectrum * gain, 32, 8, window=self.window).unsqueeze(0)


class Stacked(nn.Module):
    """Features side by side on a new axis, in a spectrum and back."""

    def __init__(self):
        super().__init__()
        self.register_buffer('window', torch.hann_window(16))
        self.mix = nn.Conv1d(2, 1, 1)

    def forward(self, x):
        spectrum = torch.stft(x.squeeze(1), 16, 4, window=self.window, return_complex=True)
        level = spectrum.abs().mean(1)
        gain = torch.sigmoid(self.mix(torch.stack([level, level.square()], 1)))
        y = torch.istft(spectrum * gain, 16, 4, window=self.window)
        return y.unsqueeze(1)


class InPlace(nn.Module):
    def forward(self, x):
        y = x.clone()
        y[:, 0] *= 2
        y[:, 1] = 0.25
        y.add_(x).clamp_(-1, 1)
        return y


class Causal(nn.Module):
    """Padded on the left, so that it takes any length."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv1d(2, 2, 3, dilation=2 ** i) for i in range(3)])

    def forward(self, x):
        for i, conv in enumerate(self.convs):
            x = x + torch.tanh(conv(F.pad(x, (2 * 2 ** i, 0))))
        return x


class Filled(nn.Module):
    """Booleans in place of numbers: they decide the type of what is made of them."""

    def forward(self, x):
        n = x.shape[-1]
        recent = torch.full((n,), True)
        odd = torch.where(torch.arange(n) % 2 == 1, True, False)
        return x * torch.where(~odd & recent, 0.5, 2.0) + torch.full_like(x, True) * odd.float()


MODELS = {
    'storages': Exported(Storages, 2),
    'nested': Exported(Nested),
    'lengths': Exported(Lengths, frames=(97, 121)),
    'wrapped': Exported(Wrapped),
    'mutated': Exported(Mutated, 2),
    'mutated_core': Exported(Mutated, 2, core=True),
    'arguments': Exported(Arguments, arguments=(0.7, 'tanh', 2, None)),
    'knobs': Exported(Knobs, arguments=(torch.tensor([0.75]), torch.tensor(0.25))),
    'multiples': Exported(Strided, time=16 * Dim('blocks', min=2, max=1 << 20), frames=(96, 128)),
    'static': Exported(Causal, 2, time=None, frames=(96,)),
    'built_in': Exported(BuiltIn, time=None, frames=(96,)),
    'bounded': Exported(Causal, 2, time=Dim('frames', min=48, max=4096)),
    'even': Exported(Even, frames=(96, 122)),
    'cropped': Exported(Cropped, time=None, frames=(96,)),
    'trimmed': Exported(Trimmed, time=None, frames=(96,)),
    # Dim.AUTO becomes 96 to 97: torch exports recurrent layers for one length.
    'speech': Exported(Speech, time=None, frames=(96, 122)),
    'speech_core': Exported(lambda: Speech(recurrent=False), core=True, frames=(96, 122)),
    'attention': Exported(Attention, 8),
    'resampled': Exported(Resampled, 2),
    'resampled_core': Exported(Resampled, 2, core=True),
    'interpolated_core': Exported(lambda: nn.Sequential(
        nn.Upsample(scale_factor=3.0, mode='linear'), nn.Upsample(scale_factor=1.5, mode='linear')),
        2, core=True),
    'sized_core': Exported(Sized, 2, core=True),
    'aligned_core': Exported(lambda: Sized(align_corners=True), 2, core=True),
    'spectral': Exported(Spectral, frames=(96, 128)),
    'stacked_core': Exported(Stacked, core=True, frames=(96, 128)),
    'in_place': Exported(InPlace, 2),
    'in_place_core': Exported(InPlace, 2, core=True),
    'filled': Exported(Filled),
    'filled_core': Exported(Filled, core=True),
    'padded_core': Exported(lambda: nn.Sequential(nn.ReflectionPad1d((3, 1)), nn.Conv1d(1, 2, 3),
                                                  nn.ReplicationPad1d(2)), core=True),
    'double': Exported(lambda: Causal().double(), 2, dtype=torch.float64),
    'unbatched': Exported(Causal, shape=(2, -1)),
}
