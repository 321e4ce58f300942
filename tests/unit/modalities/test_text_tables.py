"""Tables of texts from strangers: whatever the bytes, rows or a refusal in our words."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
from fuzz import THOUSAND, damaged, noise, outcome
from hypothesis import given

from unfooled.modalities.carriers import Utf8
from unfooled.modalities.tables import holds_texts
from unfooled.modalities.texts import code_points, read_texts

ROWS = [{"text": "a \u00e4 \u4e2d\u200b", "label": 1}, {"text": 'b, "c"\n', "label": 0}]
LINES = "\n".join(map(json.dumps, ROWS)).encode()
TABLE = 'text,label\n"a \u00e4 \u4e2d\u200b",1\n"b, ""c""\n",0\n'.encode()


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), file)
    return file.getvalue()


def sound(data: bytes, suffix: str) -> None:
    rows = outcome(lambda: read_texts(data, "t", suffix))
    for row in rows or ():
        assert row.content.strip()
        assert row.label
        stored = Utf8().pack(code_points(row.content))
        assert stored.tobytes().decode() == row.content
        assert Utf8().unpack(stored).tolist() == code_points(row.content).tolist()


def test_sound_tables_agree() -> None:
    tables = ((TABLE, ".csv"), (LINES, ".jsonl"), (parquet(), ".parquet"))
    found = [[row[1:] for row in read_texts(data, "t", suffix)] for data, suffix in tables]
    assert found[0] == found[1] == found[2] == [(row["text"], str(row["label"])) for row in ROWS]


@THOUSAND
@given(noise([TABLE]) | damaged([TABLE]))
def test_any_csv(data: bytes) -> None:
    holds_texts(data)
    sound(data, ".csv")


@THOUSAND
@given(noise([LINES, b'{"text": "']) | damaged([LINES]))
def test_any_lines(data: bytes) -> None:
    sound(data, ".jsonl")


@THOUSAND
@given(noise([b"PAR1"]) | damaged([parquet()]))
def test_any_parquet(data: bytes) -> None:
    sound(data, ".parquet")
