"""The settings of an audit, from the command line, from a YAML file, or from both."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ValidationError

from unfooled.core.errors import InputError
from unfooled.core.mappings import read_mapping
from unfooled.core.names import BY
from unfooled.core.numerals import read_number
from unfooled.report.queries import Terms, read_terms

Scalar = str | int | float


def _listed(given: Any) -> Any:
    """Let one text stand for a list of one."""
    return [given] if isinstance(given, str) else given


def _numbers(given: Any) -> Any:
    """Read `0.5`, `0.485,0.456,0.406` or `127/255`."""
    if isinstance(given, str):
        try:
            given = [read_number(part.strip()) for part in given.split(",")]
        except ZeroDivisionError as error:
            raise ValueError(f"{given!r} divides by zero") from error
    return tuple(given) if isinstance(given, list) else given if given is None else (given,)


Numbers = Annotated[tuple[float, ...] | None, BeforeValidator(_numbers)]
Pixels = Annotated[tuple[int, ...] | None, BeforeValidator(_numbers)]


class Settings(BaseModel, frozen=True, extra="forbid"):
    """Everything that a command may be told about an audit; names as on the command line."""

    model: str
    data: str
    threat: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    suite: str = "standard"
    surrogate: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    starts: Path | None = None
    goal: str | None = None
    access: Literal["gradient", "scores", "decision"] | None = None
    budget: int | str | None = None
    until: str | None = None
    batch: int = 16
    seed: int = 0
    device: str = "cpu"
    prepare: Literal["off", "on", "bf16", "compiled"] = "on"
    diagnosis: bool = True
    knowledge: bool = False
    threads: int | None = None
    weights: str | None = None
    mean: Numbers = None
    std: Numbers = None
    size: Pixels = None
    crop: Pixels = None
    classes: str | None = None
    defence: str | None = None
    limit: int | None = None
    shard: str | None = None
    keep: Literal["none", "broken", "all"] = "broken"
    price: float | None = None
    rate: str | None = None
    cap: int | None = None
    out: str | None = None
    resume: bool = False
    overwrite: bool = False

    @property
    def threats(self) -> list[str]:
        """The threats, with the goal where they name none."""
        if self.goal is None:
            return list(self.threat)
        return [threat if len(threat.partition(BY)[0].split()) > 1 else f"{self.goal} {threat}"
                for threat in self.threat]  # fmt: skip

    @property
    def attacks(self) -> str | list[str]:
        """The suite by its name, or its attacks."""
        return [name.strip() for name in self.suite.split(",")] if "," in self.suite else self.suite

    @property
    def terms(self) -> Terms:
        """On which terms the model answers; raises InputError where they cannot be read."""
        return read_terms(self.price, self.rate, self.cap)

    @property
    def command(self) -> list[str]:
        """The command line that does the same, but for resuming and overwriting."""
        words = ["unfooled", "audit", self.model, self.data]
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if name in ("model", "data", "resume", "overwrite") or value == field.default:
                continue
            if isinstance(value, bool):
                words.append(f"--{name}" if value else f"--no-{name}")
            elif name in ("threat", "surrogate"):
                words += [word for one in value for word in (f"--{name}", one)]
            else:
                written = ",".join(f"{part:.17g}" for part in value) if isinstance(value, tuple) else str(value)
                words += [f"--{name}", written]
        return words


def settings_from(given: Mapping[str, Any]) -> Settings:
    """Put the command line over the file that it names.

    Args:
        given: Options by name, None where they were not given; `config` names a file, `json` and `quiet` are left
            to the caller.

    Raises:
        InputError: The file cannot be read, or a setting is unknown, missing or of the wrong kind.
    """
    path = given.get("config")
    told = {} if path is None else read_mapping(path)
    for name, value in given.items():
        if name in Settings.model_fields and value is not None:
            told[name] = str(value) if isinstance(value, Path) else value
    return _checked(told, "the command line" if path is None else str(path))


def _checked(told: Mapping[str, Any], where: str) -> Settings:
    try:
        return Settings.model_validate(told)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])  # a slip explains the rest
        key, value = str(first["loc"][0] if first["loc"] else "")[:60], first["input"]
        shown = f"{value!r:.80}" if isinstance(value, Scalar | None) else f"a {type(value).__name__}"
        match first["type"]:
            case "missing":
                raise InputError(f"The setting `{key}` is missing", f"none in {where}", _MISSING) from error
            case "extra_forbidden":
                near = get_close_matches(key, Settings.model_fields, n=1)
                do = f"Did you mean `{near[0]}`?" if near else f"Known are {', '.join(Settings.model_fields)}."
                raise InputError("There is no such setting", f"`{key}` in {where}", do) from error
        raise InputError(f"The setting `{key}` cannot be used", f"{shown} in {where}", f"{first['msg']}.") from error


_MISSING = "Name the model and the data: unfooled audit MODEL DATA --threat linf:4/255."
