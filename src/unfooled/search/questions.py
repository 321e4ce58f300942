"""What many searches of texts ask goes through the model together; each learns what it asked for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from unfooled.core.answer import Answer
from unfooled.core.target import Access, Objective
from unfooled.core.texts import batch_of
from unfooled.core.threat import Edits
from unfooled.core.tokens import slopes

from .drafts import Asked
from .keeper import Keeper

T = TypeVar("T")

_TOGETHER = 4096  # texts that are laid out in memory at a time


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
class TextAsking:
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
        wants = [one for one, what in asked.items() if what.slopes is not None]
        if 0 < len(wants) < len(asked):  # gradients take passes of their own
            told = iter(self.ask({one: asked[one] for one in wants}))
            rest = iter(self.ask({one: what for one, what in asked.items() if what.slopes is None}))
            return [next(rest if what.slopes is None else told) for what in asked.values()]
        owner = torch.tensor(list(asked), device=self.left.device)
        left = torch.minimum(self.left[owner], self.keeper.problem.target.left(owner)).tolist()
        texts = [one.texts[:some] for one, some in zip(asked.values(), left, strict=True)]
        paid = _Round(owner, list(asked.values()), texts)
        self.left.index_add_(0, paid.whose, -torch.ones_like(paid.whose))
        if not any(texts):
            return [[] for _ in texts]
        loss, answer = self._climbed(paid) if wants else self._seen(paid)
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
                loss = problem.reached(answer, whose).float()
            else:
                loss, answer = problem.target.losses(x_t, self.objective, whose)
            losses.append(loss.nan_to_num(-torch.inf, torch.inf, -torch.inf))
            answers.append(answer)
        return torch.cat(losses), answers[0].joined(answers)

    def _climbed(self, paid: _Round) -> tuple[Tensor, Answer]:
        """Do as `_seen`, and tell each search how the objective climbs around its texts."""
        problem, owner = self.keeper.problem, paid.whose
        texts = [text for some in paid.texts for text in some]
        moved: list[Tensor | None] = []
        for one, some in zip(paid.asked, paid.texts, strict=True):
            moved += [None] * len(some) if one.moved is None else one.moved[: len(some)]
        seen, found = slopes(problem.target, texts, self.objective, owner, problem.x.ids[owner], moved=moved)
        for one, climbs in zip(paid.asked, paid.parted(found), strict=True):
            if one.slopes is not None:
                one.slopes.extend(climbs)
        return seen.loss.nan_to_num(-torch.inf, torch.inf, -torch.inf), seen.answer

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
