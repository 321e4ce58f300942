"""The YAML file that says how a target is asked."""

from __future__ import annotations

import hashlib
import json
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from unfooled.core.errors import InputError
from unfooled.core.mappings import read_mapping

M = TypeVar("M", bound=BaseModel)

_STRICT = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Input(BaseModel, frozen=True):
    """How examples are written.

    Attributes:
        form: `json` (nested lists), `base64` (a PNG in JSON), `bytes` (a PNG), `multipart` (a PNG in a form), `npy`,
            `kserve` (the v2 protocol), `kserve-binary` (its binary extension, as Triton has it).
        field: Where they stand: a path such as `instances` or `data.image`, the form's field, the tensor's name.
        layout: Axes of pictures, `nchw` or `nhwc`.
        dtype: `uint8` rounds to 0..255; `float32` rounds nothing.
        white: What a white pixel is in float32, 1 or 255.
        rows: Most examples in one request.
        batched: Whether one example, too, is a list of one.
        more: The rest of the JSON body, or of the form.
    """

    model_config = _STRICT
    form: Literal["json", "base64", "bytes", "multipart", "npy", "kserve", "kserve-binary"] = "json"
    field: str = "inputs"
    layout: Literal["nchw", "nhwc"] = "nchw"
    dtype: Literal["float32", "uint8"] = "float32"
    white: Literal[1, 255] = 1
    rows: Count = 1
    batched: bool = True
    more: dict[str, Any] = {}


class Output(BaseModel, frozen=True):
    """How answers are read.

    Attributes:
        form: `scores` (a list an example), `named` (a score by name), `label` (a number or a name), `kserve`.
        path: Where in the JSON answer, such as `predictions.*.scores`; `*` goes through a list.
        label: Key of the name in a list of named scores.
        score: Key of the score there.
        kind: `probabilities` are turned into logarithms, which attackers can climb where probabilities round to 1.
    """

    model_config = _STRICT
    form: Literal["scores", "named", "label", "kserve"] = "scores"
    path: str = ""
    label: str = "label"
    score: str = "score"
    kind: Literal["as-is", "probabilities"] = "as-is"


Classes = Annotated[int, Field(ge=2)] | list[str] | dict[str, str] | str | None


class Endpoint(BaseModel, frozen=True):
    """An HTTP endpoint.

    Attributes:
        preset: A protocol whose settings are taken where none are given, see `presets.PRESETS`.
        url: Where requests go, without credentials.
        method: Of the request.
        headers: Values may hold `${NAME}` for an environment variable; credentials must.
        input: How examples are written.
        output: How answers are read.
        classes: Its classes: their number, their names in order, a mapping from its names to those of the data, or a
            text file of names.
        access: `decision` where only labels are to be believed.
        timeout: Seconds for one request.
        retries: How often a failed request is sent again.
        backoff: Seconds before the first of them, doubled each time.
        patience: Most seconds to wait because the target asks for it (Retry-After).
        rate: Most requests a second; None for no limit.
        concurrency: Requests under way at once.
        budget: Most questions ever sent, retries included, over all runs; None for no limit.
        ledger: File in which they are counted; None for one beside the YAML file.
    """

    model_config = _STRICT
    preset: str | None = None
    url: str
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, str] = {}
    input: Input = Input()
    output: Output = Output()
    classes: Classes = None
    access: Literal["scores", "decision"] = "scores"
    timeout: Seconds = 30.0
    retries: Annotated[int, Field(ge=0)] = 6
    backoff: Seconds = 0.5
    patience: Seconds = 300.0
    rate: Seconds | None = None
    concurrency: Count = 1
    budget: Count | None = None
    ledger: str | None = None


