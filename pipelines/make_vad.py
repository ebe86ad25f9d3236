#!/usr/bin/python3
"""Creates the model of speech_segments.sh, a voice activity detector called block by block.

    make_vad.py MODEL.pt

It is called as Silero VAD is: 512 frames at 16 kHz, or 256 at 8 kHz, with the sample rate, give the
probability of speech; reset_states() starts a new signal. Instead of a trained network it compares
the level in the band of speech with the level of the background, which it follows.
"""

import math
import sys
import warnings

import torch
import torch.nn as nn

TAPS = 65
PERIODS = (5, 9, 16, 29)  # in frames, of the centres of the bands


class Vad(nn.Module):
    def __init__(self):
        super().__init__()
        n = torch.arange(TAPS) - (TAPS - 1) / 2
        bands = [torch.cos(2 * math.pi * n / period) * torch.hann_window(TAPS, False) / TAPS
                 for period in PERIODS]
        self.bands = nn.Parameter(torch.stack(bands).unsqueeze(1))
        self.background = torch.full([1, 1], -6.0)
        self.speech = torch.zeros(1, 1)

    @torch.jit.export
    def reset_states(self):
        self.background = torch.full([1, 1], -6.0)
        self.speech = torch.zeros(1, 1)

    def forward(self, x, sr: int):
        if x.shape[-1] != (512 if sr == 16000 else 256):
            raise ValueError('takes 512 frames at 16000 Hz and 256 frames at 8000 Hz')
        banded = torch.conv1d(x.unsqueeze(1), self.bands)
        level = torch.log10(banded.square().mean([1, 2]) + 1e-8).unsqueeze(1)
        self.background = torch.minimum(level, self.background + 0.005)
        now = torch.sigmoid(4 * (level - self.background - 1))
        self.speech = 0.7 * self.speech + 0.3 * now
        return self.speech


if __name__ == '__main__':
    # Python 3.14 is newer than the language of TorchScript.
    warnings.filterwarnings('ignore', '.*torch.jit.script', FutureWarning)
    torch.jit.script(Vad().eval()).save(sys.argv[1])
