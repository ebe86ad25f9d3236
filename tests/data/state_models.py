"""Block models that keep their state in unusual places."""

from typing import List

import torch
import torch.nn as nn


@torch.jit.script
class Cell:
    def __init__(self, decay: float):
        self.decay = decay
        self.sum = torch.zeros(1)

    def step(self, x: torch.Tensor):
        self.sum.mul_(self.decay).add_(x.mean())
        return self.sum * 1.0


class ListedCells(nn.Module):
    """A list of objects, each with a tensor that is written in place."""

    cells: List[Cell]

    def __init__(self):
        super().__init__()
        self.cells = [Cell(0.5), Cell(0.9)]

    def forward(self, x):
        return torch.stack([cell.step(x) for cell in self.cells], 1)


class Forked(nn.Module):
    """The state is written in a forked call."""

    def __init__(self):
        super().__init__()
        self.register_buffer('sum', torch.zeros(1))

    def step(self, x):
        self.sum.mul_(0.5).add_(x.mean())
        return self.sum * 1.0

    def forward(self, x):
        future = torch.jit.fork(self.step, x)
        return torch.jit.wait(future).view(1, 1)


STATES = {'listed_cells': ListedCells, 'forked': Forked}
