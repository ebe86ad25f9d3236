"""Python around the computation: contexts, hooks, messages, checks, containers of layers."""

import sys
import warnings
from typing import Any, Dict, List, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from .model import Model


class Causal(nn.Module):
    def __init__(self, channels=2, dilation=1):
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation)

    def forward(self, x):
        return torch.tanh(self.conv(F.pad(x, (2 * self.conv.dilation[0], 0))))


class Gradients(Causal):
    def forward(self, x):
        with torch.no_grad():
            y = self.conv(x)
            with torch.no_grad():
                z = y * 2.0
        return y + z


class Autocast(Causal):
    """Autocast that is switched off, or for a device that the model does not run on."""

    def forward(self, x):
        with torch.autocast('cpu', enabled=False, dtype=torch.bfloat16):
            y = self.conv(x)
        with torch.cuda.amp.autocast(enabled=True):
            return y * 2.0


class Profiled(Causal):
    def forward(self, x):
        with torch.autograd.profiler.record_function('encoder'):
            y = self.conv(x)
        return y


@torch.jit.script
class Scaling:
    """A context manager of the model's own."""

    def __init__(self, gain: float):
        self.gain = gain

    def __enter__(self):
        self.gain = self.gain * 2.0

    def __exit__(self, type: Any, value: Any, traceback: Any):
        self.gain = 1.0


class OwnContext(Causal):
    def forward(self, x):
        scaling = Scaling(3.0)
        with scaling:
            y = self.conv(x) * scaling.gain
        return y * scaling.gain


class Checked(Causal):
    """Warnings, assertions and exceptions, about lengths and about samples."""

    def forward(self, x):
        assert x.dim() == 3, f'expected [B, C, T], got {x.shape}'
        if x.size(-1) < 4:
            raise ValueError(f'{x.size(-1)} frames are too few')
        if x.size(1) > 2:
            warnings.warn('more than two channels')
        y = self.conv(x)
        assert not torch.isnan(y).any(), 'NaN in the output'
        if y.abs().max() > 1e9:
            raise RuntimeError('too loud')
        return y


def double_first_input(self, inputs: Tuple[Tensor]) -> Tensor:
    return inputs[0] * 2.0


def replace_inputs(self, inputs: Tuple[Tensor]) -> Tuple[Tensor]:
    return (inputs[0] + 0.25,)


def look_at_inputs(self, inputs: Tuple[Tensor]) -> None:
    assert inputs[0].dim() == 3


def add_input(self, inputs: Tuple[Tensor], output: Tensor) -> Tensor:
    return output + inputs[0]


def look_at_output(self, inputs: Tuple[Tensor], output: Tensor) -> None:
    assert output.dim() == inputs[0].dim()


def hooked():
    """Hooks of a module inside of the model and of the model itself."""
    inner = Causal(2, 2)
    inner.register_forward_pre_hook(replace_inputs)
    inner.register_forward_hook(add_input)
    model = nn.Sequential(Causal(), inner)
    model.register_forward_pre_hook(double_first_input)
    model.register_forward_pre_hook(look_at_inputs)
    model.register_forward_pre_hook(replace_inputs)
    model.register_forward_hook(add_input)
    model.register_forward_hook(look_at_output)
    return model


class Skips(nn.Module):
    """A U-Net: its skips go from encoder to decoder in a list, the last one first."""

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([nn.Conv1d(2, 2, 4, stride=2, padding=1) for _ in range(3)])
        self.up = nn.ModuleList(
            [nn.ConvTranspose1d(2, 2, 4, stride=2, padding=1) for _ in range(3)])

    def forward(self, x):
        skips: List[Tensor] = []
        for down in self.down:
            skips.append(x)
            x = torch.tanh(down(x))
        skips = skips[::-1]
        for i, up in enumerate(self.up):
            x = F.pad(up(x), (0, 7))[..., :skips[i].shape[-1]] + skips[i]
        return x


class Heads(nn.Module):
    """Outputs of layers in lists and dictionaries, put together at the end."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Causal(2, 2 ** i) for i in range(4)])
        self.mix = nn.Conv1d(6, 2, 1)

    def forward(self, x):
        outputs: List[Tensor] = []
        named: Dict[str, Tensor] = {}
        for i, layer in enumerate(self.layers):
            x = layer(x)
            outputs.append(x)
            if i % 2 == 0:
                named[f'even{i}'] = x
        total = outputs[0]
        for y in outputs[1:]:
            total = total + y
        for a, b in zip(outputs, outputs[1:]):
            total = total + a * b
        for name, y in named.items():
            total = total + y / len(name)
        return self.mix(torch.cat([total, torch.stack(outputs[-2:]).sum(0), outputs.pop(0)], 1))


class PythonSums(Heads):
    """Functions of Python that only a trace takes."""

    def forward(self, x):
        outputs = []
        for layer in self.layers:
            x = layer(x)
            outputs.append(x)
        ends = [sum(outputs), *(y for y in reversed(outputs) if y is not outputs[1])]
        return self.mix(torch.cat(ends[:3], 1))


class KeptState(nn.Module):
    """A recurrent amplifier model: the state is kept for the next call, which no stream makes."""

    hidden: Tuple[Tensor, Tensor]

    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(2, 3, batch_first=True)
        self.out = nn.Linear(3, 2)
        self.hidden = (torch.rand(1, 1, 3), torch.rand(1, 1, 3))
        self.register_buffer('calls', torch.zeros((), dtype=torch.long))

    def forward(self, x):
        self.calls += 1
        y, self.hidden = self.rnn(x.transpose(1, 2), self.hidden)
        return self.out(y).transpose(1, 2)


class OutArguments(nn.Module):
    """Results that are written to arguments: new tensors, a part of one, and the signal itself."""

    def forward(self, x):
        y = torch.empty_like(x)
        torch.mul(x, 0.5, out=y)
        torch.tanh(y, out=y)
        z = torch.zeros_like(x)
        torch.add(y[:, :1], x[:, 1:], alpha=0.3, out=z[:, 1:])
        torch.cumsum(z, dim=-1, out=z)
        return torch.sub(z, y, out=y) * 0.1


class Squeezed(nn.Module):
    """squeeze() of all axes and of time, .data, and activations in place on slices."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 5)

    def forward(self, x):
        y = self.conv(x.data).squeeze()
        y = F.relu_((y * 2)[1:])
        return F.hardtanh_((y - 0.1)[2:-3]).squeeze(-1).unsqueeze(0)


MODELS = {
    'context_squeezed': Model(Squeezed, trace=False),  # the trace of .data is a constant
    'context_out_arguments': Model(OutArguments, 2),
    'context_gradients': Model(Gradients, 2),
    # torch.jit.script() of torch 2.14 cannot read the source of autocast with Python 3.14.
    'context_autocast': Model(Autocast, 2, script=sys.version_info < (3, 14)),
    'context_profiled': Model(Profiled, 2),
    'context_own': Model(OwnContext, 2, trace=False),
    'context_checked': Model(Checked, 2),
    'context_hooked': Model(hooked, 2),
    'context_skips': Model(Skips, 2),
    'context_heads': Model(Heads, 2),
    # TorchScript has neither sum() of tensors nor reversed().
    'context_sums': Model(PythonSums, 2, script=False),
    # A trace keeps the state as a constant.
    'context_kept_state': Model(KeptState, 2, trace=False),
}
