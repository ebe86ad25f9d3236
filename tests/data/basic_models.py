"""Small modules; each tests one feature that a stream must support."""

import torch
import torch.nn as nn
import torch.nn.functional as F


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
    """A left pad before a convolution, and a padded convolution that is cropped: equal lengths."""

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
    """A skip connection that is cropped to the length of an unpadded branch."""

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
    """Creates tensors on the device of the signal."""

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
    """Transposes, splits, joins and normalises channels; the time axis is kept."""

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
    """Pads to a multiple of 8 and crops to the input's length, as U-Nets do."""

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
    """Operands of equal length unless the signal is shorter than 20 frames."""

    def forward(self, x):
        return self.conv(x) + F.pad(x, (0, max(0, 20 - x.shape[-1])))[:, :, :max(x.shape[-1], 20)]


class StridedSkip(nn.Module):
    """Without its padding, the convolution is half a frame off the skip connection."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3, stride=2, padding=1)

    def forward(self, x):
        return self.conv(x) + x[:, :, ::2]


class Outputs(nn.Module):
    """Several outputs; the last one needs the whole signal."""

    def __init__(self):
        super().__init__()
        self.twice = nn.Conv1d(1, 1, 1, bias=False)
        nn.init.constant_(self.twice.weight, 2)

    def forward(self, x):
        y = self.twice(x)
        pairs = F.avg_pool1d(y, 2)
        return y, (pairs, torch.cat([y, -y], 1)), y - y.mean(-1, keepdim=True)


class Multiples(nn.Module):
    """Takes multiples of 8 frames only, as U-Nets without padding: subtracts the mean of 8 frames."""

    def forward(self, x):
        return x - F.interpolate(F.avg_pool1d(x, 8), scale_factor=8.0)


class Heavy(nn.Module):
    """Many weights and a small state."""

    def __init__(self, channels=1):
        super().__init__()
        self.lstm = nn.LSTM(channels, 1430, batch_first=True)
        self.last = nn.Linear(1430, 1)

    def forward(self, x):
        return self.last(self.lstm(x.transpose(1, 2))[0]).transpose(1, 2)


class Speech(nn.Module):
    """A probability and a loudness per window of 480 frames, with a hop of 160 frames."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(1, 4, 480, stride=160, padding=160), nn.ReLU(),
                                 nn.Conv1d(4, 2, 1), nn.Sigmoid())

    def forward(self, x):
        return self.net(x)


class Quad(nn.Module):
    """Has a channel mask for its output."""

    def __init__(self, mask):
        super().__init__()
        self.channel_mask = mask
        self.net = nn.Conv1d(1, 4, 1)

    def forward(self, x):
        return self.net(x)
