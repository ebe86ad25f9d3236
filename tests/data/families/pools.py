"""Pools with every option, and nets built from them."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from .model import Model


class Smooth(nn.Module):
    """Deviation from the local mean, divided by the local standard deviation."""

    def __init__(self, kernel):
        super().__init__()
        self.mean = nn.AvgPool1d(kernel, stride=1, padding=kernel // 2, count_include_pad=False)

    def forward(self, x):
        mu = self.mean(x)
        power = self.mean((x - mu) ** 2)
        return (x - mu) / torch.sqrt(power + 0.01)


class Peaks(nn.Module):
    """A peak envelope with a hold, and its local minima."""

    def __init__(self, hold):
        super().__init__()
        self.hold = hold

    def forward(self, x):
        env = F.max_pool1d(F.pad(x.abs(), (self.hold - 1, 0)), self.hold, stride=1)
        low = -F.max_pool1d(-env, kernel_size=5, stride=1, padding=2)
        return x / (low + 0.1), env


class Pooled(nn.Module):
    """The first layers of a classifier of raw audio; joins average and maximum pools."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(1, 4, 9, stride=2, padding=4)
        self.bn1 = nn.BatchNorm1d(4)
        self.pool1 = nn.MaxPool1d(4)
        self.conv2 = nn.Conv1d(4, 4, 3)
        self.bn2 = nn.BatchNorm1d(4)
        self.out = nn.Conv1d(8, 3, 1)

    def forward(self, x):
        x = self.pool1(F.relu(self.bn1(self.conv1(x))))
        x = F.relu(self.bn2(self.conv2(x)))
        x = torch.cat([F.avg_pool1d(x, 3, 2, 1), F.max_pool1d(x, 3, 2, 1)], dim=1)
        return self.out(x)


class Planes(nn.Module):
    """Pools over frequency, and over frequency and time."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 8, 4, stride=4)
        self.conv2 = nn.Conv2d(1, 2, (3, 3), padding=(1, 1))

    def forward(self, x):
        y = self.conv(x).unsqueeze(1)
        y = F.max_pool2d(torch.relu(self.conv2(y)), kernel_size=(2, 1))
        y = F.avg_pool2d(y, (2, 3), stride=(2, 2))
        return y.flatten(1, 2)


MODELS = {
    'pool_max': Model(lambda: nn.Sequential(
        nn.MaxPool1d(3), nn.MaxPool1d(4, 2, padding=2), nn.MaxPool1d(2, stride=3)), 2),
    'pool_max_dilated': Model(lambda: nn.Sequential(
        nn.MaxPool1d(3, 1, padding=1, dilation=4), nn.Conv1d(2, 2, 3),
        nn.MaxPool1d(4, 3, padding=2, dilation=2, ceil_mode=True)), 2),
    'pool_max_ceil': Model(lambda: nn.Sequential(
        nn.MaxPool1d(5, 3, ceil_mode=True), nn.Tanh(), nn.MaxPool1d(2, ceil_mode=True))),
    'pool_average': Model(lambda: nn.Sequential(
        nn.AvgPool1d(4, 3, padding=2), nn.ELU(), nn.AvgPool1d(2, stride=1)), 2),
    'pool_average_ceil': Model(lambda: nn.Sequential(
        nn.AvgPool1d(5, 2, padding=1, ceil_mode=True, count_include_pad=False), nn.Conv1d(1, 2, 3),
        nn.AvgPool1d(4, 3, ceil_mode=True))),
    'pool_average_count': Model(lambda: nn.Sequential(
        nn.AvgPool1d(7, 2, padding=3, ceil_mode=True, count_include_pad=True), nn.PReLU(),
        nn.AvgPool1d(3, 2, padding=1, ceil_mode=True, count_include_pad=True)), 2),
    'pool_power': Model(lambda: nn.Sequential(
        nn.LPPool1d(2, 4, stride=2), nn.Conv1d(2, 2, 3), nn.LPPool1d(2, 3, ceil_mode=True)), 2),
    'pool_local_norm': Model(lambda: nn.Sequential(Smooth(9), Smooth(17)), 2),
    'pool_peaks': Model(lambda: Peaks(12), 2),
    'pool_classifier': Model(Pooled),
    'pool_planes': Model(Planes),
}
