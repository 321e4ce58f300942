"""What is true by other means: closed forms, slow searches, brute force; hashes of everything that must not move."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq, minimize_scalar
from torch import Tensor, nn

from unfooled.core.answer import Scores
from unfooled.core.batch import Batch

# --- linear models -----------------------------------------------------------------------------------------------


def linear_distance(
    weights: Tensor, bias: Tensor, x: Tensor, y: Tensor, kind: str, *, allowed: Tensor | None = None
) -> Tensor:
    """Smallest change that makes another class win, (n,): the score gap over the dual norm of the weight gap.

    Exact where the box is far away: the caller keeps x in its middle. In L0 it is the fewest pixels, for the box
    [0, 1]: those that gain most go to its ends. `allowed` limits the change to a region.
    """
    flat = weights.double().flatten(1)
    scores = x.double().flatten(1) @ flat.T + bias.double()
    gaps = scores.gather(1, y.unsqueeze(1)) - scores  # (n, k)
    slopes = flat.unsqueeze(0) - flat[y].unsqueeze(1)  # (n, k, d)
    if allowed is not None:
        slopes = slopes * allowed.flatten()
    if kind == "l0":
        values = x.double().flatten(1).unsqueeze(1)
        gains = slopes * torch.where(slopes > 0, 1 - values, -values)
        gains = gains.view(*slopes.shape[:2], *weights.shape[1:]).flatten(3).sum(dim=2)  # (n, k, pixels)
        gained = gains.sort(dim=2, descending=True).values.cumsum(dim=2)
        distances = 1 + (gained <= gaps.unsqueeze(2)).sum(dim=2).double()
    else:
        size = {
            "linf": lambda s: s.abs().sum(dim=2),
            "l2": lambda s: s.norm(dim=2),
            "l1": lambda s: s.abs().amax(dim=2),
        }
        distances = gaps / size[kind](slopes)
    return distances.scatter(1, y.unsqueeze(1), torch.inf).amin(dim=1)


def linear_case(n: int, classes: int, shape: tuple[int, ...], seed: int = 0, scale: float = 1.0) -> Any:
    """Make weights (k, ...), bias (k,), x (n, ...) from 0.3 to 0.7 and the labels that the model itself gives."""
    source = torch.Generator().manual_seed(seed)
    weights = torch.randn(classes, *shape, generator=source) * scale
    bias = -weights.flatten(1).sum(dim=1) / 2  # every class is near a tie at 0.5
    x = 0.5 + 0.4 * (torch.rand(n, *shape, generator=source) - 0.5)
    y = (x.flatten(1) @ weights.flatten(1).T + bias).argmax(dim=1)
    return weights, bias, x, y


# --- nearest points ----------------------------------------------------------------------------------------------


def nearest_in_ball_and_box(
    point: np.ndarray, centre: np.ndarray, radius: float, low: float, high: float, *, kind: str = "l2"
) -> np.ndarray:
    """Find the nearest point of an L2 or L1 ball cut by a box, through the multiplier of the ball and a root finder.

    min |z - p|^2 + m (|z - c|^2 - r^2) over the box has z(m) = clip((p + m c) / (1 + m)), and
    min |z - p|^2 / 2 + m (|z - c|_1 - r) has z(m) = clip(c + the part of p - c that is longer than m); the size of
    z(m) - c falls in m, so the multiplier is a root.
    """

    def at(multiplier: float) -> np.ndarray:
        if kind == "l1":
            beyond = np.sign(point - centre) * np.maximum(np.abs(point - centre) - multiplier, 0)
            return np.clip(centre + beyond, low, high)
        return np.clip((point + multiplier * centre) / (1 + multiplier), low, high)

    def excess(multiplier: float) -> float:
        return float(np.linalg.norm(at(multiplier) - centre, ord=int(kind[1])) - radius)

    if excess(0.0) <= 0:
        return at(0.0)
    upper = 1.0
    while excess(upper) > 0:
        upper *= 2
    return at(brentq(excess, 0.0, upper, xtol=1e-14, rtol=1e-14))


def largest_climb(gradient: np.ndarray, centre: np.ndarray, radius: float, low: float, high: float) -> float:
    """Find how far a linear function can climb in an L2 ball cut by a box (its dual, minimised in one variable)."""

    def dual(multiplier: float) -> float:
        step = np.clip(gradient / (2 * multiplier), low - centre, high - centre)
        return float(gradient @ step - multiplier * (step @ step - radius**2))

    return float(minimize_scalar(dual, bounds=(1e-9, 1e4), method="bounded", options={"xatol": 1e-12}).fun)


# --- code points -------------------------------------------------------------------------------------------------


def insertions(text: Sequence[int], count: int, alphabet: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Give every text that exactly `count` insertions can make, each once."""
    seen = {tuple(text)}
    for _ in range(count):
        seen = {
            (*one[:at], symbol, *one[at:]) for one in seen for at in range(len(one) + 1) for symbol in alphabet
        }  # fmt: skip
    yield from sorted(seen)


