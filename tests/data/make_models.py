"""Makes the TorchScript files that the tests stream: random seeded weights, small nets.

    make_models.py FOLDER

The basic models below become NAME.script.pt and NAME.trace.pt, with NAME.in.f32 and NAME.out.f32
beside them: interleaved float32 frames of a signal and of the offline module's output for it, which
is computed in float64; NAME.error.f32 is the largest error of the same module in float32. The models
of families/ become families/NAME.script.pt and families/NAME.trace.pt. Models that must be
refused become refused_NAME.script.pt or refused_NAME.trace.pt. Models that are called block by block become
blocks/NAME.pt. Files of other kinds go to others/.

Two tables list the files for the tests:
    models.txt   file, channels, rank of the input (3: [B, C, T], 2: [C, T], 1: [T]), dtype, family
    refused.txt  file, then the parts that the message of the refusal must contain
"""

import copy
import pathlib
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the source folders

import torch
import torch.nn as nn

from basic_models import (Blocks, Causal, CropToShorter, Heavy, InPlace, Lists, Multiple,
                          Multiples, OnItsDevice, Outputs, Quad, Recurrent, Residual, Same, Shapes, ShortJoin,
                          ShortPad, ShortRamp, Slices, Speech, StridedSkip, Unbatched)
from block_models import BLOCKS
from families import FAMILIES
from families.model import Model, energise, randomise
from loop_models import make_loops
from other_files import make_others
from refused_models import REFUSED, TRACED
from state_models import STATES


GOOD = {
    'gain2': (lambda: nn.Conv1d(2, 2, 1), 2),
    'same3': (lambda: nn.Conv1d(1, 1, 3, padding=1), 1),
    'quad': (lambda: Quad(0x33), 1),  # front left and right, rear left and right
    'front4': (lambda: Quad(0x0f), 1),
    'nowhere': (lambda: Quad(0xf << 40), 1),  # bits without a channel position
    'down2': (lambda: nn.Conv1d(1, 1, 4, stride=2, padding=1), 1),
    'up3': (lambda: nn.ConvTranspose1d(1, 2, 3, stride=3), 1),
    'pointwise': (lambda: nn.Sequential(nn.Tanh(), nn.Hardtanh(-0.5, 0.5)), 2),
    'stack': (lambda: nn.Sequential(
        nn.Conv1d(2, 8, 7, stride=3, padding=2, bias=False), nn.BatchNorm1d(8), nn.GELU(),
        nn.Conv1d(8, 8, 3, groups=4, dilation=2, padding=2), nn.PReLU(8),
        nn.ConvTranspose1d(8, 4, 5, stride=2, padding=1, output_padding=1), nn.SiLU(),
        nn.Dropout(0.3), nn.Conv1d(4, 2, 1)), 2),
    'stride_beyond_kernel': (lambda: nn.Sequential(
        nn.Conv1d(1, 2, 2, stride=5), nn.Softplus(), nn.ConvTranspose1d(2, 1, 2, stride=5)), 1),
    'out_padding': (lambda: nn.ConvTranspose1d(2, 2, 3, stride=4, padding=0, output_padding=3), 2),
    'out_padding_over': (
        lambda: nn.ConvTranspose1d(2, 2, 5, stride=4, padding=1, output_padding=3, dilation=2), 2),
    'transposed_groups': (
        lambda: nn.ConvTranspose1d(4, 6, 4, stride=3, padding=2, groups=2, dilation=2), 4),
    'same_even': (lambda: Same(4, 3), 2),
    'max_pools': (lambda: nn.Sequential(
        nn.MaxPool1d(3, 2, padding=1), nn.MaxPool1d(2, 3, ceil_mode=True),
        nn.MaxPool1d(3, 1, dilation=2)), 2),
    'avg_pools': (lambda: nn.Sequential(
        nn.AvgPool1d(4, 2, padding=2), nn.AvgPool1d(3, padding=1, count_include_pad=False),
        nn.AvgPool1d(3, 2, ceil_mode=True)), 2),
    'avg_ceil_pad': (lambda: nn.AvgPool1d(5, 3, padding=2, ceil_mode=True), 1),
    'avg_ceil_real': (
        lambda: nn.AvgPool1d(5, 3, padding=2, ceil_mode=True, count_include_pad=False), 1),
    'constant_pad': (lambda: nn.Sequential(
        nn.ConstantPad1d((3, 1), 0.25), nn.Conv1d(2, 2, 4), nn.ZeroPad2d((-1, 2, 0, 0)),
        nn.Conv1d(2, 2, 3)), 2),
    'residual': (lambda: nn.Sequential(Residual(3, 3, 1), Residual(3, 5, 4)), 3),
    'causal': (lambda: nn.Sequential(Causal(2, 3, 1), Causal(2, 2, 4), Causal(2, 3, 8)), 2),
    'crop': (lambda: CropToShorter(), 2),
    'blocks': (lambda: Blocks(), 1),
    'in_place': (lambda: InPlace(), 1),
    'unbatched': (lambda: Unbatched(), 2),
    'on_its_device': (lambda: OnItsDevice(), 2),
    'lists': (lambda: Lists(), 2),
    'shapes': (lambda: Shapes(), 4),
    'recurrent': (lambda: Recurrent(), 3),
    'slices': (lambda: Slices(), 1),
    'strided_skip': (lambda: StridedSkip(), 2),
    'multiple': (lambda: Multiple(), 1),
    'in_place_first': (lambda: nn.Sequential(
        nn.Hardtanh(inplace=True), nn.Conv1d(1, 1, 3, padding=1)), 1),
    'norm_only': (lambda: nn.BatchNorm1d(7, affine=False), 7),
    'reflected': (lambda: nn.Sequential(
        nn.Conv1d(2, 2, 5, padding=2, padding_mode='reflect'), nn.ReflectionPad1d((3, 1)),
        nn.Conv1d(2, 2, 3, padding=1, padding_mode='replicate'), nn.ReplicationPad1d(2)), 2),
    'negative_pad': (lambda: nn.Sequential(
        nn.ConstantPad1d((2, -5), 0.5), nn.Conv1d(1, 1, 2)), 1),
    'upsampled': (lambda: nn.Sequential(nn.Upsample(scale_factor=3), nn.Conv1d(1, 2, 4)), 1),
}


