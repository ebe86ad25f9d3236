"""Makes the TorchScript files that the tests stream: random seeded weights, small nets.

    make_models.py FOLDER

The basic models below become NAME.script.pt and NAME.trace.pt, with NAME.in.f32 and NAME.out.f32
beside them: interleaved float32 frames of a signal and of the offline module's output for it. The
models of families/ become families/NAME.script.pt and families/NAME.trace.pt. Models that must be
refused become refused_NAME.script.pt or refused_NAME.trace.pt.

Two tables tell the tests what there is:
    models.txt   file, channels, rank of the input (3: [B, C, T], 2: [C, T], 1: [T]), dtype, family
    refused.txt  file, then the parts that the message of the refusal must contain
"""

import pathlib
import sys

sys.dont_write_bytecode = True  # nothing is written beside the sources

import torch
import torch.nn as nn
import torch.nn.functional as F

from families import FAMILIES
from families.model import Model, energise, randomise
from refused_models import REFUSED, TRACED


class Residual(nn.Module):
    def __init__(self, channels, kernel, dilation):
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, kernel, dilation=dilation,
                              padding=dilation * (kernel - 1) // 2)
        self.norm = nn.BatchNorm1d(channels)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        return x + self.mix(F.leaky_relu(self.norm(self.conv(x)), 0.1))


class Causal(nn.Module):
    """A left pad and a convolution; a padded convolution and a chomp; they must agree in length."""

    def __init__(self, channels, kernel, dilation):
        super().__init__()
        self.left = dilation * (kernel - 1)
        self.padded = nn.Conv1d(channels, channels, kernel, dilation=dilation)
        self.chomped = nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=self.left)

    def forward(self, x):
        a = torch.relu(self.padded(F.pad(x, (self.left, 0))))
        b = self.chomped(x)[:, :, :-self.left]
        return torch.tanh(a) + torch.sigmoid(b) + x


class CropToShorter(nn.Module):
    """A skip cropped to the length of an unpadded branch."""

    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(nn.Conv1d(2, 4, 5), nn.ELU(), nn.Conv1d(4, 2, 4, dilation=2))

    def forward(self, x):
        y = self.branch(x)
        start = (x.shape[-1] - y.shape[-1]) // 2
        return y + x[..., start:start + y.shape[-1]]


class Blocks(nn.Module):
    """A loop over a ModuleList, with helper methods and branches on constants."""

    def __init__(self):
        super().__init__()
        self.depth = 3
        self.blocks = nn.ModuleList([Residual(4, 3, 2 ** i) for i in range(self.depth)])
        self.first = nn.Conv1d(1, 4, 1)
        self.last = nn.Conv1d(4, 1, 1)

    def scaled(self, x, k: int):
        return x * (0.5 if k > 1 else 1.0)

    def forward(self, x):
        if x.dim() != 3:
            raise ValueError('expected [B, C, T]')
        x = self.first(x)
        k = 0
        for block in self.blocks:
            x = self.scaled(block(x), k)
            k += 1
        return self.last(x)


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(1, 3, 3, padding=1), nn.ReLU(inplace=True),
                                 nn.Conv1d(3, 1, 3, padding=1))

    def forward(self, x):
        y = self.net(x)
        y += x
        y.mul_(0.5)
        return y


class Same(nn.Module):
    """padding='same' with an even kernel pads unevenly."""

    def __init__(self, kernel, dilation):
        super().__init__()
        self.conv = nn.Conv1d(2, 3, kernel, dilation=dilation, padding='same')

    def forward(self, x):
        return self.conv(x)


class Unbatched(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, 2, 3) / 3)

    def forward(self, x):
        if x.dim() != 2:
            raise ValueError('expected [C, T]')
        return F.conv1d(x, self.weight, padding=1)


class OnItsDevice(nn.Module):
    """Makes tensors where the signal is."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3)

    def forward(self, x):
        ramp = torch.arange(2, device=x.device).to(x.dtype)
        return self.conv(x) * (ramp + torch.full((2,), 0.5, device=x.device)).unsqueeze(1)


class Lists(nn.Module):
    """Lists that are appended to, popped from and reversed."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv1d(2, 2, 3, padding=1) for _ in range(3)])

    def forward(self, x):
        gains = [0.5, 0.25, 2.0]
        gains.reverse()
        outs = [x]
        for conv in self.convs:
            outs.append(conv(outs[-1]) * gains.pop())
        first = outs.pop(0)
        outs.extend([first, x])
        return outs[0] + outs[1] - outs[2] + outs.pop()


