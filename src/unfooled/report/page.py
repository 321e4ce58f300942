"""From results to one HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from unfooled.core.errors import RunError
from unfooled.core.evidence import gathered
from unfooled.core.folder import write_atomically
from unfooled.core.results import Results, ThreatResults
from unfooled.core.schema import SCHEMA_VERSION
from unfooled.diagnose import diagnose

from . import charts, tables, wording
from .bills import bills
from .corruptions import corrupted
from .crafted import crafted
from .ending import endings
from .gallery import ROOM, Exhibit, first_picture, gallery
from .headline import headline, typical
from .knowledge import by_knowledge, chart
from .queries import UNKNOWN, QueryBill, Terms, query_bills
from .query_chart import queries
from .washed import defended
from .wording import Threat


def render(results: Results, terms: Terms = UNKNOWN) -> str:
    """Write the report of an audit as one HTML page.

    The page loads nothing: pictures, figures and styles lie inside it. The same results give the same bytes.

    Args:
        results: The run.
        terms: On which the model answers, for the attacker's bill.

    Raises:
        RunError: The results hold no example.
    """
    if results.records.num_rows == 0:
        raise RunError("There is nothing to report on", "results without a row", "Audit at least one example.")
    return environment().get_template("report.html.j2").render(_contents(results, terms)).lstrip()


def environment() -> Environment:
    """Open the templates of all pages, with what they call to write numbers."""
    made = Environment(
        loader=PackageLoader("unfooled.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        sure=wording.sure,
        percent=wording.percent,
        measured=wording.measured,
        duration=wording.duration,
        named=wording.class_name,
    )
    return made


def write_report(results: Results, path: str | Path, terms: Terms = UNKNOWN) -> Path:
    """Write the report of an audit into a file; returns its path. The terms are those of `render`.

    Raises:
        RunError: The results hold no example, or the file cannot be written.
    """
    return write_page(render(results, terms), path)


def write_page(page: str, path: str | Path) -> Path:
    """Write any page into a file, its folders with it; returns its path.

    Raises:
        RunError: It cannot be written.
    """
    place = Path(path)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, page)
    except OSError as error:
        raise RunError(
            "The report cannot be written", f"{place}: {error.strerror}", "Name a file, such as report.html."
        ) from error
    return place


def _contents(results: Results, terms: Terms) -> dict[str, Any]:
    """Gather what the template shows."""
    threats = tables.threats(results)
    found = {name: results[name] for name in threats}
    scores = {name: tables.score(found[name]) for name in threats}
    hardest = tables.hardest(scores, threats)
    first = _first(found, threats, hardest)
    lines, limited = tables.lines(results, threats), tables.limits(threats)
    stages = {name: rows for name in threats if (rows := tables.stages(results, name))}
    return {
        "run": results.run,
        "created": wording.moment(results.run["created"]),
        "classes": tables.class_names(results.run),
        "threats": threats,
        "hardest": hardest,
        "headline": headline(found[hardest], threats[hardest]),
        "first": first,
        "scores": scores,
        "union": tables.score(results.union(limited)) if len(limited) > 1 else None,
        "limited": limited,
        "curves": _curves(lines, scores),
        "close": any(line.close for line in lines),
        "radii": max((len(line.threats) for line in lines), default=0),
        "stages": [
            (threats[name], rows, charts.attacks(rows, f"attacks{place}"))
            for place, (name, rows) in enumerate(stages.items())
        ],
        "walls": gallery(found, threats, ROOM - (first.characters if first else 0)),
        "differs": any(line.robust != line.robust_float32 for line in scores.values()),
        "by_class": [] if threats[hardest].unlimited else tables.by_class(found[hardest]),
        "diagnosis": diagnose(results),
        "endings": endings(results),
        "sequential": results.sequential,
        "autoattack": [bill.sentence for bill in bills(results, threats)],
        "queries": _asked(query_bills(results, threats), terms),
        "knowledge": [(one, chart(one, f"knowledge{i}")) for i, one in enumerate(by_knowledge(scores, threats))],
        **_about(results.run),
    }


def _about(run: Mapping[str, Any]) -> dict[str, Any]:
    """Tell of the run itself, and of what other commands added to it: a change learned once for all, corruptions."""
    return {
        "bills": [bill for one in gathered(run) for bill in one.bill],
        "crafted": crafted(run),
        "alike": run.get("similarity", {}).get("cosines", {}),
        "corrupted": corrupted(run),
        "defended": defended(run),
        "notes": _notes(run),
        "call": _call(run),
        "settings": _settings(run),
    }


def _curves(lines: list[tables.Line], scores: Mapping[str, tables.Score]) -> list[tuple[tables.Line, str, str]]:
    """Draw each curve, and say what it means."""
    return [
        (line, charts.curve(line, scores, f"curve{place}"), typical(line.curve, line.threats[-1]))
        for place, line in enumerate(lines)
    ]


def _asked(bills: list[QueryBill], terms: Terms) -> list[tuple[QueryBill, str, Markup]]:
    """Say what each bill comes to, and draw it."""
    return [(bill, bill.on(terms), queries(bill, f"queries{place}")) for place, bill in enumerate(bills)]


def _first(found: Mapping[str, ThreatResults], threats: Mapping[str, Threat], hardest: str) -> Exhibit | None:
    """Choose the pair under the headline: of the headline's threat, or of any other that has one."""
    for name in (hardest, *found):
        exhibit = first_picture(found[name], threats[name])
        if exhibit is not None:
            return exhibit
    return None


