"""Conv-TasNet: learnt encoder, masks from a TCN, decoder; causal norms."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from .model import Model

class ChannelwiseLayerNorm(nn.Module):
    """cLN of https://arxiv.org/abs/1809.07454: over the channels of each frame."""

    def __init__(self, channel_size, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.gamma = nn.Parameter(torch.rand(1, channel_size, 1) + 0.5)
        self.beta = nn.Parameter(torch.rand(1, channel_size, 1) - 0.5)

    def forward(self, y):
        mean = torch.mean(y, dim=1, keepdim=True)
        var = torch.var(y, dim=1, keepdim=True, unbiased=False)
        return self.gamma * (y - mean) / torch.pow(var + self.eps, 0.5) + self.beta


class TransposedLayerNorm(nn.LayerNorm):
    def forward(self, x):
        x = x.transpose(1, 2)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.transpose(1, 2)


class CumulativeLayerNorm(nn.Module):
    """The cumulative norm of the authors' code: over all channels of all frames so far."""

    def __init__(self, dimension, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.gain = nn.Parameter(torch.rand(1, dimension, 1) + 0.5)
        self.bias = nn.Parameter(torch.rand(1, dimension, 1) - 0.5)

    def forward(self, input):
        channel = input.size(1)
        time_step = input.size(2)
        step_sum = input.sum(1)
        step_pow_sum = input.pow(2).sum(1)
        cum_sum = torch.cumsum(step_sum, dim=1)
        cum_pow_sum = torch.cumsum(step_pow_sum, dim=1)
        entry_cnt = torch.arange(channel, channel * (time_step + 1), channel)
        entry_cnt = entry_cnt.to(input.dtype).view(1, -1).expand_as(cum_sum)
        cum_mean = cum_sum / entry_cnt
        cum_var = (cum_pow_sum - 2 * cum_mean * cum_sum) / entry_cnt + cum_mean.pow(2)
        cum_std = (cum_var + self.eps).sqrt()
        cum_mean = cum_mean.unsqueeze(1)
        cum_std = cum_std.unsqueeze(1)
        x = (input - cum_mean.expand_as(input)) / cum_std.expand_as(input)
        return x * self.gain.expand_as(x) + self.bias.expand_as(x)


class InstantNorm(nn.Module):
    """Divides each channel by its cumulative RMS; a cumulative sum of ones counts the frames."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(channels, 1) + 0.5)

    def forward(self, x):
        count = torch.cumsum(torch.ones_like(x), dim=-1)
        power = torch.cumsum(x ** 2, dim=-1) / count
        return self.weight * x * torch.rsqrt(power + 1e-3)


class Block(nn.Module):
    def __init__(self, norm, channels, hidden, kernel, dilation, causal):
        super().__init__()
        padding = (kernel - 1) * dilation if causal else (kernel - 1) * dilation // 2
        self.causal = causal
        self.padding = padding
        self.conv1x1 = nn.Conv1d(channels, hidden, 1, bias=False)
        self.prelu = nn.PReLU()
        self.norm = norm(hidden)
        self.depthwise = nn.Conv1d(hidden, hidden, kernel, padding=padding, dilation=dilation,
                                   groups=hidden, bias=False)
        self.pointwise = nn.Conv1d(hidden, channels, 1, bias=False)

    def forward(self, x):
        residual = x
        out = self.norm(self.prelu(self.conv1x1(x)))
        out = self.depthwise(out)
        if self.causal:
            out = out[:, :, :-self.padding]
        return self.pointwise(out) + residual


class ConvTasNet(nn.Module):
    def __init__(self, norm, N=8, L=8, B=4, H=6, P=3, X=3, C=2, causal=True, mask_nonlinear='relu'):
        super().__init__()
        self.N, self.C, self.L = N, C, L
        self.mask_nonlinear = mask_nonlinear
        self.encoder = nn.Conv1d(1, N, kernel_size=L, stride=L // 2, bias=False)
        self.norm = norm(N)
        self.bottleneck = nn.Conv1d(N, B, 1, bias=False)
        self.tcn = nn.Sequential(*[Block(norm, B, H, P, 2 ** x, causal) for x in range(X)])
        self.mask_conv = nn.Conv1d(B, C * N, 1, bias=False)
        self.decoder = nn.ConvTranspose1d(N, 1, L, stride=L // 2, bias=False)

    def masks(self, mixture_w):
        M, N, K = mixture_w.size()
        score = self.mask_conv(self.tcn(self.bottleneck(self.norm(mixture_w))))
        score = score.view(M, self.C, N, K)
        if self.mask_nonlinear == 'softmax':
            return F.softmax(score, dim=1)
        elif self.mask_nonlinear == 'relu':
            return F.relu(score)
        else:
            raise ValueError('Unsupported mask non-linear function')

    def forward(self, mixture):
        mixture_w = F.relu(self.encoder(mixture))
        est_mask = self.masks(mixture_w)
        source_w = torch.unsqueeze(mixture_w, 1) * est_mask
        M, C, N, K = source_w.size()
        # Decodes the sources as a batch.
        est_source = self.decoder(source_w.view(M * C, N, K)).view(M, C, -1)
        T_origin = mixture.size(-1)
        T_conv = est_source.size(-1)
        return F.pad(est_source, (0, T_origin - T_conv))


class PaddedTasNet(nn.Module):
    """pad_signal of the authors: pads to whole windows, and half a window on both sides."""

    def __init__(self, win=8, enc=6, sources=2):
        super().__init__()
        self.win = win
        self.stride = win // 2
        self.sources = sources
        self.encoder = nn.Conv1d(1, enc, win, bias=False, stride=self.stride)
        self.ln = CumulativeLayerNorm(enc)
        self.mask = nn.Sequential(nn.Conv1d(enc, enc, 3), nn.PReLU(),
                                  nn.Conv1d(enc, enc * sources, 1))
        self.decoder = nn.ConvTranspose1d(enc, 1, win, bias=False, stride=self.stride)

    def pad_signal(self, input):
        nsample = input.size(2)
        rest = self.win - (self.stride + nsample % self.win) % self.win
        if rest > 0:
            input = torch.cat([input, torch.zeros(1, 1, rest).type_as(input)], 2)
        pad_aux = torch.zeros(1, 1, self.stride).type_as(input)
        input = torch.cat([pad_aux, input, pad_aux], 2)
        return input, rest

    def forward(self, input):
        output, rest = self.pad_signal(input)
        enc_output = self.encoder(output)
        masks = torch.sigmoid(self.mask(F.pad(self.ln(enc_output), (2, 0))))
        outputs = []
        for mask in masks.chunk(self.sources, dim=1):
            one = self.decoder(enc_output * mask)
            outputs.append(one[:, :, self.stride:-(rest + self.stride)])
        return torch.cat(outputs, 1)


class OverlapAndAdd(nn.Module):
    """A matrix as decoder: overlap-adds frames of L samples with a hop of L / 2 samples."""

    def __init__(self, N=6, L=8):
        super().__init__()
        self.half = L // 2
        self.encoder = nn.Conv1d(1, N, L, stride=self.half)
        self.mask = nn.Sequential(ChannelwiseLayerNorm(N), nn.Conv1d(N, N, 3, padding=1),
                                  nn.Sigmoid())
        self.basis = nn.Linear(N, L, bias=False)

    def forward(self, x):
        w = F.relu(self.encoder(x))
        frames = self.basis((w * self.mask(w)).transpose(1, 2))  # [B, K, L]
        first = F.pad(frames[..., :self.half], (0, 0, 0, 1))
        second = F.pad(frames[..., self.half:], (0, 0, 1, 0))
        return (first + second).reshape(x.shape[0], 1, -1)


MODELS = {
    'tasnet_channelwise': Model(lambda: ConvTasNet(ChannelwiseLayerNorm)),
    'tasnet_batch_norm': Model(lambda: ConvTasNet(nn.BatchNorm1d, causal=False,
                                                  mask_nonlinear='softmax')),
    'tasnet_layer_norm': Model(lambda: ConvTasNet(TransposedLayerNorm, C=3, X=2)),
    'tasnet_cumulative': Model(lambda: ConvTasNet(CumulativeLayerNorm, X=2)),
    'tasnet_power_norm': Model(lambda: ConvTasNet(InstantNorm, L=10, mask_nonlinear='softmax')),
    'tasnet_padded': Model(PaddedTasNet),
    'tasnet_overlap_and_add': Model(OverlapAndAdd),
}