class Shapes(nn.Module):
    """Channels moved, split, joined and normalised; time stays time."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 6)
        self.norm = nn.LayerNorm(6)

    def forward(self, x):
        y = self.norm(self.linear(x.transpose(1, 2))).transpose(1, 2)
        a, b = y.chunk(2, dim=1)
        z = torch.cat([torch.softmax(a, 1), b, x[:, 1:2]], dim=1)
        return z.view(z.shape[0], z.shape[1], z.shape[2]).narrow(2, 1, z.shape[2] - 3)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 5, num_layers=2, batch_first=True)
        self.gru = nn.GRU(5, 3)

    def forward(self, x):
        y, _ = self.lstm(x.transpose(1, 2))
        z, _ = self.gru(y.transpose(0, 1))
        return z.permute(1, 2, 0) + torch.cumsum(x, -1) * 0.01


class Slices(nn.Module):
    def forward(self, x):
        return x[:, :, 3:-2:2] * 2


class Multiple(nn.Module):
    """Padded to a multiple of 8 and cropped to length, as U-Nets do."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv1d(1, 4, 8, stride=4)
        self.up = nn.ConvTranspose1d(4, 1, 8, stride=4)

    def forward(self, x):
        length = x.shape[-1]
        y = F.pad(x, (4, 4 + (-length) % 8))
        return self.up(self.down(y))[..., 4:4 + length] + x


class ShortRamp(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x):
        return self.conv(x) * (min(x.shape[-1], 30) / 30)


class ShortPad(ShortRamp):
    def forward(self, x):
        return self.conv(F.pad(x, (0, max(0, 60 - x.shape[-1]))))


class ShortJoin(ShortRamp):
    """Operands of equal length, but for signals of fewer than 20 frames."""

    def forward(self, x):
        return self.conv(x) + F.pad(x, (0, max(0, 20 - x.shape[-1])))[:, :, :max(x.shape[-1], 20)]


class StridedSkip(nn.Module):
    """Without its padding, the convolution lies half a frame beside the skip."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3, stride=2, padding=1)

    def forward(self, x):
        return self.conv(x) + x[:, :, ::2]


class Outputs(nn.Module):
    """Several outputs, the last of which needs the whole signal."""

    def __init__(self):
        super().__init__()
        self.twice = nn.Conv1d(1, 1, 1, bias=False)
        nn.init.constant_(self.twice.weight, 2)

    def forward(self, x):
        y = self.twice(x)
        pairs = F.avg_pool1d(y, 2)
        return y, (pairs, torch.cat([y, -y], 1)), y - y.mean(-1, keepdim=True)


class Heavy(nn.Module):
    """Many weights and a small state."""

    def __init__(self, channels=1):
        super().__init__()
        self.lstm = nn.LSTM(channels, 1430, batch_first=True)
        self.last = nn.Linear(1430, 1)

    def forward(self, x):
        return self.last(self.lstm(x.transpose(1, 2))[0]).transpose(1, 2)


class Speech(nn.Module):
    """A probability and a loudness for windows of 480 frames, 160 apart."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(1, 4, 480, stride=160, padding=160), nn.ReLU(),
                                 nn.Conv1d(4, 2, 1), nn.Sigmoid())

    def forward(self, x):
        return self.net(x)


class Quad(nn.Module):
    """Says where its channels are heard."""

    def __init__(self, mask):
        super().__init__()
        self.channel_mask = mask
        self.net = nn.Conv1d(1, 4, 1)

    def forward(self, x):
        return self.net(x)


GOOD = {
    'gain2': (lambda: nn.Conv1d(2, 2, 1), 2),
    'same3': (lambda: nn.Conv1d(1, 1, 3, padding=1), 1),
    'quad': (lambda: Quad(0x33), 1),  # front left and right, rear left and right
    'front4': (lambda: Quad(0x0f), 1),
    'nowhere': (lambda: Quad(0xf << 40), 1),  # in bits that mean nothing
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


# Weights that a test knows by their formula, so that it can compute what comes out by itself.
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


# Tracing keeps the length that Python computed with.
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
    save_frames(folder / f'{name}.out.f32', module(signal.clone()))


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
    """The tensors of an output, whatever holds them."""
    if isinstance(value, torch.Tensor):
        return [value]
    values = value.values() if isinstance(value, dict) else value
    return [tensor for part in values for tensor in outputs(part)]


def expect_same(name, module, file, signal):
    """A file that differs from its module is no fixture: a trace that is right for one length."""
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
        with torch.enable_grad():  # without, nn.TransformerEncoderLayer becomes one fused operator
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
        rows = make_basic(folder)
        for name, build in KNOWN.items():
            make_known(folder, name, build)
        # Of a rate that is no whole number for most audio.
        (folder / 'fractional').mkdir(exist_ok=True)
        make_good(folder / 'fractional', 'speech', Speech, 1)
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
