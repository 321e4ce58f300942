"""Small nets for tests and benches: made on the spot, in evaluation mode, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

M = TypeVar("M", bound=nn.Module)


def linear(weights: Tensor, bias: Tensor | None = None) -> nn.Module:
    """Make an exact linear classifier, whose smallest perturbations are known in closed form.

    Args:
        weights: One row a class, (k, ...) with the shape of an input.
        bias: (k,); zero if None.
    """
    rows = weights.detach().float().flatten(1)
    layer = nn.Linear(rows.shape[1], len(rows))
    with torch.no_grad():
        layer.weight.copy_(rows)
        layer.bias.zero_() if bias is None else layer.bias.copy_(bias)
    return nn.Sequential(nn.Flatten(), layer).eval()


def small_cnn(seed: int = 0) -> nn.Module:
    """Make a convolutional net of 0.2 million parameters: pictures (n, 1, 28, 28) to scores (n, 10)."""
    return _seeded(
        seed,
        lambda: nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        ),
    )


def resnet8(seed: int = 0) -> nn.Module:
    """Make a residual net with batch norm: pictures (n, 3, 32, 32) to scores (n, 10)."""
    return _seeded(
        seed,
        lambda: nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            _Residual(16, 16, 1),
            _Residual(16, 32, 2),
            _Residual(32, 64, 2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(64, 10),
        ),
    )


def wave_net(seed: int = 0) -> nn.Module:
    """Make a net for ragged waveforms: values (n, t) and lengths (n,) to scores (n, 5); padding has no say."""
    return _seeded(seed, _WaveNet)


def token_net(seed: int = 0) -> nn.Module:
    """Make a net for ragged texts: code points (n, t) and lengths (n,) to scores (n, 3); padding has no say."""
    return _seeded(seed, _TokenNet)


class _Residual(nn.Module):
    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outside)
        self.second = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outside)
        same = inside == outside and stride == 1
        self.past = nn.Identity() if same else nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(inner)) + self.past(x))


class _WaveNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 16, 9, stride=4, padding=4)
        self.second = nn.Conv1d(16, 32, 9, stride=4, padding=4)
        self.last = nn.Linear(32, 5)

    def forward(self, values: Tensor, lengths: Tensor | None = None) -> Tensor:
        frames, lengths = values.unsqueeze(1), _or_full(lengths, values)
        for layer in (self.first, self.second):
            frames = functional.relu(layer(frames * _mask(lengths, frames)))
            lengths = (lengths + 3) // 4
        scores: Tensor = self.last(_mean(frames, lengths))
        return scores


class _TokenNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.symbols = nn.Embedding(256, 16)  # a code point is taken modulo 256
        self.pairs = nn.Conv1d(16, 32, 3, padding=1)
        self.last = nn.Linear(32, 3)

    def forward(self, values: Tensor, lengths: Tensor | None = None) -> Tensor:
        lengths = _or_full(lengths, values)
        frames = self.symbols(values.long() % 256).transpose(1, 2)
        frames = functional.relu(self.pairs(frames * _mask(lengths, frames)))
        scores: Tensor = self.last(_mean(frames, lengths))
        return scores


def _or_full(lengths: Tensor | None, values: Tensor) -> Tensor:
    if lengths is not None:
        return lengths
    return torch.full((len(values),), values.shape[-1], device=values.device)


def _mask(lengths: Tensor, frames: Tensor) -> Tensor:
    """Mark what is not padding, (n, 1, t) float32."""
    time = torch.arange(frames.shape[-1], device=frames.device)
    return (time < lengths.unsqueeze(1)).unsqueeze(1).float()


def _mean(frames: Tensor, lengths: Tensor) -> Tensor:
    """Average (n, c, t) over what is not padding, (n, c)."""
    return (frames * _mask(lengths, frames)).sum(dim=-1) / lengths.clamp(min=1).unsqueeze(1)


def _seeded(seed: int, make: Callable[[], M]) -> M:
    """Make a net with seeded weights and running statistics; the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = make()
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None and part.running_var is not None:
                part.running_mean.normal_(0, 0.1)  # as after training: a batch norm that does nothing tests nothing
                part.running_var.uniform_(0.5, 1.5)
    return module.eval()
