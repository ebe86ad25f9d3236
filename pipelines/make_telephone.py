#!/usr/bin/python3
"""Creates the model of the speech pipeline, which simulates a telephone line.

    make_telephone.py MODEL.pt

The network has computed weights for 16 kHz mono: a band-pass of 300 to 3400 Hz, a soft limiter, and
the same band-pass. The output is as long as the input and has no energy outside the band.
"""

import math
import sys
import warnings

import torch
import torch.nn as nn

SAMPLE_RATE_HZ = 16000
BAND_HZ = (300, 3400)
TAPS = 511


def low_pass(cutoff_hz):
    """Returns a windowed sinc (Blackman), `[TAPS]`."""
    n = torch.arange(TAPS, dtype=torch.float64) - (TAPS - 1) / 2
    ratio = 2 * cutoff_hz / SAMPLE_RATE_HZ
    return ratio * torch.sinc(ratio * n) * torch.blackman_window(TAPS, False, dtype=torch.float64)


class Telephone(nn.Module):
    def __init__(self, drive: float = 4.0):
        super().__init__()
        self.drive = drive
        self.line_in = nn.Conv1d(1, 1, TAPS, padding=TAPS // 2, bias=False)
        self.line_out = nn.Conv1d(1, 1, TAPS, padding=TAPS // 2, bias=False)
        band = (low_pass(BAND_HZ[1]) - low_pass(BAND_HZ[0])).float().view(1, 1, TAPS)
        for line in (self.line_in, self.line_out):
            line.weight = nn.Parameter(band)

    def forward(self, x):
        return self.line_out(torch.tanh(self.drive * self.line_in(x))) / math.sqrt(self.drive)


if __name__ == '__main__':
    # Python 3.14 is newer than the language of TorchScript.
    warnings.filterwarnings('ignore', '.*torch.jit.script', FutureWarning)
    torch.jit.script(Telephone().eval()).save(sys.argv[1])
