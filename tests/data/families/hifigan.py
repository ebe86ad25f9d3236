"""Vocoders: transposed upsampling, the average of several receptive fields."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import remove_weight_norm, weight_norm

from .model import Model

LRELU_SLOPE = 0.1


def get_padding(kernel_size, dilation=1):
    return int((kernel_size * dilation - dilation) / 2)


class ResBlock1(nn.Module):
    def __init__(self, channels, kernel_size=3, dilation=(1, 3, 5)):
        super().__init__()
        self.convs1 = nn.ModuleList([
            weight_norm(nn.Conv1d(channels, channels, kernel_size, 1, dilation=d,
                                  padding=get_padding(kernel_size, d))) for d in dilation])
        self.convs2 = nn.ModuleList([
            weight_norm(nn.Conv1d(channels, channels, kernel_size, 1, dilation=1,
                                  padding=get_padding(kernel_size, 1))) for _ in dilation])

    def forward(self, x):
        for c1, c2 in zip(self.convs1, self.convs2):
            xt = F.leaky_relu(x, 0.1)
            xt = c1(xt)
            xt = F.leaky_relu(xt, 0.1)
            xt = c2(xt)
            x = xt + x
        return x

    def remove_weight_norm(self):
        for layer in self.convs1:
            remove_weight_norm(layer)
        for layer in self.convs2:
            remove_weight_norm(layer)


class ResBlock2(nn.Module):
    def __init__(self, channels, kernel_size=3, dilation=(1, 3)):
        super().__init__()
        self.convs = nn.ModuleList([
            weight_norm(nn.Conv1d(channels, channels, kernel_size, 1, dilation=d,
                                  padding=get_padding(kernel_size, d))) for d in dilation])

    def forward(self, x):
        for c in self.convs:
            xt = F.leaky_relu(x, 0.1)
            xt = c(xt)
            x = xt + x
        return x

    def remove_weight_norm(self):
        for layer in self.convs:
            remove_weight_norm(layer)


class Generator(nn.Module):
    """Kong et al., https://arxiv.org/abs/2010.05646"""

    def __init__(self, resblock, mels=5, channels=8, rates=(4, 3), kernels=(8, 7), fields=(3, 5)):
        super().__init__()
        self.num_kernels = len(fields)
        self.num_upsamples = len(rates)
        self.conv_pre = weight_norm(nn.Conv1d(mels, channels, 7, 1, padding=3))
        self.ups = nn.ModuleList()
        for i, (u, k) in enumerate(zip(rates, kernels)):
            self.ups.append(weight_norm(nn.ConvTranspose1d(
                channels // (2 ** i), channels // (2 ** (i + 1)), k, u, padding=(k - u) // 2)))
        self.resblocks = nn.ModuleList()
        for i in range(len(self.ups)):
            for k in fields:
                self.resblocks.append(resblock(channels // (2 ** (i + 1)), k))
        self.conv_post = weight_norm(nn.Conv1d(channels // (2 ** len(rates)), 1, 7, 1, padding=3))

    def forward(self, x):
        x = self.conv_pre(x)
        for i in range(self.num_upsamples):
            x = F.leaky_relu(x, LRELU_SLOPE)
            x = self.ups[i](x)
            xs = None
            for j in range(self.num_kernels):
                if xs is None:
                    xs = self.resblocks[i * self.num_kernels + j](x)
                else:
                    xs += self.resblocks[i * self.num_kernels + j](x)
            x = xs / self.num_kernels
        x = F.leaky_relu(x)
        x = self.conv_post(x)
        x = torch.tanh(x)
        return x

    def remove_weight_norm(self):
        for layer in self.ups:
            remove_weight_norm(layer)
        for layer in self.resblocks:
            layer.remove_weight_norm()
        remove_weight_norm(self.conv_pre)
        remove_weight_norm(self.conv_post)
        return self


class ScriptableGenerator(Generator):
    """The same generator, scriptable: one ModuleList holds the resblocks of a stage."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.remove_weight_norm()
        n = self.num_kernels
        self.stages = nn.ModuleList([
            self.resblocks[i * n:(i + 1) * n] for i in range(self.num_upsamples)])

    def forward(self, x):
        x = self.conv_pre(x)
        for up, resblocks in zip(self.ups, self.stages):
            x = up(F.leaky_relu(x, 0.1))
            xs = torch.zeros_like(x)
            for block in resblocks:
                xs += block(x)
            x = xs / self.num_kernels
        return torch.tanh(self.conv_post(F.leaky_relu(x)))


class ResidualStack(nn.Module):
    """MelGAN, https://arxiv.org/abs/1910.06711: reflection padding."""

    def __init__(self, channels, dilation):
        super().__init__()
        self.block = nn.Sequential(
            nn.LeakyReLU(0.2), nn.ReflectionPad1d(dilation),
            nn.Conv1d(channels, channels, 3, dilation=dilation), nn.LeakyReLU(0.2),
            nn.Conv1d(channels, channels, 1))
        self.shortcut = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        return self.shortcut(x) + self.block(x)


def melgan(mels=4, channels=8):
    model = [nn.ReflectionPad1d(3), nn.Conv1d(mels, channels, 7)]
    for r in (5, 2):
        model += [nn.LeakyReLU(0.2),
                  nn.ConvTranspose1d(channels, channels // 2, r * 2, stride=r,
                                     padding=r // 2 + r % 2, output_padding=r % 2)]
        channels //= 2
        model += [ResidualStack(channels, 3 ** j) for j in range(2)]
    return nn.Sequential(*model, nn.LeakyReLU(0.2), nn.ReflectionPad1d(3),
                         nn.Conv1d(channels, 1, 7), nn.Tanh())


class IstftGenerator(nn.Module):
    """iSTFTNet, https://arxiv.org/abs/2203.02395: the network computes magnitude and phase."""

    def __init__(self, mels=4, channels=8, n_fft=8, hop=2):
        super().__init__()
        self.n_fft = n_fft
        self.hop = hop
        self.conv_pre = nn.Conv1d(mels, channels, 5, padding=2)
        self.up = nn.ConvTranspose1d(channels, channels // 2, 8, 4, padding=2)
        self.reflection_pad = nn.ReflectionPad1d((1, 0))
        self.conv_post = nn.Conv1d(channels // 2, n_fft + 2, 7, 1, padding=3)
        self.register_buffer('window', torch.hann_window(n_fft))

    def forward(self, x):
        x = F.leaky_relu(self.up(self.conv_pre(x)), 0.1)
        x = self.reflection_pad(x)
        x = self.conv_post(x)
        spec = torch.exp(x[:, :self.n_fft // 2 + 1, :])
        phase = torch.sin(x[:, self.n_fft // 2 + 1:, :])
        y = torch.istft(spec * torch.exp(phase * 1j), self.n_fft, self.hop, self.n_fft,
                        window=self.window)
        return y.unsqueeze(1)


MODELS = {
    'hifigan_v1': Model(lambda: ScriptableGenerator(ResBlock1), 5),
    'hifigan_v3': Model(lambda: ScriptableGenerator(ResBlock2, rates=(3, 2), kernels=(6, 4)), 5),
    # Neither weight_norm nor ModuleLists that are indexed by variables can be scripted.
    'hifigan_weight_norm': Model(lambda: Generator(ResBlock1, fields=(3, 7)), 5, script=False),
    'hifigan_indexed': Model(
        lambda: Generator(ResBlock2, rates=(2, 2, 2), kernels=(4, 4, 4)).remove_weight_norm(), 5,
        script=False),
    'hifigan_melgan': Model(melgan, 4),
    'hifigan_istft': Model(IstftGenerator, 4),
}
