"""The only door to a model: what it counts, what it pads, what it averages, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from oracles import Watching, state_of_process
from torch import Tensor, nn

from unfooled.core.answer import UNREADABLE, Answer, Labels, Scores
from unfooled.core.batch import Batch
from unfooled.core.errors import AccessError, BudgetError, ModelError
from unfooled.core.target import Access, Counts, Target

X = Batch(torch.rand(5, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([10, 11, 12, 13, 14]))
OWNER = torch.tensor([2, 0, 2, 2, 1])
WEIGHTS = torch.tensor([[1.0, -2.0, 0.5, 3.0], [0.0, 1.0, 1.0, -1.0], [2.0, 2.0, -1.0, 0.0]])


def linear(values: Tensor) -> Tensor:
    return values @ WEIGHTS.T


def first_score(outputs: Tensor, owner: Tensor) -> Tensor:
    return outputs[:, 0]


def test_answers_are_billed_to_their_owner() -> None:
    model = Watching(linear)
    target = Target(model, Access.SCORES, 3)
    answer = target.answer(X, OWNER)
    assert isinstance(answer, Scores)
    assert torch.equal(answer.scores, linear(X.values))
    assert target.spent.queries.tolist() == [1, 1, 3]
    target.losses(X, first_score, OWNER)
    assert target.spent.queries.tolist() == [2, 2, 6]
    assert target.spent.forwards.tolist() == target.spent.backwards.tolist() == [0, 0, 0]
    assert target.spent.answers().tolist() == [2, 2, 6]
    assert model.rows == 10


def test_white_box_passes_are_counted_apart() -> None:
    model = Watching(linear)
    target = Target(model, Access.GRADIENT, 3)
    target.gradient(X, first_score, OWNER)
    target.losses(X, first_score, OWNER)
    target.answer(X, OWNER)
    assert target.spent.queries.tolist() == [0, 0, 0]
    assert target.spent.forwards.tolist() == [3, 3, 9]
    assert target.spent.backwards.tolist() == [1, 1, 3]
    assert model.rows == 15


def test_a_gradient_is_loss_gradient_and_answer_of_one_pass() -> None:
    model = Watching(linear)
    target = Target(model, Access.GRADIENT, 3)
    with torch.no_grad():
        seen = target.gradient(X, lambda outputs, owner: (outputs[:, 0] - outputs[:, 1]) * (owner + 1), OWNER)
    assert torch.allclose(seen.loss, (linear(X.values)[:, 0] - linear(X.values)[:, 1]) * (OWNER + 1))
    assert torch.allclose(seen.grad, (WEIGHTS[0] - WEIGHTS[1]) * (OWNER + 1).unsqueeze(1))
    assert torch.equal(seen.answer.labels, linear(X.values).argmax(dim=1))
    assert model.rows == 5
    assert not seen.loss.requires_grad
    assert not seen.grad.requires_grad
    assert seen.answer.scores is not None
    assert not seen.answer.scores.requires_grad
    losses = target.losses(X, first_score, OWNER)
    assert torch.equal(losses.loss, linear(X.values)[:, 0])
    assert not losses.loss.requires_grad


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 8])
def test_every_pass_has_one_shape_and_the_same_answer(batch: int) -> None:
    model = Watching(linear)
    target, free = Target(model, Access.GRADIENT, 3, batch=batch), Target(Watching(linear), Access.GRADIENT, 3)

    def objective(outputs: Tensor, owner: Tensor) -> Tensor:
        return outputs[:, 0] * (owner + 1)

    for ask in ("answer", "losses", "gradient"):
        seen = [
            getattr(one, ask)(*((X, OWNER) if ask == "answer" else (X, objective, OWNER))) for one in (target, free)
        ]
        parts = [[one.scores] if ask == "answer" else [one.loss, one.answer.scores] for one in seen]
        parts = [[*part, one.grad] if ask == "gradient" else part for part, one in zip(parts, seen, strict=True)]
        for ours, theirs in zip(*parts, strict=True):
            assert torch.allclose(ours, theirs, atol=1e-6)
            assert ours.shape == theirs.shape
    assert set(model.sizes) == {batch}
    assert torch.equal(target.spent.forwards, free.spent.forwards), "padding is not billed"
    assert torch.equal(target.spent.backwards, free.spent.backwards)


def test_padding_repeats_the_first_row_and_keeps_lengths() -> None:
    lengths = torch.tensor([4, 1, 2, 3, 4])
    model = Watching(lambda values, lengths: values * (torch.arange(4) < lengths.unsqueeze(1)), takes_lengths=True)
    Target(model, Access.SCORES, 5, batch=8).answer(replace(X, lengths=lengths), torch.arange(5))
    (point,) = model.points
    assert torch.equal(point.values[5:], X.values[:1].repeat(3, 1))
    assert point.ids.tolist() == [10, 11, 12, 13, 14, 10, 10, 10]
    assert point.lengths is not None
    assert point.lengths.tolist() == [4, 1, 2, 3, 4, 4, 4, 4]


def test_decision_gives_labels_alone() -> None:
    target = Target(Watching(linear), Access.DECISION, 3)
    answer = target.answer(X, OWNER)
    assert isinstance(answer, Labels)
    assert answer.scores is None
    assert torch.equal(answer.labels, linear(X.values).argmax(dim=1))


@pytest.mark.parametrize(("access", "ask"), [(1, "losses"), (1, "gradient"), (2, "gradient")])
def test_access_is_checked_before_anything_is_asked(access: int, ask: str) -> None:
    model = Watching(linear)
    target = Target(model, Access(access), 3)
    with pytest.raises(AccessError, match=Access(access).name.lower()) as caught:
        getattr(target, ask)(X, first_score, OWNER)
    assert "gradient" in str(caught.value) or "scores" in str(caught.value)
    assert model.rows == 0
    assert int(target.spent.answers().sum()) == 0


def test_budgets_count_what_was_spent_before() -> None:
    model = Watching(linear)
    target = Target(model, Access.SCORES, 3, budget=5, already=torch.tensor([5, 4, 0]))
    everyone = torch.arange(3)
    assert target.affords(everyone).tolist() == [False, True, True]
    assert target.affords(everyone, 2).tolist() == [False, False, True]
    assert target.left(torch.tensor([2, 1, 0, 2])).tolist() == [5, 1, 0, 5]
    assert target.affords(torch.tensor([2, 2, 0, 1]), 5).tolist() == [True, False, False, False], "one budget for both"
    target.answer(X.rows(torch.tensor([1, 2])), torch.tensor([1, 2]))
    assert target.affords(everyone).tolist() == [False, False, True]
    assert target.left(everyone).tolist() == [0, 0, 4]
    rows = model.rows
    with pytest.raises(BudgetError, match="more than 5"):
        target.answer(X, OWNER)
    assert model.rows == rows, "refused before the model is asked"
    assert Target(model, Access.SCORES, 3).affords(everyone, 10**9).all()


def test_many_rows_of_one_owner_count_at_once() -> None:
    target = Target(Watching(linear), Access.SCORES, 1, budget=4)
    target.answer(X.rows(slice(0, 4)), torch.zeros(4, dtype=torch.int64))
    assert target.spent.queries.tolist() == [4]
    with pytest.raises(BudgetError):
        target.answer(X.rows(slice(0, 1)), torch.zeros(1, dtype=torch.int64))
    with pytest.raises(BudgetError):
        Target(Watching(linear), Access.SCORES, 1, budget=4).answer(X, torch.zeros(5, dtype=torch.int64))


def test_already_is_not_the_callers_to_lose() -> None:
    already = torch.tensor([1, 1, 1])
    target = Target(Watching(linear), Access.SCORES, 3, budget=9, already=already)
    target.answer(X, OWNER)
    assert already.tolist() == [1, 1, 1]


class Noisy(nn.Module):
    """A model that draws from torch's generator each time it is asked."""

    def forward(self, values: Tensor) -> Tensor:
        return linear(values * (1 + torch.randn(values.shape)))


