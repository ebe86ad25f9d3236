#!/usr/bin/env python3
"""Expected values of the resampler, computed by torchaudio.

usage: make_resample.py FILE

FILE, little-endian: int32 number of cases; then of each case
  int32   source_hz, target_hz, kaiser (0: Hann), width, double (0: float32), frames_in, frames_out
  float64 rolloff, beta
  float32 or float64 input[frames_in], output[frames_out]
"""

import contextlib
import inspect
import itertools
import math
import struct
import sys

import torch
import torchaudio.functional

RATES_HZ = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000]
COPRIME_HZ = [(16001, 16000), (12345, 54321), (9343, 48000)]
WIDTHS = [6, 16, 64]
BETA = 14.769656459379492

# torchaudio 2 renamed the methods.
IS_OLD = "sinc_interpolation" in str(inspect.signature(torchaudio.functional.resample))
HANN = "sinc_interpolation" if IS_OLD else "sinc_interp_hann"
KAISER = "kaiser_window" if IS_OLD else "sinc_interp_kaiser"


@contextlib.contextmanager
def first_rows(rows):
    """Makes torchaudio build only the first `rows` rows of its kernel: the phases that a signal
    shorter than one period uses. A row is one phase, computed from `arange(0, -phases, -1)`
    independently of other rows; this function shortens that range. The complete kernels of coprime
    rates take gigabytes."""
    arange = torch.arange

    def short_arange(start, end, *step, **options):
        return arange(start, max(end, -rows) if step == (-1,) else end, *step, **options)

    torch.arange = short_arange
    try:
        yield
    finally:
        torch.arange = arange


def convolve_exactly(x, *args):
    """torchaudio's convolution in float64; in float32 the error of its sums is up to 1e-6 and
    depends on the processor."""
    *rates, kernel, width = args
    return convolve(x.double(), *rates, kernel.double(), width).to(x.dtype)


convolve = torchaudio.functional.functional._apply_sinc_resample_kernel
torchaudio.functional.functional._apply_sinc_resample_kernel = convolve_exactly


def resample(x, source_hz, target_hz, kaiser, width, rolloff, beta):
    return torchaudio.functional.resample(
        x, source_hz, target_hz, lowpass_filter_width=width, rolloff=rolloff,
        resampling_method=KAISER if kaiser else HANN, beta=beta)


def resample_short(x, source_hz, target_hz, *options):
    """The same for a signal of less than one period."""
    divisor = math.gcd(source_hz, target_hz)
    orig, new = source_hz // divisor, target_hz // divisor
    if len(x) >= orig:
        return resample(x, source_hz, target_hz, *options)
    with first_rows(math.ceil(new * len(x) / orig)):
        return resample(x, source_hz, target_hz, *options)


def cases():
    """Yields source_hz, target_hz, kaiser, width, dtype, frames, rolloff, beta."""
    pairs = list(itertools.product(RATES_HZ, repeat=2))
    for (source, target), kaiser, width in itertools.product(pairs, (0, 1), WIDTHS):
        yield source, target, kaiser, width, torch.float32, 300 + 1700 * source // 96000, 0.99, BETA
    for (source, target), kaiser in itertools.product(pairs, (0, 1)):
        yield source, target, kaiser, 6, torch.float32, 1, 0.99, BETA
        yield source, target, kaiser, 6, torch.float64, 400, 0.99, BETA
    for (source, target), kaiser, width in itertools.product(COPRIME_HZ, (0, 1), WIDTHS):
        yield source, target, kaiser, width, torch.float32, 700, 0.99, BETA
        yield source, target, kaiser, width, torch.float32, 1, 0.99, BETA
        yield source, target, kaiser, width, torch.float64, 200, 0.99, BETA
    for kaiser, width in itertools.product((0, 1), (64, 1024)):
        yield 44101, 48000, kaiser, width, torch.float32, 300, 0.99, BETA
    for width in (6, 64, 1024, 4096):
        yield 191999, 192000, width > 6, width, torch.float32, 20, 0.99, BETA
    for kaiser in (0, 1):  # more than one period: the whole kernel
        yield 12345, 54321, kaiser, 6, torch.float32, 4300, 0.99, BETA
    rolloffs, betas, widths = (0.5, 0.9475, 1.0), (2.5, 8.555504641634386), (1, 3, 33)
    for rolloff, beta, width in itertools.product(rolloffs, betas, widths):
        yield 44100, 48000, 1, width, torch.float32, 500, rolloff, beta
        yield 48000, 44100, 0, width, torch.float32, 500, rolloff, beta


def main(path):
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(2)
    # In float64: in float32 both differ by rounding errors of the convolution.
    x = torch.rand(600, generator=generator, dtype=torch.float64) * 2 - 1
    whole, short = (f(x, 1601, 1600, 0, 6, 0.99, BETA) for f in (resample, resample_short))
    assert (whole - short).abs().max() < 1e-12, "rows of the kernel depend on each other"

    every_case = list(cases())
    with open(path, "wb") as file:
        file.write(struct.pack("<i", len(every_case)))
        for source, target, kaiser, width, dtype, frames, rolloff, beta in every_case:
            x = torch.rand(frames, generator=generator, dtype=dtype) * 2 - 1
            y = resample_short(x, source, target, kaiser, width, rolloff, beta)
            file.write(struct.pack("<7i2d", source, target, kaiser, width, dtype == torch.float64,
                                   len(x), len(y), rolloff, beta))
            file.write(x.numpy().tobytes() + y.numpy().tobytes())


if __name__ == "__main__":
    main(sys.argv[1])
