"""Models, attacks and goals that misbehave: a figure is right, or there is a clear error, and nothing is lost."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

import unfooled
from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.errors import AccessError, AttackError, InputError, ModelError
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.zoo.small import small_cnn

THREAT = "linf:0.05"


def data(n: int = 8) -> tuple[nn.Module, Tensor, Tensor]:
    module = small_cnn(0).eval()
    x = torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return module, x, module(x).argmax(dim=1)


class Wrapped(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module


class MasksClasses(Wrapped):
    def forward(self, x: Tensor) -> Tensor:
        scores = self.module(x)
        return torch.cat([scores, torch.full_like(scores[:, :1], -1e9)], dim=1)


class WritesIntoItsInput(Wrapped):
    def forward(self, x: Tensor) -> Tensor:
        return self.module(x.sub_(0.5).add_(0.5))


class GivesNoDirection(Wrapped):
    def forward(self, x: Tensor) -> Tensor:
        return self.module(torch.round(x * 255) / 255)


class FailsOnLargePictures(Wrapped):
    def forward(self, x: Tensor) -> Tensor:
        return self.module(x)


@dataclass(frozen=True)
class Hostile:
    """Does one bad thing."""

    deed: str
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        return Bill(0, 0, 0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        x, n = problem.x, len(problem.x)
        yes, loss = torch.ones(n, dtype=torch.bool), torch.zeros(n)
        found: dict[str, Any] = {
            "one row": lambda: Found(x.rows(slice(1)), yes[:1], loss[:1]),
            "float64": lambda: Found(x.holding(x.values.double()), yes, loss),
            "another shape": lambda: Found(x.holding(x.values[..., 1:]), yes, loss),
            "nothing": lambda: None,
            "an exception": [].pop,
        }
        if self.deed == "writes":
            x.values.zero_()
            problem.y.add_(1).remainder_(10)
            return Found(x, yes, loss)
        return found[self.deed]()  # type: ignore[no-any-return]


def test_a_masked_class_hides_no_success() -> None:
    module, x, y = data()
    plain = unfooled.audit(module, (x, y), THREAT, "pgd")[THREAT]
    masked = unfooled.audit(MasksClasses(module).eval(), (x, y), THREAT, "pgd")[THREAT]
    assert plain.broken.any()
    assert masked.broken.tolist() == plain.broken.tolist()


def test_a_module_may_write_into_its_input() -> None:
    module, x, y = data()
    before, model = x.clone(), WritesIntoItsInput(module).eval()
    results = unfooled.audit(model, (x, y), THREAT, "pgd")
    assert results[THREAT].broken.any()
    assert all(one.confirmed for one in unfooled.verify(results, model))
    assert torch.equal(x, before)


def test_an_attack_that_writes_into_the_problem_changes_nothing() -> None:
    module, x, y = data()
    rows = unfooled.audit(module, (x, y), THREAT, [Hostile("writes")])[THREAT]
    assert rows.clean_accuracy == rows.robust_accuracy == 1


@pytest.mark.parametrize("deed", ["one row", "float64", "another shape", "nothing", "an exception"])
def test_an_attack_that_breaks_its_contract_is_named_and_the_rest_is_kept(deed: str, tmp_path: Path) -> None:
    module, x, y = data()
    suite = ["fgsm", Hostile(deed)]
    with pytest.raises(AttackError, match="Hostile"):
        unfooled.audit(module, (x, y), "linf:0.001", suite, out=tmp_path / "run")
    assert len(list((tmp_path / "run" / "units").iterdir())) == 2  # the clean answers and what fgsm found


def test_a_model_that_fails_on_some_sizes_is_told_of(tmp_path: Path) -> None:
    module, x, y = data(2)
    pictures = [x[0].numpy(), torch.rand(1, 40, 40).numpy()]
    with pytest.raises(ModelError, match=r"\(16, 1, 40, 40\)"):
        unfooled.audit(FailsOnLargePictures(module).eval(), (pictures, y), THREAT, "fgsm")


@pytest.mark.parametrize("goal", ["top-10", "top-99", "leave:0,1,2,3,4,5,6,7,8,9", "enter:0,1,2,3,4,5,6,7,8,9"])
def test_goals_that_nothing_or_everything_reaches_are_refused(goal: str) -> None:
    module, x, y = data()
    with pytest.raises(InputError, match="10 classes"):
        unfooled.audit(module, (x, y), f"{goal} {THREAT}", "noise")


def test_a_suite_of_which_no_attack_may_run_is_refused() -> None:
    module, x, y = data()
    with pytest.raises(AccessError, match="fgsm needs gradient"):
        unfooled.audit(module, (x, y), THREAT, "fgsm", access=Access.DECISION)


def test_gradients_that_point_nowhere_are_told_of() -> None:
    module, x, y = data()
    hidden = GivesNoDirection(module).eval()
    noted = unfooled.audit(hidden, (x, y), THREAT, "pgd", diagnose=False)
    assert any("100% of the gradients that pgd was given" in note for note in noted.run["notes"])
    assert unfooled.audit(hidden, (x, y), THREAT, "pgd").run["notes"] == [], "a stand-in's gradients point somewhere"
    assert unfooled.audit(module, (x, y), THREAT, "pgd").run["notes"] == []


def test_runs_are_named_as_text_too(tmp_path: Path) -> None:
    module, x, y = data()
    results = unfooled.audit(module, (x, y), THREAT, "fgsm", out=str(tmp_path / "run"))
    again = unfooled.load(str(tmp_path / "run"))
    assert list(again) == list(results) == [THREAT]
    modes = {path.stat().st_mode for path in (tmp_path / "run").glob("*.[ps]a*")}
    assert len(modes) == 1
