"""Models that are called block by block, with the interfaces of public projects.

tests/lib/blocks/ compares each of them with the loop of its user.
"""

from typing import List, Optional, Tuple

import torch
import torch.nn as nn


class FrameNet(nn.Module):
    """The net of one sample rate: a convolution over the block, and a recurrent cell."""

    def __init__(self, frames: int, context: int):
        super().__init__()
        self.context = context
        self.conv = nn.Conv1d(1, 6, (frames + context) // 4, stride=(frames + context) // 8)
        self.cell = nn.LSTMCell(6, 8)
        self.last = nn.Linear(8, 1)

    def forward(self, x, h, c):
        y = torch.relu(self.conv(x.unsqueeze(1))).mean(-1)
        h, c = self.cell(y, (h, c))
        return torch.sigmoid(4 * self.last(torch.relu(h))), h, c


class Vad(nn.Module):
    """The interface of Silero VAD: [1, 512] at 16 kHz or [1, 256] at 8 kHz; any other size raises.

    The last frames of a block are the context of the next one.
    """

    def __init__(self):
        super().__init__()
        self.net = FrameNet(512, 64)
        self.net_8k = FrameNet(256, 32)
        self.state_h = torch.zeros(0)
        self.state_c = torch.zeros(0)
        self.context = torch.zeros(0)
        self.last_sr = 0

    @torch.jit.export
    def reset_states(self):
        self.state_h = torch.zeros(0)
        self.state_c = torch.zeros(0)
        self.context = torch.zeros(0)
        self.last_sr = 0

    def forward(self, x, sr: int):
        if x.dim() == 1:
            x = x.unsqueeze(0)
        if x.dim() > 2:
            raise ValueError(f'Too many dimensions for input audio chunk {x.dim()}')
        if sr != 8000 and sr != 16000:
            raise ValueError('Supported sampling rates: [8000, 16000]')
        frames = 512 if sr == 16000 else 256
        if x.shape[-1] != frames:
            raise ValueError(f'Provided number of samples is {x.shape[-1]} (Supported values: 256 '
                             'for 8000 sample rate, 512 for 16000)')
        if self.last_sr != sr:
            self.reset_states()
        if self.state_h.numel() == 0:
            self.state_h = torch.zeros(x.shape[0], 8)
            self.state_c = torch.zeros(x.shape[0], 8)
            self.context = torch.zeros(x.shape[0], 64 if sr == 16000 else 32)
        y = torch.cat([self.context, x], 1)
        if sr == 16000:
            p, self.state_h, self.state_c = self.net(y, self.state_h, self.state_c)
        else:
            p, self.state_h, self.state_c = self.net_8k(y, self.state_h, self.state_c)
        self.context = x[:, -64:] if sr == 16000 else x[:, -32:]
        self.last_sr = sr
        return p

    @torch.jit.export
    def audio_forward(self, audio, sr: int):
        """The probabilities of all blocks of a signal, the last one padded with zeros."""
        self.reset_states()
        frames = 512 if sr == 16000 else 256
        remaining = audio.shape[1] % frames
        if remaining > 0:
            audio = torch.nn.functional.pad(audio, [0, frames - remaining])
        outs: List[torch.Tensor] = []
        for i in range(0, audio.shape[1], frames):
            outs.append(self.forward(audio[:, i:i + frames], sr))
        return torch.cat(outs, 1)


class KeywordCells(nn.Module):
    """[1, 4500] -> [1]: averages of earlier calls in a list of buffers that are written in place."""

    def __init__(self):
        super().__init__()
        self.front = nn.Conv1d(1, 5, 150, stride=75)
        self.last = nn.Linear(10, 1)
        self.averages = [torch.zeros(5), torch.ones(5)]

    def forward(self, x):
        y = torch.tanh(self.front(x.view(1, 1, 4500))).mean(-1).view(5)
        self.averages[0].mul_(0.75).add_(y * 0.25)
        self.averages[1].mul_(0.5).add_(y * 0.5)
        return torch.sigmoid(4 * self.last(torch.cat(self.averages)))


class KeywordScore(nn.Module):
    """[1, 8000] -> float: the mean of the last three scores, which are in a list of numbers."""

    def __init__(self):
        super().__init__()
        self.front = nn.Conv1d(1, 4, 400, stride=200)
        self.last = nn.Linear(4, 1)
        self.scores: List[float] = [0.5]

    def forward(self, x) -> float:
        if x.shape[0] != 1 or x.shape[1] != 8000:
            raise ValueError(f'expected [1, 8000], got {x.shape}')
        y = torch.relu(self.front(x.unsqueeze(1))).mean(-1)
        self.scores.append(float(torch.sigmoid(9 * self.last(y)).item()))
        while len(self.scores) > 3:
            self.scores.pop(0)
        total = 0.0
        for score in self.scores:
            total += score
        return total / len(self.scores)


class CachedConv(nn.Module):
    """A convolution that keeps the end of the previous block, as nn~ and RAVE do."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int):
        super().__init__()
        self.conv = nn.Conv1d(channels_in, channels_out, kernel, stride=stride)
        self.register_buffer('cache', torch.zeros(1, channels_in, kernel - stride))

    def forward(self, x):
        y = torch.cat([self.cache, x], 2)
        self.cache.copy_(y[:, :, y.shape[2] - self.cache.shape[2]:])
        return self.conv(y)


class Autoencoder(nn.Module):
    """The interface of nn~: methods that are described by buffers, and attributes with a setter."""

    def __init__(self):
        super().__init__()
        self.gain = 1.0
        self.bias: Tuple[float] = (0.25,)
        self.down = CachedConv(1, 4, 48, 16)
        self.up = nn.ConvTranspose1d(4, 2, 16, stride=16)
        self.register_buffer('forward_params', torch.tensor([1, 1, 2, 1]))
        self.register_buffer('encode_params', torch.tensor([1, 1, 4, 16]))
        self.register_buffer('decode_params', torch.tensor([4, 16, 2, 1]))
        self.register_buffer('rms_params', torch.tensor([1, 1, 1, 64]))

    @torch.jit.export
    def encode(self, x):
        return torch.tanh(self.down(x * self.gain) + self.bias[0])

    @torch.jit.export
    def decode(self, z):
        return torch.tanh(self.up(z))

    def forward(self, x):
        return self.decode(self.encode(x))

    @torch.jit.export
    def rms(self, x):
        if x.shape[2] % 64 != 0:
            raise ValueError(f'{x.shape[2]} frames are not a multiple of 64')
        blocks = x.reshape(x.shape[0], 1, -1, 64)
        return (blocks * blocks).mean(-1).sqrt()

    @torch.jit.export
    def get_methods(self) -> List[str]:
        return ['forward', 'encode', 'decode', 'rms']

    @torch.jit.export
    def get_gain(self) -> float:
        return self.gain

    @torch.jit.export
    def set_gain(self, gain: float) -> int:
        self.gain = gain
        return 0


class Amp(nn.Module):
    """The interface of GuitarLSTM: [N, 1, 150] -> [N, 1], one output frame for a hop of 1."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 8, 12, stride=6)
        self.lstm = nn.LSTM(8, 12, batch_first=True)
        self.last = nn.Linear(12, 1)

    def forward(self, x):
        y = torch.tanh(self.conv(x)).transpose(1, 2)
        return self.last(self.lstm(y)[0][:, -1])


class Classifier(nn.Module):
    """[N, T] -> [N, classes]; takes one T."""

    def __init__(self, frames: int, classes: int):
        super().__init__()
        self.frames = frames
        self.first = nn.Linear(frames, 6)
        self.last = nn.Linear(6, classes)

    def forward(self, x):
        return torch.softmax(4 * self.last(torch.tanh(self.first(x.view(-1, self.frames)))), 1)


class Spectrum(nn.Module):
    """[1, 1, T] -> [1, 5]: takes any T, and returns one vector for it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 5, 40, stride=20)

    def forward(self, x):
        return torch.relu(self.conv(x)).mean(-1)


class StatefulAmp(nn.Module):
    """[T, 1, 1] -> [T, 1, 1]: the hidden state of a block is that of the next one."""

    hidden: Optional[Tuple[torch.Tensor, torch.Tensor]]

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 10)
        self.last = nn.Linear(10, 1)
        self.hidden = None

    def forward(self, x):
        y, self.hidden = self.lstm(x, self.hidden)
        return self.last(y) + x

    @torch.jit.export
    def reset(self):
        self.hidden = None


class Explicit(nn.Module):
    """(x, (h, c) or None) -> (y, (h, c))."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 7, batch_first=True)
        self.last = nn.Linear(7, 1)

    def forward(self, x, state: Optional[Tuple[torch.Tensor, torch.Tensor]] = None):
        y, state = self.lstm(x.transpose(1, 2), state)
        return self.last(y).transpose(1, 2), state


class ExplicitTensors(nn.Module):
    """(x, gain, context) -> (y, context): the state has no default."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 3, 9)

    def forward(self, x, gain: float, context):
        y = torch.cat([context, x], 2)
        return torch.tanh(self.conv(y)) * gain, y[:, :, -8:]


class Knobs(nn.Module):
    """(data, gain[1]) -> (y, peak[1]); an argument without effect."""

    def __init__(self):
        super().__init__()
        self.register_buffer('level', torch.zeros(1))

    def forward(self, data, gain, unused: int):
        y = data * gain
        self.level = torch.maximum(self.level * 0.9, y.abs().max().view(1))
        return y, self.level


BLOCKS = {
    'vad': Vad,
    'keyword_cells': KeywordCells,
    'keyword_score': KeywordScore,
    'autoencoder': Autoencoder,
    'amp': Amp,
    'classifier': lambda: Classifier(4000, 2),
    'classes5': lambda: Classifier(3000, 5),
    'spectrum': Spectrum,
    'stateful_amp': StatefulAmp,
    'explicit': Explicit,
    'explicit_tensors': ExplicitTensors,
    'knobs': Knobs,
}