def is_subsequence(short: Sequence[int], long: Sequence[int]) -> bool:
    rest = iter(long)
    return all(symbol in rest for symbol in short)


def fewest_insertions(
    text: Sequence[int], most: int, alphabet: Sequence[int], fooled: Callable[[tuple[int, ...]], bool]
) -> int | None:
    """Find by brute force how few insertions fool a model; None if `most` are not enough."""
    for count in range(most + 1):
        if any(fooled(one) for one in insertions(text, count, alphabet)):
            return count
    return None


# --- nothing moved -----------------------------------------------------------------------------------------------


def state_of(module: nn.Module) -> str:
    """Hash all of a module: modes, weights, buffers, requires_grad, gradients, hooks."""
    digest = hashlib.sha256()
    for name, part in module.named_modules():
        hooks = (part._forward_hooks, part._forward_pre_hooks, part._backward_hooks, part._backward_pre_hooks)
        digest.update(f"{name} {part.training} {[len(hook) for hook in hooks]}".encode())
    for name, tensor in itertools.chain(module.named_parameters(), module.named_buffers()):
        digest.update(f"{name} {tensor.requires_grad} {tensor.dtype} {tensor.device}".encode())
        digest.update(tensor.detach().cpu().numpy().tobytes())
        if tensor.is_leaf:
            digest.update(b"none" if tensor.grad is None else tensor.grad.cpu().numpy().tobytes())
    return digest.hexdigest()


def state_of_process() -> str:
    """Hash all global state that a library may be tempted to touch."""
    kept = (
        torch.random.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),
        np.random.get_state()[2:],
        random.getstate(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_anomaly_enabled(),
        torch.get_num_threads(),
        np.geterr(),
    )
    return hashlib.sha256(repr(kept).encode()).hexdigest()


# --- models that watch -------------------------------------------------------------------------------------------


class Watching:
    """An adapter around a plain function of values: it counts rows and remembers every point it was asked about."""

    def __init__(self, function: Callable[..., Tensor], takes_lengths: bool = False) -> None:
        self.function, self.takes_lengths = function, takes_lengths
        self.rows = 0
        self.ids: list[int] = []
        self.points: list[Batch] = []
        self.sizes: list[int] = []

    def answer(self, x: Batch) -> Scores:
        with torch.no_grad():
            return self.read(self.outputs(x))

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        self.rows += len(x)
        self.ids += x.ids.tolist()
        self.sizes.append(len(x))
        self.points.append(Batch(x.values.detach().clone(), x.ids, x.lengths))
        return self.function(x.values, x.lengths) if self.takes_lengths else self.function(x.values)

    def read(self, outputs: Tensor) -> Scores:
        return Scores(outputs)

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def describe(self) -> dict[str, Any]:
        return {"name": "watching", "sha256": "0" * 64, "classes": None}
