"""What is known to be there is found, and a model whose gradients nobody knows is never called reliable."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from oracles import Watching
from torch import Tensor, nn
from unit.auditing.test_diagnosis import SUITE, causes, faulty, pictures, run, sound, trained

import unfooled
from unfooled.auditing.evidence.boundary import _readout
from unfooled.auditing.evidence.strength import LEAST, SURVIVORS, _worth
from unfooled.core.batch import Batch
from unfooled.core.errors import ModelError
from unfooled.core.evidence import Measurement, gathered
from unfooled.diagnose import CHECKS, Case, Verdict, diagnose
from unfooled.diagnose.boundary import EASY
from unfooled.models.classifier import wrap
from unfooled.models.readout import find_features
from unfooled.models.through import OwnGradients

BLIND = (Verdict.CANNOT_SAY, Verdict.UNRELIABLE)


def measured(results: unfooled.Results) -> dict[str, Measurement]:
    (evidence,) = gathered(results.run)
    return {row.name: row for row in evidence.rows}


# planted boundaries


def test_a_readout_tells_one_point_from_all_others() -> None:
    source = torch.Generator().manual_seed(0)
    for m, d in ((20, 50), (60, 7)):
        inner = torch.randn(m, d, generator=source, dtype=torch.float64)
        rim = 4 * torch.randn(d, generator=source, dtype=torch.float64)
        weight, origin, level, fits = _readout(inner, rim)
        assert fits
        beyond = (rim - origin) @ weight - level
        assert beyond > 0
        assert ((inner - origin) @ weight < level).all()
        assert beyond == pytest.approx(0.001, rel=1e-6), "the boundary lies close to the planted point, in gaps"


def test_no_readout_tells_a_point_from_itself() -> None:
    inner = torch.randn(9, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert not _readout(inner, inner[3])[3]
    assert not _readout(torch.ones(5, 3, dtype=torch.float64), torch.ones(3, dtype=torch.float64))[3]


def test_a_sound_net_loses_what_was_planted_and_noise_does_not_find_it() -> None:
    rows = measured(sound())
    found, noise = rows["planted boundaries that the attacks found"], rows["planted boundaries that noise found"]
    assert found.value == found.n >= 10
    assert noise.value < EASY * found.n


def test_what_lies_behind_rounding_is_found_through_stand_ins() -> None:
    found = measured(faulty("input quantisation"))["planted boundaries that the attacks found"]
    assert found.value == found.n > 0


def test_a_model_without_layers_is_not_asked() -> None:
    assert "planted boundaries that the attacks found" not in measured(run(Watching(trained())))


def test_features_are_those_before_the_last_linear_layer() -> None:
    net, x = trained(), pictures(3)[0]
    found = find_features(wrap(net), Batch(x, torch.arange(3)))
    assert found is not None
    assert found.last is net[-1]
    assert torch.equal(net[-1](found.outputs(Batch(x, torch.arange(3)))), net(x))
    assert not any(part._forward_pre_hooks for part in net.modules())


@pytest.mark.parametrize(
    ("found", "noise", "severity"), [(12, 0, None), (10, 0, None), (9, 0, "soft"), (8, 1, "hard"), (0, 7, None)]
)
def test_three_of_twelve_may_not_be_missed(found: int, noise: int, severity: str | None) -> None:
    assert judged("planted", {"attacks": found, "noise": noise}) == severity


def judged(check: str, found: dict[str, float]) -> str | None:
    rows = {f"planted boundaries that {who if who == 'noise' else 'the attacks'} found": value
            for who, value in found.items()}  # fmt: skip
    case: Any = Case({name: Measurement("t", name, value, 12) for name, value in rows.items()}, None)  # type: ignore
    finding = next(one for one in CHECKS if one.__name__ == check)(case)
    return None if finding is None else finding.severity


# gradients whose way is not known


class Purifying(nn.Module):
    """Moves its input by gradient steps of its own before it answers; `through`: they are differentiated."""

    def __init__(self, through: bool) -> None:
        super().__init__()
        self.net, self.through = trained(), through

    def forward(self, x: Tensor) -> Tensor:
        moved = x
        for _ in range(3):
            with torch.enable_grad():
                here = moved if self.through and moved.requires_grad else moved.detach().requires_grad_()
                sure = self.net(here).log_softmax(dim=1).amax(dim=1).sum()
                (grad,) = torch.autograd.grad(sure, here, create_graph=self.through)
            moved = moved + 0.01 * (grad if self.through else grad.sign())
        return self.net(moved if self.through else x + (moved - x).detach())


class Diffusing(nn.Module):
    """Adds noise and takes it off again in a loop without a graph; a gradient passes by a faint second path alone."""

    def __init__(self, faint: float = 0.01) -> None:
        super().__init__()
        self.net, self.faint = trained(), faint

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            clean = x + 0.05 * torch.randn_like(x)
            for _ in range(4):
                clean = clean + 0.5 * (nn.functional.avg_pool2d(clean, 3, 1, 1) - clean)
        return self.net(clean + self.faint * (x - clean) if self.faint else clean)


class Detecting(nn.Module):
    """Answers inputs that its net is unsure of by no numbers, by constants, or by a class of its own."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.net, self.way = trained(), way

    def forward(self, x: Tensor) -> Tensor:
        scores = self.net(x)
        top = scores.topk(2, dim=1).values
        unsure = ((top[:, 0] - top[:, 1]) < 0.75).unsqueeze(1)
        if self.way == "NaN":
            return torch.where(unsure, torch.nan, scores)
        if self.way == "constants":  # the label's own score stays the highest, so nothing counts as broken
            return torch.where(unsure, 10.0 * (scores >= top[:, :1]).float(), scores)
        rejected = torch.tensor([[0.0] * scores.shape[1] + [9.0]])
        return torch.where(unsure, rejected, nn.functional.pad(scores, (0, 1), value=-9.0))


