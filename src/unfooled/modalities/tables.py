"""CSV tables of examples and labels."""

from __future__ import annotations

import csv
import io
from typing import NamedTuple

from unfooled.core.errors import InputError

SHOWN = 200  # characters of a line that errors quote
FILES, TEXTS = ("file", "path", "filename", "image"), ("text", "sentence", "content")
"""Titles of a column that names files, and of one that holds texts."""

LABELS = ("label", "y", "class")
"""Titles of the column of labels."""


class Row(NamedTuple):
    """One line of a table: its number in the file, counted from 1, the file or text it holds, the label as written."""

    line: int
    content: str
    label: str


class _Places(NamedTuple):
    """In which column the content and the label stand, and what the content is called."""

    content: int
    label: int
    title: str


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
    return [row._replace(content=row.content.strip()) for row in _read(data, name, FILES)]


def read_text_table(data: bytes, name: str) -> list[Row]:
    """Read a CSV table of texts and labels as `read_table` reads one of files; texts are taken as they stand.

    Raises:
        InputError: As `read_table`.
    """
    return _read(data, name, TEXTS)


def holds_texts(data: bytes) -> bool:
    """Tell whether the header of a table names a column of texts and none of files."""
    first = data.partition(b"\n")[0].decode("utf-8-sig", errors="replace")
    try:
        titles = {title.strip().lower() for title in next(csv.reader([first], delimiter=_delimiter(first)), [])}
    except csv.Error:  # whoever reads the rows says what is wrong
        return False
    return not titles.isdisjoint(TEXTS) and titles.isdisjoint(FILES)


def _read(data: bytes, name: str, contents: tuple[str, ...]) -> list[Row]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("A table is text in UTF-8", f"{name}: {error}", "Save it as CSV in UTF-8.") from error
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text.partition("\n")[0]))
    try:
        header = next(lines, [])
        content, label = (_column(header, titles, contents[0], name) for titles in (contents, LABELS))
        places = _Places(content, label, contents[0])
        rows = [_row(fields, places, f"line {lines.line_num} of {name}", lines.line_num) for fields in lines if fields]
    except csv.Error as error:
        raise InputError(
            "This table cannot be read", f"line {lines.line_num} of {name}: {error}", "Save it as plain CSV."
        ) from error
    if not rows:
        raise InputError("This table has no lines", f"a header alone in {name}", "Add one line for each example.")
    return rows


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _column(header: list[str], titles: tuple[str, ...], content: str, where: str) -> int:
    places = [place for place, title in enumerate(header) if title.strip().lower() in titles]
    if len(places) != 1:
        raise InputError(
            f"A table needs one column named {' or '.join(titles)}",
            f"{len(places)} in the header {str(header)[:SHOWN]} of {where}",
            f"Begin the file with the line: {content},label",
        )
    return places[0]


def _row(fields: list[str], places: _Places, where: str, line: int) -> Row:
    held, named = (fields[place] if place < len(fields) else "" for place in places[:2])
    if not held.strip() or not named.strip():
        wrong = f"A line needs a {places.title} and a label"
        raise InputError(wrong, f"{str(fields)[:SHOWN]} in {where}", "Fill both fields.")
    return Row(line, held, named.strip())
