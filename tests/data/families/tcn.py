"""Temporal convolutional networks: dilated residual blocks, causal by padding or cropping."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import remove_weight_norm, weight_norm

from .model import Model


class Chomp1d(nn.Module):
    def __init__(self, chomp_size):
        super().__init__()
        self.chomp_size = chomp_size

    def forward(self, x):
        return x[:, :, :-self.chomp_size].contiguous()


class TemporalBlock(nn.Module):
    """Bai et al., https://arxiv.org/abs/1803.01271"""

    def __init__(self, n_inputs, n_outputs, kernel_size, dilation, dropout=0.2, keep_norm=False):
        super().__init__()
        padding = (kernel_size - 1) * dilation
        self.conv1 = weight_norm(nn.Conv1d(n_inputs, n_outputs, kernel_size, padding=padding,
                                           dilation=dilation))
        self.conv2 = weight_norm(nn.Conv1d(n_outputs, n_outputs, kernel_size, padding=padding,
                                           dilation=dilation))
        if not keep_norm:
            remove_weight_norm(self.conv1)
            remove_weight_norm(self.conv2)
        self.net = nn.Sequential(
            self.conv1, Chomp1d(padding), nn.ReLU(), nn.Dropout(dropout),
            self.conv2, Chomp1d(padding), nn.ReLU(), nn.Dropout(dropout))
        self.downsample = nn.Conv1d(n_inputs, n_outputs, 1) if n_inputs != n_outputs else None
        self.relu = nn.ReLU()

    def forward(self, x):
        out = self.net(x)
        res = x if self.downsample is None else self.downsample(x)
        return self.relu(out + res)


class TemporalConvNet(nn.Module):
    def __init__(self, num_inputs, num_channels, kernel_size=3, keep_norm=False):
        super().__init__()
        layers = []
        for i, channels in enumerate(num_channels):
            before = num_inputs if i == 0 else num_channels[i - 1]
            layers += [TemporalBlock(before, channels, kernel_size, 2 ** i, keep_norm=keep_norm)]
        self.network = nn.Sequential(*layers)
        self.linear = nn.Linear(num_channels[-1], 2)

    def forward(self, x):
        y = self.network(x)
        return self.linear(y.transpose(1, 2)).transpose(1, 2)


class CausalConv1d(nn.Conv1d):
    """A causal convolution that overrides forward()."""

    def __init__(self, in_channels, out_channels, kernel_size, dilation=1, bias=True):
        super().__init__(in_channels, out_channels, kernel_size, dilation=dilation, bias=bias)
        self.left_padding = (kernel_size - 1) * dilation

    def forward(self, x):
        return super().forward(F.pad(x, [self.left_padding, 0]))


class NormBlock(nn.Module):
    def __init__(self, channels, kernel, dilation):
        super().__init__()
        self.conv = CausalConv1d(channels, channels, kernel, dilation, bias=False)
        self.bn = nn.BatchNorm1d(channels)
        self.act = nn.PReLU(channels)
        self.drop = nn.Dropout(0.1, inplace=True)

    def forward(self, x):
        residual = x
        x = self.act(self.bn(self.conv(x)))
        x = self.drop(x)
        return x + residual


class NormTcn(nn.Module):
    def __init__(self, channels, dilations=(1, 3, 9)):
        super().__init__()
        self.input = nn.Conv1d(1, channels, 1)
        self.blocks = nn.ModuleList([NormBlock(channels, 3, d) for d in dilations])
        self.output = nn.Conv1d(channels, 1, 1)

    def forward(self, x):
        x = self.input(x)
        for block in self.blocks:
            x = block(x)
        return torch.tanh(self.output(x))


def center_crop(x, length: int):
    if x.shape[-1] != length:
        start = (x.shape[-1] - length) // 2
        stop = start + length
        x = x[..., start:stop]
    return x


def causal_crop(x, length: int):
    if x.shape[-1] != length:
        stop = x.shape[-1] - 1
        start = stop - length
        x = x[..., start:stop]
    return x


class MicroTcnBlock(nn.Module):
    """Steinmetz and Reiss, https://arxiv.org/abs/2102.06200: unpadded; crops the residual."""

    def __init__(self, in_ch, out_ch, kernel_size, dilation, causal):
        super().__init__()
        self.causal = causal
        self.conv1 = nn.Conv1d(in_ch, out_ch, kernel_size, dilation=dilation, bias=False)
        self.bn = nn.BatchNorm1d(out_ch, affine=False)
        self.relu = nn.PReLU(out_ch)
        self.res = nn.Conv1d(in_ch, out_ch, 1, groups=in_ch, bias=False)
        self.register_buffer('gain', torch.rand(1, out_ch, 1) + 0.5)
        self.register_buffer('shift', torch.rand(1, out_ch, 1) - 0.5)

    def forward(self, x):
        x_in = x
        x = self.relu(self.bn(self.conv1(x)) * self.gain + self.shift)
        x_res = self.res(x_in)
        if self.causal:
            x = x + causal_crop(x_res, x.shape[-1])
        else:
            x = x + center_crop(x_res, x.shape[-1])
        return x


class MicroTcn(nn.Module):
    def __init__(self, causal, channels=4, kernel=5, growth=4):
        super().__init__()
        self.blocks = nn.ModuleList([
            MicroTcnBlock(1 if n == 0 else channels, channels, kernel, growth ** n, causal)
            for n in range(3)])
        self.output = nn.Conv1d(channels, 1, kernel_size=1)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return torch.tanh(self.output(x))


class SameTcn(nn.Module):
    """Non-causal, as in action segmentation; subtracts the input from the output."""

    def __init__(self, channels):
        super().__init__()
        self.convs = nn.ModuleList([
            nn.Conv1d(channels, channels, 3, padding=2 ** i, dilation=2 ** i) for i in range(4)])
        self.mixes = nn.ModuleList([nn.Conv1d(channels, channels, 1) for _ in range(4)])
        self.dropout = nn.Dropout2d(0.3)

    def forward(self, x):
        start = x
        for conv, mix in zip(self.convs, self.mixes):
            out = self.dropout(mix(F.relu(conv(x))).unsqueeze(3)).squeeze(3)
            x = x + out
        return x - start


MODELS = {
    'tcn_chomp': Model(lambda: TemporalConvNet(1, [4, 4, 6])),
    # The hook of weight_norm cannot be scripted.
    'tcn_chomp_weight_norm': Model(lambda: TemporalConvNet(1, [4, 4, 6], keep_norm=True),
                                   script=False),
    'tcn_chomp_kernel_2': Model(lambda: TemporalConvNet(2, [2, 2, 2, 2, 4], kernel_size=2), 2),
    # super().forward() cannot be scripted.
    'tcn_batch_norm': Model(lambda: NormTcn(4), script=False),
    'tcn_micro_causal': Model(lambda: MicroTcn(True)),
    'tcn_micro_centre': Model(lambda: MicroTcn(False)),
    'tcn_same': Model(lambda: SameTcn(3), 3),
}
