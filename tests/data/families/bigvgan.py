"""BigVGAN, https://arxiv.org/abs/2206.04658: periodic activations between anti-aliased filters."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import weight_norm

from .model import Model


def kaiser_sinc_filter1d(cutoff, half_width, kernel_size):
    """As in alias-free-torch and BigVGAN: [1, 1, kernel_size]"""
    even = kernel_size % 2 == 0
    half_size = kernel_size // 2
    delta_f = 4 * half_width
    A = 2.285 * (half_size - 1) * math.pi * delta_f + 7.95
    if A > 50.0:
        beta = 0.1102 * (A - 8.7)
    elif A >= 21.0:
        beta = 0.5842 * (A - 21) ** 0.4 + 0.07886 * (A - 21.0)
    else:
        beta = 0.0
    window = torch.kaiser_window(kernel_size, beta=beta, periodic=False)
    if even:
        time = torch.arange(-half_size, half_size) + 0.5
    else:
        time = torch.arange(kernel_size) - half_size
    filter_ = 2 * cutoff * window * torch.special.sinc(2 * cutoff * time)
    filter_ /= filter_.sum()
    return filter_.view(1, 1, kernel_size)


class LowPassFilter1d(nn.Module):
    def __init__(self, cutoff, half_width, stride=1, padding_mode='replicate', kernel_size=12):
        super().__init__()
        self.kernel_size = kernel_size
        self.even = kernel_size % 2 == 0
        self.pad_left = kernel_size // 2 - int(self.even)
        self.pad_right = kernel_size // 2
        self.stride = stride
        self.padding_mode = padding_mode
        self.register_buffer('filter', kaiser_sinc_filter1d(cutoff, half_width, kernel_size))

    def forward(self, x):
        _, C, _ = x.shape
        x = F.pad(x, (self.pad_left, self.pad_right), mode=self.padding_mode)
        return F.conv1d(x, self.filter.expand(C, -1, -1), stride=self.stride, groups=C)


class UpSample1d(nn.Module):
    def __init__(self, ratio=2, kernel_size=0):
        super().__init__()
        self.ratio = ratio
        self.kernel_size = kernel_size if kernel_size else int(6 * ratio // 2) * 2
        self.stride = ratio
        self.pad = self.kernel_size // ratio - 1
        self.pad_left = self.pad * self.stride + (self.kernel_size - self.stride) // 2
        self.pad_right = self.pad * self.stride + (self.kernel_size - self.stride + 1) // 2
        self.register_buffer('filter', kaiser_sinc_filter1d(0.5 / ratio, 0.6 / ratio,
                                                            self.kernel_size))

    def forward(self, x):
        _, C, _ = x.shape
        x = F.pad(x, (self.pad, self.pad), mode='replicate')
        filter = self.filter.expand(C, -1, -1)
        x = self.ratio * F.conv_transpose1d(x, filter, stride=self.stride, groups=C)
        x = x[..., self.pad_left:-self.pad_right]
        return x


class DownSample1d(nn.Module):
    def __init__(self, ratio=2, kernel_size=0):
        super().__init__()
        self.lowpass = LowPassFilter1d(0.5 / ratio, 0.6 / ratio, stride=ratio,
                                       kernel_size=kernel_size or int(6 * ratio // 2) * 2)

    def forward(self, x):
        return self.lowpass(x)


class Activation1d(nn.Module):
    def __init__(self, activation, ratio=2, kernel_size=12):
        super().__init__()
        self.act = activation
        self.upsample = UpSample1d(ratio, kernel_size)
        self.downsample = DownSample1d(ratio, kernel_size)

    def forward(self, x):
        x = self.upsample(x)
        x = self.act(x)
        return self.downsample(x)


class Snake(nn.Module):
    """x + sin^2(a x) / a, https://arxiv.org/abs/2006.08195"""

    def __init__(self, in_features):
        super().__init__()
        self.alpha = nn.Parameter(0.6 * torch.rand(in_features) + 0.2)
        self.no_div_by_zero = 0.000000001

    def forward(self, x):
        alpha = self.alpha.unsqueeze(0).unsqueeze(-1)
        return x + (1.0 / (alpha + self.no_div_by_zero)) * torch.pow(torch.sin(x * alpha), 2)


class SnakeBeta(nn.Module):
    """Snake with separate frequency and magnitude, both stored as logarithms."""

    def __init__(self, in_features, alpha_logscale=True):
        super().__init__()
        self.alpha_logscale = alpha_logscale
        self.alpha = nn.Parameter(torch.randn(in_features) * 0.1)
        self.beta = nn.Parameter(torch.randn(in_features) * 0.1)

    def forward(self, x):
        alpha = self.alpha.unsqueeze(0).unsqueeze(-1)
        beta = self.beta.unsqueeze(0).unsqueeze(-1)
        if self.alpha_logscale:
            alpha = torch.exp(alpha)
            beta = torch.exp(beta)
        x = x + (1.0 / (beta + 1e-9)) * torch.pow(torch.sin(x * alpha), 2)
        return x