# Models whose weights follow a formula, from which a test computes the output independently.
KNOWN = {
    'known_mix': lambda: nn.Sequential(nn.Conv1d(2, 3, 1)),
    'known_ahead': lambda: nn.Sequential(nn.Conv1d(1, 1, 33, padding=16)),
    'known_near': lambda: nn.Sequential(nn.Conv1d(1, 1, 5, padding=2)),
    'known_late': lambda: nn.Sequential(nn.Conv1d(1, 1, 1000)),
    'known_up': lambda: nn.Sequential(nn.ConvTranspose1d(1, 1, 5, stride=3, padding=1)),
    'known_down': lambda: nn.Sequential(nn.Conv1d(2, 2, 6, stride=4, padding=1)),
    'known_rational': lambda: nn.Sequential(nn.ConvTranspose1d(1, 3, 5, stride=3, padding=1),
                                            nn.Conv1d(3, 2, 8, stride=2, padding=3)),
    'known_smooth': lambda: nn.Sequential(nn.ConvTranspose1d(1, 2, 9, stride=3, padding=3),
                                          nn.Conv1d(2, 2, 16, stride=2, padding=7)),
}


# A trace would keep a length that Python computed.
SCRIPT_ONLY = ['multiple']


def save_frames(path, signal):
    """`signal`: [1, C, T] or [C, T]; saved frame by frame."""
    path.write_bytes(signal.reshape(-1, signal.shape[-1]).t().contiguous().numpy().tobytes())


def make_good(folder, name, build, channels):
    torch.manual_seed(sum(map(ord, name)))
    module = build().eval()
    randomise(module)
    shape = (channels, 1201) if name == 'unbatched' else (1, channels, 1201)
    signal = torch.rand(shape) * 2 - 1
    torch.jit.script(module).save(str(folder / f'{name}.script.pt'))
    if name not in SCRIPT_ONLY:
        torch.jit.trace(module, signal).save(str(folder / f'{name}.trace.pt'))
    save_frames(folder / f'{name}.in.f32', signal)
    exact = copy.deepcopy(module).double()(signal.double())
    save_frames(folder / f'{name}.out.f32', exact.float())
    own_error = (module(signal.clone()) - exact).abs().max()
    save_frames(folder / f'{name}.error.f32', own_error.float().reshape(1, 1))


def make_known(folder, name, build):
    module = build().eval()
    for layer in module:
        weight = layer.weight.data
        if isinstance(layer, nn.ConvTranspose1d):
            weight = weight.transpose(0, 1)
        o, i, k = (torch.arange(n) for n in weight.shape)
        weight.copy_(((3 * o[:, None, None] + 5 * i[:, None] + 7 * k) % 11 - 5) / 16)
        layer.bias.data.copy_((o + 1) / 32)
    torch.jit.script(module).save(str(folder / f'{name}.script.pt'))


