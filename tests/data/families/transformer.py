"""Transformers with attention to a bounded window of past frames and to a few future frames."""

import math
from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F

from .model import Model


def band_mask(length: int, context: int, ahead: int = 0, device: Optional[torch.device] = None):
    """[T, T]: true if the frame of the row attends to the frame of the column."""
    i = torch.arange(length, device=device)
    distance = i.unsqueeze(1) - i.unsqueeze(0)
    return (distance >= -ahead) & (distance < context)


class Attention(nn.Module):
    def __init__(self, dim, heads, context, ahead=0):
        super().__init__()
        self.heads = heads
        self.head_dim = dim // heads
        self.context = context
        self.ahead = ahead
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x):
        B, T, C = x.shape
        qkv = self.qkv(x).reshape(B, T, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        att = torch.matmul(q, k.transpose(-2, -1)) * (self.head_dim ** -0.5)
        mask = band_mask(T, self.context, self.ahead, x.device)
        att = att.masked_fill(~mask, float('-inf'))
        att = self.dropout(torch.softmax(att, dim=-1))
        y = torch.matmul(att, v).transpose(1, 2).reshape(B, T, C)
        return self.proj(y)


class Block(nn.Module):
    def __init__(self, dim, heads, context, ahead=0):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attention = Attention(dim, heads, context, ahead)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return x


class Windowed(nn.Module):
    """A convolution, transformer blocks and a transposed convolution."""

    def __init__(self, dim=8, heads=2, depth=2, context=12, ahead=0, hop=4):
        super().__init__()
        self.encode = nn.Conv1d(1, dim, 2 * hop, stride=hop, padding=hop // 2)
        self.blocks = nn.ModuleList([Block(dim, heads, context, ahead) for _ in range(depth)])
        self.decode = nn.ConvTranspose1d(dim, 1, 2 * hop, stride=hop, padding=hop // 2)

    def forward(self, x):
        h = F.gelu(self.encode(x)).transpose(1, 2)
        for block in self.blocks:
            h = block(h)
        return self.decode(h.transpose(1, 2))


class Multihead(nn.Module):
    """nn.MultiheadAttention with a boolean mask that excludes frames."""

    def __init__(self, channels=4, heads=2, context=10, batch_first=True):
        super().__init__()
        self.context = context
        self.batch_first = batch_first
        self.mha = nn.MultiheadAttention(channels, heads, batch_first=batch_first)
        self.norm = nn.LayerNorm(channels, eps=1e-2)

    def forward(self, x):
        h = x.transpose(1, 2) if self.batch_first else x.permute(2, 0, 1)
        mask = ~band_mask(x.shape[-1], self.context)
        a, _ = self.mha(h, h, h, attn_mask=mask, need_weights=False)
        h = self.norm(h + a)
        return h.transpose(1, 2) if self.batch_first else h.permute(1, 2, 0)


class FloatMask(nn.Module):
    """A mask of 0 and -inf by triu and tril, as in nn.Transformer; requests the weights."""

    def __init__(self, dim=6, heads=3, context=8):
        super().__init__()
        self.context = context
        self.proj = nn.Conv1d(2, dim, 3, padding=1)
        self.mha = nn.MultiheadAttention(dim, heads)
        self.out = nn.Linear(dim, 2)

    def mask(self, sz: int):
        full = torch.full((sz, sz), float('-inf'))
        return torch.triu(full, diagonal=1) + torch.tril(full, diagonal=-self.context)

    def forward(self, x):
        h = self.proj(x).permute(2, 0, 1)
        a, weights = self.mha(h, h, h, attn_mask=self.mask(h.size(0)))
        return self.out(a).permute(1, 2, 0) + x


class EncoderLayers(nn.Module):
    """nn.TransformerEncoder with sinusoidal positions, computed for the length of the input."""

    def __init__(self, dim=8, context=9):
        super().__init__()
        self.dim = dim
        self.context = context
        self.embed = nn.Conv1d(1, dim, 8, stride=4)
        layer = nn.TransformerEncoderLayer(dim, 2, 12, dropout=0.1, batch_first=True,
                                           norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(dim, 2)

    def positions(self, length: int):
        position = torch.arange(length).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, self.dim, 2) * (-math.log(10000.0) / self.dim))
        angle = position * div_term
        return torch.stack([torch.sin(angle), torch.cos(angle)], dim=-1).flatten(1)

    def forward(self, x):
        h = self.embed(x).transpose(1, 2)
        h = h + self.positions(h.shape[1])
        h = self.encoder(h, mask=~band_mask(h.shape[1], self.context))
        return self.head(h).transpose(1, 2)


class PositionTable(nn.Module):
    """The sinusoids of https://arxiv.org/abs/1706.03762 in a buffer, sliced to the length."""

    def __init__(self, dim=4, max_len=3200, context=16):
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, dim, 2) * (-math.log(100.0) / dim))
        pe = torch.zeros(max_len, dim)
        pe[:, 0::2] = torch.sin(position * div_term)
        pe[:, 1::2] = torch.cos(position * div_term)
        self.register_buffer('pe', pe.unsqueeze(0))
        self.embed = nn.Linear(1, dim)
        self.block = Block(dim, 1, context)

    def forward(self, x):
        h = self.embed(x.transpose(1, 2))
        h = h + self.pe[:, :h.size(1)]
        return self.block(h).transpose(1, 2)


