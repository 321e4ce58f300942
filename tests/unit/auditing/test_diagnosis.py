"""Each check fires on its planted fault, with the right cause, and no hard alarm rings on the fault's sound twin."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from oracles import state_of, state_of_process
from torch import Tensor, nn

import unfooled
from unfooled.attacks import attack_named
from unfooled.core.evidence import gathered
from unfooled.core.results import Results
from unfooled.diagnose import Diagnosis, Verdict, diagnose

SUITE = ["fgsm", attack_named("pgd", steps=10), attack_named("apgd-ce", steps=20)]
N = 40


@cache
def trained() -> nn.Module:
    """A net that tells four gratings apart, trained in a second; its gradients are sound."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 32), nn.ReLU(),
            nn.Linear(32, 4),
        )  # fmt: skip
        x, y = pictures(512, seed=1)
        adam = torch.optim.Adam(net.parameters(), 3e-3)
        for _ in range(80):
            adam.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            adam.step()
    return net.requires_grad_(False).eval()


def pictures(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Noisy gratings of four directions, (n, 1, 12, 12) in [0, 1], and which is which."""
    source = torch.Generator().manual_seed(seed)
    y = torch.randint(4, (n,), generator=source)
    down, right = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    angle = (y * torch.pi / 4).view(-1, 1, 1)
    phase = torch.rand(n, 1, 1, generator=source) * 2 * torch.pi
    wave = torch.sin((down * angle.cos() + right * angle.sin()) * 1.2 + phase)
    x = 0.5 + 0.2 * wave + 0.1 * torch.randn(n, 12, 12, generator=source)
    return x.clamp(0, 1).unsqueeze(1), y


class Around(nn.Module):
    """The trained net with something done to its input, and something to its scores."""

    def __init__(self, before: Callable[[Tensor], Tensor] | None = None,
                 after: Callable[[Tensor], Tensor] | None = None) -> None:  # fmt: skip
        super().__init__()
        self.net, self.before, self.after = trained(), before, after

    def forward(self, x: Tensor) -> Tensor:
        scores = self.net(x if self.before is None else self.before(x))
        return scores if self.after is None else self.after(scores)


class Detached(nn.Module):
    """The trained net with a gradient only through a faint second path."""

    def __init__(self, detached: bool) -> None:
        super().__init__()
        self.net, self.detached = trained(), detached
        source = torch.Generator().manual_seed(3)
        self.faint = nn.Parameter(1e-3 * torch.randn(144, 4, generator=source), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.net(x)
        return (scores.detach() if self.detached else scores) + x.flatten(1) @ self.faint


class Inside(nn.Module):
    """The trained net with another activation in place of its first."""

    def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.net, self.activation = trained(), activation

    def forward(self, x: Tensor) -> Tensor:
        return self.net[2:](self.activation(self.net[0](x)))


class Remembering(nn.Module):
    """The trained net, whose scores shrink with every pass; the count is no buffer, so no hash sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.passes = trained(), 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        return self.net(x) * (1 + 1e-3 * self.passes)


def staircase(x: Tensor) -> Tensor:
    return x.relu() + ((x * 4).round() / 4 - x).detach() - 0.9 * (x - x.detach())


def rounded(x: Tensor, levels: int = 4) -> Tensor:
    return (x * levels).round() / levels


def batch_norm(x: Tensor) -> Tensor:
    return x - 0.5 * (x.mean(dim=0, keepdim=True) - 0.5)


def noisy(x: Tensor, size: float = 0.3) -> Tensor:
    return x + size * torch.randn_like(x)


PLANTED: dict[str, tuple[Callable[[], nn.Module], set[str]]] = {
    "input quantisation": (lambda: Around(rounded), {"dead gradients"}),
    "a detached layer": (lambda: Detached(True), {"gradients against differences"}),
    "sign activation": (lambda: Inside(torch.sign), {"dead gradients"}),
    "temperature 1000": (lambda: Around(after=lambda scores: 1000 * scores), {"saturated scores"}),
    "softmax output": (lambda: Around(after=lambda scores: (20 * scores).softmax(dim=1)), {"saturated scores"}),
    "noise at inference": (lambda: Around(noisy), {"random answers"}),
    "statistics of the batch": (lambda: Around(batch_norm), {"batch dependence"}),
    "a memory": (Remembering, {"changing model"}),
}

SOUND: dict[str, Callable[[], nn.Module]] = {
    "the net itself": trained,
    "a smooth stand-in for quantisation": lambda: Around(lambda x: x + 0.02 * torch.sin(8 * torch.pi * x)),
    "nothing detached": lambda: Detached(False),
    "soft sign": lambda: Inside(lambda x: torch.tanh(4 * x)),
    "temperature 2": lambda: Around(after=lambda scores: 2 * scores),
    "logarithms of a softmax": lambda: Around(after=lambda scores: scores.log_softmax(dim=1)),
    "fixed noise": lambda: Around(lambda x: x + 0.05 * torch.randn(x.shape[1:], generator=torch.Generator().manual_seed(1))),
    "fixed statistics": lambda: Around(lambda x: x - 0.1),
}  # fmt: skip


def run(model: nn.Module, *, n: int = N, radius: float = 0.04, **more: Any) -> Results:
    return unfooled.audit(model.eval(), pictures(n), f"linf:{radius}", **{"suite": SUITE, "batch": 16} | more)


def causes(found: Diagnosis) -> set[str]:
    return {finding.check for finding in found.findings}


def test_the_net_is_worth_attacking() -> None:
    found = run(trained())["linf:0.04"]
    assert found.clean_accuracy > 0.9
    assert 0.1 < found.robust_accuracy < 0.9


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault: str) -> None:
    make, expected = PLANTED[fault]
    found = diagnose(run(make()))
    assert expected <= causes(found), found
    assert found.verdict in (Verdict.UNRELIABLE, Verdict.SUSPICIOUS)


@pytest.mark.parametrize("twin", SOUND)
def test_a_sound_twin_raises_no_hard_alarm(twin: str) -> None:
    found = diagnose(run(SOUND[twin]()))
    assert not [finding for finding in found.findings if finding.severity == "hard"], found
