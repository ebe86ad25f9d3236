"""WaveNets: gated dilated convolutions, 1x1 residuals, skips that are summed or joined."""

from typing import List, Optional

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import weight_norm

from .model import Model


class Layer(nn.Module):
    def __init__(self, channels, skip_channels, kernel, dilation):
        super().__init__()
        self.pad = (kernel - 1) * dilation
        self.conv = nn.Conv1d(channels, 2 * channels, kernel, dilation=dilation)
        self.residual = nn.Conv1d(channels, channels, 1)
        self.skip = nn.Conv1d(channels, skip_channels, 1)

    def forward(self, x):
        y = self.conv(F.pad(x, (self.pad, 0)))
        a, b = y.chunk(2, dim=1)
        z = torch.tanh(a) * torch.sigmoid(b)
        return x + self.residual(z), self.skip(z)


class WaveNet(nn.Module):
    """van den Oord et al., https://arxiv.org/abs/1609.03499"""

    def __init__(self, channels=4, skip_channels=6, kernel=2, layers=5, stacks=2):
        super().__init__()
        self.front = nn.Conv1d(1, channels, 1)
        self.layers = nn.ModuleList([
            Layer(channels, skip_channels, kernel, 2 ** (i % (layers // stacks + 1)))
            for i in range(layers)])
        self.post = nn.Sequential(nn.ReLU(), nn.Conv1d(skip_channels, skip_channels, 1), nn.ReLU(),
                                  nn.Conv1d(skip_channels, 1, 1))

    def forward(self, x):
        x = self.front(x)
        skips: Optional[torch.Tensor] = None
        for layer in self.layers:
            x, skip = layer(x)
            skips = skip if skips is None else skips + skip
        assert skips is not None
        return self.post(skips)


class WaveNetList(WaveNet):
    """Skips in a list, summed at the end."""

    def forward(self, x):
        x = self.front(x)
        skips: List[torch.Tensor] = []
        for layer in self.layers:
            x, s = layer(x)
            skips.append(s)
        return self.post(torch.stack(skips).sum(0) * (1.0 / len(skips)) ** 0.5)


class Amp(nn.Module):
    """A guitar amplifier, as in Wright et al., https://doi.org/10.3390/app10030766: joins the skips
    of all layers along the channel axis and mixes them."""

    def __init__(self, channels=3, kernel=3, dilations=(1, 2, 4, 8)):
        super().__init__()
        self.channels = channels
        self.input = nn.Conv1d(1, channels, 1)
        self.hidden = nn.ModuleList([
            nn.Conv1d(channels, 2 * channels, kernel, dilation=d) for d in dilations])
        self.residual = nn.ModuleList([nn.Conv1d(channels, channels, 1) for _ in dilations])
        self.mixer = nn.Conv1d(channels * len(dilations), 1, 1, bias=False)

    def forward(self, x):
        out = self.input(x)
        skips = []
        for hidden, residual in zip(self.hidden, self.residual):
            x = out
            y = hidden(x)
            gated = torch.tanh(y[:, :self.channels]) * torch.sigmoid(y[:, self.channels:])
            skips.append(gated)
            out = residual(gated) + x[:, :, x.size(2) - gated.size(2):]
        # The layers are unpadded: crops all skips to the shortest one, the last.
        skips = torch.cat([s[:, :, -out.size(2):] for s in skips], dim=1)
        return self.mixer(skips)


@torch.jit.script
def fused_add_tanh_sigmoid_multiply(input_a, input_b, n_channels):
    n_channels_int = n_channels[0]
    in_act = input_a + input_b
    t_act = torch.tanh(in_act[:, :n_channels_int, :])
    s_act = torch.sigmoid(in_act[:, n_channels_int:, :])
    return t_act * s_act


class Wn(nn.Module):
    """The WN of WaveGlow, https://arxiv.org/abs/1811.00002, with a constant condition."""

    def __init__(self, n_layers=4, n_channels=4, kernel_size=3):
        super().__init__()
        self.n_layers = n_layers
        self.n_channels = n_channels
        self.in_layers = nn.ModuleList()
        self.res_skip_layers = nn.ModuleList()
        self.start = weight_norm(nn.Conv1d(2, n_channels, 1))
        self.end = nn.Conv1d(n_channels, 4, 1)
        self.condition = nn.Parameter(torch.randn(1, 2 * n_channels * n_layers, 1))
        for i in range(n_layers):
            dilation = 2 ** i
            padding = int((kernel_size * dilation - dilation) / 2)
            self.in_layers.append(weight_norm(nn.Conv1d(
                n_channels, 2 * n_channels, kernel_size, dilation=dilation, padding=padding)))
            res_skip_channels = 2 * n_channels if i < n_layers - 1 else n_channels
            self.res_skip_layers.append(weight_norm(nn.Conv1d(n_channels, res_skip_channels, 1)))

    def forward(self, audio):
        audio = self.start(audio)
        output = torch.zeros_like(audio)
        n_channels_tensor = torch.IntTensor([self.n_channels])
        for i in range(self.n_layers):
            offset = i * 2 * self.n_channels
            acts = fused_add_tanh_sigmoid_multiply(
                self.in_layers[i](audio),
                self.condition[:, offset:offset + 2 * self.n_channels, :], n_channels_tensor)
            res_skip_acts = self.res_skip_layers[i](acts)
            if i < self.n_layers - 1:
                audio = audio + res_skip_acts[:, :self.n_channels, :]
                output = output + res_skip_acts[:, self.n_channels:, :]
            else:
                output = output + res_skip_acts
        return self.end(output)


class MuLaw(nn.Module):
    """Quantises samples to indices into an embedding, as in the first WaveNets."""

    def __init__(self, levels=32, channels=4):
        super().__init__()
        self.levels = levels
        self.embed = nn.Embedding(levels, channels)
        self.net = nn.ModuleList([Layer(channels, channels, 2, d) for d in (1, 2, 4)])
        self.out = nn.Conv1d(channels, 2, 1)

    def forward(self, x):
        index = ((x.clamp(-1.0, 1.0) + 1) * (0.5 * (self.levels - 1)) + 0.5).long()
        y = self.embed(index.squeeze(1)).transpose(1, 2)
        total = torch.zeros(1)
        for layer in self.net:
            y, skip = layer(y)
            total = total + skip
        return self.out(total)


class Split(nn.Module):
    """A gate with torch.split, a pad module; adds the input to the output."""

    def __init__(self, channels=4):
        super().__init__()
        self.channels = channels
        self.convs = nn.ModuleList()
        for d in (1, 2, 4, 8):
            self.convs.append(nn.Sequential(
                nn.ConstantPad1d((2 * d, 0), 0.0),
                nn.Conv1d(channels, 2 * channels, 3, dilation=d)))
        self.first = nn.Conv1d(2, channels, 1)
        self.last = nn.Conv1d(channels, 2, 1)

    def forward(self, x):
        h = self.first(x)
        for conv in self.convs:
            filter, gate = torch.split(conv(h), self.channels, dim=1)
            h = h + filter.tanh() * gate.sigmoid()
        return self.last(h) + x


MODELS = {
    'wavenet_sum': Model(WaveNet),
    'wavenet_list': Model(lambda: WaveNetList(kernel=3, layers=4)),
    'wavenet_amp': Model(Amp),
    # torch.IntTensor and weight_norm cannot be scripted.
    'wavenet_waveglow': Model(Wn, 2, script=False),
    'wavenet_mu_law': Model(MuLaw),
    'wavenet_split': Model(Split, 2),
}
