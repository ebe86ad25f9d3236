"""Voice activity and other detectors: one value every N samples."""

from typing import Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F

from .model import Model


class StridedVad(nn.Module):
    def __init__(self, hidden=6):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 4, 10, stride=5), nn.ReLU(), nn.Conv1d(4, 6, 8, stride=4), nn.PReLU(),
            nn.Conv1d(6, hidden, 4, stride=2), nn.ReLU())
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        f = self.features(x).transpose(1, 2)
        h, _ = self.lstm(f)
        return torch.sigmoid(4.0 * self.head(h)).transpose(1, 2)


class Silero(nn.Module):
    """A convolution as transform, magnitudes, strided blocks, LSTM, sigmoid; output [B, T']."""

    def __init__(self, n=16, hop=8, hidden=5):
        super().__init__()
        self.hop = hop
        self.register_buffer('basis', torch.randn(n + 2, 1, n) / 4)
        bins = n // 2 + 1
        self.encoder = nn.ModuleList([
            nn.Conv1d(bins, 8, 3, padding=1), nn.Conv1d(8, 6, 3, stride=2, padding=1),
            nn.Conv1d(6, hidden, 3, stride=2, padding=1)])
        self.rnn = nn.LSTM(hidden, hidden, num_layers=2)
        self.decoder = nn.Sequential(nn.PReLU(), nn.Conv1d(hidden, 1, 1))

    def magnitude(self, x):
        y = F.conv1d(F.pad(x, (0, 8), mode='reflect'), self.basis, stride=self.hop)
        cutoff = y.shape[1] // 2
        return torch.sqrt(y[:, :cutoff] ** 2 + y[:, cutoff:] ** 2)

    def forward(self, x):
        x = self.magnitude(x)
        for conv in self.encoder:
            x = torch.relu(conv(x))
        h, _ = self.rnn(x.permute(2, 0, 1))
        return torch.sigmoid(4.0 * self.decoder(h.permute(1, 2, 0))).squeeze(1)


class Energy(nn.Module):
    """Log energies of frames of 40 samples; drops the incomplete frame at the end."""

    def __init__(self, frame=40):
        super().__init__()
        self.frame = frame
        self.net = nn.Sequential(nn.Conv1d(3, 6, 3), nn.PReLU(6), nn.Conv1d(6, 2, 1))

    def forward(self, x) -> Tuple[torch.Tensor, torch.Tensor]:
        whole = x.shape[-1] // self.frame * self.frame
        frames = x[..., :whole].view(x.shape[0], -1, self.frame)
        energy = frames.pow(2).mean(-1)
        crossings = (frames[..., 1:] * frames[..., :-1]).mean(-1)
        peak = frames.abs().amax(-1)
        feats = torch.stack([torch.log(energy + 1e-3), crossings, peak], dim=1)
        logits = self.net(F.pad(feats, (2, 0)))
        return torch.softmax(4.0 * logits, dim=1)[:, 1:], logits


class GuardedFrames(nn.Module):
    """Whole frames only: the length must be a multiple of 32."""

    def __init__(self, frame=32, hidden=5):
        super().__init__()
        self.frame = frame
        self.proj = nn.Linear(frame, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        frames = x.view(x.size(0), -1, self.frame)
        h = torch.tanh(self.proj(frames))
        h, _ = self.gru(h)
        return torch.sigmoid(self.out(h)).squeeze(-1)


class MarbleNet(nn.Module):
    """1D time-channel separable convolutions, https://arxiv.org/abs/2010.13886, over frames of
    pooled energy."""

    def __init__(self, channels=4):
        super().__init__()
        self.front = nn.Conv1d(1, channels, 16, stride=8)
        blocks = []
        for kernel in (5, 7):
            blocks += [nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels,
                                 bias=False),
                       nn.Conv1d(channels, channels, 1, bias=False),
                       nn.BatchNorm1d(channels, eps=1e-3, momentum=0.1), nn.ReLU(), nn.Dropout(0.1)]
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.MaxPool1d(4)
        self.head = nn.Conv1d(channels, 1, 1)

    def forward(self, x):
        y = torch.log(self.front(x) ** 2 + 1e-2)
        y = self.pool(self.blocks(y))
        return torch.sigmoid(3.0 * self.head(y))


class Envelope(nn.Module):
    """Compares a fast envelope with a slow one; the upsampled decision gates the signal."""

    def __init__(self):
        super().__init__()
        self.fast = nn.AvgPool1d(8, stride=8)
        self.slow = nn.AvgPool1d(16, stride=1)

    def forward(self, x):
        whole = x.shape[-1] // 8 * 8
        e = self.fast(x.abs())
        floor = self.slow(F.pad(e, (15, 0)))
        p = torch.sigmoid(4.0 * (e / (floor + 1e-3) - 1.0))
        gate = torch.repeat_interleave(p, 8, dim=-1)
        return x[..., :whole] * gate, p


MODELS = {
    'vad_strided': Model(StridedVad),
    'vad_silero': Model(Silero),
    'vad_energy': Model(Energy),
    'vad_marble': Model(MarbleNet),
    'vad_envelope': Model(Envelope),
    'guard_vad_frames': Model(GuardedFrames, multiple=32),
}
