"""Tables of texts and labels: CSV, JSON lines, Parquet. Nothing of a text is changed on its way in."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import numpy as np

from unfooled.core.errors import InputError

from .tables import LABELS, SHOWN, TEXTS, Row, read_text_table


def code_points(text: str) -> np.ndarray:
    """Give the code points of a text, (t,) int64."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)


def read_texts(data: bytes, name: str, suffix: str) -> list[Row]:
    """Read a table of texts and labels.

    It has a column, or each line a key, `text`, `sentence` or `content`, and one `label`, `y` or `class`.

    Args:
        data: What the file holds.
        name: What errors call it.
        suffix: What kind of table it is: `.csv`, `.tsv`, `.jsonl` or `.parquet`.

    Raises:
        InputError: It is damaged or no such table, or a text is empty or cannot be written in UTF-8.
    """
    readers = {".jsonl": _json_lines, ".parquet": _parquet}
    rows = readers.get(suffix, read_text_table)(data, name)
    for row in rows:
        check_text(row.content, f"line {row.line} of {name}")
    return rows


def check_text(text: str, where: str) -> None:
    """Check that a text is not blank and is one that a file can hold.

    Raises:
        InputError: It is blank, or holds half of a surrogate pair.
    """
    if not text.strip():
        raise InputError("A text is not empty", f"{text!r:.60} in {where}", "Fill it, or leave the example out.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            "A text can be written in UTF-8",
            f"{text[error.start]!r} at character {error.start} in {where}",
            "Decode it anew from its source: half of a surrogate pair is no character.",
        ) from error


def _json_lines(data: bytes, name: str) -> list[Row]:
    rows = []
    for number, line in enumerate(data.splitlines(), start=1):
        where = f"line {number} of {name}"
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
            raise InputError("A line is one JSON object in UTF-8", f"{where}: {error}", _JSON) from error
        if not isinstance(item, dict):
            raise InputError("A line is one JSON object", f"{line[:SHOWN]!r} in {where}", _JSON)
        held, label = (item[_key(list(item), titles, where)] for titles in (TEXTS, LABELS))
        rows.append(_row(number, held, label, where))
    if not rows:
        raise InputError("This table has no lines", name, _JSON)
    return rows


_JSON = 'Write lines such as {"text": "...", "label": 1}.'


def _parquet(data: bytes, name: str) -> list[Row]:
    import pyarrow as pa  # noqa: PLC0415  a tenth of a second that other data need not wait for
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        titles = pq.read_schema(io.BytesIO(data)).names
        columns = [_key(titles, wanted, name) for wanted in (TEXTS, LABELS)]
        table = pq.read_table(io.BytesIO(data), columns=columns)
        held, labels = (table.column(column).to_pylist() for column in columns)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError("This Parquet file cannot be read", f"{name}: {error}", "Write it with pyarrow.") from error
    if not held:
        raise InputError("This table has no lines", name, "Add one line for each example.")
    pairs = enumerate(zip(held, labels, strict=True), start=1)
    return [_row(number, text, label, f"line {number} of {name}") for number, (text, label) in pairs]


def _key(titles: Sequence[str], wanted: tuple[str, ...], where: str) -> str:
    found = [title for title in titles if title.strip().lower() in wanted]
    if len(found) != 1:
        raise InputError(
            f"A table of texts needs one column named {' or '.join(wanted)}",
            f"{len(found)} among {str(list(titles))[:SHOWN]} in {where}",
            "Name the columns text and label.",
        )
    return found[0]


def _row(number: int, text: object, label: object, where: str) -> Row:
    whole = isinstance(label, int) and not isinstance(label, bool)
    if not isinstance(text, str) or not (whole or (isinstance(label, str) and label.strip())):
        raise InputError(
            "A line needs a text, and a label that is a name or a whole number",
            f"{text!r:.80} and {label!r:.80} in {where}",
            "Fill both; labels count classes from 0.",
        )
    return Row(number, text, str(label).strip())
