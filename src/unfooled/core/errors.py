"""Every error that unfooled raises on purpose: what was wrong, what was found, what to do."""

from __future__ import annotations


class UnfooledError(Exception):
    """Something that the caller can mend.

    Attributes:
        wrong: What was wrong, one clause without a full stop.
        found: The value that was found.
        do: What to do about it, one sentence.
    """

    def __init__(self, wrong: str, found: object, do: str) -> None:
        super().__init__(wrong, found, do)
        self.wrong, self.found, self.do = wrong, found, do

    def __str__(self) -> str:
        return f"{self.wrong}: found {self.found}. {self.do}"


class InputError(UnfooledError):
    """The data, the labels, the threat or a setting cannot be used as given."""


class ModelError(UnfooledError):
    """The model cannot be audited as it is."""


class AttackError(UnfooledError):
    """An attack broke down or broke its contract; what was finished before it is kept."""


class AccessError(UnfooledError):
    """An attack asks the target for more than the threat grants."""


class BudgetError(UnfooledError):
    """An attack asks for more answers than the threat's budget holds."""


class UnreachableError(UnfooledError):
    """A target that can only be asked answers no more; what was finished before is kept."""


class RunError(UnfooledError):
    """A run folder is missing, damaged, unfinished or belongs to another audit."""


class UnfinishedError(RunError):
    """A run was begun and has not come to its end: there is nothing to read yet."""


class MissingExtraError(UnfooledError):
    """An optional dependency is not installed."""


OWN_FAULT = "The error comes from the model's own code: `--debug`, or calling it outside unfooled, shows the line."

_OF_INPUTS = (RuntimeError, TypeError, ValueError, IndexError, AssertionError)
"""What modules raise at inputs of another shape or kind than they take."""


def advice_on(error: Exception, of_inputs: str) -> str:
    """Say what to do about what a model raised: one thing where its inputs may be at fault, else another."""
    return of_inputs if isinstance(error, _OF_INPUTS) else OWN_FAULT
