"""Whether a model takes gradients of its own while it answers: attacks do not climb what it computes by them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch

from .subject import Reading, Subject, everyone, paid

EXAMPLES = 4


def own_gradients(subject: Subject) -> Reading:
    """Count the gradients that one pass of the model takes by itself and that nobody can differentiate again.

    Reference:
        Croce, Gowal, Brunner, Shelhamer, Hein and Cemgil. Evaluating the adversarial robustness of adaptive test-time
        defenses. ICML 2022. https://arxiv.org/abs/2202.13711, section 3.
        Differs from the paper: it says what such defences do; how they are noticed is ours, as AutoAttack does it.
    """
    subject = subject.first(EXAMPLES)
    target = subject.target(len(subject.x), model=subject.plan.model)
    with _noting_gradients() as seen:
        target.answer(subject.x, everyone(subject.x))
    return paid(target, [subject.measured("gradients taken while answering", len(seen), 1)])


@contextmanager
def _noting_gradients() -> Iterator[list[str]]:
    """Note each call of torch's backward passes that keeps no graph; nothing of torch is replaced for it."""
    codes = {function.__code__ for function in (torch.autograd.grad, torch.autograd.backward)}
    seen: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in codes and not frame.f_locals.get("create_graph"):
            seen.append(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield seen
    finally:
        sys.setprofile(before)
