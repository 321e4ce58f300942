"""Each check fires on its planted fault, with the right cause, and no hard alarm rings on the fault's sound twin."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from oracles import Watching, state_of, state_of_process
from torch import Tensor, nn

import unfooled
from unfooled.attacks import attack_named
from unfooled.core.evidence import gathered
from unfooled.core.results import Results
from unfooled.diagnose import Diagnosis, Verdict, diagnose
from unfooled.report import render
from unfooled.report.gate import reliability

SUITE = ["fgsm", attack_named("pgd", steps=10), attack_named("apgd-t", steps=20, targets=3)]
N = 32


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
    "a comparison": (  # nothing can stand in for it
        lambda: Around(lambda x: torch.where(x > 0.5, 0.7, 0.3)), {"dead gradients", "planted boundaries missed"},
    ),
    "a detached layer": (lambda: Detached(True), {"gradients against differences"}),
    "sign activation": (lambda: Inside(torch.sign), {"dead gradients"}),
    "temperature 1000": (lambda: Around(after=lambda scores: 1000 * scores), {"saturated scores"}),
    "softmax output": (lambda: Around(after=lambda scores: (20 * scores).softmax(dim=1)), {"saturated scores"}),
    "noise at inference": (lambda: Around(noisy), {"random answers"}),
    "statistics of the batch": (lambda: Around(batch_norm), {"batch dependence"}),
    "a memory": (Remembering, {"changing model"}),
}  # fmt: skip

SOUND: dict[str, Callable[[], nn.Module]] = {
    "a smooth stand-in for quantisation": lambda: Around(lambda x: x + 0.02 * torch.sin(8 * torch.pi * x)),
    "nothing detached": lambda: Detached(False),
    "soft sign": lambda: Inside(lambda x: torch.tanh(4 * x)),
    "temperature 2": lambda: Around(after=lambda scores: 2 * scores),
    "logarithms of a softmax": lambda: Around(after=lambda scores: scores.log_softmax(dim=1)),
    "fixed noise": lambda: Around(lambda x: x + 0.1 * pictures(1)[0]),
    "fixed statistics": lambda: Around(lambda x: x - 0.1),
}  # fmt: skip


def run(model: Any, *, n: int = N, radius: float = 0.04, **more: Any) -> Results:
    return unfooled.audit(
        model if isinstance(model, Watching) else model.eval(),
        pictures(n),
        f"linf:{radius}",
        **{"suite": SUITE, "batch": 16} | more,
    )


@cache
def sound() -> Results:
    """The run of the net itself, which several tests look at."""
    return run(trained())


@cache
def faulty(fault: str) -> Results:
    """The run of a planted fault."""
    return run(PLANTED[fault][0]())


def causes(found: Diagnosis) -> set[str]:
    return {finding.check for finding in found.findings}


def test_the_net_is_worth_attacking() -> None:
    found = sound()["linf:0.04"]
    assert found.clean_accuracy > 0.9
    assert 0.1 < found.robust_accuracy < 0.9


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault: str) -> None:
    expected, results = PLANTED[fault][1], faulty(fault)
    found, (evidence,) = diagnose(results), gathered(results.run)
    assert expected <= causes(found), found
    assert found.verdict in (Verdict.UNRELIABLE, Verdict.SUSPICIOUS) or evidence.remedies


@pytest.mark.parametrize("twin", SOUND)
def test_a_sound_twin_raises_no_hard_alarm(twin: str) -> None:
    found = diagnose(run(SOUND[twin]()))
    assert not [finding for finding in found.findings if finding.severity == "hard"], found


def test_findings_tell_their_remedy_and_their_threat() -> None:
    for finding in diagnose(faulty("input quantisation")).findings:
        assert finding.threat == "linf:0.04"
        assert finding.sentence
        assert finding.remedy


def facts(results: Results) -> list[object]:
    (evidence,) = gathered(results.run)
    return [*evidence.rows, *({**bill, "seconds": 0} for bill in evidence.bill)]


def test_the_diagnosis_changes_nothing_else() -> None:
    module = trained()
    before, process = state_of(module), state_of_process()
    with_it, without = run(module), run(module, diagnose=False)
    assert (state_of(module), state_of_process()) == (before, process)
    assert with_it.records.equals(without.records), "its cost is kept apart, and what it breaks is no result"
    assert with_it.stages.drop_columns("seconds").equals(without.stages.drop_columns("seconds"))
    assert not list(gathered(without.run))


def test_order_changes_no_measurement() -> None:
    x, y = pictures(N)
    turned = unfooled.audit(trained(), (x.flip(0), y.flip(0)), "linf:0.04", suite=SUITE, batch=16)
    assert facts(turned) == facts(sound())


def test_measurements_survive_the_disk_and_a_stop(tmp_path: Path) -> None:
    class Killing:
        left = 8

        def begin(self, threat: str, attack: str, total: int) -> None: ...
        def passed(self, rows: int) -> None: ...
        def advance(self, done: int, broken: int) -> None:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(trained(), out=tmp_path / "run", progress=Killing())
    run(trained(), out=tmp_path / "run", resume=True)
    assert facts(unfooled.load(tmp_path / "run")) == facts(sound())


def test_the_bill_counts_every_row() -> None:
    watching = Watching(trained())
    without = Watching(trained())
    (bill,) = next(gathered(run(watching, n=24).run)).bill
    run(without, n=24, diagnose=False)
    asked = bill["queries"] + bill["forwards"]
    assert 0 < asked <= watching.rows - without.rows, "padding and the referee come on top"
    assert bill["backwards"] > 0


def test_of_a_ladder_the_most_telling_radius_is_probed() -> None:
    results = unfooled.audit(trained(), pictures(N), "linf:0.001,0.06,0.3", suite=SUITE, batch=16)
    broken = {name: abs(results[name].broken.sum() / results[name].column("clean_correct").sum() - 0.5)
              for name in results.threats}  # fmt: skip
    assert next(gathered(results.run)).threats == [min(broken, key=broken.__getitem__)]


def test_a_merged_run_keeps_both_diagnoses() -> None:
    x, y = pictures(N)
    parts = [unfooled.audit(trained(), (x[rows], y[rows]), "linf:0.04", suite=SUITE, batch=16)
             for rows in (slice(0, 24), slice(24, N))]  # fmt: skip
    merged = parts[0].merge(parts[1])
    assert len(list(gathered(merged.run))) == 2
    assert diagnose(merged).verdict is Verdict.RELIABLE


# what cannot be said


def test_too_few_examples_say_nothing() -> None:
    found = diagnose(run(trained(), n=10))
    assert found.verdict is Verdict.CANNOT_SAY
    assert "20" in found.gaps[0]


@pytest.mark.parametrize("more", [{"diagnose": False}, {"suite": "noise"}, {"access": unfooled.Access.SCORES,
                                                                           "suite": "noise"}])  # fmt: skip
def test_without_gradients_or_probes_nothing_is_said(more: dict[str, Any]) -> None:
    assert diagnose(run(trained(), **more)).verdict is Verdict.CANNOT_SAY


def test_where_nothing_is_read_rightly_nobody_can_say() -> None:
    x, y = pictures(12)
    found = diagnose(unfooled.audit(trained(), (x, (y + 1) % 4), "linf:0.1", "quick"))
    assert found.verdict is Verdict.CANNOT_SAY
    assert "reads none of these examples rightly" in " ".join(found.gaps)


def test_where_nothing_stands_no_figure_can_be_too_high() -> None:
    results = run(trained(), radius=0.5)
    assert results["linf:0.5"].robust_accuracy == 0
    assert diagnose(results).verdict is Verdict.RELIABLE


def test_a_weak_attack_is_told_from_a_strong_one() -> None:
    """One small step without restarts leaves much standing that a longer attack breaks."""
    weak = run(trained(), suite=[attack_named("pgd", steps=1, step=0.05, random_start=False)], radius=0.06)
    found = diagnose(weak)
    assert "unfinished search" in causes(found)
    assert found.verdict is Verdict.UNRELIABLE


# who reads it


def test_the_gate_believes_no_unreliable_run() -> None:
    assert any("memory" in doubt for doubt in reliability(faulty("a memory")))
    assert reliability(sound()) == []
    assert diagnose(sound()).verdict is Verdict.RELIABLE


def test_the_page_tells_the_verdict_and_what_to_do() -> None:
    page = render(faulty("a comparison"))
    assert "Can this be believed?" in page
    assert "unreliable" in page
    assert "BPDA" in page