def _notes(run: Mapping[str, Any]) -> list[str]:
    """Gather what a reader should know about the run."""
    merged = len(run.get("merged", []))
    joined = [f"This report joins {merged + 1} runs; the settings below are those of the first."] if merged else []
    notes = [*joined, *run["data"].get("notes", []), *run.get("notes", [])]
    return [f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in notes]


def _call(run: Mapping[str, Any]) -> str:
    """Write down what starts the same audit again."""
    if run.get("command"):
        return str(run["command"])
    names = [entry["name"] for entry in run["threats"]]
    suite = repr(run["suite"]["name"])
    if suite == "'custom'":
        suite = f"[{', '.join(attack.partition(': ')[2] for attack in run['suite']['attacks'])}]"
    options = ", ".join(f"{word}={run[word]!r}" for word in ("seed", "batch", "keep"))
    return f"unfooled.audit(model, data, {names!r}, suite={suite}, {options})"


def _settings(run: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """List everything that the figures depend on, under a few headings."""
    model, data, versions = run["model"], run["data"], run["versions"]
    groups = {
        "Model": {
            "name": model.get("name"),
            "class": model.get("class"),
            "parameters": model.get("parameters"),
            f"sha256 of {'the weights' if model.get('parameters') else 'what is known of it'}": model.get("sha256"),
            "preprocessing": model.get("preprocess"),
            "classes": None if "transcripts" in run else model.get("k"),
        },
        "Data": {
            "source": data.get("source") or run.get("source", {}).get("data"),
            "examples": data["n"],
            "fingerprint": data["fingerprint"],
        },
        "Run": {
            "suite": run["suite"]["name"],
            "seed": run["seed"],
            "batch": run["batch"],
            "device": run["device"],
            "threads": run["threads"],
            "kept": run["keep"],
            **({"surrogates": ", ".join(one["name"] for one in run["surrogates"])} if run.get("surrogates") else {}),
        },
        "Software": {"unfooled": run["unfooled"], "results schema": SCHEMA_VERSION, **versions},
    }
    return [(group, [(word, _plain(value)) for word, value in lines.items()]) for group, lines in groups.items()]


def _plain(value: object) -> str:
    if value is None or value == "":
        return "\u2013"
    if isinstance(value, Mapping):
        return ", ".join(f"{word} {_plain(part)}" for word, part in value.items())
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)