def test_draws_of_a_random_model_are_averaged() -> None:
    noisy = Noisy()
    many, model = Target(Watching(noisy), Access.GRADIENT, 5), Watching(noisy)
    target = Target(model, Access.GRADIENT, 5, draws=4)
    everyone = torch.arange(5)
    before = state_of_process()
    averaged = target.gradient(X, first_score, everyone)
    singles = [many.gradient(X, first_score, everyone) for _ in range(4)]
    assert state_of_process() == before
    assert torch.allclose(averaged.grad, torch.stack([one.grad for one in singles]).mean(dim=0))
    assert torch.allclose(averaged.loss, torch.stack([one.loss for one in singles]).mean(dim=0))
    assert not torch.equal(singles[0].grad, singles[1].grad), "each draw is fresh"
    assert target.spent.forwards.tolist() == target.spent.backwards.tolist() == [4] * 5
    assert model.rows == 20
    spread = torch.stack([one.grad for one in singles]).std(dim=0).mean()
    far = Target(Watching(noisy), Access.GRADIENT, 5, draws=200).gradient(X, first_score, everyone).grad
    assert (far - WEIGHTS[0]).abs().mean() < spread / 3, "the mean nears the gradient of the expectation"


def test_a_random_model_answers_alike_to_one_seed() -> None:
    everyone = torch.arange(5)
    answers = [Target(Watching(Noisy()), Access.SCORES, 5, seed=seed).answer(X, everyone).scores for seed in (1, 1, 2)]
    assert answers[0] is not None
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])