class RelativeBias(nn.Module):
    """A learnt bias for each distance, as in T5 and Swin; scaled dot products by einsum."""

    def __init__(self, channels=4, heads=2, context=7):
        super().__init__()
        self.heads = heads
        self.context = context
        self.q = nn.Linear(channels, channels, bias=False)
        self.kv = nn.Linear(channels, 2 * channels, bias=False)
        self.bias = nn.Embedding(context, heads)

    def forward(self, x):
        b, c, t = x.shape
        x = x.transpose(1, 2)
        q = self.q(x).view(b, t, self.heads, -1).transpose(1, 2)
        k, v = self.kv(x).chunk(2, dim=-1)
        k = k.view(b, t, self.heads, -1).transpose(1, 2)
        v = v.view(b, t, self.heads, -1).transpose(1, 2)
        position = torch.arange(t)
        distance = position[:, None] - position[None, :]
        bias = self.bias(distance.clamp(0, self.context - 1)).permute(2, 0, 1)
        scores = torch.einsum('bhid,bhjd->bhij', q, k) / math.sqrt(q.shape[-1]) + bias
        outside = (distance < 0) | (distance >= self.context)
        scores = scores.masked_fill(outside, -1e9)
        out = torch.einsum('bhij,bhjd->bhid', scores.softmax(dim=-1), v)
        return out.transpose(1, 2).reshape(b, t, c).transpose(1, 2)


