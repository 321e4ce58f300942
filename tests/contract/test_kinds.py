"""The core on three kinds of input: pictures, ragged waveforms, and code points that grow by insertion.

The set and the attack for code points live here: nothing in `unfooled` knows of them, and nothing had to.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from oracles import Watching, fewest_insertions, insertions, is_subsequence
from torch import Tensor

import unfooled
from unfooled.core.answer import Scores
from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.core.threat import ThreatModel
from unfooled.goals import Become, Misclassify
from unfooled.search.keeper import Keeper
from unfooled.zoo.small import small_cnn, token_net, wave_net

ALPHABET = (65, 66, 200, 1000)


# --- a set and an attack that the package does not know ----------------------------------------------------------


@dataclass(frozen=True)
class Insertions:
    """Symbols put between those of a text, wherever one likes; nothing is taken away.

    Attributes:
        radius: Most insertions, a whole number.
        alphabet: What may be put in.
    """

    radius: int
    alphabet: tuple[int, ...] = ALPHABET

    def __str__(self) -> str:
        return f"insertions:{self.radius}"

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        return (real_lengths(x_adv) - real_lengths(x)).double()

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        grown = self.distance(x_adv, x)
        kept = [is_subsequence(clean, changed) for clean, changed in zip(texts(x), texts(x_adv), strict=True)]
        added = [
            set(changed) <= {*clean, *self.alphabet} for clean, changed in zip(texts(x), texts(x_adv), strict=True)
        ]
        return torch.tensor(kept) & torch.tensor(added) & (grown >= 0) & (grown <= self.radius)

    def roomy(self, x: Batch) -> Batch:
        """Pad x so that every insertion has its place."""
        room = torch.zeros((len(x), self.radius), dtype=x.values.dtype)
        return Batch(torch.cat([x.values, room], dim=1), x.ids, real_lengths(x))

    def neighbours(self, x_t: Batch, row: int) -> Batch:
        """All texts that one more insertion makes of one text."""
        length = int(real_lengths(x_t)[row])
        sites = [(at, symbol) for at in range(length + 1) for symbol in self.alphabet]
        values = x_t.values[row].repeat(len(sites), 1)
        for place, (at, symbol) in enumerate(sites):
            values[place, at + 1 :] = x_t.values[row, at:-1]
            values[place, at] = symbol
        return Batch(values, x_t.ids[row].repeat(len(sites)), torch.full((len(sites),), length + 1))


@dataclass(frozen=True)
class GreedyInsertion:
    """Insert the symbol that pays most, then the next: many candidates of many examples in every pass."""

    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        return Bill(queries=10**6, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Insertions]) -> Found:
        within = problem.within
        problem = replace(problem, start=within.roomy(problem.x))
        keeper = Keeper(problem)
        assert problem.start is not None
        standing = problem.start
        for _ in range(within.radius):
            owner = keeper.open()
            asked = [within.neighbours(standing, row) for row in owner.tolist()]
            affordable = [
                bool(problem.target.affords(owner[place : place + 1], len(one))) for place, one in enumerate(asked)
            ]
            owner = owner[torch.tensor(affordable, dtype=torch.bool)]
            asked = [one for one, paid in zip(asked, affordable, strict=True) if paid]
            if not len(owner):
                break
            candidates = stacked(asked)
            owners = owner.repeat_interleave(torch.tensor([len(one) for one in asked]))
            answer = problem.target.answer(candidates, owners)
            margins = problem.goal.margin(answer, problem.y[owners])
            best = torch.stack([
                (owners == one).nonzero().flatten()[margins[owners == one].argmax()] for one in owner
            ])  # fmt: skip
            values, lengths = standing.values.clone(), real_lengths(standing).clone()
            values[owner], lengths[owner] = candidates.values[best], real_lengths(candidates)[best]
            standing = Batch(values, problem.x.ids, lengths)
            keeper.keep(owner, candidates.rows(best), margins[best], answer.rows(best))
        return keeper.found()


def real_lengths(x: Batch) -> Tensor:
    return x.lengths if x.lengths is not None else torch.full((len(x),), x.values.shape[1])


def texts(x: Batch) -> list[list[int]]:
    return [row[:length].tolist() for row, length in zip(x.values, real_lengths(x).tolist(), strict=True)]


def stacked(batches: list[Batch]) -> Batch:
    return Batch(
        *(torch.cat(parts) for parts in zip(*((b.values, b.ids, real_lengths(b)) for b in batches), strict=True))
    )


class Toy:
    """Sums a worth of each symbol, so that the fewest insertions that fool it are known by brute force."""

    worths: ClassVar[dict[int, float]] = {65: 1.0, 66: -0.5, 200: -0.75, 1000: 0.25}

    def __call__(self, values: Tensor, lengths: Tensor | None = None) -> Tensor:
        real = torch.arange(values.shape[1]) < (values.shape[1] if lengths is None else lengths.unsqueeze(1))
        worth = sum((values == symbol) * worth for symbol, worth in self.worths.items())
        total = (worth * real).sum(dim=1)
        return torch.stack([total, torch.full_like(total, 1e-3), total * 0 - 9], dim=1)

    def label(self, text: tuple[int, ...]) -> int:
        return int(self(torch.tensor([text or (0,)])).argmax())


TOY_TEXTS = [[65, 97], [65, 65, 98, 99], [97, 1000, 65, 65, 65], [1000], [65, 66, 66, 65, 65, 65, 65]]


def toy_batch() -> Batch:
    width = max(map(len, TOY_TEXTS))
    values = torch.tensor([text + [0] * (width - len(text)) for text in TOY_TEXTS])
    return Batch(values, torch.arange(5) + 11, torch.tensor(list(map(len, TOY_TEXTS))))


def asked_of(model: Any, radius: int, **settings: Any) -> tuple[Found, Problem[Insertions]]:
    x = toy_batch()
    target = Target(model, Access.SCORES, len(x), **settings)
    y = torch.zeros(len(x), dtype=torch.int64)
    problem = Problem(target, x, y, Misclassify(), Insertions(radius), Draws.of(0, "insertions"))
    return GreedyInsertion()(problem), problem


# --- code points -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("radius", [0, 1, 2, 3])
def test_greedy_insertion_is_the_brute_force_answer(radius: int) -> None:
    toy = Toy()
    found, problem = asked_of(Watching(toy, takes_lengths=True), radius)
    assert problem.within.contains(found.x_adv, problem.x).all()
    for row, text in enumerate(TOY_TEXTS):
        fewest = fewest_insertions(text, radius, ALPHABET, lambda one: toy.label(one) != 0)
        assert bool(found.reached[row]) == (fewest is not None)
        if fewest is not None:
            assert int(problem.within.distance(found.x_adv, problem.x)[row]) == fewest
            assert toy.label(tuple(texts(found.x_adv)[row])) != 0


def test_finished_examples_drop_out_and_counts_stand_per_example() -> None:
    model = Watching(Toy(), takes_lengths=True)
    found, problem = asked_of(model, 3)
    lengths = torch.tensor(list(map(len, TOY_TEXTS)))
    grown = problem.within.distance(found.x_adv, problem.x).int().tolist()
    bill = [
        sum((int(length) + step + 1) * len(ALPHABET) for step in range(count))
        for length, count in zip(lengths, grown, strict=True)
    ]
    assert problem.target.spent.queries.tolist() == bill
    assert model.rows == sum(bill)
    assert model.sizes[0] == sum((int(length) + 1) * len(ALPHABET) for length in lengths)
    alive = [set(point.ids.tolist()) for point in model.points]
    assert all(later < earlier for earlier, later in itertools.pairwise(alive)), "who fell is never asked about again"
    assert len(set(bill)) > 1


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_fixed_passes_give_the_same_texts(batch: int) -> None:
    model = Watching(Toy(), takes_lengths=True)
    found, problem = asked_of(model, 3, batch=batch)
    free, _ = asked_of(Watching(Toy(), takes_lengths=True), 3)
    assert torch.equal(found.x_adv.values, free.x_adv.values)
    assert found.x_adv.lengths is not None
    assert free.x_adv.lengths is not None
    assert torch.equal(found.x_adv.lengths, free.x_adv.lengths)
    assert set(model.sizes) == {batch}
    assert int(problem.target.spent.queries.sum()) <= model.rows


def test_a_budget_for_many_candidates() -> None:
    found, problem = asked_of(Watching(Toy(), takes_lengths=True), 3, budget=30)
    assert (problem.target.spent.queries <= 30).all()
    free, _ = asked_of(Watching(Toy(), takes_lengths=True), 3)
    assert int(found.reached.sum()) < int(free.reached.sum())


def test_order_of_examples_changes_no_text() -> None:
    model = Watching(Toy(), takes_lengths=True)
    x, order = toy_batch(), torch.tensor([3, 1, 4, 0, 2])
    y = torch.zeros(5, dtype=torch.int64)
    answers = []
    for rows in (torch.arange(5), order):
        part = x.rows(rows)
        problem = Problem(
            Target(model, Access.SCORES, 5, batch=8), part, y, Misclassify(), Insertions(3), Draws.of(0, "")
        )
        answers.append(texts(GreedyInsertion()(problem).x_adv))
    assert answers[1] == [answers[0][row] for row in order]


@dataclass(frozen=True)
class TokenNet:
    """Lengths in, scores out, through the package's own small net: an adapter as a user would write it."""

    seed: int = 0

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def answer(self, x: Batch) -> Scores:
        with torch.no_grad():
            return self.read(self.outputs(x))

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        scores: Tensor = token_net(self.seed)(x.values, x.lengths)
        return scores

    def read(self, outputs: Tensor) -> Scores:
        return Scores(outputs)

    def describe(self) -> dict[str, Any]:
        return {"name": "tokens", "sha256": str(self.seed) * 64, "classes": None}