def outputs(value):
    """All tensors of an output: a tensor, or dictionaries and sequences of outputs."""
    if isinstance(value, torch.Tensor):
        return [value]
    values = value.values() if isinstance(value, dict) else value
    return [tensor for part in values for tensor in outputs(part)]


def expect_same(name, module, file, signal):
    """Raises if a file differs from its module, such as a trace that is right for one length."""
    expected, got = outputs(module(signal.clone())), outputs(file(signal.clone()))
    for a, b in zip(expected, got):
        if a.shape != b.shape or (a - b).abs().max() > 1e-5 * a.abs().max():
            raise ValueError(f'{name} differs from its module for {signal.shape[-1]} frames')


def make_family_model(folder, name, model):
    torch.manual_seed(sum(map(ord, name)))
    module = model.build().eval()
    energise(module)
    randomise(module)
    module = module.to(model.dtype)
    signals = [model.signal(n // model.multiple * model.multiple) for n in (601, 450, 777, 1024)]
    files = []
    if model.script:
        files.append((f'{name}.script.pt', torch.jit.script(module)))
    if model.trace:
        with torch.enable_grad():  # otherwise nn.TransformerEncoderLayer is one fused operator
            trace = torch.jit.trace(module, signals[0].clone(), check_trace=False, strict=False)
        files.append((f'{name}.trace.pt', trace))
    for file, made in files:
        for signal in signals[1:]:
            expect_same(file, module, made, signal)
        made.save(str(folder / file))
    return [file for file, _ in files]


def make_refused(folder, name, build):
    torch.manual_seed(1)
    module = build()
    if name in TRACED:
        file, made = f'refused_{name}.trace.pt', torch.jit.trace(module, torch.rand(1, 1, 1201))
    else:
        file, made = f'refused_{name}.script.pt', torch.jit.script(module)
    made.save(str(folder / file))
    return file


def make_blocks(folder):
    folder.mkdir(exist_ok=True)
    for name, build in {**BLOCKS, **STATES}.items():
        torch.manual_seed(sum(map(ord, name)))
        module = build().eval()
        energise(module)
        torch.jit.script(module).save(str(folder / f'{name}.pt'))


def write_table(path, rows):
    path.write_text(''.join('\t'.join(map(str, row)) + '\n' for row in rows))


def row(file, model, family):
    return file, model.channels, model.rank, str(model.dtype).replace('torch.', ''), family


def make_basic(folder):
    rows = []
    for name, (build, channels) in GOOD.items():
        make_good(folder, name, build, channels)
        model = Model(build, channels, rank=2 if name == 'unbatched' else 3)
        for kind in ['script'] if name in SCRIPT_ONLY else ['script', 'trace']:
            rows.append(row(f'{name}.{kind}.pt', model, 'basic'))
    for name, module in {'short_ramp': ShortRamp(), 'short_pad_to_60': ShortPad(),
                         'short_join': ShortJoin(), 'outputs': Outputs(), 'heavy': Heavy(),
                         'multiples': Multiples(),
                         'heavy2': Heavy(2),
                         'double': nn.Conv1d(2, 3, 4).double()}.items():
        torch.jit.script(module.eval()).save(str(folder / f'{name}.script.pt'))
    rows.append(row('double.script.pt', Model(nn.Conv1d, 2, dtype=torch.float64), 'basic'))
    torch.jit.script(REFUSED['GroupNorm'][0]()).save(str(folder / 'refused.script.pt'))
    return rows


def main(folder):
    folder = pathlib.Path(folder)
    (folder / 'families').mkdir(parents=True, exist_ok=True)
    # The optimiser of libtorch 2 fails for complex numbers.
    with torch.no_grad(), torch.jit.optimized_execution(False):
        make_others(folder / 'others')  # first: optimize_for_mobile() changes the types of modules
        rows = make_basic(folder)
        make_blocks(folder / 'blocks')
        for name, build in KNOWN.items():
            make_known(folder, name, build)
        # A model whose output rate is not an integer for most input rates.
        (folder / 'fractional').mkdir(exist_ok=True)
        make_good(folder / 'fractional', 'speech', Speech, 1)
        make_loops(folder, save_frames)
        for family, models in FAMILIES.items():
            for name, model in models.items():
                for file in make_family_model(folder / 'families', name, model):
                    rows.append(row(f'families/{file}', model, family))
        write_table(folder / 'models.txt', rows)
        refusals = [(make_refused(folder, name, build), *parts)
                    for name, (build, parts) in REFUSED.items()]
        write_table(folder / 'refused.txt', refusals)


if __name__ == '__main__':
    main(sys.argv[1])