class Alibi(nn.Module):
    """Penalties that grow with the distance (https://arxiv.org/abs/2108.12409), in a window; the
    heads are folded into the batch for bmm."""

    def __init__(self, channels=4, heads=2, context=14):
        super().__init__()
        self.heads = heads
        self.context = context
        slopes = torch.tensor([2.0 ** -(i + 1) for i in range(heads)])
        self.register_buffer('slopes', slopes.view(-1, 1, 1))
        self.to_qkv = nn.Conv1d(channels, 3 * channels, 1, bias=False)
        self.to_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        b, c, t = x.size()
        q, k, v = self.to_qkv(x).view(b * self.heads, 3 * (c // self.heads), t).chunk(3, dim=1)
        pos = torch.arange(t, dtype=x.dtype)
        dist = pos.view(-1, 1) - pos.view(1, -1)
        allowed = torch.logical_and(dist >= 0, dist < self.context)
        scores = torch.bmm(q.transpose(1, 2), k) * (c // self.heads) ** -0.5
        scores = torch.where(allowed, scores - self.slopes * dist, torch.tensor(float('-inf')))
        out = torch.bmm(v, F.softmax(scores, dim=2).transpose(1, 2))
        return x + self.to_out(out.reshape(b, c, t))


class BlockCausal(nn.Module):
    """A frame attends to its own chunk and the previous chunk (streaming ASR encoders)."""

    def __init__(self, dim=6, chunk=5, left_chunks=1):
        super().__init__()
        self.chunk = chunk
        self.left_chunks = left_chunks
        self.front = nn.Conv1d(2, dim, 3, stride=2, padding=1)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)

    def forward(self, x):
        h = self.front(x).transpose(1, 2)
        index = torch.arange(h.shape[1]) // self.chunk
        behind = index[:, None] - index[None, :]
        mask = (behind >= 0) & (behind <= self.left_chunks)
        scores = self.query(h) @ self.key(h).transpose(1, 2) / h.shape[-1] ** 0.5
        scores = scores.masked_fill(mask == 0, float('-inf'))
        return (torch.softmax(scores, -1) @ self.value(h) + h).transpose(1, 2)


class Unfolded(nn.Module):
    """Attention without a T x T matrix: unfold gathers the keys of each frame's window."""

    def __init__(self, channels=4, context=6):
        super().__init__()
        self.context = context
        self.q = nn.Conv1d(channels, channels, 1)
        self.k = nn.Conv1d(channels, channels, 1)
        self.v = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        q = self.q(x)
        k = F.pad(self.k(x), (self.context - 1, 0)).unfold(2, self.context, 1)  # [B, C, T, context]
        v = F.pad(self.v(x), (self.context - 1, 0)).unfold(2, self.context, 1)
        scores = (q.unsqueeze(-1) * k).sum(1, keepdim=True) / q.shape[1] ** 0.5
        return (torch.softmax(scores, dim=-1) * v).sum(-1)


class Rotary(nn.Module):
    """Rotary positions, https://arxiv.org/abs/2104.09864: the angle grows with the index."""

    def __init__(self, dim=4, context=10):
        super().__init__()
        self.context = context
        self.register_buffer('inv_freq', 1.0 / (50.0 ** (torch.arange(0, dim, 2).float() / dim)))
        self.qkv = nn.Linear(dim, 3 * dim)

    def rotate(self, x, cos, sin):
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)

    def forward(self, x):
        q, k, v = self.qkv(x.transpose(1, 2)).chunk(3, dim=-1)
        t = torch.arange(x.shape[-1], dtype=self.inv_freq.dtype)
        freqs = torch.outer(t, self.inv_freq)
        cos, sin = freqs.cos(), freqs.sin()
        q, k = self.rotate(q, cos, sin), self.rotate(k, cos, sin)
        scores = q @ k.transpose(-1, -2) * 0.5
        scores = scores.masked_fill(~band_mask(x.shape[-1], self.context), float('-inf'))
        return (scores.softmax(-1) @ v).transpose(1, 2)


MODELS = {
    'transformer_windowed': Model(Windowed),
    'transformer_look_ahead': Model(lambda: Windowed(depth=1, context=10, ahead=2)),
    'transformer_multihead': Model(Multihead, 4),
    'transformer_time_first': Model(lambda: Multihead(batch_first=False, context=20), 4),
    'transformer_float_mask': Model(FloatMask, 2),
    # The trace adds float64 positions to float32 frames; only the optimising executor accepts that.
    'transformer_encoder_layers': Model(EncoderLayers, trace=False),
    'transformer_position_table': Model(PositionTable),
    'transformer_relative_bias': Model(RelativeBias, 4),
    'transformer_alibi': Model(Alibi, 4),
    'transformer_block_causal': Model(BlockCausal, 2),
    'transformer_unfolded': Model(Unfolded, 4),
    'transformer_rotary': Model(Rotary, 4),
    'transformer_double': Model(lambda: Windowed(depth=1, context=6, hop=2), dtype=torch.float64),
}
