"""Whisper's encoder and decoder."""

from __future__ import annotations

from typing import cast

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

    def forward(self, features: Tensor, spoken: int | None = None) -> Tensor:
        """Give the states.

        Slopes are those of the first `spoken` states: what follows is heard as it is, and passes none back.
        """
        x = F.gelu(self.second(F.gelu(self.first(features)))).mT
        x = x + self.positions[: x.shape[1]]
        x, rest = x[:, :spoken], x[:, x.shape[1] if spoken is None else spoken :].detach()
        for looks, feed in zip(cast("list[_Looks]", self.looks), self.feeds, strict=True):
            x, rest = looks.survey(x, rest)
            x = x + feed(x)
            with torch.no_grad():
                rest = rest + feed(rest)
        y: Tensor = self.norm(torch.cat([x, rest], dim=1))
        return y


class Decoder(nn.Module):
    """Tokens (b, m) and what was heard to scores (b, m, k) of what comes next."""

    positions: Tensor

    def __init__(self, tokens: int, width: int, heads: int, layers: int, longest: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.register_buffer("positions", torch.empty(longest, width))
        self.looks = nn.ModuleList(_Looks(width, heads) for _ in range(layers))
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
    """Attention of states to themselves and those before them; in `survey` to those behind as well."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.enter, self.leave = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.leave(_attended(self.enter(self.norm(x)), self.heads, backwards=True))
        return y

    def survey(self, x: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
        """Add what is seen to states x and to those that follow them, which pass no slopes back."""
        width = x.shape[2]
        own = self.enter(self.norm(x))
        with torch.no_grad():
            other = self.enter(self.norm(rest))
            known = torch.cat([own, other], dim=1)[..., width:]
            rest = rest + self.leave(_attended(other[..., :width], self.heads, known))
        known = torch.cat([own, other], dim=1)[..., width:]
        return x + self.leave(_attended(own[..., :width], self.heads, known)), rest


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
    query, key, value = (part.reshape(*part.shape[:2], heads, part.shape[2] // heads).transpose(1, 2) for part in parts)
    return F.scaled_dot_product_attention(query, key, value, is_causal=backwards).transpose(1, 2).flatten(2)


def _feed(width: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
