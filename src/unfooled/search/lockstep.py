"""Search many texts at once: each by itself, and all that they ask goes through the model together."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from unfooled.core.answer import Answer
from unfooled.core.attack import Problem
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Objective
from unfooled.core.texts import batch_of, strings
from unfooled.core.threat import Edits, Loss

from .keeper import Keeper

T = TypeVar("T")

LONGEST_MASK = 16
"""Most characters that probes may write in a word's stead."""

_TOGETHER = 4096  # texts that are laid out in memory at a time


class Asked(NamedTuple):
    """What a search wants to know: the losses of some texts.

    Attributes:
        texts: The texts, all in the set.
        probes: Whether they lie outside it, and are asked about only to learn what matters.
    """

    texts: list[str]
    probes: bool = False


Search = Generator[Asked, list[float], None]
"""A search of one text: it yields what it asks and is sent the losses, higher for better; a success ends it."""


@dataclass(frozen=True)
class Draft:
    """One text, as a search meets it.

    Attributes:
        pieces: What it is made of: every second piece, from the second on, may be edited.
        within: The set.
        edits: How many edits it bears.
        lots: (count, tag, draw) -> numbers from [0, 1) that hang on the text alone.
    """

    pieces: tuple[str, ...]
    within: Edits
    edits: int
    lots: Callable[[int, str, int], list[float]]

    @property
    def text(self) -> str:
        """The text itself."""
        return "".join(self.pieces)

    def written(self, edited: dict[int, str]) -> str:
        """Write the text with other pieces in some places."""
        return "".join(edited.get(place, piece) for place, piece in enumerate(self.pieces))

    def with_each(self, edited: dict[int, str], site: int, tries: Sequence[str]) -> list[str]:
        """Write the text with other pieces in some places, and each of `tries` in one more."""
        written = [edited.get(place, piece) for place, piece in enumerate(self.pieces)] if edited else self.pieces
        head, tail = "".join(written[:site]), "".join(written[site + 1 :])
        return [head + one + tail for one in tries]


def keeper_of(problem: Problem[Edits]) -> Keeper[Edits]:
    """Make a keeper that has room for every text of the set, and for probes."""
    x = problem.x
    values = pad(x.values, (0, problem.within.growth(x.values.shape[1]) + LONGEST_MASK))
    lengths = torch.full_like(x.ids, x.values.shape[1]) if x.lengths is None else x.lengths
    return Keeper(replace(problem, start=replace(x, values=values, lengths=lengths)))


def search_texts(keeper: Keeper[Edits], loss: Loss, queries: int, search: Callable[[Draft], Search]) -> None:
    """Search every text that is undecided, each until it succeeds, ends its search or has spent its queries.

    What one text is told hangs on nothing but itself; the texts take their turns together only to fill the passes.

    Args:
        keeper: Holds the problem, by `keeper_of`.
        loss: What to climb; where the attacker sees labels only, every loss is 0.
        queries: Most queries of an example, 0 or more.
        search: Begins the search of one text.
    """
    problem = keeper.problem
    within, owner = problem.within, keeper.open()
    width = problem.beginning(owner).values.shape[1]
    asking = _Asking(keeper, problem.objective(loss), torch.full_like(problem.y, queries), width)
    under_way: dict[int, tuple[Search, Asked]] = {}
    for one, text in zip(owner.tolist(), strings(problem.x.rows(owner)), strict=True):
        lots = cache(partial(_lots, problem.draws, problem.x.ids[one : one + 1]))
        begun = search(Draft(tuple(within.pieces(text)), within, within.most(text), lots))
        _go_on(under_way, one, begun, None)
    while under_way:
        told = asking.ask({one: asked for one, (_, asked) in under_way.items()})
        for (one, (begun, _)), losses in zip(tuple(under_way.items()), told, strict=True):
            del under_way[one]
            if losses:
                _go_on(under_way, one, begun, losses)


def _lots(draws: Draws, ids: Tensor, count: int, tag: str, draw: int) -> list[float]:
    drawn: list[float] = draws.uniform((count,), ids, tag, draw)[0].tolist()
    return drawn


