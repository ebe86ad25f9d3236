"""Idioms of Python code: helpers, containers, constants, buffers, mutation, defaults."""

from typing import Dict, Final, List, NamedTuple, Optional, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import parametrizations, parametrize

from .model import Model


class Positive(nn.Module):
    def forward(self, w):
        return F.softplus(w)


class Symmetric(nn.Module):
    def forward(self, w):
        return 0.5 * (w + w.flip(-1))


def parametrised():
    a = nn.Conv1d(2, 4, 5, padding=2)
    parametrize.register_parametrization(a, 'weight', Symmetric())
    b = nn.Conv1d(4, 2, 3, padding=1)
    parametrize.register_parametrization(b, 'weight', Positive())
    parametrize.register_parametrization(b, 'bias', Positive())
    return nn.Sequential(a, nn.Tanh(), b)


def spectral_norms():
    return nn.Sequential(parametrizations.spectral_norm(nn.Conv1d(3, 3, 3, padding=1)), nn.ReLU(),
                         nn.utils.spectral_norm(nn.Conv1d(3, 3, 3, padding=1)))


class Buffers(nn.Module):
    """Statistics of a corpus, a constant filter, a scale; arithmetic with Python numbers."""

    scale: Final[float]

    def __init__(self, scale=0.7):
        super().__init__()
        self.scale = scale
        self.register_buffer('mean', torch.randn(1, 2, 1) * 0.1)
        self.register_buffer('std', torch.rand(1, 2, 1) + 0.5)
        taps = torch.hann_window(7).view(1, 1, 7).repeat(2, 1, 1)
        self.register_buffer('taps', taps, persistent=False)
        self.gain = nn.Parameter(torch.tensor(1.3))

    def forward(self, x):
        y = (x - self.mean) / self.std
        y = F.conv1d(y, self.taps, padding=3, groups=2) * self.scale
        y = 2 ** -1 * y + 1.0 - (self.gain.abs() + 1) / 2
        return (y * self.std + self.mean).clamp(min=-3).to(x.dtype)


class Helpers(nn.Module):
    """Module functions, static methods, dictionaries of modules, branches on strings and flags."""

    def __init__(self, mode='gated', depth=3, use_skip=True):
        super().__init__()
        self.mode = mode
        self.use_skip = use_skip
        self.convs = nn.ModuleDict(
            {f'layer_{i}': nn.Conv1d(2, 4, 3, padding=1) for i in range(depth)})

    @staticmethod
    def gate(x):
        a, b = torch.chunk(x, 2, 1)
        return a * torch.sigmoid(b)

    def activation(self, x):
        if self.mode == 'gated':
            return self.gate(x)
        elif self.mode == 'relu':
            return F.relu(x[:, :2])
        else:
            raise NotImplementedError(f'unknown mode {self.mode}')

    def forward(self, x):
        assert x.ndim == 3, f'expected [B, C, T], got {x.shape}'
        y = x
        for name, conv in self.convs.items():
            h = self.activation(conv(y))
            y = y + h if self.use_skip else h
        if self.training:
            y = y + 100.0
        return y


class Outputs(NamedTuple):
    signal: torch.Tensor
    envelope: torch.Tensor


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 5, padding=2)

    def forward(self, x):
        y = self.conv(x)
        return Outputs(signal=y, envelope=F.avg_pool1d(y.abs(), 4))


class Dictionary(nn.Module):
    """A dictionary as an intermediate value and as the output."""

    def __init__(self):
        super().__init__()
        self.speech = nn.Conv1d(1, 1, 7, padding=3)
        self.noise = nn.Conv1d(1, 1, 3, padding=1)

    def parts(self, x) -> Dict[str, torch.Tensor]:
        return {'speech': self.speech(x), 'noise': self.noise(x)}

    def forward(self, x) -> Dict[str, torch.Tensor]:
        parts = self.parts(x)
        total = parts['speech'] + parts['noise']
        parts['speech'] = parts['speech'] * torch.sigmoid(total)
        return parts


class ListOut(nn.Module):
    """Outputs of several rates in a list."""

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList([nn.Conv1d(2, 3, 2 ** k, stride=2 ** k) for k in range(3)])

    def forward(self, x) -> List[torch.Tensor]:
        return [head(x) for head in self.heads]