class Decoder(Watching):
    """Decides by a pass of its own, as a decoder that feeds itself does."""

    def read(self, outputs: Tensor) -> Any:
        return None

    def answer(self, x: Batch) -> Scores:
        self.rows += len(x)
        return Scores(self.function(x.values).flip(1))


@pytest.mark.parametrize("batch", [None, 2])
def test_a_decision_may_take_a_pass_of_its_own(batch: int | None) -> None:
    target = Target(Decoder(linear), Access.GRADIENT, 5, batch=batch)
    for seen in (target.gradient(X, first_score, torch.arange(5)), target.losses(X, first_score, torch.arange(5))):
        assert seen.answer.scores is not None
        assert torch.allclose(seen.answer.scores, linear(X.values).flip(1))
        assert torch.allclose(seen.loss, linear(X.values)[:, 0])


def test_a_model_without_gradient_is_named() -> None:
    target = Target(Watching(lambda values: linear(values.detach())), Access.GRADIENT, 5)
    with pytest.raises(ModelError, match="differentiably"):
        target.gradient(X, first_score, torch.arange(5))
    unused = Target(Watching(lambda values: values.new_zeros(5, 3).requires_grad_()), Access.GRADIENT, 5)
    with pytest.raises(ModelError, match="differentiably"):
        unused.gradient(X, first_score, torch.arange(5))


def test_nobody_asked_costs_nothing() -> None:
    model = Watching(linear)
    for batch in (None, 4):
        target = Target(model, Access.GRADIENT, 5, batch=batch)
        assert target.affords(torch.arange(0)).tolist() == []
        assert int(Counts.zeros(3).answers().sum()) == 0
    assert model.rows == 0


# --- answers and batches -----------------------------------------------------------------------------------------


def test_scores_that_are_no_numbers_have_no_label() -> None:
    bad = float("nan"), float("inf"), -float("inf")
    scores = torch.tensor([[0.0, 1.0, 1.0], *([one, 2.0, 0.0] for one in bad)])
    assert Scores(scores).labels.tolist() == [1, UNREADABLE, UNREADABLE, UNREADABLE]


@pytest.mark.parametrize("kind", [Scores, Labels])
def test_answers_are_picked_and_joined(kind: Any) -> None:
    answer: Answer = kind(linear(X.values)) if kind is Scores else kind(linear(X.values).argmax(dim=1))
    order = torch.tensor([3, 0])
    assert torch.equal(answer.rows(order).labels, answer.labels[order])
    assert torch.equal(answer.rows(slice(1, 3)).labels, answer.labels[1:3])
    joined = kind.joined([answer.rows(slice(0, 2)), answer.rows(slice(2, 5))])
    assert torch.equal(joined.labels, answer.labels)
    assert len(joined) == len(answer) == 5
    assert (answer.scores is None) == (kind is Labels)


def test_batches_pick_pad_and_mark() -> None:
    x = replace(X, lengths=torch.tensor([4, 0, 2, 3, 4]))
    picked = x.rows(torch.tensor([2, 0]))
    assert picked.ids.tolist() == [12, 10]
    assert picked.lengths is not None
    assert picked.lengths.tolist() == [2, 4]
    valid = x.valid()
    assert valid is not None
    assert valid.tolist()[1:3] == [[False] * 4, [True, True, False, False]]
    assert X.valid() is None
    pictures = Batch(torch.zeros(2, 3, 5, 7), torch.arange(2), torch.tensor([7, 2]))
    stripes = pictures.valid()
    assert stripes is not None
    assert stripes.shape == (2, 1, 1, 7)
    none = x.rows(slice(0, 0)).valid()
    assert none is not None
    assert none.shape == (0, 4)
    assert x.padded(3) is x
    assert len(x.padded(9)) == 9
    held = x.holding(x.values + 1)
    assert held.lengths is x.lengths
    assert held.ids is x.ids