def _go_on(under_way: dict[int, tuple[Search, Asked]], one: int, begun: Search, told: list[float] | None) -> None:
    """Tell a search what it asked for, and note what it asks next; one that asks nothing has ended."""
    try:
        asked = next(begun) if told is None else begun.send(told)
    except StopIteration:
        return
    under_way[one] = (begun, asked)


class _Round(NamedTuple):
    """What all searches under way ask at one time.

    Attributes:
        owner: Whose search, (m,).
        asked: What each of them asks.
        texts: What of that each can pay for, from the first on.
    """

    owner: Tensor
    asked: list[Asked]
    texts: list[list[str]]

    @property
    def whose(self) -> Tensor:
        """Owners of all texts, (r,)."""
        return self.owner.repeat_interleave(torch.tensor([len(texts) for texts in self.texts]).to(self.owner))

    def parted(self, column: list[T]) -> list[list[T]]:
        """Part a column with an entry for each text, by search."""
        entries = iter(column)
        return [list(islice(entries, len(texts))) for texts in self.texts]


@dataclass(frozen=True)
class _Asking:
    """Asks about texts and hands the first success of each example, or else its best text, to the keeper.

    Attributes:
        keeper: Holds the problem.
        objective: What to climb.
        left: What each example may still ask, beside its budget, (n,).
        width: Characters that every text has room for.
    """

    keeper: Keeper[Edits]
    objective: Objective
    left: Tensor
    width: int

    def ask(self, asked: dict[int, Asked]) -> list[list[float]]:
        """Give each search the losses it asks for, and nothing where it succeeded or cannot pay for all of them."""
        owner = torch.tensor(list(asked), device=self.left.device)
        left = torch.minimum(self.left[owner], self.keeper.problem.target.left(owner)).tolist()
        texts = [one.texts[:some] for one, some in zip(asked.values(), left, strict=True)]
        paid = _Round(owner, list(asked.values()), texts)
        self.left.index_add_(0, paid.whose, -torch.ones_like(paid.whose))
        if not any(texts):
            return [[] for _ in texts]
        loss, answer = self._seen(paid)
        losses, stays = paid.parted(loss.tolist()), self._kept(paid, loss, answer)
        return [
            found if len(some) == len(one.texts) and going_on else []
            for one, some, found, going_on in zip(paid.asked, texts, losses, stays, strict=True)
        ]

    def _seen(self, paid: _Round) -> tuple[Tensor, Answer]:
        """Give what the attack makes of each text, (r,), and the answers."""
        problem, owner = self.keeper.problem, paid.whose
        texts = [text for some in paid.texts for text in some]
        losses, answers = [], []
        for begin in range(0, len(texts), _TOGETHER):
            whose = owner[begin : begin + _TOGETHER]
            x_t = batch_of(texts[begin : begin + _TOGETHER], problem.x.ids[whose], self.width)
            if problem.target.access is Access.DECISION:
                answer: Answer = problem.target.answer(x_t, whose)
                loss = torch.zeros(len(whose), device=whose.device)
            else:
                loss, answer = problem.target.losses(x_t, self.objective, whose)
            losses.append(loss.nan_to_num(-torch.inf, torch.inf, -torch.inf))
            answers.append(answer)
        return torch.cat(losses), answers[0].joined(answers)

    def _kept(self, paid: _Round, loss: Tensor, answer: Answer) -> list[bool]:
        """Hand one text of each search to the keeper, unless they were probes; tells which should go on."""
        problem = self.keeper.problem
        reached = paid.parted(problem.reached(answer, paid.whose).tolist())
        begin, places, texts = 0, {}, []
        for place, (one, losses) in enumerate(zip(paid.asked, paid.parted(loss.tolist()), strict=True)):
            if losses and not one.probes:
                hits = reached[place]
                best = hits.index(True) if any(hits) else max(range(len(losses)), key=losses.__getitem__)
                places[place] = begin + best
                texts.append(one.texts[best])
            begin += len(losses)
        stays = [True] * len(paid.asked)
        if places:
            rows, owner = torch.tensor(list(places.values())).to(paid.owner), paid.owner[list(places)]
            x_t = batch_of(texts, problem.x.ids[owner], self.width)
            going_on = self.keeper.keep(owner, x_t, loss[rows], answer.rows(rows))
            for place, still in zip(places, going_on.tolist(), strict=True):
                stays[place] = still
        return stays
