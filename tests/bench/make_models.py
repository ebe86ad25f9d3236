#!/usr/bin/env python3
"""Makes the models of the benchmark: make_models.py FOLDER. The shapes are those of published
models, in full size; the weights are random, seeded by the name of the model."""

import pathlib
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the source folders
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'data'))

import torch
import torch.nn as nn
import torch.nn.functional as F

from block_models import BLOCKS
from families import demucs, hifigan, seanet
from families.model import energise


class TcnBlock(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.left = 2 * dilation
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation)
        self.act = nn.PReLU(channels)

    def forward(self, x):
        return x + self.act(self.conv(F.pad(x, (self.left, 0))))


def tcn(channels=32, blocks=8):
    return nn.Sequential(nn.Conv1d(1, channels, 1),
                         *[TcnBlock(channels, 2 ** i) for i in range(blocks)],
                         nn.Conv1d(channels, 1, 1))


class WaveNetLayer(nn.Module):
    def __init__(self, channels, kernel, dilation):
        super().__init__()
        self.left = (kernel - 1) * dilation
        self.conv = nn.Conv1d(channels, channels, kernel, dilation=dilation)
        self.condition = nn.Conv1d(1, channels, 1, bias=False)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x, signal, head):
        z = torch.tanh(self.conv(F.pad(x, (self.left, 0))) + self.condition(signal))
        return x + self.mix(z), head + z


class WaveNetArray(nn.Module):
    def __init__(self, c_in, channels, c_head, kernel, dilations, head_bias):
        super().__init__()
        self.first = nn.Conv1d(c_in, channels, 1, bias=False)
        self.layers = nn.ModuleList([WaveNetLayer(channels, kernel, d) for d in dilations])
        self.head = nn.Conv1d(channels, c_head, 1, bias=head_bias)

    def forward(self, x, signal, head):
        x = self.first(x)
        for layer in self.layers:
            x, head = layer(x, signal, head)
        return x, self.head(head)


class AmpWaveNet(nn.Module):
    """The "standard" network of Neural Amp Modeler,
    https://github.com/sdatkinson/neural-amp-modeler: two arrays of ten layers, of 16 and 8
    channels; every layer is conditioned on the input; the second array adds its layers to the head
    output of the first."""

    def __init__(self):
        super().__init__()
        dilations = [2 ** i for i in range(10)]
        self.wide = WaveNetArray(1, 16, 8, 3, dilations, head_bias=False)
        self.narrow = WaveNetArray(16, 8, 1, 3, dilations, head_bias=True)

    def forward(self, signal):
        x, head = self.wide(signal, signal, torch.zeros_like(signal))
        x, head = self.narrow(x, signal, head)
        return 0.02 * head


class LstmDenoiser(nn.Module):
    """Frames of a learnt basis, masked by an LSTM (Luo and Mesgarani,
    https://arxiv.org/abs/1711.00541), causal."""

    def __init__(self, hidden=256, layers=2, hop=160):
        super().__init__()
        self.left = hop
        self.encode = nn.Conv1d(1, hidden, 2 * hop, stride=hop, bias=False)
        self.lstm = nn.LSTM(hidden, hidden, layers, batch_first=True)
        self.mask = nn.Linear(hidden, hidden)
        self.decode = nn.ConvTranspose1d(hidden, 1, 2 * hop, stride=hop, bias=False)

    def forward(self, x):
        z = F.relu(self.encode(F.pad(x, (self.left, 0))))
        y, _ = self.lstm(z.transpose(1, 2))
        y = self.decode(z * torch.sigmoid(self.mask(y)).transpose(1, 2))
        return y[:, :, self.left:]


# model_cases() in tests/bench/model.cpp has their rates and channels.
MODELS = {
    'seanet': lambda: seanet.encoder(n_filters=32, dimension=128, ratios=(2, 4, 5, 8), causal=True,
                                     pad_mode='constant'),
    'tcn': tcn,
    'wavenet': AmpWaveNet,
    # V2 of the paper, with the upsampling of frames of 10 ms at 24 kHz.
    'hifigan': lambda: hifigan.ScriptableGenerator(
        hifigan.ResBlock1, mels=80, channels=128, rates=(5, 4, 4, 3), kernels=(11, 8, 8, 7),
        fields=(3, 7, 11)),
    'demucs': lambda: demucs.Demucs(hidden=64, depth=5, growth=2, resample=2),
    'denoiser': LstmDenoiser,
}


def make_model(path, build):
    torch.manual_seed(sum(map(ord, path.stem)))
    module = build().eval()
    energise(module)
    torch.jit.script(module).save(str(path))


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        for name, build in MODELS.items():
            make_model(folder / f'{name}.pt', build)
        for name in ('vad', 'stateful_amp', 'amp', 'autoencoder', 'explicit'):
            make_model(folder / f'block_{name}.pt', BLOCKS[name])
    folder.touch()  # the build compares its modification time with that of the sources


if __name__ == '__main__':
    main(sys.argv[1])