def identity(conv):
    return conv


class AMPBlock1(nn.Module):
    def __init__(self, channels, kernel_size=3, dilation=(1, 3), snake=Snake, norm=identity):
        super().__init__()
        self.convs1 = nn.ModuleList([
            norm(nn.Conv1d(channels, channels, kernel_size, dilation=d,
                           padding=(kernel_size - 1) * d // 2))
            for d in dilation])
        self.convs2 = nn.ModuleList([
            norm(nn.Conv1d(channels, channels, kernel_size, padding=(kernel_size - 1) // 2))
            for _ in dilation])
        activations = [Activation1d(snake(channels)) for _ in range(2 * len(dilation))]
        self.acts1 = nn.ModuleList(activations[::2])
        self.acts2 = nn.ModuleList(activations[1::2])

    def forward(self, x):
        for c1, c2, a1, a2 in zip(self.convs1, self.convs2, self.acts1, self.acts2):
            xt = a1(x)
            xt = c1(xt)
            xt = a2(xt)
            xt = c2(xt)
            x = xt + x
        return x


class AMPBlock2(nn.Module):
    def __init__(self, channels, kernel_size=3, dilation=(1, 3), snake=Snake, norm=identity):
        super().__init__()
        self.convs = nn.ModuleList([
            norm(nn.Conv1d(channels, channels, kernel_size, dilation=d,
                           padding=(kernel_size - 1) * d // 2))
            for d in dilation])
        self.activations = nn.ModuleList([Activation1d(snake(channels)) for _ in dilation])

    def forward(self, x):
        for c, a in zip(self.convs, self.activations):
            xt = a(x)
            xt = c(xt)
            x = xt + x
        return x


class BigVGAN(nn.Module):
    def __init__(self, block=AMPBlock1, mels=4, channels=8, rates=(4, 2), kernels=(8, 4),
                 fields=(3, 5), snake=Snake, final_tanh=True, norm=identity):
        super().__init__()
        self.num_kernels = len(fields)
        self.use_tanh_at_final = final_tanh
        self.conv_pre = norm(nn.Conv1d(mels, channels, 7, padding=3))
        self.ups = nn.ModuleList()
        self.stages = nn.ModuleList()
        for i, (u, k) in enumerate(zip(rates, kernels)):
            half = channels // 2
            self.ups.append(nn.ModuleList([
                norm(nn.ConvTranspose1d(channels, half, k, u, padding=(k - u) // 2))]))
            self.stages.append(nn.ModuleList([
                block(half, f, snake=snake, norm=norm) for f in fields]))
            channels = half
        self.activation_post = Activation1d(snake(channels))
        self.conv_post = norm(nn.Conv1d(channels, 1, 7, padding=3, bias=False))

    def forward(self, x):
        x = self.conv_pre(x)
        for up, stage in zip(self.ups, self.stages):
            for layer in up:
                x = layer(x)
            xs = torch.zeros_like(x)
            for block in stage:
                xs = xs + block(x)
            x = xs / self.num_kernels
        x = self.activation_post(x)
        # Quiet: in the saturated range of tanh() mostly rounding errors would remain.
        x = 0.05 * self.conv_post(x)
        if self.use_tanh_at_final:
            return torch.tanh(x)
        else:
            return torch.clamp(x, min=-1.0, max=1.0)


MODELS = {
    'bigvgan_snake': Model(BigVGAN, 4),
    'bigvgan_snake_beta': Model(lambda: BigVGAN(AMPBlock2, channels=4, rates=(3,), kernels=(7,),
                                                snake=SnakeBeta, final_tanh=False), 4),
    # The hook of weight_norm cannot be scripted.
    'bigvgan_weight_norm': Model(lambda: BigVGAN(AMPBlock2, norm=weight_norm), 4, script=False),
    'bigvgan_activation': Model(lambda: nn.Sequential(Activation1d(SnakeBeta(2)),
                                                      nn.Conv1d(2, 2, 3)), 2),
    'bigvgan_ratio_4': Model(lambda: Activation1d(nn.LeakyReLU(0.2), 4, 16), 2),
    'bigvgan_filters': Model(lambda: nn.Sequential(
        DownSample1d(3, 13), Snake(1), UpSample1d(2, 8),
        LowPassFilter1d(0.3, 0.1, kernel_size=9, padding_mode='reflect'))),
}
