"""Convolutions: strided, grouped, dilated, transposed; all paddings; branches of several rates."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from .model import Model


class Strides(nn.Module):
    """A ResNet block that halves the rate: both branches give ceil(T / 2) frames."""

    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv1 = nn.Conv1d(c_in, c_out, kernel_size=3, stride=2, padding=1, bias=False)
        self.conv2 = nn.Conv1d(c_out, c_out, kernel_size=3, padding=1)
        self.shortcut = nn.Conv1d(c_in, c_out, kernel_size=1, stride=2)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        identity = self.shortcut(x)
        out = self.relu(self.conv1(x))
        out = self.conv2(out)
        out += identity
        return self.relu(out)


class DownUp(nn.Module):
    """Halves the rate, restores it and adds the signal, cropped to the restored length."""

    def __init__(self, channels, hidden):
        super().__init__()
        self.down = nn.Conv1d(channels, hidden, 4, 2, 1)
        self.up = nn.ConvTranspose1d(hidden, channels, 4, 2, 1)

    def forward(self, x):
        y = self.up(F.elu(self.down(x)))
        return y + x[:, :, :y.size(2)]


class Functional(nn.Module):
    """Weights as plain parameters and functional calls."""

    def __init__(self, channels, kernel):
        super().__init__()
        self.kernel = kernel
        gain = (channels * kernel) ** -0.5
        self.weight = nn.Parameter(torch.randn(channels, channels, kernel) * gain)
        self.up = nn.Parameter(torch.randn(channels, channels, kernel) * gain)

    def forward(self, x):
        x = F.conv1d(x, self.weight, padding='same', dilation=2)
        x = F.conv1d(F.relu(x), self.weight, stride=3, padding=self.kernel // 2)
        return F.conv_transpose1d(x, self.up, stride=3, padding=1, output_padding=2)


class Separable(nn.Module):
    def __init__(self, c_in, c_out, kernel, stride=1, dilation=1):
        super().__init__()
        pad = (kernel - 1) * dilation // 2
        self.depthwise = nn.Conv1d(c_in, c_in, kernel, stride, pad, dilation, groups=c_in,
                                   bias=False)
        self.pointwise = nn.Conv1d(c_in, c_out, 1)
        self.norm = nn.BatchNorm1d(c_out)

    def forward(self, x):
        return F.relu6(self.norm(self.pointwise(self.depthwise(x))))


class AsImage(nn.Module):
    """conv2d over a signal with one row."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, (1, 5), stride=(1, 2), padding=(0, 2))
        self.up = nn.ConvTranspose2d(4, 2, (1, 4), stride=(1, 2), padding=(0, 1))

    def forward(self, x):
        x = x.unsqueeze(2)
        x = self.up(torch.tanh(self.conv(x)))
        return x.squeeze(2)


class TwoRates(nn.Module):
    """Joins two branches with strides 2 and 3 in different order, at a sixth of the rate."""

    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv1d(1, 3, 2, 2), nn.GELU(), nn.Conv1d(3, 3, 3, 3))
        self.b = nn.Sequential(nn.Conv1d(1, 3, 3, 3), nn.GELU(), nn.Conv1d(3, 3, 2, 2))
        self.mix = nn.Conv1d(6, 2, 3, padding=1)

    def forward(self, x):
        return self.mix(torch.cat([self.a(x), self.b(x)], dim=1))


MODELS = {
    'stack_zeros': Model(lambda: nn.Sequential(
        nn.Conv1d(2, 6, 7, stride=2, padding=3), nn.LeakyReLU(0.2),
        nn.Conv1d(6, 6, 5, stride=3, padding=2, groups=3), nn.LeakyReLU(0.2),
        nn.Conv1d(6, 4, 3, padding=4, dilation=4)), 2),
    'stack_valid': Model(lambda: nn.Sequential(
        nn.Conv1d(1, 4, 10, stride=5, bias=False), nn.GELU(),
        nn.Conv1d(4, 4, 3, stride=2, bias=False),
        nn.GELU(), nn.Conv1d(4, 4, 2, stride=2), nn.GELU())),
    'stack_reflect': Model(lambda: nn.Sequential(
        nn.Conv1d(2, 4, 7, padding=3, padding_mode='reflect'), nn.ELU(),
        nn.Conv1d(4, 4, 4, stride=2, padding=2, padding_mode='reflect'), nn.ELU(),
        nn.Conv1d(4, 2, 3, padding=2, dilation=2, padding_mode='reflect')), 2),
    'stack_replicate': Model(lambda: nn.Sequential(
        nn.Conv1d(1, 4, 9, padding=4, padding_mode='replicate'), nn.SiLU(),
        nn.Conv1d(4, 4, 5, stride=3, padding=3, padding_mode='replicate', groups=2), nn.SiLU(),
        nn.ConvTranspose1d(4, 1, 3, stride=3))),
    'stack_same': Model(lambda: nn.Sequential(
        nn.Conv1d(2, 4, 4, padding='same', dilation=3), nn.Tanh(),
        nn.Conv1d(4, 4, 5, padding='same', padding_mode='reflect'), nn.Tanh(),
        nn.Conv1d(4, 2, 6, padding='same', padding_mode='replicate', groups=2)), 2),
    'stack_transposed': Model(lambda: nn.Sequential(
        nn.ConvTranspose1d(2, 6, 8, stride=4, padding=2), nn.ReLU(True),
        nn.ConvTranspose1d(6, 4, 5, stride=3, padding=1, output_padding=2, groups=2), nn.ReLU(True),
        nn.ConvTranspose1d(4, 1, 3, stride=2, padding=2, output_padding=1, dilation=2)), 2),
    'stack_transposed_gaps': Model(lambda: nn.Sequential(
        nn.ConvTranspose1d(1, 3, 2, stride=5), nn.PReLU(), nn.ConvTranspose1d(3, 1, 1, stride=3))),
    'stack_autoencoder': Model(lambda: nn.Sequential(
        nn.Conv1d(1, 4, 4, 2, 1), nn.ReLU(), nn.Conv1d(4, 6, 6, 3, 2), nn.ReLU(),
        nn.Conv1d(6, 8, 10, 5, 3), nn.Tanh(), nn.ConvTranspose1d(8, 6, 10, 5, 3), nn.ReLU(),
        nn.ConvTranspose1d(6, 4, 6, 3, 2), nn.ReLU(), nn.ConvTranspose1d(4, 1, 4, 2, 1))),
    'stack_stride_first': Model(lambda: nn.Sequential(
        nn.Conv1d(1, 4, 2, stride=7, padding=1), nn.Softplus(), nn.Conv1d(4, 2, 3, stride=4))),
    'stack_resnet': Model(lambda: nn.Sequential(Strides(1, 4), Strides(4, 6), Strides(6, 6))),
    'stack_down_up': Model(lambda: nn.Sequential(DownUp(2, 4), DownUp(2, 6)), 2),
    'stack_functional': Model(lambda: Functional(2, 5), 2),
    'stack_separable': Model(lambda: nn.Sequential(
        Separable(2, 6, 7, stride=2), Separable(6, 6, 5, dilation=3), Separable(6, 2, 3)), 2),
    'stack_as_image': Model(AsImage, 2),
    'stack_two_rates': Model(TwoRates),
}
