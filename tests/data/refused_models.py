"""Models that cannot be streamed, with required parts of the refusal's message.

REFUSED: name -> (builder, parts of the message). The parts are the operator, the module path in
quotes if there is one, the file of the source, and words of the reason.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = 'refused_models.py:'
WHOLE = 'the whole signal'


class Refused(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3, padding=1)


class Normed(Refused):
    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x):
        return self.norm(self.conv(x))


class LayerNormOverTime(Refused):
    def forward(self, x):
        return F.layer_norm(self.conv(x), x.shape[-1:])


class GlobalLayerNorm(Refused):
    """gLN of Conv-TasNet."""

    def forward(self, x):
        y = self.conv(x)
        mean = y.mean(dim=1, keepdim=True).mean(dim=2, keepdim=True)
        return y - mean


class HugeAllocation(Refused):
    """Allocates more memory than any machine has."""

    def forward(self, x):
        return self.conv(x) + torch.zeros(1 << 46).sum()


class MeanOverTime(Refused):
    def forward(self, x):
        y = self.conv(x)
        return y - y.mean(-1, keepdim=True)


class SumOverAll(Refused):
    def forward(self, x):
        y = self.conv(x)
        return y / y.pow(2).sum()


class StdOverTime(Refused):
    """The normalisation of Demucs."""

    def forward(self, x):
        return self.conv(x / (1e-3 + x.std(dim=-1, keepdim=True)))


class MaxOverTime(Refused):
    def forward(self, x):
        y = self.conv(x)
        return y / y.amax(dim=2, keepdim=True)


class PeakNormalised(Refused):
    def forward(self, x):
        return self.conv(x / x.abs().max())


class SoftmaxOverTime(Refused):
    def forward(self, x):
        y = self.conv(x)
        return torch.softmax(y, dim=-1) * y


class SqueezeExcite(Refused):
    def __init__(self):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool1d(1)
        self.gate = nn.Conv1d(4, 4, 1)

    def forward(self, x):
        y = self.conv(x)
        return y * torch.sigmoid(self.gate(self.pool(y)))


class AdaptiveMaxPool(Refused):
    def __init__(self):
        super().__init__()
        self.pool = nn.AdaptiveMaxPool1d(8)

    def forward(self, x):
        return self.pool(self.conv(x))


class Bidirectional(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn = kind(1, 2, bidirectional=True, batch_first=True)

    def forward(self, x):
        return self.rnn(x.transpose(1, 2))[0].transpose(1, 2)


class FinalState(nn.Module):
    """One vector for the whole signal."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 3, batch_first=True)

    def forward(self, x):
        return self.gru(x.transpose(1, 2))[1].permute(1, 2, 0)


class FullAttention(Refused):
    def forward(self, x):
        y = self.conv(x).transpose(1, 2)
        scores = torch.softmax(torch.matmul(y, y.transpose(1, 2)), dim=-1)
        return torch.matmul(scores, y).transpose(1, 2)


class CausalAttention(Refused):
    """Causal, but its memory would grow with the signal."""

    def forward(self, x):
        y = self.conv(x).transpose(1, 2)
        i = torch.arange(y.shape[1])
        scores = torch.matmul(y, y.transpose(1, 2))
        scores = scores.masked_fill(i[:, None] < i[None, :], float('-inf'))
        return torch.matmul(torch.softmax(scores, dim=-1), y).transpose(1, 2)


class Multihead(nn.Module):
    def __init__(self):
        super().__init__()
        self.mha = nn.MultiheadAttention(4, 2, batch_first=True)
        self.conv = nn.Conv1d(1, 4, 3, padding=1)

    def forward(self, x):
        y = self.conv(x).transpose(1, 2)
        return self.mha(y, y, y)[0].transpose(1, 2)


class Circular(Refused):
    def forward(self, x):
        return self.conv(F.pad(x, (1, 1), mode='circular'))


class CircularConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3, padding=1, padding_mode='circular')

    def forward(self, x):
        return self.conv(x)


class DataBranch(Refused):
    def forward(self, x):
        y = self.conv(x)
        if float(y) > 0.0:
            return y
        return -y


class DataLoop(Refused):
    def forward(self, x):
        y = self.conv(x)
        while bool(y.abs().sum() > 1.0):
            y = y * 0.5
        return y


class SelectedSamples(Refused):
    def forward(self, x):
        return self.conv(x[x > 0][None, None])


class Nonzero(Refused):
    def forward(self, x):
        index = torch.nonzero(x[0, 0])
        return self.conv(x) * index.shape[0]


class LengthFromSamples(Refused):
    def forward(self, x):
        n = int(x.abs().sum())
        return self.conv(x)[..., :n]


class ItemAsFactor(Refused):
    def forward(self, x):
        return self.conv(x) * x[0, 0, 0].item()


class Training(Refused):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.norm(self.conv(x))


class TrainingDropout(Refused):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.2)

    def forward(self, x):
        return self.drop(self.conv(x))


class ActiveDropout(Refused):
    def forward(self, x):
        return F.dropout(self.conv(x), 0.5, training=True)


class Flip(Refused):
    def forward(self, x):
        return self.conv(torch.flip(x, [-1]))


class Roll(Refused):
    def forward(self, x):
        return self.conv(x) + torch.roll(x, 1, dims=-1)


class Fft(Refused):
    def forward(self, x):
        return torch.fft.irfft(torch.fft.rfft(self.conv(x), dim=-1) * 0.5, n=x.shape[-1], dim=-1)


class Sort(Refused):
    def forward(self, x):
        return torch.sort(self.conv(x), dim=-1)[0]


class Argmax(Refused):
    def forward(self, x):
        y = self.conv(x)
        return y * torch.argmax(y, dim=-1, keepdim=True)


class LengthBranch(Refused):
    def forward(self, x):
        y = self.conv(x)
        if x.shape[-1] % 2 == 0:
            return y
        return -y


class LengthAsFactor(Refused):
    def forward(self, x):
        return self.conv(x) / x.shape[-1]


