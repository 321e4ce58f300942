"""A guard against prompt injection: a transformer from a registry package, known by hash and never unpickled."""

from __future__ import annotations

import hashlib
import importlib.util
import pickletools
import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.errors import InputError, MissingExtraError
from unfooled.core.tokens import Tokens

from .byte_pairs import BytePairs, letters_and_numbers

CLASSES = ("safe", "injection")
WINDOW = 512
"""Tokens of every pass: its attention looks at padding too, so passes of short texts cannot be shorter."""

START, PADDING = 8188, 8189
"""Tokens before a text and behind it."""

SHA256 = {
    "model.pt": "80a6f31ce7ff6ccbeff0aa5867ae75ae4b33568b40e83bb5968ed6677ec1262e",
    "tokenizer.pkl": "e81fa2a4d6202a18d05a50dfe8eb101042512056b2d0492c929e8fea4fa02246",
}

_PACKAGE = "nanoguard"
_INSTALL = "pip install --no-deps metatronnanoguard==0.1.0"
_LAYERS, _HEADS, _WIDTH, _TOKENS, _TURNS = 4, 4, 512, 8192, 10_000.0
_STEP = 16


class Guard(nn.Module):
    """The classifier of NanoGuard 0.1.0: tokens (r, 512) and which are no padding (r, 512) -> scores (r, 2).

    Reference:
        The package metatronnanoguard 0.1.0, under the MIT licence: its weights, and the shape of its network.
        Differs from the package: the last layer is not computed for padding, whose outcome nobody reads.
    """

    def __init__(self) -> None:
        super().__init__()
        layers = nn.ModuleList(_Layer() for _ in range(_LAYERS))
        self.transformer = nn.ModuleDict({"wte": nn.Embedding(_TOKENS, _WIDTH), "h": layers})
        self.cls_norm = nn.LayerNorm(_WIDTH)
        self.cls_head = nn.Linear(_WIDTH, len(CLASSES))
        self.resid_lambdas = nn.Parameter(torch.ones(_LAYERS))
        self.x0_lambdas = nn.Parameter(torch.zeros(_LAYERS))
        half = _WIDTH // _HEADS // 2
        angles = torch.outer(torch.arange(WINDOW), _TURNS ** (-torch.arange(half) / half))
        turns = torch.stack([angles.cos(), angles.sin()]).bfloat16().float()  # it learned with these coarse ones
        self.register_buffer("turns", turns, persistent=False)

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Give scores (r, 2)."""
        first = _even(self.transformer["wte"](tokens))
        longest = min(WINDOW, -(-int(real.sum(dim=1).max()) // _STEP) * _STEP)
        x = first
        for i, layer in enumerate(self.transformer["h"].children()):
            x = self.resid_lambdas[i] * x + self.x0_lambdas[i] * first
            x = layer(x, self.turns, longest if i == _LAYERS - 1 else WINDOW)
        kept = real[:, :longest].unsqueeze(2).float()
        pooled = (_even(x) * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1)
        scores: Tensor = self.cls_head(self.cls_norm(pooled))
        return scores


class _Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.ModuleDict({f"c_{name}": nn.Linear(_WIDTH, _WIDTH, bias=False) for name in ("q", "k", "v")})
        self.attn["c_proj"] = nn.Linear(_WIDTH, _WIDTH, bias=False)
        wide, back = nn.Linear(_WIDTH, 4 * _WIDTH, bias=False), nn.Linear(4 * _WIDTH, _WIDTH, bias=False)
        self.mlp = nn.ModuleDict({"c_fc": wide, "c_proj": back})

    def forward(self, x: Tensor, turns: Tensor, count: int) -> Tensor:
        """Compute the first `count` places; all of x (r, t, d) is looked at."""
        near, x = _even(x), x[:, :count]
        q, k, v = (self.attn[name](one).unflatten(2, (_HEADS, -1)).transpose(1, 2)
                   for name, one in (("c_q", near[:, :count]), ("c_k", near), ("c_v", near)))  # fmt: skip
        q, k = _even(_turned(q, turns[:, :count])), _even(_turned(k, turns))
        seen = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.attn["c_proj"](seen.transpose(1, 2).flatten(2))
        out: Tensor = x + self.mlp["c_proj"](self.mlp["c_fc"](_even(x)).relu().square())
        return out


def _even(x: Tensor) -> Tensor:
    return functional.rms_norm(x, (x.shape[-1],))


def _turned(x: Tensor, turns: Tensor) -> Tensor:
    """Turn halves of each head (r, h, t, d) by the angles of their places."""
    (cos, sin), (one, other) = turns, x.chunk(2, dim=-1)
    return torch.cat([one * cos + other * sin, other * cos - one * sin], dim=-1)


def guard() -> Guard:
    """Build the guard in evaluation mode.

    Raises:
        MissingExtraError: Its package is not installed.
        InputError: The weights are not the ones that are known.
    """
    weights = torch.load(_asset("model.pt"), map_location="cpu", weights_only=True)["model_state_dict"]
    with torch.random.fork_rng(devices=[]):  # building it draws weights that are thrown away
        module = Guard()
    module.load_state_dict(weights)
    return module.eval().requires_grad_(False)


def cut(texts: Sequence[str]) -> tuple[list[Tokens], int]:
    """Cut texts into the tokens that the guard reads, and count those that are longer than its window.

    Raises:
        MissingExtraError: Its package is not installed.
        InputError: The table of tokens is not the one that is known.
    """
    every = [_pairs().cut(text) for text in texts]
    longer = sum(len(one.numbers) >= WINDOW for one in every)
    return [Tokens([START, *one.numbers][:WINDOW], [(0, 0), *one.spans][:WINDOW]) for one in every], longer


@cache
def _pairs() -> BytePairs:
    """Read the table of tokens off the operations of a pickle, of which none is carried out: bytes, then a number."""
    operations = pickletools.genops(_asset("tokenizer.pkl").read_bytes())
    told = [given for operation, given, _ in operations if operation.name not in ("MEMOIZE", "FRAME")]
    pairs = pairwise(told)
    ranks = {token: number for token, number in pairs if isinstance(token, bytes) and isinstance(number, int)}
    letters, numbers, space = letters_and_numbers()
    pattern = (
        rf"'(?i:[sdmt]|ll|ve|re)|[^\r\n{letters}{numbers}]?+[{letters}]+|[{numbers}]{{1,2}}"
        rf"| ?[^{space}{letters}{numbers}]++[\r\n]*|[{space}]*[\r\n]|[{space}]+(?![^{space}])|[{space}]+"
    )
    return BytePairs(ranks, re.compile(pattern))


def _asset(name: str) -> Path:
    """Find a file of the package without running the package's code, and check it."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise MissingExtraError("The zoo's guard needs a package", f"no package {_PACKAGE}", f"Run: {_INSTALL}")
    path = Path(found.origin).parent / "assets" / name
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if digest != SHA256[name]:
        raise InputError(f"The guard's {name} is not the known one", f"SHA-256 {digest}", f"Run: {_INSTALL}")
    return path