class TupleOut(nn.Module):
    """Tuples of tuples; the first output is one of them."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 4, 3, padding=1)

    def split(self, x) -> Tuple[torch.Tensor, Tuple[torch.Tensor, torch.Tensor]]:
        a, b, c = x.split([2, 1, 1], dim=1)
        return a, (b, c)

    def forward(self, x):
        a, (b, c) = self.split(self.conv(x))
        return a * b, c, a + c


class Defaults(nn.Module):
    """More arguments than the signal, all with defaults."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3, padding=1)
        self.bias = nn.Parameter(torch.randn(4, 1))

    def forward(self, x, condition: Optional[torch.Tensor] = None, gain: float = 0.5,
                steps: int = 2, normalise: bool = False):
        if condition is None:
            condition = self.bias
        y = self.conv(x) + condition
        if normalise:
            y = y / y.abs().max()
        for _ in range(steps):
            y = torch.tanh(y) * gain + y
        return y


class ZeroChannel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 4, 3, padding=1)

    def forward(self, x):
        y = self.conv(x)
        y[:, 0] = 0
        y[:, 1] *= 2
        y[:, 2:] += x
        return y


class MutedStart(nn.Module):
    """Mutes the first frames, then adds in place."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 5, padding=2)

    def forward(self, x):
        skip = x
        y = self.conv(x)
        y[:, :, :4] = 0.0
        y += skip
        y.clamp_(-0.9, 0.9)
        return self.conv(y)


class Interleaved(nn.Module):
    """Interleaves the channels of two branches by assigning to slices."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv1d(2, 3, 3, padding=1)
        self.b = nn.Conv1d(2, 3, 5, padding=2)

    def forward(self, x):
        a, b = self.a(x), self.b(x)
        out = torch.zeros(x.shape[0], 6, x.shape[2], dtype=x.dtype)
        out[:, ::2] = a
        out[:, 1::2] = b
        return out


class Alias(nn.Module):
    """Writes through views of a clone; the input stays unchanged."""

    def __init__(self):
        super().__init__()
        self.act = nn.ReLU(inplace=True)
        self.conv = nn.Conv1d(4, 2, 3, padding=1)

    def forward(self, x):
        y = x.clone()
        left, right = y[:, :2], y[:, 2:]
        left.mul_(0.5).add_(right)
        self.act(right)
        y.sub_(0.1)
        return self.conv(y) + x[:, :2]


class FoldedBatch(nn.Module):
    """Folds the channels into the batch, so that all of them use the same filter."""

    def __init__(self):
        super().__init__()
        self.filter = nn.Sequential(nn.Conv1d(1, 3, 9, padding=4), nn.ELU(), nn.Conv1d(3, 1, 1))

    def forward(self, x):
        B, C, T = x.size()
        y = x.reshape(B * C, 1, T)
        y = self.filter(y)
        return y.view(B, C, T) + x.mean(1, keepdim=True)


class Mono(nn.Module):
    """Input [T], output [T]."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 5, padding=2)

    def forward(self, x):
        if x.dim() != 1:
            raise ValueError('expected [T]')
        y = self.conv(x[None, None])[0]
        return y[0] * torch.sigmoid(y[1]) + 0.5 * x


class Channels(nn.Module):
    """Input [C, T], output [C, T], computed by matrix products."""

    def __init__(self):
        super().__init__()
        self.rotate = nn.Parameter(torch.randn(2, 2))
        self.conv = nn.Conv1d(2, 2, 3)

    def forward(self, x):
        if x.dim() != 2:
            raise ValueError('expected [C, T]')
        y = torch.matmul(self.rotate, x)
        return self.conv(F.pad(y, (2, 0))) + x.flip(0)


class PadToMultiple(nn.Module):
    """Pads to a whole number of blocks and crops to the input's length."""

    def __init__(self, block=12):
        super().__init__()
        self.block = block
        self.analysis = nn.Conv1d(2, 4, block, stride=block)
        self.synthesis = nn.ConvTranspose1d(4, 2, block, stride=block)

    def forward(self, x):
        length = x.shape[-1]
        remainder = length % self.block
        pad = (self.block - remainder) % self.block
        y = F.pad(x, [0, pad], mode='constant', value=0.0)
        y = self.synthesis(torch.tanh(self.analysis(y)))
        return y[:, :, :length]


class Framed(nn.Module):
    """Reshapes blocks into rows for a dense net, and back; crops to whole blocks."""

    def __init__(self, k=10):
        super().__init__()
        self.k = k
        self.net = nn.Sequential(nn.Linear(k, 12), nn.ReLU(), nn.Linear(12, k))

    def forward(self, x):
        B = x.shape[0]
        whole = x.shape[-1] - x.shape[-1] % self.k
        frames = x[..., :whole].reshape(B, -1, self.k)
        return self.net(frames).view(B, 1, -1)


