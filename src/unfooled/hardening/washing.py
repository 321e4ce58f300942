"""A defence of a model that hears, tried: what was crafted without it is brought to it, then it is attacked itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from unfooled.auditing.engine import audit
from unfooled.auditing.examples import Examples
from unfooled.auditing.given import judge
from unfooled.auditing.hearing import read_heard
from unfooled.auditing.progress import Progress
from unfooled.auditing.stages import Stage
from unfooled.core.results import Results, values_of
from unfooled.core.target import Model
from unfooled.core.transcripts import text_of
from unfooled.core.washed import Heard, Washed
from unfooled.core.writing import Writer
from unfooled.defences.card import GRADES
from unfooled.defences.chain import read_defence
from unfooled.modalities.sounds import change_of
from unfooled.modalities.wav import RATE

from .deployed import defended

IGNORANT = "crafted without it"


def attacked(
    bare: Writer, defence: str | None, recordings: Examples, threats: Sequence[str], attack: Stage, *,
    note: Mapping[str, Any], progress: Progress | None = None, **told: Any,
) -> tuple[Model, Results]:  # fmt: skip
    """Attack a model that hears; where a defence is named, without it and through it.

    Whoever knows of a defence can also do what others do: what the defence lets pass of the attack on the bare model
    counts as broken too.

    Args:
        bare: The model without a defence.
        defence: As `read_defence` reads it; None for none.
        recordings: What is audited.
        threats: Under which threats.
        attack: What is run.
        note: As in `audit`.
        progress: As in `audit`.
        told: Other settings of `audit`: batch, seed, device.

    Returns:
        The model that was audited, and the results; what became of each recording is in their `run["defence"]`.

    Raises:
        InputError: The defence cannot stand before this model, or as by `audit`.
    """
    if defence is None:
        return bare, audit(bare, recordings, threats, [attack], note=dict(note), progress=progress, **told)
    behind = defended(bare, defence)
    plain = audit(bare, recordings, threats, [attack], progress=progress, **told)
    knowing = audit(behind, recordings, threats, [attack], note=dict(note), progress=progress, **told)
    examples = read_heard(behind, recordings, batch=told["batch"], seed=told["seed"], device=behind.device)
    carried = [_carried(behind, examples, plain, threat, told["batch"]) for threat in plain.threats]
    lines = [
        line.as_json()
        for threat, through in zip(plain.threats, carried, strict=True)
        for line in _lines(examples, plain, through, knowing, threat)
    ]
    joined = reduce(Results.merge, carried, knowing)
    card = read_defence(defence, behind.describe()["sample_rate"]).card
    told_of = {"name": defence, "grade": card.grade, "meaning": GRADES[card.grade], "lines": lines}
    return behind, replace(joined, run={**joined.run, "defence": told_of})


def _carried(behind: Model, examples: Examples, plain: Results, threat: str, batch: int) -> Results:
    """Let the model with the defence hear what fooled the one without it; elsewhere the clean recording stands in."""
    kept = dict(plain[threat].adversarial())
    proposals = [examples.carrier.unpack(kept.get(i, examples.stored(i))) for i in range(len(examples))]
    return judge(behind, examples, proposals, threat, source=IGNORANT, batch=batch, keep="broken")


def _lines(examples: Examples, plain: Results, carried: Results, knowing: Results, threat: str) -> Iterator[Washed]:
    goal = next(entry["goal"] for entry in plain.run["threats"] if entry["name"] == threat)
    tables = (_rows(results, threat) for results in (plain, carried, knowing))
    for i, (bare, through, aware) in enumerate(zip(*tables, strict=True)):
        found = _fallen(bare, plain, examples, i)
        yield Washed(
            examples.names[i] or f"example {i}", goal, _text(bare["clean_label"]), _text(aware["clean_label"]), found,
            found and Heard(_text(through["adv_label"]), through["broken"], found.snr),
            _fallen(aware, knowing, examples, i),
        )  # fmt: skip


def _rows(results: Results, threat: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = results[threat].table.to_pylist()
    return rows


def _fallen(row: Mapping[str, Any], results: Results, examples: Examples, i: int) -> Heard | None:
    if not row["broken"]:
        return None
    clean, other = examples.stored(i), results.tensors[f"x_adv/{row['threat']}/{row['key']}"]
    return Heard(_text(row["adv_label"]), True, change_of(values_of(clean), values_of(other), RATE).snr)


def _text(label: int) -> str:
    return text_of(label) or ""