def token_data() -> tuple[list[np.ndarray], np.ndarray]:
    source = np.random.default_rng(5)
    x = [source.integers(97, 123, size=int(length)) for length in (8, 3, 5, 1, 12, 8, 16)]
    y = [int(token_net(0)(torch.from_numpy(text)[None], torch.tensor([len(text)])).argmax()) for text in x]
    return x, np.array(y)


def label_of(text: Any) -> int:
    values = torch.from_numpy(np.asarray(text))[None]
    return int(token_net(0)(values, torch.tensor([values.shape[1]])).argmax())


@pytest.mark.parametrize("goal", [Misclassify(), Become(1)])
def test_texts_through_the_whole_audit(goal: Any, tmp_path: Path) -> None:
    x, y = token_data()
    threat = ThreatModel(goal, Insertions(2), access=Access.SCORES)
    results = unfooled.audit(
        TokenNet(), (x, y), threat, [GreedyInsertion()], batch=16, out=tmp_path / "run", keep="all"
    )
    again = unfooled.audit(TokenNet(), (x, y), threat, [GreedyInsertion()], batch=16)
    loaded = unfooled.load(tmp_path / "run")
    assert loaded.records.equals(results.records)
    assert loaded.records.equals(again.records)
    rows = loaded[threat]
    assert rows.clean_accuracy == 1.0
    aims = {Misclassify(): lambda label, own: label != own, Become(1): lambda label, own: label == 1}[goal]
    fell = 0
    for row, stored in rows.adversarial():
        text = x[row].tolist()
        assert stored.dtype == np.int64
        assert stored.ndim == 1
        assert len(text) <= len(stored) <= len(text) + 2
        assert is_subsequence(text, stored.tolist())
        assert rows.column("distance")[row] == len(stored) - len(text)
        if rows.broken[row]:
            fell += 1
            assert aims(label_of(stored), y[row])
            assert rows.column("adv_label")[row] == label_of(stored)
    assert 0 < fell == rows.broken.sum() < len(x)
    already = y == 1 if isinstance(goal, Become) else np.zeros(len(x), dtype=bool)
    assert (rows.queries[~already] > 0).all()
    assert (rows.queries[already] == 0).all()
    for row in np.flatnonzero(~already & ~rows.broken):
        # one insertion is found by looking at all: what stands after one stands under every single one
        assert not any(aims(label_of(one), y[row]) for one in insertions(x[row].tolist(), 1, ALPHABET))
    assert rows.column("radius").tolist() == [None] * len(x) or np.isnan(rows.column("radius").astype(float)).all()
    assert rows.x_adv.dtype == object
    assert sorted(len(text) for text in rows.x_adv[rows.broken]) == sorted(
        len(stored) for row, stored in rows.adversarial() if rows.broken[row]
    )