class LengthLoop(Refused):
    """A loop over frames, which cannot be unrolled."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(1, 3)

    def forward(self, x):
        h = torch.zeros(x.shape[0], 3)
        outs = []
        for t in range(x.shape[-1]):
            h = self.cell(x[..., t], h)
            outs.append(h)
        return torch.stack(outs, dim=-1)


class CentredPad(Refused):
    """Pads to a multiple on both sides: the left padding depends on the length of the signal."""

    def forward(self, x):
        missing = (-x.shape[-1]) % 16
        return self.conv(F.pad(x, (missing // 2, missing - missing // 2)))


class SecondHalf(Refused):
    def forward(self, x):
        return self.conv(x)[..., x.shape[-1] // 2:]


class FixedSize(Refused):
    def forward(self, x):
        return F.interpolate(self.conv(x), size=100)


class UnevenSize(Refused):
    def forward(self, x):
        return F.interpolate(self.conv(x), size=2 * x.shape[-1] + 1)


class AlignCorners(Refused):
    def forward(self, x):
        return F.interpolate(self.conv(x), scale_factor=2.0, mode='linear', align_corners=True)


class Mismatch(Refused):
    def forward(self, x):
        return x + self.conv(x)[:, :, 1:]


class Noise(Refused):
    def forward(self, x):
        return self.conv(x) + torch.randn(4, 1)


class NoiseLike(Refused):
    def forward(self, x):
        y = self.conv(x)
        return y + 0.1 * torch.randn_like(y)


class TwoInputs(Refused):
    def forward(self, x, y):
        return self.conv(x) + self.conv(y)


class Image(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        if x.dim() != 4:
            raise ValueError('expected an image of [B, C, H, W]')
        return self.conv(x)


class Indices(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 4)

    def forward(self, x):
        return self.embed(x)


class Raises(Refused):
    def forward(self, x):
        if x.size(-2) < 40:
            raise ValueError(f'expected 40 mel bands, got {x.size(-2)}')
        return self.conv(x)


class RaisesForLengths(Refused):
    def forward(self, x):
        if x.size(-1) != 16000:
            raise ValueError('only clips of one second')
        return self.conv(x)


class Autocast(Refused):
    def forward(self, x):
        with torch.autocast('cpu', dtype=torch.bfloat16):
            return self.conv(x)


class NoChannels(nn.Module):
    def forward(self, x):
        return x[:, 1:1]


class NotTheSignal(Refused):
    def forward(self, x):
        return self.conv.weight * 2


class TracedLength(Refused):
    """The trace keeps the traced length as a constant."""

    def forward(self, x):
        y = self.conv(x)
        return y.reshape(1, 2, 2, int(x.shape[-1])).sum(1)


class TimeInterleaved(Refused):
    """Doubles the rate by assigning to even and odd frames."""

    def forward(self, x):
        y = self.conv(x)
        out = y.new_zeros(y.shape[0], 1, 2 * y.shape[2])
        out[:, :, 0::2] = y[:, 0:1]
        out[:, :, 1::2] = y[:, 1:2]
        return out


def in_eval(build):
    return lambda: build().eval()


REFUSED = {
    # statistics over time
    'GroupNorm': (in_eval(lambda: Normed(nn.GroupNorm(2, 4))),
                  ['aten::group_norm', "'norm'", HERE, 'cumulative']),
    'InstanceNorm': (in_eval(lambda: Normed(nn.InstanceNorm1d(4))),
                     ['aten::instance_norm', "'norm'", HERE, 'cumulative']),
    'BatchStatistics': (in_eval(lambda: Normed(nn.BatchNorm1d(4, track_running_stats=False))),
                        ['aten::batch_norm', "'norm'", HERE]),
    'LayerNormOverTime': (in_eval(LayerNormOverTime), ['aten::layer_norm', HERE, "'normalized_shape'"]),
    'GlobalLayerNorm': (in_eval(GlobalLayerNorm), ['aten::mean', HERE, WHOLE]),
    'HugeAllocation': (in_eval(HugeAllocation), ['memory']),
    'MeanOverTime': (in_eval(MeanOverTime), ['aten::mean', HERE, WHOLE]),
    'SumOverAll': (in_eval(SumOverAll), ['aten::sum', HERE, WHOLE]),
    'StdOverTime': (in_eval(StdOverTime), ['aten::std', HERE, WHOLE]),
    'MaxOverTime': (in_eval(MaxOverTime), ['aten::amax', HERE, WHOLE]),
    'PeakNormalised': (in_eval(PeakNormalised), ['aten::max', HERE, WHOLE]),
    'SoftmaxOverTime': (in_eval(SoftmaxOverTime), ['aten::softmax', HERE]),
    'SqueezeExcite': (in_eval(SqueezeExcite), ['aten::adaptive_avg_pool1d', "'pool'", HERE]),
    'AdaptiveMaxPool': (in_eval(AdaptiveMaxPool), ['aten::adaptive_max_pool1d', "'pool'", HERE]),
    'Bidirectional': (in_eval(lambda: Bidirectional(nn.LSTM)),
                      ['aten::lstm', "'rnn'", HERE, 'bidirectional']),
    'BidirectionalGru': (in_eval(lambda: Bidirectional(nn.GRU)),
                         ['aten::gru', "'rnn'", HERE, 'bidirectional']),
    'FinalState': (in_eval(FinalState), ['aten::gru', "'gru'", HERE, 'end of the signal']),
    'FullAttention': (in_eval(FullAttention), [HERE]),
    'CausalAttention': (in_eval(CausalAttention), [HERE]),
    'Multihead': (in_eval(Multihead), ["'mha'", HERE]),
    # the first outputs depend on the end of the signal
    'Circular': (in_eval(Circular), ['aten::pad', HERE, 'circular']),
    'CircularConv': (in_eval(CircularConv), ['aten::pad', "'conv'", HERE, 'circular']),
    'Flip': (in_eval(Flip), ['aten::flip', HERE]),
    'Roll': (in_eval(Roll), ['aten::roll', HERE]),
    'Fft': (in_eval(Fft), ['aten::fft_', HERE]),
    'Sort': (in_eval(Sort), ['aten::sort', HERE]),
    'Argmax': (in_eval(Argmax), ['aten::argmax', HERE]),
    # control flow or shapes depend on samples
    'DataBranch': (in_eval(DataBranch), [HERE, 'samples of the signal']),
    'DataLoop': (in_eval(DataLoop), [HERE]),
    'SelectedSamples': (in_eval(SelectedSamples), ['aten::index', HERE]),
    'Nonzero': (in_eval(Nonzero), ['aten::nonzero', HERE]),
    'LengthFromSamples': (in_eval(LengthFromSamples), [HERE]),
    'ItemAsFactor': (in_eval(ItemAsFactor), [HERE]),
    # random values
    'Training': (Training, ['aten::batch_norm', "'norm'", HERE, 'eval()']),
    'TrainingDropout': (TrainingDropout, ['aten::dropout', "'drop'", HERE, 'eval()']),
    'ActiveDropout': (in_eval(ActiveDropout), ['aten::dropout', HERE, 'eval()']),
    'Noise': (in_eval(Noise), ['aten::randn', HERE, 'random']),
    'NoiseLike': (in_eval(NoiseLike), ['aten::randn_like', HERE, 'random']),
    # control flow, shapes or values depend on the length
    'Raises': (in_eval(Raises), ['prim::RaiseException', HERE, '"expected 40 mel bands, got 1"']),
    'RaisesForLengths': (in_eval(RaisesForLengths),
                         ['prim::RaiseException', HERE, '"only clips of one second"']),
    'Autocast': (in_eval(Autocast), ['prim::Enter', HERE, 'autocast(enabled=False)']),
    'LengthBranch': (in_eval(LengthBranch), ['prim::If', HERE, 'depends on the length']),
    'LengthAsFactor': (in_eval(LengthAsFactor), ['aten::div', HERE, 'depends on the length']),
    'LengthLoop': (in_eval(LengthLoop), ['prim::Loop', HERE, 'length of the signal']),
    'CentredPad': (in_eval(CentredPad), ['aten::pad', HERE, 'depends on the length']),
    'SecondHalf': (in_eval(SecondHalf), ['aten::slice', HERE, 'depends on the length']),
    'FixedSize': (in_eval(FixedSize), ['aten::upsample_nearest1d', HERE]),
    'UnevenSize': (in_eval(UnevenSize), ['aten::upsample_nearest1d', HERE]),
    'AlignCorners': (in_eval(AlignCorners), ['aten::upsample_linear1d', HERE, 'align_corners']),
    'Mismatch': (in_eval(Mismatch), ['aten::add', HERE, 'differ in length']),
    'TracedLength': (in_eval(TracedLength), ['aten::reshape', HERE, 'a traced model contains', 'script']),
    'TimeInterleaved': (in_eval(TimeInterleaved), ['aten::copy_', HERE, 'torch.stack']),
    # inputs or outputs are not audio
    'TwoInputs': (in_eval(TwoInputs), ["needs a value of its argument 'y'"]),
    'Image': (in_eval(Image), ['[B, C, T]', '[C, T]', '[T]', HERE]),
    'Indices': (in_eval(Indices), ['aten::embedding', '[B, C, T]', '[C, T]', '[T]', HERE]),
    'NoChannels': (in_eval(NoChannels), ['aten::slice', HERE]),
    'NotTheSignal': (in_eval(NotTheSignal), ['not computed from the signal']),
}

# Saved as traces: only a trace has the length as a constant.
TRACED = {'TracedLength'}
