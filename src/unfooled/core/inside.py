"""What the parts of a module are given and what they answer while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from torch import Tensor, nn

T = TypeVar("T")


class Call(NamedTuple):
    """One call of a part: its name, its first argument (None where it has none) and its answer."""

    name: str
    given: Tensor | None
    answer: Any


def watched(run: Callable[[], T], parts: Mapping[str, nn.Module]) -> tuple[T, list[Call]]:
    """Run something and note the calls of some parts, in their order; the parts are left as they were."""
    calls: list[Call] = []

    def noting(name: str) -> Any:
        return lambda _, given, answer: calls.append(Call(name, given[0] if given else None, answer))

    hooks = [part.register_forward_hook(noting(name)) for name, part in parts.items()]
    try:
        return run(), calls
    finally:
        for hook in hooks:
            hook.remove()
