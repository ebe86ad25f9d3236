"""SEANet and EnCodec: encoder and decoder, causal or reflected, residual blocks, LSTM."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import weight_norm

from .model import Model


def get_extra_padding_for_conv1d(x, kernel_size: int, stride: int, padding_total: int = 0) -> int:
    """As in EnCodec, https://arxiv.org/abs/2210.13438: padding that completes the last frame."""
    length = x.shape[-1]
    n_frames = (length - kernel_size + padding_total) / stride + 1
    ideal_length = (math.ceil(n_frames) - 1) * stride + (kernel_size - padding_total)
    return ideal_length - length


def pad1d(x, left: int, right: int, mode: str):
    """Pads signals that are too short for reflection with zeros first."""
    length = x.shape[-1]
    assert left >= 0 and right >= 0, f'negative padding: {left}, {right}'
    if mode == 'reflect':
        max_pad = max(left, right)
        extra_pad = 0
        if length <= max_pad:
            extra_pad = max_pad - length + 1
            x = F.pad(x, (0, extra_pad))
        padded = F.pad(x, (left, right), mode)
        end = padded.shape[-1] - extra_pad
        return padded[..., :end]
    else:
        return F.pad(x, (left, right), mode, 0.0)


def unpad1d(x, left: int, right: int):
    assert (left + right) <= x.shape[-1]
    end = x.shape[-1] - right
    return x[..., left:end]


class SConv1d(nn.Module):
    def __init__(self, c_in, c_out, kernel_size, stride=1, dilation=1, causal=False,
                 pad_mode='reflect'):
        super().__init__()
        self.conv = nn.Conv1d(c_in, c_out, kernel_size, stride, dilation=dilation)
        self.reach = (kernel_size - 1) * dilation + 1
        self.stride = stride
        self.causal = causal
        self.pad_mode = pad_mode

    def forward(self, x):
        padding_total = self.reach - self.stride
        extra_padding = get_extra_padding_for_conv1d(x, self.reach, self.stride, padding_total)
        if self.causal:
            x = pad1d(x, padding_total, extra_padding, mode=self.pad_mode)
        else:
            padding_right = padding_total // 2
            padding_left = padding_total - padding_right
            x = pad1d(x, padding_left, padding_right + extra_padding, mode=self.pad_mode)
        return self.conv(x)


class SConvTranspose1d(nn.Module):
    def __init__(self, c_in, c_out, kernel_size, stride=1, causal=False, trim_right_ratio=1.0):
        super().__init__()
        self.convtr = nn.ConvTranspose1d(c_in, c_out, kernel_size, stride)
        self.total = kernel_size - stride
        self.causal = causal
        self.trim_right_ratio = trim_right_ratio

    def forward(self, x):
        y = self.convtr(x)
        if self.causal:
            padding_right = math.ceil(self.total * self.trim_right_ratio)
        else:
            padding_right = self.total // 2
        return unpad1d(y, self.total - padding_right, padding_right)


class SEANetResnetBlock(nn.Module):
    def __init__(self, dim, dilation, true_skip, **how):
        super().__init__()
        hidden = dim // 2
        self.block = nn.Sequential(
            nn.ELU(alpha=1.0), SConv1d(dim, hidden, 3, dilation=dilation, **how),
            nn.ELU(alpha=1.0), SConv1d(hidden, dim, 1, **how))
        self.shortcut = nn.Identity() if true_skip else SConv1d(dim, dim, 1, **how)

    def forward(self, x):
        return self.shortcut(x) + self.block(x)


class SLSTM(nn.Module):
    def __init__(self, dimension, num_layers=2, skip=True):
        super().__init__()
        self.skip = skip
        self.lstm = nn.LSTM(dimension, dimension, num_layers)

    def forward(self, x):
        x = x.permute(2, 0, 1)
        y, _ = self.lstm(x)
        if self.skip:
            y = y + x
        y = y.permute(1, 2, 0)
        return y


def encoder(n_filters=2, dimension=6, ratios=(2, 3), lstm=0, true_skip=False, **how):
    mult = 1
    model = [SConv1d(1, n_filters, 7, **how)]
    for ratio in ratios:
        model += [SEANetResnetBlock(mult * n_filters, 1, true_skip, **how), nn.ELU(alpha=1.0),
                  SConv1d(mult * n_filters, mult * n_filters * 2, ratio * 2, ratio, **how)]
        mult *= 2
    if lstm:
        model += [SLSTM(mult * n_filters, lstm)]
    return nn.Sequential(*model, nn.ELU(alpha=1.0), SConv1d(mult * n_filters, dimension, 7, **how))


