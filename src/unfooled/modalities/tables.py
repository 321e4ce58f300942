"""CSV tables of files and labels."""

from __future__ import annotations

import csv
import io
from typing import NamedTuple

from unfooled.core.errors import InputError

_SHOWN = 200  # characters of a line that errors quote
_FILE, _LABEL = ("file", "path", "filename", "image"), ("label", "y", "class")


class Row(NamedTuple):
    """One line of a table: its number in the file, counted from 1, the file it names and the label as written."""

    line: int
    file: str
    label: str


def read_table(data: bytes, name: str) -> list[Row]:
    """Read a CSV table of files and labels, in UTF-8.

    The header names a column `file`, `path`, `filename` or `image` and a column `label`, `y` or `class`, in either
    case; others are left alone. Fields are parted by commas, or by semicolons or tabs if the header has more of them.

    Args:
        data: What the file holds.
        name: What errors call it.

    Raises:
        InputError: There is no such header, a line lacks a field, there are no lines, or this is no CSV in UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("A table is text in UTF-8", f"{name}: {error}", "Save it as CSV in UTF-8.") from error
    first = text.partition("\n")[0]
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    try:
        header = next(lines, [])
        file, label = (_column(header, names, name) for names in (_FILE, _LABEL))
        rows = [_row(fields, lines.line_num, file, label, name) for fields in lines if fields]
    except csv.Error as error:
        raise InputError(
            "This table cannot be read", f"line {lines.line_num} of {name}: {error}", "Save it as plain CSV."
        ) from error
    if not rows:
        raise InputError("This table has no lines", f"a header alone in {name}", "Add one line for each example.")
    return rows


def _column(header: list[str], names: tuple[str, ...], where: str) -> int:
    places = [place for place, title in enumerate(header) if title.strip().lower() in names]
    if len(places) != 1:
        raise InputError(
            f"A table needs one column named {' or '.join(names)}",
            f"{len(places)} in the header {str(header)[:_SHOWN]} of {where}",
            "Begin the file with the line: file,label",
        )
    return places[0]


def _row(fields: list[str], line: int, file: int, label: int, where: str) -> Row:
    row = Row(line, *(fields[place].strip() if place < len(fields) else "" for place in (file, label)))
    if not row.file or not row.label:
        raise InputError(
            "A line needs a file and a label", f"{str(fields)[:_SHOWN]} in line {line} of {where}", "Fill both fields."
        )
    return row