def test_texts_shards_order_and_resume(tmp_path: Path) -> None:
    x, y = token_data()
    threat = ThreatModel(Misclassify(), Insertions(2), access=Access.SCORES)

    def run(index: list[int], **more: Any) -> Any:
        data = ([x[i] for i in index], y[index])
        return unfooled.audit(TokenNet(), data, threat, [GreedyInsertion()], batch=8, keep="all", **more)

    whole = run(list(range(7)))
    permuted = run([5, 0, 3, 6, 2, 1, 4])
    merged = run([0, 1, 2]).merge(run([3, 4, 5, 6]))
    for other in (permuted, merged):
        assert facts(other) == facts(whole)
        assert set(other.tensors) == set(whole.tensors)
        assert all(np.array_equal(other.tensors[name], whole.tensors[name]) for name in whole.tensors)


def facts(results: Any) -> dict[Any, Any]:
    """What a run says of each example, wherever it stands."""
    return {
        (row["threat"], row["key"]): {name: value for name, value in row.items() if name not in ("example", "name")}
        for row in results.records.to_pylist()
    }


def test_a_lying_text_attack_scores_nothing() -> None:
    """One insertion too many, or a letter exchanged: the referee asks the set, not the attack."""

    @dataclass(frozen=True)
    class Lying:
        how: str
        needs: ClassVar[Access] = Access.DECISION
        nearest: ClassVar[bool] = False

        def bill(self, classes: int) -> Bill:
            return Bill(0, 0, 0)

        def __call__(self, problem: Problem[Insertions]) -> Found:
            wide = replace(problem.within, radius=8).roomy(problem.x)
            values, lengths = wide.values.clone(), real_lengths(wide).clone()
            for row in range(len(wide)):
                if self.how == "exchanged":
                    values[row, : lengths[row]] = 200
                else:
                    values[row, lengths[row] : lengths[row] + 8], lengths[row] = 200, lengths[row] + 8
            sure = torch.ones(len(wide), dtype=torch.bool)
            return Found(Batch(values, wide.ids, lengths), sure, torch.zeros(len(wide)))

    x, y = token_data()
    threat = ThreatModel(Misclassify(), Insertions(2), access=Access.SCORES)
    fooled = 0
    for how in ("exchanged", "too many"):
        results = unfooled.audit(TokenNet(), (x, y), threat, [Lying(how)])
        assert not results[threat].broken.any()
        assert results.stages.to_pylist()[0]["proposed"] == len(x)
        fooled += int((results[threat].column("adv_label").astype(float) != y).sum())
        honest = unfooled.audit(TokenNet(), (x, y), replace(threat, within=Insertions(8)), [Lying("too many")])
    assert fooled > 0, "the lies would pay if they were believed"
    assert honest.union().broken.any(), "and the same text is a hit where the set allows it"


