"""GRUs and LSTMs over frames: layers, projections, transposes, initial states as arguments."""

from typing import List, Optional, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F

from .model import Model


class Projected(nn.Module):
    """[B, C, T] -> [B, T, C] -> Linear, LSTM, Linear -> [B, C, T]."""

    def __init__(self, channels=2, hidden=6, layers=2):
        super().__init__()
        self.fc_in = nn.Linear(channels, hidden)
        self.lstm = nn.LSTM(hidden, hidden, layers, batch_first=True, dropout=0.2)
        self.fc_out = nn.Linear(hidden, channels)

    def forward(self, x):
        x = x.transpose(1, 2)
        x = torch.tanh(self.fc_in(x))
        x, (h_n, c_n) = self.lstm(x)
        x = self.fc_out(x)
        return x.transpose(1, 2)


class TimeFirst(nn.Module):
    """Time on axis 0, the default of nn.GRU; an explicit initial state."""

    def __init__(self, channels=3, hidden=5, layers=3):
        super().__init__()
        self.layers = layers
        self.hidden = hidden
        self.gru = nn.GRU(channels, hidden, layers, bias=False)
        self.out = nn.Conv1d(hidden, channels, 1)

    def forward(self, x):
        h0 = torch.zeros(self.layers, x.size(0), self.hidden, dtype=x.dtype, device=x.device)
        y, _ = self.gru(x.permute(2, 0, 1), h0)
        return self.out(y.permute(1, 2, 0))


class LearntState(nn.Module):
    def __init__(self, channels=2, hidden=4):
        super().__init__()
        self.h0 = nn.Parameter(torch.randn(1, 1, hidden))
        self.c0 = nn.Parameter(torch.randn(1, 1, hidden))
        self.rnn = nn.LSTM(channels, hidden, batch_first=True)
        self.dense = nn.Linear(hidden, 1)

    def forward(self, x, state: Optional[Tuple[torch.Tensor, torch.Tensor]] = None):
        b = x.shape[0]
        if state is None:
            state = (self.h0.repeat(1, b, 1), self.c0.repeat(1, b, 1))
        out, state = self.rnn(x.transpose(1, 2), state)
        return self.dense(out).transpose(1, 2)


class GuitarAmp(nn.Module):
    """As in Wright et al., https://doi.org/10.3390/app10030766: one LSTM and one dense layer; adds
    the input."""

    def __init__(self, hidden=8):
        super().__init__()
        self.rec = nn.LSTM(1, hidden)
        self.lin = nn.Linear(hidden, 1)

    def forward(self, x):
        x = x.permute(2, 0, 1)
        res = x[:, :, 0:1]
        y, _ = self.rec(x)
        return (self.lin(y) + res).permute(1, 2, 0)


class Grouped(nn.Module):
    """One GRU per group of channels, then a shuffle of the channels."""

    def __init__(self, channels=4, groups=2):
        super().__init__()
        self.groups = groups
        width = channels // groups
        self.grus = nn.ModuleList([nn.GRU(width, width, batch_first=True) for _ in range(groups)])
        self.norm = nn.LayerNorm(channels, eps=1e-2)

    def forward(self, x):
        x = x.transpose(1, 2)
        parts = torch.chunk(x, self.groups, dim=-1)
        outs: List[torch.Tensor] = []
        for i, gru in enumerate(self.grus):
            outs.append(gru(parts[i])[0])
        y = torch.stack(outs, dim=-1).flatten(2)
        return (self.norm(y) + x).transpose(1, 2)


class Strided(nn.Module):
    """A GRU over frames of a strided convolution masks them; a transposed one decodes them."""

    def __init__(self, hidden=6, hop=4):
        super().__init__()
        self.encode = nn.Conv1d(1, hidden, 2 * hop, stride=hop, padding=hop // 2)
        self.gru = nn.GRU(hidden, hidden, num_layers=2, batch_first=True)
        self.proj = nn.Linear(hidden, hidden)
        self.decode = nn.ConvTranspose1d(hidden, 1, 2 * hop, stride=hop, padding=hop // 2)

    def forward(self, x):
        z = F.relu(self.encode(x))
        y, _ = self.gru(z.transpose(1, 2))
        y = torch.sigmoid(self.proj(y)).transpose(1, 2)
        return self.decode(z * y)


class FoldedChannels(nn.Module):
    """Each channel is a signal of the batch, as in sub-band models (FullSubNet,
    https://arxiv.org/abs/2010.15508)."""

    def __init__(self, hidden=4):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x):
        b, c, t = x.shape
        y, _ = self.lstm(x.reshape(b * c, t, 1))
        return self.fc(y).reshape(b, c, t)


class Residuals(nn.Module):
    def __init__(self, channels=4, depth=3):
        super().__init__()
        self.rnns = nn.ModuleList([
            nn.LSTM(channels, 2 * channels, proj_size=channels) for _ in range(depth)])
        self.norms = nn.ModuleList([nn.LayerNorm(channels, eps=1e-2) for _ in range(depth)])

    def forward(self, x):
        h = x.permute(2, 0, 1)
        for rnn, norm in zip(self.rnns, self.norms):
            h = h + rnn(norm(h))[0]
        return h.permute(1, 2, 0)


class Elman(nn.Module):
    """Plain RNNs of both nonlinearities; the second processes the input and the first's output."""

    def __init__(self, channels=2):
        super().__init__()
        self.first = nn.RNN(channels, 4, nonlinearity='tanh', batch_first=True)
        self.second = nn.RNN(4 + channels, channels, nonlinearity='relu', batch_first=True)

    def forward(self, x):
        x = x.transpose(2, 1)
        y = self.first(x)[0]
        z = self.second(torch.cat((y, x), dim=2))[0]
        return z.transpose(1, 2).contiguous()


MODELS = {
    'recurrent_projected': Model(Projected, 2),
    'recurrent_time_first': Model(TimeFirst, 3),
    'recurrent_learnt_state': Model(LearntState, 2),
    'recurrent_amp': Model(GuitarAmp),
    'recurrent_grouped': Model(Grouped, 4),
    'recurrent_strided': Model(Strided),
    'recurrent_folded_channels': Model(FoldedChannels, 3),
    'recurrent_residuals': Model(Residuals, 4),
    'recurrent_elman': Model(Elman, 2),
    'recurrent_double': Model(lambda: Projected(hidden=4), 2, dtype=torch.float64),
}
