"""What has been found so far: the first success of each example or its nearest one, or else its best point."""

from __future__ import annotations

from typing import Generic

import torch
from torch import Tensor

from unfooled.core.answer import Answer
from unfooled.core.attack import Found, Hints, Problem
from unfooled.core.batch import Batch
from unfooled.core.threat import S

_OPEN, _UNSETTLED, _SETTLED = 0, 1, 2


class Keeper(Generic[S]):
    """Remembers one proposal an example, for all searches alike.

    A success counts as final once the carrier can hold it, and an answer has confirmed it where the problem asks for
    that. One that the carrier's rounding undoes is remembered, but the search goes on.

    Args:
        problem: The threat as posed for n examples.
        nearest: Whether to go on after a success, for a nearer one; a success at the clean example itself is final
            all the same. Each point kept must lie in the set. What has not succeeded is judged by its margin then,
            where there are scores, since such searches climb several losses.
        on_grid: Whether each point that it is told of is one that the carrier holds, so that none is asked about again.
    """

    def __init__(self, problem: Problem[S], *, nearest: bool = False, on_grid: bool = False) -> None:
        self.problem, self._nearest, self._on_grid = problem, nearest, on_grid
        begin = problem.x if problem.start is None else problem.start
        self._values, self._lengths = begin.values.clone(), begin.lengths
        device = begin.values.device
        self._loss = torch.full((len(begin),), -torch.inf, device=device)
        self._state = torch.full((len(begin),), _OPEN, dtype=torch.int8, device=device)
        self._far = torch.full((len(begin),), torch.inf, dtype=torch.float64, device=device)
        self._asked = torch.zeros(len(begin), dtype=torch.int64, device=device)
        self._trace: list[tuple[Tensor, Tensor]] = []

    def open(self) -> Tensor:
        """Name the examples that are undecided and can still pay for a pass, (r,)."""
        owner = (self._far > 0).nonzero().flatten()
        return owner[self.problem.target.affords(owner)]

    def distance(self, owner: Tensor) -> Tensor:
        """Tell how far the nearest success of these examples is, (r,) float64: infinite where there is none yet."""
        return self._far[owner]

    def proposals(self, owner: Tensor) -> Batch:
        """Give the proposals of these examples, (r, ...): their successes where there are any."""
        return self.problem.x.rows(owner).holding(self._values[owner])

    def keep(self, owner: Tensor, x_t: Batch, loss: Tensor, answer: Answer) -> Tensor:
        """Take note of one point an example; returns which rows should go on, (r,) bool.

        Args:
            owner: Whose points they are, (r,), each example at most once.
            x_t: The points, (r, ...).
            loss: What the attack makes of them, (r,), higher for better.
            answer: What the model said to them.
        """
        if self._nearest and answer.scores is not None:
            loss = self.problem.goal.margin(answer, self.problem.y[owner])
        self._trace.append((owner, loss))
        reached = self.problem.reached(answer, owner)
        better = (self._state[owner] == _OPEN) & (reached | (loss > self._loss[owner]))
        self._store(owner, x_t, loss, better)
        if bool(reached.any()):
            self._settle(owner[reached], x_t.rows(reached), loss[reached])
        return (self._far[owner] > 0) & self.problem.target.affords(owner)

    def found(self) -> Found:
        """Hand over what was found."""
        x = self.problem.x
        trace = torch.stack([self._spread(*noted) for noted in self._trace]) if self._trace else None
        x_adv = Batch(self._values, x.ids, self._lengths)
        return Found(x_adv, self._state > _OPEN, self._loss, Hints(self.problem.hints.order), trace, self._asked)

    def _settle(self, owner: Tensor, x_t: Batch, loss: Tensor) -> None:
        """Enter those of these successes that the carrier can hold, or of which it holds a neighbour."""
        owner, x_t, loss, far = self._nearer(owner, x_t, loss)
        settled = x_t if self._on_grid else self.problem.settle(x_t, self.problem.x.rows(owner))
        if settled is not x_t or self.problem.confirm:
            self._state[owner] = self._state[owner].clamp(min=_UNSETTLED)
            affords = self.problem.target.affords(owner)
            if not bool(affords.any()):
                return
            owner, settled, loss = owner[affords], settled.rows(affords), loss[affords]
            confirmed = self.problem.reached(self.problem.target.answer(settled, owner), owner)
            owner, x_t, loss, far = self._nearer(owner[confirmed], settled.rows(confirmed), loss[confirmed])
        self._store(owner, x_t, loss, torch.ones_like(owner, dtype=torch.bool))
        first = owner[self._state[owner] != _SETTLED]
        self._asked[first] = self.problem.target.spent.answers()[first]
        self._state[owner], self._far[owner] = _SETTLED, far

    def _nearer(self, owner: Tensor, x_t: Batch, loss: Tensor) -> tuple[Tensor, Batch, Tensor, Tensor]:
        """Pick the successes that beat what is known, with their distance (r,); where any will do, it counts as 0."""
        if self._nearest:
            far = self.problem.within.distance(x_t, self.problem.x.rows(owner))
        else:
            far = torch.zeros_like(self._far[owner])
        nearer = far < self._far[owner]
        return owner[nearer], x_t.rows(nearer), loss[nearer], far[nearer]

    def _store(self, owner: Tensor, x_t: Batch, loss: Tensor, rows: Tensor) -> None:
        if len(owner) == len(self._loss) and bool(rows.all()) and torch.equal(owner, self.problem.everyone()):
            self._values.copy_(x_t.values)  # everybody improves, as in most steps: no gathering, half the time
            self._loss = loss.clone()
            self._lengths = x_t.lengths
        elif bool(rows.any()):
            kept = owner[rows]
            self._values[kept], self._loss[kept] = x_t.values[rows], loss[rows]
            if self._lengths is not None and x_t.lengths is not None:
                self._lengths = self._lengths.index_copy(0, kept, x_t.lengths[rows])

    def _spread(self, owner: Tensor, loss: Tensor) -> Tensor:
        return torch.full_like(self._loss, torch.nan).index_copy(0, owner, loss)
