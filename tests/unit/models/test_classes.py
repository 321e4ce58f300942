"""A surrogate's classes in the target's order."""

from __future__ import annotations

import pytest
import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.models.classes import Reordered, aligned
from unfooled.models.classifier import wrap
from unfooled.zoo.small import linear

X = Batch(torch.rand(5, 1, 2, 2, generator=torch.Generator().manual_seed(0)), torch.arange(5))


def named(*names: str) -> object:
    return wrap(linear(torch.eye(4)[: len(names)].view(-1, 1, 2, 2)), classes=names)


def test_names_bring_scores_into_order() -> None:
    model = named("cat", "dog", "cow")
    found = aligned(model, ("cow", "cat", "dog"), 3, 3)
    assert torch.equal(found.outputs(X), model.outputs(X)[:, [2, 0, 1]])
    assert found.describe()["classes"] == ["cow", "cat", "dog"]
    assert torch.equal(found.answer(X).labels, found.outputs(X).argmax(dim=1))
    assert aligned(model, ("cat", "dog", "cow"), 3, 3) is model
    assert aligned(model, None, 3, 3) is model


@pytest.mark.parametrize(
    ("names", "count", "told"),
    [
        (("cat", "dog", "emu"), 3, "emu"),
        (None, 4, "3 classes, the target 4"),
        (("cat", "cat", "dog"), 3, "other classes"),
    ],
)
def test_a_mapping_is_asked_for(names: tuple[str, ...] | None, count: int, told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        aligned(named("cat", "dog", "cow"), names, count, 3)
    assert "Reordered" in str(error.value)


def test_a_mapping_may_pick_some_classes() -> None:
    model = named("cat", "dog", "cow")
    assert Reordered(model, (2, 0)).outputs(X).shape == (5, 2)
