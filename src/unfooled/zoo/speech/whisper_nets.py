"""Whisper's encoder and decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  its usual name


class Encoder(nn.Module):
    """Features (b, mels, 2 f) to states (b, f, width), one every 20 ms."""

    positions: Tensor

    def __init__(self, mels: int, width: int, heads: int, layers: int, frames: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(mels, width, 3, padding=1)
        self.second = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.register_buffer("positions", torch.empty(frames, width))
        self.looks = nn.ModuleList(_Looks(width, heads) for _ in range(layers))
        self.feeds = nn.ModuleList(_feed(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, features: Tensor) -> Tensor:
        """Give the states."""
        x = F.gelu(self.second(F.gelu(self.first(features)))).mT
        x = x + self.positions[: x.shape[1]]
        for looks, feed in zip(self.looks, self.feeds, strict=True):
            x = x + looks(x)
            x = x + feed(x)
        y: Tensor = self.norm(x)
        return y


class Decoder(nn.Module):
    """Tokens (b, m) and what was heard to scores (b, m, k) of what comes next."""

    positions: Tensor

    def __init__(self, tokens: int, width: int, heads: int, layers: int, longest: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.register_buffer("positions", torch.empty(longest, width))
        self.looks = nn.ModuleList(_Looks(width, heads, backwards=True) for _ in range(layers))
        self.remembers = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(layers))
        self.hears = nn.ModuleList(_Hears(width, heads) for _ in range(layers))
        self.feeds = nn.ModuleList(_feed(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def heard(self, states: Tensor) -> list[Tensor]:
        """Give each layer's keys and values (b, f, 2 width) of the encoder's states: the same for every token."""
        return [remembers(states) for remembers in self.remembers]

    def forward(self, tokens: Tensor, heard: list[Tensor]) -> Tensor:
        """Give the scores; `heard` is what `self.heard` gave."""
        x = self.embedding(tokens) + self.positions[: tokens.shape[1]]
        for looks, hears, feed, memory in zip(self.looks, self.hears, self.feeds, heard, strict=True):
            x = x + looks(x)
            x = x + hears(x, memory)
            x = x + feed(x)
        return F.linear(self.norm(x), self.embedding.weight)


class _Looks(nn.Module):
    """Attention of states to each other, or backwards only."""

    def __init__(self, width: int, heads: int, *, backwards: bool = False) -> None:
        super().__init__()
        self.heads, self.backwards = heads, backwards
        self.norm, self.enter, self.leave = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.leave(_attended(self.enter(self.norm(x)), self.heads, backwards=self.backwards))
        return y


class _Hears(nn.Module):
    """Attention of tokens to keys and values of what was heard."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.enter, self.leave = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        y: Tensor = self.leave(_attended(self.enter(self.norm(x)), self.heads, memory))
        return y


def _attended(asked: Tensor, heads: int, memory: Tensor | None = None, *, backwards: bool = False) -> Tensor:
    """Attend in heads; without a memory (b, f, 2 width), queries, keys and values stand beside each other."""
    parts = asked.chunk(3, dim=-1) if memory is None else (asked, *memory.chunk(2, dim=-1))
    query, key, value = (part.reshape(*part.shape[:2], heads, -1).transpose(1, 2) for part in parts)
    return F.scaled_dot_product_attention(query, key, value, is_causal=backwards).transpose(1, 2).flatten(2)


def _feed(width: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
