"""`unfooled attacks`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from . import options as o
from .terminal import on_stdout, print_json

if TYPE_CHECKING:
    from unfooled.auditing.stages import Stage


def attacks(json: o.Json = False) -> None:
    """List the attacks: what each looks for, needs and costs, and its settings."""
    from unfooled.attacks import EVERY  # noqa: PLC0415  heavy
    from unfooled.auditing.suites import SUITES  # noqa: PLC0415

    if json:
        lines = [
            {
                "attack": name,
                "finds": _finds(attack),
                "needs": attack.needs.name.lower(),
                "nearest": attack.nearest,
                "bill": attack.bill(10)._asdict(),
                "settings": _settings(attack),
            }
            for name, attack in EVERY.items()
        ]
        print_json({"attacks": lines, "suites": {name: _names(suite) for name, suite in SUITES.items()}})
        return
    console = on_stdout()
    for name, attack in EVERY.items():
        bill = ", ".join(f"{rows:,} {kind}" for kind, rows in attack.bill(10)._asdict().items() if rows)
        looks = "; one run for all radii" if attack.nearest else ""
        console.print(Text.assemble((f"{name:<16}", "bold"), f"needs {attack.needs.name.lower()}; {bill}{looks}"))
        console.print(f"  {_finds(attack)}")
        console.print(f"  {_settings(attack)}\n", style="dim")
    console.print("Rows are those for one example that never falls, with 10 classes. Suites:", style="dim")
    for name, suite in SUITES.items():
        console.print(f"  {name:<10} {', '.join(_names(suite))}", style="dim")


def _names(suite: Sequence[str | Stage]) -> list[str]:
    return [one if isinstance(one, str) else str(one).partition(":")[0] for one in suite]


def _finds(attack: object) -> str:
    return (inspect.getdoc(type(attack)) or "").partition("\n")[0]


def _settings(attack: object) -> str:
    return repr(attack).partition("(")[2].removesuffix(")")
