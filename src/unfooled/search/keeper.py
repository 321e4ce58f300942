"""What has been found so far: the first success of each example, or else its best point."""

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

    A success counts as final once the carrier can hold it. One that the carrier's rounding undoes is remembered,
    but the search goes on.

    Args:
        problem: The threat as posed for n examples.
    """

    def __init__(self, problem: Problem[S]) -> None:
        self.problem = problem
        begin = problem.x if problem.start is None else problem.start
        self._values, self._lengths = begin.values.clone(), begin.lengths
        device = begin.values.device
        self._loss = torch.full((len(begin),), -torch.inf, device=device)
        self._state = torch.full((len(begin),), _OPEN, dtype=torch.int8, device=device)
        self._trace: list[Tensor] = []

    def open(self) -> Tensor:
        """Name the examples that are undecided and can still pay for a pass, (r,)."""
        owner = (self._state < _SETTLED).nonzero().flatten()
        return owner[self.problem.target.affords(owner)]

    def keep(self, owner: Tensor, x_t: Batch, loss: Tensor, answer: Answer) -> Tensor:
        """Take note of one point an example; returns which rows should go on, (r,) bool.

        Args:
            owner: Whose points they are, (r,), each example at most once.
            x_t: The points, (r, ...).
            loss: What the attack makes of them, (r,), higher for better.
            answer: What the model said to them.
        """
        self._note(owner, loss)
        reached = self.problem.reached(answer, owner)
        undecided = self._state[owner] == _OPEN
        better = undecided & (reached | (loss > self._loss[owner]))
        self._store(owner, x_t, loss, better)
        if bool(reached.any()):
            self._settle(owner[reached], x_t.rows(reached), loss[reached])
        going_on = self._state[owner] < _SETTLED
        return going_on & self.problem.target.affords(owner)

    def found(self) -> Found:
        """Hand over what was found."""
        x = self.problem.x
        trace = torch.stack(self._trace) if self._trace else None
        x_adv = Batch(self._values, x.ids, self._lengths)
        return Found(x_adv, self._state > _OPEN, self._loss, Hints(self.problem.hints.order), trace)

    def _settle(self, owner: Tensor, x_t: Batch, loss: Tensor) -> None:
        """Make sure that the carrier can hold these successes."""
        settled = self.problem.settle(x_t, self.problem.x.rows(owner))
        if settled is x_t:
            self._state[owner] = _SETTLED
            return
        affords = self.problem.target.affords(owner)
        self._state[owner] = self._state[owner].clamp(min=_UNSETTLED)
        if not bool(affords.any()):
            return
        owner, settled, loss = owner[affords], settled.rows(affords), loss[affords]
        confirmed = self.problem.reached(self.problem.target.answer(settled, owner), owner)
        self._store(owner, settled, loss, confirmed)
        self._state[owner[confirmed]] = _SETTLED

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

    def _note(self, owner: Tensor, loss: Tensor) -> None:
        row = torch.full_like(self._loss, torch.nan)
        row[owner] = loss
        self._trace.append(row)
