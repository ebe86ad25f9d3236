"""The loops in which users call models block by block, and more models for the tests of tsmodel.

A loop, written as its user writes it, gives the reference of a model of block_models.py, or of Knob:
loops/NAME.out.f32 for the signal loops/signal.f32, and loops/NAME.gap.f32 for the same signal with
silence from frame GAP[0] to frame GAP[1]. All are interleaved float32 frames. The other models below
become loops/NAME.pt and need no blocks.
"""

import json
from typing import Dict

import torch
import torch.nn as nn

FRAMES = 9000
GAP = (700, 740)


class Knob(nn.Module):
    """A gain, and the mean of the previous block as a state."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.before = torch.zeros(1, 1, 1)

    def forward(self, x, gain: float, invert: bool = False):
        y = gain * self.weight * x + self.before
        self.before = x.mean(-1, keepdim=True)
        return -y if invert else y


class PlannedKnob(nn.Module):
    """The same gain without a state: streams without blocks."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x, gain: float):
        return gain * self.weight * x


class Rated(nn.Module):
    """Has a sample rate, and streams without blocks."""

    def __init__(self, sample_rate: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.sample_rate = sample_rate

    def forward(self, x):
        return 2 * self.weight * x


class RateArgument(nn.Module):
    """Computes with the rate of the audio, and streams without blocks."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x, sample_rate: int):
        return x * self.weight * (sample_rate / 8000)


class Named(nn.Module):
    """A dictionary of outputs, planned as a stream."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x) -> Dict[str, torch.Tensor]:
        return {'audio': x * self.weight, 'inverse': -x}


def windows(signal, window, hop):
    """The windows of `signal` `[1, 1, T]`, the last one filled with zeros, and their new frames."""
    frames = signal.shape[-1]
    start, begin = 0, 0
    while begin < frames:
        part = signal[:, :, start:start + window]
        padded = torch.nn.functional.pad(part, (0, window - part.shape[-1]))
        yield padded, min(frames - begin, hop)
        begin = start + window
        start += hop


def outputs(call, signal, window, hop, frames_per_call):
    """Joins the outputs `[C, K]` of all calls; those of the last one are cut in proportion."""
    return torch.cat([call(x)[:, :-(-new * frames_per_call // hop)]
                      for x, new in windows(signal, window, hop)], 1)


def vad(model, signal):
    model.reset_states()
    return outputs(lambda x: model(x[0], 16000), signal, 512, 512, 1)


def explicit(model, signal):
    state = None
    made = []
    for x, new in windows(signal, 100, 100):
        y, state = model(x, state)
        made.append(y[0, :, :new])
    return torch.cat(made, 1)


def context(model, signal):
    context = torch.zeros(1, 1, 8)
    made = []
    for x, new in windows(signal, 128, 128):
        y, context = model(x, 0.5, context)
        made.append(y[0, :, :new])
    return torch.cat(made, 1)


def with_gain(model, signal):
    model.set_gain(3.0)
    return outputs(lambda x: model.encode(x)[0], signal, 64, 64, 4)


# File, and the loop over a signal `[1, 1, T]`.
LOOPS = {
    'vad': ('blocks/vad', vad),
    'knob': ('loops/knob', lambda m, s: outputs(lambda x: m(x, 0.5)[0], s, 100, 100, 100)),
    'codec': ('blocks/autoencoder', lambda m, s: outputs(lambda x: m(x)[0], s, 64, 64, 64)),
    'encode': ('blocks/autoencoder', lambda m, s: outputs(lambda x: m.encode(x)[0], s, 64, 64, 4)),
    'encode_gain': ('blocks/autoencoder', with_gain),
    'rms': ('blocks/autoencoder', lambda m, s: outputs(lambda x: m.rms(x)[0], s, 64, 64, 1)),
    'guitar': ('blocks/amp', lambda m, s: outputs(m, s, 150, 1, 1)),
    'recurrent': ('blocks/stateful_amp', lambda m, s: outputs(
        lambda x: m(x.permute(2, 0, 1))[:, 0].t(), s, 128, 128, 128)),
    'explicit': ('blocks/explicit', explicit),
    'context': ('blocks/explicit_tensors', context),
    'level': ('blocks/knobs', lambda m, s: outputs(
        lambda x: m(x, torch.tensor([0.5]), 0)[1].view(1, 1), s, 200, 200, 1)),
    'keyword': ('blocks/keyword_score', lambda m, s: outputs(
        lambda x: torch.tensor([[m(x[0])]]), s, 8000, 400, 1)),
    'classifier': ('blocks/classifier', lambda m, s: outputs(
        lambda x: m(x[0]).t(), s, 4000, 500, 1)),
    'spectrum': ('blocks/spectrum', lambda m, s: outputs(lambda x: m(x).t(), s, 300, 100, 1)),
}
MODELS = {
    'knob': Knob,
    'planned_knob': PlannedKnob,
    'rated16000': lambda: Rated(16000),
    'rated24000': lambda: Rated(24000),
    'rate_argument': RateArgument,
    'named': Named,
}


def make_loops(folder, save_frames):
    (folder / 'loops').mkdir(exist_ok=True)
    for name, build in MODELS.items():
        torch.jit.script(build()).save(str(folder / 'loops' / f'{name}.pt'))
    torch.manual_seed(1)
    signal = torch.rand(1, 1, FRAMES) * 2 - 1
    with_gap = signal.clone()
    with_gap[:, :, GAP[0]:GAP[1]] = 0
    save_frames(folder / 'loops/signal.f32', signal)
    for name, (file, loop) in LOOPS.items():
        for kind, x in (('out', signal), ('gap', with_gap)):
            model = torch.jit.load(str(folder / f'{file}.pt'))
            save_frames(folder / 'loops' / f'{name}.{kind}.f32', loop(model, x))
    vad = torch.jit.load(str(folder / 'blocks/vad.pt'))
    for rate_hz in (8000, 16000):
        save_frames(folder / 'loops' / f'vad.own{rate_hz}.f32', vad.audio_forward(signal[0], rate_hz))
    settings = {'sample_rate': 16000, 'window': 512, 'name': 'Voice activity detector'}
    torch.jit.save(torch.jit.load(str(folder / 'blocks/vad.pt')),
                   str(folder / 'loops/vad_with_settings.pt'),
                   _extra_files={'torchstreamer.json': json.dumps(settings)})
