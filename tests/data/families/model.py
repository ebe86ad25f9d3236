"""Description of a model of a family; initial weights."""

from dataclasses import dataclass
from typing import Callable

import torch
import torch.nn as nn
from torch.nn.utils import parametrize


@dataclass(frozen=True)
class Model:
    build: Callable[[], nn.Module]
    channels: int = 1
    # False if PyTorch cannot script the model, or if its trace is right only for the traced length;
    # a comment of the family says why.
    script: bool = True
    trace: bool = True
    rank: int = 3  # of the input: [B, C, T], [C, T], [T]
    dtype: torch.dtype = torch.float32
    multiple: int = 1  # the model accepts only multiples of this number of frames

    def signal(self, frames):
        shape = {3: (1, self.channels, frames), 2: (self.channels, frames), 1: (frames,)}[self.rank]
        return torch.rand(shape, dtype=self.dtype) * 2 - 1


def randomise(module):
    """Gives BatchNorm random statistics; by default it is the identity."""
    for m in module.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.running_mean.uniform_(-0.5, 0.5)
            m.running_var.uniform_(0.5, 2)
            if m.affine:
                m.weight.data.uniform_(0.5, 1.5)
                m.bias.data.uniform_(-0.5, 0.5)


def energise(module):
    """Sets weights with a gain near 1; with PyTorch's defaults a signal fades in a few layers."""
    for m in module.modules():
        if isinstance(m, nn.RNNBase):
            for name, weight in m.named_parameters():
                if weight.dim() == 2:
                    gain = 1.6 if '_ih_' in name else 0.8
                    weight.data.normal_(0, gain * weight.shape[1] ** -0.5)
        dense = isinstance(m, (nn.modules.conv._ConvNd, nn.Linear))
        if not dense or parametrize.is_parametrized(m):
            continue
        weight = m.weight_v.data if hasattr(m, 'weight_g') else m.weight.data
        terms = weight[0].numel()  # summed for one output value
        if isinstance(m, nn.modules.conv._ConvTransposeNd):
            overlap = torch.Size(m.kernel_size).numel() / torch.Size(m.stride).numel()
            terms = m.in_channels // m.groups * max(1, overlap)
        weight.normal_(0, 0.8 * terms ** -0.5)
        if hasattr(m, 'weight_g'):
            norm = weight.flatten(1).norm(dim=1).view_as(m.weight_g)
            m.weight_g.data = norm * torch.rand_like(m.weight_g).add(0.5)
        if m.bias is not None:
            m.bias.data.uniform_(-0.1, 0.1)
