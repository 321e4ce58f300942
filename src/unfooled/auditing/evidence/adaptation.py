"""Whether a model takes gradients of its own while it answers: attacks do not climb what it computes by them."""

from __future__ import annotations

from unfooled.models.through import OwnGradients

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
    with OwnGradients() as own:
        target.answer(subject.x, everyone(subject.x))
    return paid(target, [subject.measured("gradients taken while answering", own.taken, 1)])