class Program(BaseModel, frozen=True):
    """A program that answers on its standard output.

    Attributes:
        command: The program and its arguments; no shell reads it.
        protocol: `json` (a line each way an example) or `npy` (arrays, each after its length in 4 bytes).
        input: How examples are written; `form`, `field` and `more` have no meaning here.
        output: How answers are read.
        classes: As for an endpoint.
        access: As for an endpoint.
        timeout: Seconds for one exchange.
        retries: How often it is started again for one question.
    """

    model_config = _STRICT
    command: str | list[str]
    protocol: Literal["json", "npy"] = "json"
    input: Input = Input(rows=16)
    output: Output = Output()
    classes: Classes = None
    access: Literal["scores", "decision"] = "scores"
    timeout: Seconds = 60.0
    retries: Annotated[int, Field(ge=0)] = 2


class Network(BaseModel, frozen=True):
    """A network in a file.

    Attributes:
        path: The .onnx file.
        layout: Axes of pictures; None reads it off the file.
        white: What a white pixel is, 1 or 255; None reads it off the file.
        output: Name of the output that is read; None for the first that can be.
        kind: See `Output.kind`; None for probabilities where the output is called so.
        classes: As for an endpoint; None reads them off the file.
    """

    model_config = _STRICT
    path: str
    layout: Literal["nchw", "nhwc"] | None = None
    white: Literal[1, 255] | None = None
    output: str | None = None
    kind: Literal["as-is", "probabilities"] | None = None
    classes: Classes = None


class Naming(NamedTuple):
    """Classes of a target: how many, what it calls them, what the data call them; None where it was not said."""

    k: int | None = None
    theirs: tuple[str, ...] | None = None
    ours: tuple[str, ...] | None = None


def naming(classes: Classes, folder: Path) -> Naming:
    """Read what was said of the classes; a file's path is relative to `folder`.

    Raises:
        InputError: The file cannot be read, or there are fewer than two classes.
    """
    if classes is None or isinstance(classes, int):
        return Naming(classes)
    if isinstance(classes, str):
        try:
            classes = (folder / classes).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            do = "Give names, their number, or a text file in UTF-8."
            raise InputError("The class names cannot be read", f"{folder / str(classes)}: {error}", do) from error
    theirs = tuple(classes)
    if len(theirs) < 2 or len(set(theirs)) < len(theirs):
        raise InputError("A target needs two classes or more, each with a name of its own", len(theirs), "Mend them.")
    return Naming(len(theirs), theirs, tuple(classes.values()) if isinstance(classes, dict) else theirs)


def read_settings(kind: type[M], path: str | Path) -> M:
    """Read a target's YAML file.

    Raises:
        InputError: It cannot be read, or a setting in it is unknown, missing or of the wrong kind.
    """
    return checked(kind, read_mapping(path), str(path))


def checked(kind: type[M], told: dict[str, Any], where: str) -> M:
    """Check settings; errors name the place and never the value, which may be a secret."""
    try:
        return kind.model_validate(told)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
        place = ".".join(str(part) for part in first["loc"])[:80]
        if first["type"] == "extra_forbidden":
            near = get_close_matches(str(first["loc"][-1]), _names(kind), n=1)
            do = f"Did you mean `{near[0]}`?" if near else f"Known are {', '.join(kind.model_fields)}."
            raise InputError("There is no such setting of a target", f"`{place}` in {where}", do) from error
        raise InputError(f"The setting `{place}` cannot be used", f"{first['msg']} ({where})", "Mend it.") from error


def digest(settings: BaseModel, *parts: str) -> str:
    """Hash all that decides a target's answers, so that pace, patience and budget may change before a run goes on."""
    deciding = settings.model_dump(
        mode="json",
        exclude={"preset", "timeout", "retries", "backoff", "patience", "rate", "concurrency", "budget", "ledger"},
    )
    return hashlib.sha256(json.dumps([deciding, *parts], sort_keys=True).encode()).hexdigest()


def _names(kind: type[BaseModel]) -> list[str]:
    return [*kind.model_fields, *Input.model_fields, *Output.model_fields]