def decoder(n_filters=2, dimension=6, ratios=(3, 2), lstm=0, true_skip=False, trim=1.0, **how):
    mult = 2 ** len(ratios)
    model = [SConv1d(dimension, mult * n_filters, 7, **how)]
    if lstm:
        model += [SLSTM(mult * n_filters, lstm)]
    for ratio in ratios:
        model += [nn.ELU(alpha=1.0),
                  SConvTranspose1d(mult * n_filters, mult * n_filters // 2, ratio * 2, ratio,
                                   how.get('causal', False), trim),
                  SEANetResnetBlock(mult * n_filters // 2, 1, true_skip, **how)]
        mult //= 2
    return nn.Sequential(*model, nn.ELU(alpha=1.0), SConv1d(n_filters, 1, 7, **how), nn.Tanh())


class Codec(nn.Module):
    """Without the quantiser; the output is cropped to the length of the input."""

    def __init__(self, **how):
        super().__init__()
        self.encoder = encoder(**how)
        self.decoder = decoder(**how)

    def forward(self, x):
        length = x.shape[-1]
        assert length > 0, f'no samples in {x.shape}'
        emb = self.encoder(x)
        return self.decoder(emb)[:, :, :length]


class CausalConv(nn.Module):
    """SoundStream, https://arxiv.org/abs/2107.03312, as in reimplementations: pads with zeros on
    the left only, which needs no arithmetic on lengths; keeps weight_norm."""

    def __init__(self, c_in, c_out, kernel_size, stride=1, dilation=1):
        super().__init__()
        self.causal_padding = dilation * (kernel_size - 1) + 1 - stride
        self.conv = weight_norm(nn.Conv1d(c_in, c_out, kernel_size, stride, dilation=dilation))

    def forward(self, x):
        return self.conv(F.pad(x, (self.causal_padding, 0)))


class CausalConvTranspose(nn.Module):
    def __init__(self, c_in, c_out, kernel_size, stride):
        super().__init__()
        self.upsample_factor = stride
        self.conv = weight_norm(nn.ConvTranspose1d(c_in, c_out, kernel_size, stride))

    def forward(self, x):
        n = x.shape[-1]
        out = self.conv(x)
        return out[..., :(n * self.upsample_factor)]


class Residual(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.fn = fn

    def forward(self, x):
        return self.fn(x) + x


def residual_unit(channels, dilation):
    return Residual(nn.Sequential(CausalConv(channels, channels, 7, dilation=dilation), nn.ELU(),
                                  CausalConv(channels, channels, 1), nn.ELU()))


def soundstream():
    return nn.Sequential(
        CausalConv(1, 4, 7), residual_unit(4, 1), residual_unit(4, 3),
        CausalConv(4, 6, 4, stride=2), CausalConv(6, 6, 3),
        CausalConvTranspose(6, 4, 4, 2), residual_unit(4, 9), CausalConv(4, 1, 7))


MODELS = {
    # A trace with SConv1d would keep the extra padding that math.ceil gave for the traced length.
    'seanet_encoder_causal': Model(lambda: encoder(causal=True, pad_mode='constant'), trace=False),
    'seanet_encoder_causal_reflect': Model(lambda: encoder(causal=True), trace=False),
    'seanet_encoder_reflect': Model(lambda: encoder(true_skip=True), trace=False),
    'seanet_encoder_lstm': Model(
        lambda: encoder(ratios=(4, 2), lstm=2, causal=True, pad_mode='constant'), trace=False),
    'seanet_decoder_causal': Model(lambda: decoder(causal=True, pad_mode='constant'), 6,
                                   trace=False),
    'seanet_decoder_trim': Model(
        lambda: decoder(causal=True, trim=0.5, pad_mode='replicate'), 6, trace=False),
    'seanet_decoder_reflect_lstm': Model(lambda: decoder(lstm=1), 6, trace=False),
    'seanet_codec_reflect': Model(lambda: Codec(), trace=False),
    'seanet_codec_causal_lstm': Model(
        lambda: Codec(causal=True, pad_mode='constant', lstm=2), trace=False),
    # The hook of weight_norm cannot be scripted.
    'seanet_soundstream': Model(soundstream, script=False),
}
