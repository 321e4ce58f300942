"""The model as this attacker meets it: access is checked, every row is counted, budgets are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from .answer import Answer, Labels
from .batch import Batch
from .counts import Counts
from .errors import AccessError, BudgetError, ModelError, UnfooledError, advice_on
from .rows import earlier
from .seeds import reseeded
from .spread import averaged


class Access(IntEnum):
    """What the attacker sees of the model."""

    DECISION = 1
    SCORES = 2
    GRADIENT = 3


T = TypeVar("T")

Objective = Callable[[Tensor, Tensor], Tensor]
"""Outputs of the model (r, ...) and their owners (r,) -> what the attacker maximises, (r,)."""


class Model(Protocol):
    """What an adapter makes of a user's model: normalisation, resizing and the decision rule live in it."""

    @property
    def device(self) -> torch.device:
        """Where it wants its inputs."""
        ...

    def answer(self, x: Batch) -> Answer:
        """Answer as deployed, one row each."""
        ...

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give differentiable outputs, (n, ...); `prompt` is the teacher forcing of sequence models."""
        ...

    def read(self, outputs: Tensor) -> Answer | None:
        """Decide from outputs; None where a decision takes a pass of its own (a decoder that feeds itself)."""
        ...

    def describe(self) -> dict[str, Any]:
        """Say which model this is, in plain JSON values.

        At least `name`, the `sha256` of its weights, and `classes`: the names of its classes or None.
        """
        ...


class Gradient(NamedTuple):
    """What one forward and one backward pass tell: loss (r,), grad (r, ...), the answer at the same point."""

    loss: Tensor
    grad: Tensor
    answer: Answer


class Losses(NamedTuple):
    """What one forward pass tells under an objective: loss (r,) and the answer at the same point."""

    loss: Tensor
    answer: Answer


class Target:
    """The only door to a model.

    `owner` (r,) says whose example each row serves, so that a search may ask about many candidates of many
    examples at once and the bill still stands per example.

    Args:
        model: The adapter of the user's model; its weights, modes and buffers are left alone.
        access: What is granted.
        n: Number of examples that the attack works on.
        budget: Most answers an example may cost, None for no limit.
        already: Answers that earlier attacks spent, (n,) int64; they count towards the budget.
        batch: Rows of every pass; shorter ones are padded, so that an answer does not depend on its neighbours'
            number. None makes one pass of whatever is asked.
        seed: Reseeds a stochastic model around each call; the caller's random state is untouched.
        device: Where the bill is kept: the device of the inputs.
        on_pass: Told the number of rows asked about, once a pass.
        draws: Fresh draws of a stochastic model behind each loss, gradient and answer to outputs: their average
            (expectation over transformation), each draw paid for.
    """

    def __init__(
        self,
        model: Model,
        access: Access,
        n: int,
        *,
        budget: int | None = None,
        already: Tensor | None = None,
        batch: int | None = None,
        seed: int = 0,
        device: torch.device | str = "cpu",
        on_pass: Callable[[int], None] | None = None,
        draws: int = 1,
    ) -> None:
        self.model, self.access, self.budget, self.batch, self.draws = model, access, budget, batch, draws
        self._on_pass = on_pass
        self.spent = Counts.zeros(n, device)
        self._already = torch.zeros_like(self.spent.queries) if already is None else already
        self._seed, self._calls = seed, 0

    def affords(self, owner: Tensor, answers: int = 1) -> Tensor:
        """Tell which rows may still ask for `answers` more, (r,) bool: of several rows of one example the first."""
        return self.left(owner) >= (answers if self.budget is None else answers * (1 + earlier(owner)))

    def left(self, owner: Tensor) -> Tensor:
        """Tell how often each row's example may still ask, (r,) int64; the largest number without a budget."""
        if self.budget is None:
            return torch.full_like(owner, torch.iinfo(torch.int64).max)
        return (self.budget - (self._already + self.spent.answers())[owner]) // self.draws

    def answer(self, x: Batch, owner: Tensor) -> Answer:
        """Ask for answers alone; at DECISION only labels come back."""
        self._charge(owner)
        with torch.no_grad():
            said = [self._call(self.model.answer, padded).rows(slice(len(rows))) for _, rows, padded in self._passes(x)]
        answer = _joined(said)
        return answer if self.access > Access.DECISION else Labels(answer.labels)

    def losses(self, x: Batch, objective: Objective, owner: Tensor) -> Losses:
        """Ask for answers and the objective at the same points; one forward pass a draw."""
        self._demand(Access.SCORES)
        parts = [self._losses(x, objective, owner) for _ in range(self.draws)]
        losses, answers = zip(*parts, strict=True)
        return Losses(torch.stack(losses).mean(dim=0), averaged(answers)) if self.draws > 1 else parts[0]

    def _losses(self, x: Batch, objective: Objective, owner: Tensor) -> Losses:
        self._charge(owner)
        parts = []
        with torch.no_grad():
            for span, rows, padded in self._passes(x):
                outputs = self._call(self.model.outputs, padded)[: len(rows)]
                parts.append((objective(outputs, owner[span]), self._read(outputs, rows, padded)))
        return Losses(torch.cat([loss for loss, _ in parts]), _joined([answer for _, answer in parts]))

    def gradient(self, x: Batch, objective: Objective, owner: Tensor) -> Gradient:
        """Ask for the gradient of the objective; one forward and one backward pass a draw serve all three."""
        self._demand(Access.GRADIENT)
        parts = [self._gradient(x, objective, owner) for _ in range(self.draws)]
        losses, grads, answers = zip(*parts, strict=True)
        if self.draws == 1:
            return parts[0]
        return Gradient(torch.stack(losses).mean(dim=0), torch.stack(grads).mean(dim=0), averaged(answers))

    def _gradient(self, x: Batch, objective: Objective, owner: Tensor) -> Gradient:
        self._charge(owner)
        parts = []
        for span, rows, padded in self._passes(x):
            values = padded.values.detach().requires_grad_()
            with torch.enable_grad():
                outputs = self._call(self.model.outputs, padded.holding(values))
                loss = objective(outputs[: len(rows)], owner[span])
                grad = self._input_gradient(loss, values)[: len(rows)]
            outputs = outputs.detach()[: len(rows)]
            parts.append(Gradient(loss.detach(), grad, self._read(outputs, rows, padded)))
        losses, grads, answers = zip(*parts, strict=True)
        grad = grads[0] if len(grads) == 1 else torch.cat(grads)
        self.spent.backwards.index_add_(0, owner, torch.ones_like(owner))
        self._bury(grad, owner)
        return Gradient(torch.cat(losses), grad, _joined(list(answers)))

    def _bury(self, grad: Tensor, owner: Tensor) -> None:
        """Count gradients that point nowhere; only where a sum, which is cheap, looks odd, are the values looked at."""
        total = grad.flatten(1).sum(dim=1)
        odd = ((total == 0) | ~total.isfinite()).nonzero().flatten()
        if len(odd):
            points = grad[odd].flatten(1).abs().amax(dim=1) > 0  # false for NaN too
            self.spent.dead.index_add_(0, owner[odd], (~points).long())

    @staticmethod
    def _input_gradient(loss: Tensor, values: Tensor) -> Tensor:
        grad = torch.autograd.grad(loss.sum(), values, allow_unused=True)[0] if loss.requires_grad else None
        if grad is None:
            raise ModelError(
                "The model's scores do not depend differentiably on its input",
                "no gradient at the input",
                "Remove detach(), argmax or numpy steps from its forward pass, or audit it with access='scores'.",
            )
        return grad

    def _read(self, outputs: Tensor, rows: Batch, padded: Batch) -> Answer:
        """Read the decision off a pass that was made anyway, or pay a pass for it."""
        answer = self.model.read(outputs)
        if answer is None:
            with torch.no_grad():
                answer = self._call(self.model.answer, padded).rows(slice(len(rows)))
        return answer

    def _passes(self, x: Batch) -> Iterator[tuple[slice, Batch, Batch]]:
        size = self.batch or max(1, len(x))
        for start in range(0, len(x), size):
            span = slice(start, min(start + size, len(x)))
            rows = x if len(x) <= size else x.rows(span)
            yield span, rows, rows.padded(size)
            if self._on_pass is not None:
                self._on_pass(len(rows))

    def _call(self, function: Callable[[Batch], T], x: Batch) -> T:
        self._calls += 1
        with reseeded(self._seed + self._calls, x.values.device):
            try:
                return function(x)
            except UnfooledError:
                raise
            except Exception as error:
                do = "Let it take all sizes in the data; Preprocess(size=...) resizes pictures; texts hold anything."
                raise ModelError(
                    f"The model failed on inputs of shape {tuple(x.values.shape)}",
                    f"{type(error).__name__}: {error}",
                    advice_on(error, do),
                ) from error

    def _demand(self, needed: Access) -> None:
        if self.access < needed:
            raise AccessError(
                f"This attack asks for {needed.name.lower()}",
                f"a threat that grants {self.access.name.lower()}",
                "Choose an attack that needs no more, or widen the threat's access.",
            )

    def _charge(self, owner: Tensor) -> None:
        column = self.spent.forwards if self.access is Access.GRADIENT else self.spent.queries
        column.index_add_(0, owner, torch.ones_like(owner))
        if self.budget is not None and bool(((self._already + self.spent.answers())[owner] > self.budget).any()):
            raise BudgetError(
                "An attack asked for more answers than its budget",
                f"more than {self.budget} for one example",
                "Ask Target.affords() before each pass.",
            )


def _joined(answers: list[Answer]) -> Answer:
    return answers[0] if len(answers) == 1 else type(answers[0]).joined(answers)
