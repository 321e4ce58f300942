"""Searches over texts: exact bills, answers that hang on nothing but the text, and what is known of linear models."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from unfooled.attacks import TEXT_ATTACKS, attack_named
from unfooled.core.answer import Scores
from unfooled.core.attack import Attack, Found, Problem
from unfooled.core.batch import Batch
from unfooled.core.errors import AccessError
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.core.texts import batch_of, strings
from unfooled.core.threat import Edits
from unfooled.core.tokens import Tokens
from unfooled.goals import Become, Misclassify
from unfooled.losses import loss_named
from unfooled.search.drafts import Asked, Draft, Search
from unfooled.search.lockstep import keeper_of, search_texts
from unfooled.sets.chars import Chars
from unfooled.sets.unseen import Homoglyphs, Invisible

WEIGHTS = {"wonderful": 3.0, "good": 2.0, "fine": 1.0, "dull": -2.0, "awful": -3.0, "the": 9.0}
TEXTS = [
    "a wonderful evening",
    "good good fine music",
    "the end",
    "awful, dull",
    "fine",
    "x",
    "12 + 3",
    "the good the bad",
]
SETS: list[Edits] = [Chars(2), Invisible(2), Homoglyphs(1)]


NUMBERS = {word: number for number, word in enumerate(WEIGHTS, 1)}


class Inner:
    """The linear model behind its tokens: the embedding of a word is its weight."""

    rows, device = 4, torch.device("cpu")
    embeddings = torch.tensor([0.0, *WEIGHTS.values()]).unsqueeze(1)

    def tokens(self, texts: Sequence[str]) -> list[Tokens]:
        found = [[(one[0].strip(","), one.span()) for one in re.finditer(r"\S+", text)] for text in texts]
        return [Tokens([NUMBERS.get(word, 0) for word, _ in one], [span for _, span in one]) for one in found]

    def answer(self, x: Batch) -> Scores:
        return Scores(self.outputs(x))

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        real = torch.arange(x.values.shape[1]) < x.lengths.unsqueeze(1)
        worth = 0.5 + (x.values[..., 0] * real).sum(dim=1)
        return torch.stack([-worth, worth, torch.full_like(worth, -20.0)], dim=1)

    read, describe = Scores, dict


class Words:
    """A linear model of known words; it remembers what it was asked."""

    inside = Inner()

    def __init__(self) -> None:
        self.asked: list[str] = []

    device = torch.device("cpu")

    def answer(self, x: Batch) -> Scores:
        return Scores(self.outputs(x))

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        texts = strings(x)
        self.asked += texts
        worth = [0.5 + sum(WEIGHTS.get(word.strip(","), 0) for word in text.split()) for text in texts]
        return torch.tensor([[-one, one, -20.0] for one in worth])

    def read(self, outputs: Tensor) -> Scores:
        return Scores(outputs)

    def describe(self) -> dict[str, Any]:
        return {"name": "words", "sha256": "0", "classes": None}


def posed(within: Edits, texts: list[str] = TEXTS, *, access: Access = Access.SCORES, **more: Any) -> Problem[Any]:
    ids = torch.tensor([sum(map(ord, text)) for text in texts])
    x = batch_of(texts, ids, more.pop("width", 64))
    model = Words()
    y = model.outputs(x).argmax(dim=1)
    model.asked.clear()
    budget, batch = more.pop("budget", None), more.pop("batch", None)
    target = Target(model, access, len(texts), budget=budget, batch=batch)
    return Problem(target, x, y, more.pop("goal", Misclassify()), within, Draws.of(0), **more)


def run(attack: Attack[Any], problem: Problem[Any]) -> Found:
    found = attack(problem)
    assert bool(problem.within.contains(found.x_adv, problem.x).all()), strings(found.x_adv)
    answer = Words().answer(found.x_adv)
    assert found.reached.tolist() == problem.goal.reached(answer, problem.y).tolist()
    return found


PAIRS = list(itertools.product(TEXT_ATTACKS, SETS))


@pytest.mark.parametrize(("name", "within"), PAIRS, ids=str)
def test_proposals_are_inside_and_do_what_is_said_of_them(name: str, within: Edits) -> None:
    attack = TEXT_ATTACKS[name]
    problem = posed(within, access=attack.needs)
    run(attack, problem)
    spent = problem.target.spent
    bill = attack.bill(3)
    assert len(problem.target.model.asked) + int(spent.backwards.sum()) == int(spent.answers().sum())
    assert int(spent.queries.max()) <= bill.queries
    assert int(spent.forwards.max()) <= bill.forwards
    assert int(spent.backwards.max()) <= bill.backwards


@pytest.mark.parametrize("name", TEXT_ATTACKS)
def test_an_answer_hangs_on_nothing_but_its_text(name: str) -> None:
    attack = TEXT_ATTACKS[name]
    together = posed(Chars(2), access=attack.needs)
    found = run(attack, together)
    order = [5, 2, 7, 0, 4, 1, 3, 6]
    other = posed(Chars(2), [TEXTS[i] for i in order], access=attack.needs, batch=3)
    again = run(attack, other)
    assert strings(again.x_adv) == [strings(found.x_adv)[i] for i in order]
    assert other.target.spent.answers().tolist() == together.target.spent.answers()[order].tolist()
    alone = posed(Chars(2), TEXTS[:1], access=attack.needs)
    assert strings(run(attack, alone).x_adv) == strings(found.x_adv)[:1]


@pytest.mark.parametrize("name", TEXT_ATTACKS)
@pytest.mark.parametrize("budget", [1, 2, 7])
def test_budgets_are_kept_to_the_last_answer(name: str, budget: int) -> None:
    attack = TEXT_ATTACKS[name]
    problem = posed(Chars(2), access=attack.needs, budget=budget)
    run(attack, problem)
    assert int(problem.target.spent.answers().max()) <= budget


@pytest.mark.parametrize("name", TEXT_ATTACKS)
@pytest.mark.parametrize("within", [Chars(0), Invisible(0)], ids=str)
def test_without_a_radius_nothing_changes(name: str, within: Edits) -> None:
    attack = TEXT_ATTACKS[name]
    problem = posed(within, access=attack.needs)
    assert strings(run(attack, problem).x_adv) == TEXTS


@pytest.mark.parametrize("name", ["deep-word-bug", "pwws", "text-beam", "textfooler", "hotflip", "a2t", "gbda"])
@pytest.mark.parametrize("within", SETS, ids=str)
def test_a_linear_model_falls_exactly_where_enough_weight_can_be_taken_away(name: str, within: Edits) -> None:
    attack = attack_named(name, spare=False)
    problem = posed(within, access=attack.needs)
    found = run(attack, problem)
    for text, reached, label in zip(TEXTS, found.reached.tolist(), problem.y.tolist(), strict=True):
        weights = sorted(
            (WEIGHTS.get(word.strip(","), 0) * (1 if label else -1) for word in text.split()), reverse=True
        )
        edits = within.most(text)
        left = sum(weights) - sum(weight for weight in weights[:edits] if weight > 0) + (0.5 if label else -0.5)
        assert reached is (left < 0), text


def test_function_words_are_spared_where_that_is_asked_for() -> None:
    held = ["the awful music"]  # by `the` alone
    assert not run(attack_named("deep-word-bug", spare=True), posed(Chars(2), held)).reached.any()
    assert run(attack_named("deep-word-bug", spare=False), posed(Chars(2), held)).reached.all()


def test_a_goal_that_cannot_be_had_is_not_claimed() -> None:
    found = run(TEXT_ATTACKS["deep-word-bug"], posed(Chars(2), goal=Become(2)))
    assert not found.reached.any()


def test_deep_word_bug_asks_for_each_word_once_and_then_for_four_typos_at_a_time() -> None:
    problem = posed(Chars(1), ["good music"])
    run(TEXT_ATTACKS["deep-word-bug"], problem)
    assert problem.target.model.asked[:3] == ["good music", "[UNK] music", "good [UNK]"]
    assert len(problem.target.model.asked) == 3 + 4  # one edit of the word that matters, which is not enough


def test_finished_texts_drop_out_while_others_go_on() -> None:
    rounds: list[list[str]] = []

    def search(draft: Draft) -> Search:
        for _ in range(3):
            rounds.append([draft.text])
            told = yield Asked([draft.written({1: "ab"}), draft.text])
            assert len(told) == 2

    problem = posed(Chars(9), ["fine", "good"])
    keeper = keeper_of(replace(problem, y=torch.tensor([1, 0])))  # the second is fooled as it is
    search_texts(keeper, loss_named("margin"), 100, search)
    assert rounds == [["fine"], ["good"], ["fine"], ["fine"]]
    assert problem.target.spent.queries.tolist() == [6, 2]


def test_hotflip_asks_first_about_the_word_that_the_gradient_names() -> None:
    problem = posed(Homoglyphs(1), ["fine good music"], access=Access.GRADIENT)
    run(attack_named("hotflip", tried=1), problem)
    (first, *_) = problem.target.model.asked
    assert first.startswith("fine ")
    assert first.endswith(" music")
    assert problem.target.spent.backwards.tolist() == [1]


def test_models_that_show_no_embeddings_are_not_climbed() -> None:
    problem = posed(Chars(1), access=Access.GRADIENT)
    problem.target.model.inside = None
    with pytest.raises(AccessError, match="embeddings"):
        attack_named("hotflip")(problem)


def test_edits_are_taken_back_down_to_those_that_are_needed() -> None:
    text = " ".join(["x"] * 40 + ["awful"] + ["x"] * 40)
    problem = posed(Chars(1), [text], access=Access.DECISION, width=200)
    found = run(attack_named("reverted-edits", starts=1), problem)
    assert found.reached.all()
    assert "awful" not in strings(found.x_adv)[0]  # the only edit that is left
    assert int(problem.target.spent.queries) <= 2 + 2 * 7  # halves of 81 words, down to one


@pytest.mark.parametrize("within", [Invisible(1), Chars(1)], ids=str)
def test_drafts_edited_all_over_find_room(within: Edits) -> None:
    text = " ".join(["fine"] * 12)
    assert not run(attack_named("reverted-edits"), posed(within, [text], access=Access.DECISION)).reached.any()