class Joined(nn.Module):
    """Joins learnt frames, the signal and zeros in time."""

    def __init__(self, lead=3):
        super().__init__()
        self.lead = nn.Parameter(torch.randn(1, 2, lead))
        self.conv = nn.Conv1d(2, 2, 4)

    def forward(self, x):
        tail = torch.zeros(x.shape[0], x.shape[1], 2)
        y = torch.cat([self.lead.expand(x.shape[0], -1, -1), x, tail], dim=-1)
        return self.conv(y)


class ShortSignals(nn.Module):
    """Pads signals that are shorter than 64 frames to 64 frames."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 5, padding=2)

    def forward(self, x):
        if x.shape[-1] < 64:
            x = F.pad(x, (0, 64 - x.shape[-1]))
        return torch.tanh(self.conv(x))


class While(nn.Module):
    """Loops with conditions, lists of numbers, early returns, a frozen configuration."""

    def __init__(self, taps=(0.5, -0.25, 0.125)):
        super().__init__()
        self.taps = list(taps)
        self.mix = nn.ParameterList([nn.Parameter(torch.randn(2, 2)) for _ in range(2)])

    def fir(self, x):
        out = x * self.taps[0]
        k = 1
        while k < len(self.taps):
            out = out + self.taps[k] * F.pad(x, (k, 0))[..., :x.shape[-1]]
            k += 1
        return out

    def forward(self, x):
        y = self.fir(x)
        for m in self.mix:
            y = torch.einsum('oc,bct->bot', m, y)
        if len(self.taps) > 5:
            return y
        return y - self.fir(y)


class Crusher(nn.Module):
    """Rounds the input directly: no earlier arithmetic error can change the rounded value."""

    def __init__(self, bits=4):
        super().__init__()
        self.levels = 2 ** (bits - 1)
        self.post = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x):
        held = x[..., ::2].repeat_interleave(2, -1)[..., :x.shape[-1]]
        y = torch.round(held * self.levels) / self.levels
        return self.post(torch.where(x > 0, y, y * 0.5))


class Differences(nn.Module):
    """Recurrences in one call: diff, cummax, and cumsum divided by the frame count."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 2, 1)

    def forward(self, x):
        d = torch.diff(x, dim=-1, prepend=torch.zeros(1, 1, 1, dtype=x.dtype))
        peak = torch.cummax(x, dim=-1)[0]
        mean = torch.cumsum(x, -1) / torch.arange(1, x.shape[-1] + 1)
        return self.conv(torch.cat([d, peak, mean], dim=1))


class Likelihoods(nn.Module):
    """Per frame: the logarithms of probabilities and the standard deviation over channels."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 6, 3, padding=1)

    def forward(self, x):
        y = F.selu(self.conv(x))
        return torch.cat([F.log_softmax(y, 1), y.std(1, keepdim=True)], 1)


MODELS = {
    # The script of a parametrised module raises in forward; spectral_norm's hook is not scriptable.
    'idiom_parametrised': Model(parametrised, 2, script=False),
    'idiom_spectral_norm': Model(spectral_norms, 3, script=False),
    'idiom_buffers': Model(Buffers, 2),
    'idiom_helpers': Model(Helpers, 2),
    'idiom_named': Model(Named),
    'idiom_dictionary': Model(Dictionary),
    'idiom_list_out': Model(ListOut, 2),
    'idiom_tuple_out': Model(TupleOut, 2),
    'idiom_defaults': Model(Defaults),
    'idiom_zero_channel': Model(ZeroChannel, 2),
    'idiom_muted_start': Model(MutedStart),
    'idiom_interleaved': Model(Interleaved, 2),
    'idiom_alias': Model(Alias, 4),
    'idiom_folded_batch': Model(FoldedBatch, 3),
    'idiom_mono': Model(Mono, 1, rank=1),
    'idiom_channels': Model(Channels, 2, rank=2),
    'idiom_pad_to_multiple': Model(PadToMultiple, 2),
    'idiom_framed': Model(Framed),
    'idiom_joined': Model(Joined, 2),
    # The trace keeps the branch for long signals.
    'idiom_short_signals': Model(ShortSignals),
    'idiom_while': Model(While, 2),
    'idiom_crusher': Model(Crusher),
    'idiom_differences': Model(Differences),
    'idiom_likelihoods': Model(Likelihoods, 2),
    'idiom_double': Model(lambda: nn.Sequential(
        nn.Conv1d(2, 4, 5, stride=2, padding=2), nn.BatchNorm1d(4), nn.Softsign(),
        nn.ConvTranspose1d(4, 2, 4, stride=2, padding=1)), 2, dtype=torch.float64),
    'idiom_double_mono': Model(Mono, 1, rank=1, dtype=torch.float64),
}
