"""Harden a model: try defences, attack each as those do who know of it and who do not, and bill it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unfooled.auditing.examples import Examples, read_examples
from unfooled.auditing.threats import read_threats
from unfooled.core import hardened
from unfooled.core.errors import InputError, ModelError
from unfooled.core.hardened import Hardened
from unfooled.core.threat import Ball
from unfooled.defences.chain import Chain, read_defence
from unfooled.defences.detectors.guard import make_room
from unfooled.defences.training.schedule import check_pupils
from unfooled.goals import Misclassify
from unfooled.models.classifier import Classifier, wrap
from unfooled.models.ready import check_ready
from unfooled.models.weights import load_weights, read_weights

from .attackers import Range
from .deployed import whole
from .parting import parted
from .settings import Settings
from .trial import WEIGHTS, Tell, Trial, remembered


def harden(
    model: object,
    data: object,
    threat: str,
    defences: Sequence[str],
    out: str | Path,
    *,
    settings: Settings | None = None,
    audited: object | None = None,
    resume: bool = False,
    tell: Tell = lambda what, row: None,
) -> list[Hardened]:
    """Try defences on a model, and write each hardened model with its bill and its audits into a folder.

    Args:
        model: A torch module from pictures in [0, 1] to class scores, in eval mode, or a `Classifier`.
        data: Labelled pictures of one shape, as `unfooled.audit` takes them.
        threat: One threat with a radius, such as `linf:8/255`.
        defences: What to try, as `read_defence` reads it: `n-fgsm`, `jpeg:quality=50`, `swap-silu+pgd-at`.
        out: Folder: `before/` is the audit without a defence; each defence has a folder of its own.
        settings: How; None for the defaults.
        audited: What is audited; None for a fifth of the data, which is then not learnt from.
        resume: Whether to go on with what `out` holds.
        tell: Is told what begins, and each check of a training.

    Raises:
        InputError: Data, threat, defences or settings cannot be used.
        ModelError: The model cannot be hardened, or training broke down.
        RunError: `out` holds another training.
    """
    settings, place = settings or Settings(), Path(out)
    chains, base = [read_defence(text) for text in defences], _classifier(model)
    examples = read_examples(data, classes=base.classes)
    within = _within(threat, examples)
    parts = parted(examples, settings.schedule.seed, settings.examples, base.device)
    if audited is not None:
        parts = parts._replace(audited=read_examples(audited, classes=base.classes))
    classes = check_ready(base, parts.audited.batch([0], base.device))
    grounds = Range(parts.audited, str(within), settings.suite, settings.batch, settings.schedule.seed)
    if any(chain.recipe for chain in chains):
        check_pupils(parts.train, within, settings.schedule.batch)  # before an audit is paid for
    tell("without a defence", {})
    before = remembered(place / "before", resume, base, grounds, lambda: grounds.undefended(base))
    trial = Trial(base, classes, parts, within, grounds, before, settings, tell)
    rows: list[Hardened] = []
    for chain in chains:
        tell(chain.name, {})
        rows.append(trial.run(chain, place / folder_of(chain), resume=resume))
        hardened.save(rows, place)
    return rows


def restored(model: object, defence: str, folder: str | Path) -> Classifier:
    """Give a hardened model again.

    Args:
        model: As it was given to `harden`.
        defence: What was tried on it.
        folder: The folder that was written.

    Raises:
        InputError: There are no such weights.
        ModelError: They do not fit.
    """
    chain, base = read_defence(defence), _classifier(model)
    module = chain.layered(base.module)
    weights = Path(folder) / folder_of(chain) / WEIGHTS
    make_room(module, read_weights(weights))
    load_weights(module, weights)
    return replace(base, module=module.eval())


def folder_of(chain: Chain) -> str:
    """Name the folder of a defence."""
    return "".join(letter if letter.isalnum() or letter in "-+=." else "_" for letter in chain.name)


def _classifier(model: object) -> Classifier:
    adapter = wrap(model)
    if not isinstance(adapter, Classifier) or adapter.takes_lengths:
        raise ModelError(
            "Only a torch module that reads pictures can be hardened", type(adapter).__name__,
            "Give the module, or module:factory on the command line.",
        )  # fmt: skip
    return whole(adapter)


def _within(threat: str, examples: Examples) -> Ball:
    read = read_threats(threat, examples.carrier, domain=examples.domain)
    if len(read) != 1 or not isinstance(read[0].within, Ball) or not isinstance(read[0].goal, Misclassify):
        raise InputError(
            "A model is hardened against one threat that only wants to be misread", repr(threat),
            "Name one, such as linf:8/255.",
        )  # fmt: skip
    return read[0].within
