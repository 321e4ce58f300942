"""A surrogate out of a target's answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import unfooled
from unfooled.core.errors import AccessError, InputError
from unfooled.core.target import Access
from unfooled.models.black_box import BlackBox
from unfooled.models.classifier import wrap
from unfooled.models.distilled import distil
from unfooled.zoo.small import linear


def pictures(n: int, seed: int) -> torch.Tensor:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


NET = linear(torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1)))
X = pictures(200, 0)


@pytest.mark.parametrize("access", [Access.SCORES, Access.DECISION])
def test_it_learns_what_the_target_says(access: Access) -> None:
    asked: list[int] = []

    def ask(x: np.ndarray) -> np.ndarray:
        asked.append(len(x))
        scores = NET(torch.from_numpy(x)).detach().numpy()
        return scores if access is Access.SCORES else scores.argmax(axis=1)

    target = BlackBox(ask, access, name="asked", sha256="0", classes=("a", "b", "c"))
    found = distil(target, X, 3, access=access, rounds=2, epochs=15)
    assert found.queries == sum(asked) == 400
    with torch.no_grad():
        fresh = pictures(300, 5)
        agreement = (found.model.module(fresh).argmax(dim=1) == NET(fresh).argmax(dim=1)).float().mean()
    assert agreement > 0.6, "a third would be chance"
    assert found.agreement > 0.7
    assert found.model.classes == ("a", "b", "c")


def test_what_fools_it_fools_the_target_too() -> None:
    """The whole way of somebody who can only ask: answers, surrogate, climb, one question each."""
    found = distil(wrap(NET), X, 3, rounds=2, epochs=15)
    fresh = pictures(40, 7)
    y = NET(fresh).argmax(dim=1)
    fooled = unfooled.attack(NET, fresh, y, "mi-fgsm", "linf:0.2", surrogates=[found.model]).reached
    noise = unfooled.attack(NET, fresh, y, "corner-noise", "linf:0.2", draws=1).reached
    assert fooled.float().mean() > noise.float().mean() + 0.2


def test_same_seed_same_surrogate_and_nothing_touched() -> None:
    before = torch.get_rng_state()
    one, two = (distil(wrap(NET), X[:20], 3, rounds=1, epochs=1).model for _ in range(2))
    assert one.describe()["sha256"] == two.describe()["sha256"]
    assert torch.equal(torch.get_rng_state(), before)


def test_what_cannot_be_distilled() -> None:
    with pytest.raises(InputError, match="pictures"):
        distil(wrap(NET), torch.rand(3, 8), 3)
    labels = BlackBox(
        lambda x: np.zeros(len(x), dtype=np.int64), Access.DECISION, name="l", sha256="0", classes=("a", "b")
    )
    with pytest.raises(AccessError):
        distil(labels, X, 2)


@pytest.mark.parametrize(
    ("x", "classes", "more", "wrong"),
    [
        (X[:4] * 255, 3, {}, "in \\[0, 1\\]"),
        ((X[:4] * 255).byte(), 3, {}, "in \\[0, 1\\]"),
        (X[:4], 3, {"rounds": 0}, "rounds=0"),
        (X[:4], 3, {"epochs": 0}, "epochs=0"),
        (X[:4], 3, {"reach": 0.0}, "reach=0"),
        (X[:4], 4, {}, "3, not 4"),
        (X, 1, {"access": Access.DECISION}, "3, not 1"),
    ],
)
def test_what_would_teach_nonsense_is_refused(x: torch.Tensor, classes: int, more: dict[str, Any], wrong: str) -> None:
    with pytest.raises(InputError, match=wrong):
        distil(wrap(NET), x, classes, **more)


def test_a_target_that_tells_no_numbers_teaches_nothing() -> None:
    nothing = linear(torch.full((3, 1, 8, 8), float("nan")))
    with pytest.raises(InputError, match="no numbers"):
        distil(wrap(nothing), X[:4], 3, epochs=1)