def surely_read(model: nn.Module, n: int = 32) -> tuple[Tensor, Tensor]:
    x, y = pictures(4 * n)
    scores = model(x)
    kept = scores.isfinite().all(dim=1) & (scores.argmax(dim=1) == y)
    return x[kept][:n], y[kept][:n]


def test_nobody_can_say_of_a_purification_loop() -> None:
    found = diagnose(run(Purifying(through=False), n=24))
    assert found.verdict is Verdict.CANNOT_SAY
    assert "adapts while it answers" in causes(found)


def test_gradients_are_counted_unless_they_can_be_differentiated_again() -> None:
    def loss() -> Tensor:
        return torch.ones(2, requires_grad=True).square().sum()

    with OwnGradients() as own:
        at = torch.ones(2, requires_grad=True)
        torch.autograd.grad(at.square().sum(), at, create_graph=True)
        assert own.taken == 0
        torch.autograd.grad(at.square().sum(), at)
        loss().backward()
    assert own.taken == 2
    loss().backward()
    assert own.taken == 2


def test_a_loop_that_keeps_its_graph_is_no_purification_in_secret() -> None:
    assert measured(run(Purifying(through=True)))["gradients taken while answering"].value == 0


def test_a_loop_without_a_graph_is_never_reliable() -> None:
    assert diagnose(run(Diffusing())).verdict in BLIND


def test_where_no_gradient_passes_only_scores_can_be_asked() -> None:
    with pytest.raises(ModelError, match="scores"):
        run(Diffusing(faint=0.0), diagnose=False)
    assert diagnose(run(Diffusing(faint=0.0))).verdict in BLIND
    told = run(Diffusing(faint=0.0), access=unfooled.Access.SCORES, suite=["square"], n=24)
    assert diagnose(told).verdict is Verdict.CANNOT_SAY


@pytest.mark.parametrize("way", ["NaN", "constants", "a class of its own"])
def test_a_detector_is_never_reliable(way: str) -> None:
    model = Detecting(way).eval()
    found = diagnose(unfooled.audit(model, surely_read(model), "linf:0.04", suite=SUITE, batch=16))
    assert found.verdict in BLIND, found
    assert "lost gradients" in causes(found)
    assert found.verdict is Verdict.CANNOT_SAY or way == "constants"  # some of its gradients are zero from the start


# where gradients lead


class Bent(nn.Module):
    """Two classes; the margin is a sine of the mean brightness that peaks after so much of it."""

    def __init__(self, peak: float) -> None:
        super().__init__()
        self.peak = peak

    def forward(self, x: Tensor) -> Tensor:
        rise = torch.sin((x.flatten(1).mean(dim=1) - 0.5) * torch.pi / 2 / self.peak)
        return torch.stack([1 - 0.3 * rise, 0.3 * rise], dim=1)


@pytest.mark.parametrize(("peak", "turns"), [(0.06, True), (0.2, False)])
def test_a_gradient_that_leads_down_before_the_rim_is_found(peak: float, turns: bool) -> None:
    x = 0.5 + 0.01 * torch.rand(24, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    results = unfooled.audit(Bent(peak).eval(), (x, torch.zeros(24, dtype=torch.int64)), "linf:0.1", suite=SUITE)
    assert measured(results)["rays that are highest before the rim"].value == float(turns)
    assert ("masked gradients" in causes(diagnose(results))) == turns


def test_few_survivors_are_worth_few_questions() -> None:
    def worth(stand: int, right: int) -> int:
        subject: Any = SimpleNamespace(survivors=range(stand), drawn=range(right))
        return _worth(subject)

    assert worth(500, 1000) == worth(900, 1000) == SURVIVORS
    assert worth(125, 1000) == SURVIVORS // 4
    assert worth(1, 1000) == LEAST