def test_an_attack_that_cannot_work_in_a_set_is_refused_at_the_door() -> None:
    threat = ThreatModel(Misclassify(), Insertions(1))
    with pytest.raises(unfooled.UnfooledError, match="insertions:1"):
        unfooled.audit(TokenNet(), token_data(), threat, "noise")


def test_a_set_that_verify_does_not_know_is_said_to_be_unknown() -> None:
    threat = ThreatModel(Misclassify(), Insertions(2), access=Access.SCORES)
    results = unfooled.audit(TokenNet(), token_data(), threat, [GreedyInsertion()])
    with pytest.raises(unfooled.UnfooledError, match="insertions:2"):
        unfooled.verify(results, TokenNet())


# --- ragged waveforms --------------------------------------------------------------------------------------------


def wave_data() -> tuple[list[np.ndarray], np.ndarray]:
    source = np.random.default_rng(6)
    x = [source.uniform(-0.8, 0.8, size=n).astype(np.float32) for n in (100, 40, 41, 90, 7, 100, 128, 64)]
    x[5] = np.sign(x[5])  # at the corners of its range
    y = [int(wave_net(0)(torch.from_numpy(one)[None], torch.tensor([len(one)])).argmax()) for one in x]
    return x, np.array(y)


@pytest.mark.parametrize("threat", ["linf:0.1", "l2:0.6"])
def test_waveforms_of_several_lengths_through_the_audit(threat: str, tmp_path: Path) -> None:
    x, y = wave_data()
    model = unfooled.wrap(wave_net(0), takes_lengths=True)
    suite = ["uniform-noise", "fgsm", unfooled.attack_named("pgd", steps=8)]
    results = unfooled.audit(model, (x, y), threat, suite, batch=4, out=tmp_path / "run", keep="all")
    rows = unfooled.load(tmp_path / "run")[threat]
    assert rows.clean_accuracy == 1.0
    assert 0 < rows.broken.sum() < len(x)
    radius = float(threat.partition(":")[2])
    for row, stored in rows.adversarial():
        assert stored.shape == x[row].shape
        assert stored.dtype == np.float32
        assert np.abs(stored).max() <= 1
        change = stored.astype(np.float64) - x[row]
        size = np.abs(change).max() if threat.startswith("linf") else np.linalg.norm(change)
        assert size <= radius + 1e-6
        assert rows.column("distance")[row] == pytest.approx(size, abs=1e-9)
        label = int(wave_net(0)(torch.from_numpy(stored)[None], torch.tensor([len(stored)])).argmax())
        assert bool(rows.broken[row]) == (label != y[row])
    assert len(list(rows.adversarial())) == len(x)
    assert all(checked.confirmed for checked in unfooled.verify(results, model))

    index = [3, 7, 0, 2, 6, 5, 1, 4]
    permuted = unfooled.audit(model, ([x[i] for i in index], y[index]), threat, suite, batch=4, keep="all")
    shards = [unfooled.audit(model, (x[part], y[part]), threat, suite, batch=4, keep="all") for part in
              (slice(0, 3), slice(3, 8))]  # fmt: skip
    for other in (permuted, shards[0].merge(shards[1])):
        assert facts(other) == facts(results)
        assert all(np.array_equal(other.tensors[name], results.tensors[name]) for name in results.tensors)


def test_a_set_of_another_range_is_refused() -> None:
    """A picture's ball holds no waveform: every attack would fail, and the model would seem unbreakable."""
    x, y = wave_data()
    model = unfooled.wrap(wave_net(0), takes_lengths=True)
    with pytest.raises(unfooled.UnfooledError):
        unfooled.audit(model, (x, y), unfooled.linf(0.1), "noise")


# --- pictures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_pictures_through_the_audit(dtype: Any, tmp_path: Path) -> None:
    source = np.random.default_rng(7)
    x = source.integers(0, 256, size=(6, 1, 28, 28)).astype(np.uint8)
    as_values = torch.from_numpy(x.astype(np.float32) / np.float32(255))
    module = small_cnn(0)
    y = module(as_values).argmax(dim=1).numpy()
    given = x if dtype is np.uint8 else as_values.numpy()
    suite = ["fgsm", unfooled.attack_named("pgd", steps=8)]
    results = unfooled.audit(module, (given, y), "linf:6/255", suite, batch=4, out=tmp_path / "run")
    rows = unfooled.load(tmp_path / "run")["linf:6/255"]
    assert rows.broken.sum() > 0
    for row, stored in rows.adversarial():
        assert stored.dtype == dtype
        values = stored.astype(np.float32) / np.float32(255) if dtype is np.uint8 else stored
        assert np.abs(values - as_values[row].numpy()).max() <= 6 / 255 + 1e-6
        assert int(module(torch.from_numpy(values)[None]).argmax()) != y[row]
        assert np.array_equal(rows.x_adv[row], values)
    assert all(checked.confirmed for checked in unfooled.verify(results, module))


def test_many_kinds_have_one_shape_of_results() -> None:
    """Tables of pictures, waveforms and texts have the same columns and types, so one report reads them all."""
    x, y = wave_data()
    waves = unfooled.audit(unfooled.wrap(wave_net(0), takes_lengths=True), (x, y), "linf:0.1", "noise")
    letters = unfooled.audit(
        TokenNet(), token_data(), ThreatModel(Misclassify(), Insertions(1), access=Access.SCORES), [GreedyInsertion()]
    )
    assert waves.records.schema == letters.records.schema
    assert waves.stages.schema == letters.stages.schema
    assert set(itertools.chain(waves.run)) == set(letters.run)
