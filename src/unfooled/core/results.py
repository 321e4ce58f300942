"""The table that everything else reads: one row a threat and example. Needs numpy and pyarrow, not torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .curve import Curve, curves_of
from .errors import InputError, MissingExtraError
from .identity import difference
from .joining import falls_further, joined, runs, stored_of
from .names import named
from .rates import Interval, robbins, wilson
from .schema import RECORDS

if TYPE_CHECKING:
    import pandas as pd


def values_of(stored: np.ndarray) -> np.ndarray:
    """Turn a stored example into the values that the model gets.

    Pictures of 8 and 16 bits become [0, 1], recordings of 16 bits [-1, 1), the rest stays.
    """
    whole = {"uint8": 255, "uint16": 65535, "int16": 32768}.get(stored.dtype.name)
    return stored if whole is None else stored.astype(np.float32) / np.float32(whole)


@dataclass(frozen=True)
class ThreatResults:
    """The rows of one threat, or of several joined by `Results.union`, in the order of the data.

    Attributes:
        table: Columns of `RECORDS`.
        tensors: The run's stored arrays, see `Results`.
        sequential: See `Results.sequential`.
    """

    table: pa.Table
    tensors: Mapping[str, np.ndarray] = field(repr=False)
    sequential: bool = False

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def column(self, name: str) -> np.ndarray:
        """Give one column as a numpy array, (n,)."""
        return np.asarray(self.table[name].to_numpy(zero_copy_only=False))

    @property
    def clean_accuracy(self) -> float:
        """Share of all examples that the model reads right, 0 to 1."""
        return float(self.column("clean_correct").mean())

    @property
    def robust(self) -> np.ndarray:
        """Examples read right and never broken, (n,) bool."""
        return np.asarray(self.column("clean_correct") & ~self.broken)

    @property
    def robust_accuracy(self) -> float:
        """Share of all examples read right and never broken, 0 to 1: an upper bound, as every attack's answer."""
        return float(self.robust.mean())

    @property
    def interval(self) -> Interval:
        """95 % interval of the robust accuracy over the sampling of examples, see `around`."""
        return self.around(int(self.robust.sum()))

    def around(self, hits: int) -> Interval:
        """95 % interval of a share of all examples: Wilson's, or where the run is sequential a confidence sequence."""
        return (robbins if self.sequential else wilson)(hits, len(self))

    @property
    def broken(self) -> np.ndarray:
        """Examples broken in the threat's carrier, (n,) bool."""
        return self.column("broken").astype(bool)

    @property
    def broken_float32(self) -> np.ndarray:
        """Examples broken where every float32 can be carried, (n,) bool."""
        return self.column("broken_float32").astype(bool)

    @property
    def queries(self) -> np.ndarray:
        """Black-box questions asked for each example, (n,)."""
        return self.column("queries")

    @property
    def forwards(self) -> np.ndarray:
        """White-box forward rows of each example, (n,)."""
        return self.column("forwards")

    @property
    def backwards(self) -> np.ndarray:
        """White-box backward rows of each example, (n,)."""
        return self.column("backwards")

    def adversarial(self) -> Iterator[tuple[int, np.ndarray]]:
        """Give (row, stored array) for each adversarial example that was kept."""
        for row, (threat, key) in enumerate(zip(self.column("threat"), self.column("key"), strict=True)):
            stored = self.tensors.get(f"x_adv/{threat}/{key}")
            if stored is not None:
                yield row, stored

    @property
    def x_adv(self) -> np.ndarray:
        """The adversarial examples as the model gets them, so that `x_adv[broken]` is those that broke it.

        (n, ...) float32, NaN where none was kept; an array (n,) of arrays, None where none was kept, if they have
        several shapes or are code points.
        """
        kept = {row: values_of(stored) for row, stored in self.adversarial()}
        shapes = {(values.shape, values.dtype.kind) for values in kept.values()}
        dense = len(shapes) == 1 and next(iter(shapes))[1] == "f"
        shape = next(iter(shapes))[0] if dense else ()
        x_adv = np.full((len(self), *shape), np.nan if dense else None, dtype=np.float32 if dense else object)
        for row, values in kept.items():
            x_adv[row] = values
        return x_adv

    def frame(self) -> pd.DataFrame:
        """Give the rows as a pandas data frame; raises MissingExtraError without pandas."""
        try:
            frame: pd.DataFrame = self.table.to_pandas()
            return frame
        except ImportError as error:
            raise MissingExtraError(
                "frame() makes a pandas data frame", "no pandas", "pip install pandas, or read .table (pyarrow)."
            ) from error


@dataclass(frozen=True)
class Results:
    """What an audit found out.

    Attributes:
        records: One row a threat and example, columns of `RECORDS`.
        stages: One row a threat and attack, columns of `STAGES`.
        run: Settings, versions, hashes: what it takes to reproduce the run. Plain JSON values.
        tensors: Arrays by name: `x/KEY` the clean example and `x_adv/THREAT/KEY` the adversarial one, as the
            threat's carrier stores them (uint8 for png8). Which are kept is the audit's `keep`.
    """

    records: pa.Table
    stages: pa.Table
    run: dict[str, Any]
    tensors: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)

    @cached_property
    def threats(self) -> list[str]:
        """Names of the threats, in the order of the audit."""
        return list(dict.fromkeys(self.records["threat"].to_pylist()))

    @cached_property
    def sequential(self) -> bool:
        """Whether the clock or the figures themselves ended the audit, so that intervals must hold at any end."""
        return any(run.get("ended", {}).get("sequential", False) for run in runs(self.run))

    def __iter__(self) -> Iterator[str]:
        return iter(self.threats)

    def __getitem__(self, threat: object) -> ThreatResults:
        """Give one threat's rows, by the threat itself or by its name, the radius written in any way."""
        import pyarrow.compute as pc  # noqa: PLC0415  late: it takes as long as a third of torch to import

        text = str(getattr(threat, "name", threat))
        rows = self.records.filter(pc.equal(self.records["threat"], named(self.threats, text)))
        return ThreatResults(rows, self.tensors, self.sequential)

    @cached_property
    def curves(self) -> dict[str, Curve]:
        """Security curves by kind of threat, such as `l2` or `become:3 linf`: radius -> robust accuracy."""
        return curves_of(self.records.to_pylist(), sequential=self.sequential)

    def curve(self, kind: str | None = None) -> Curve:
        """Give the security curve of one kind of threat, or of the only one: `curve("l2").at(0.5).robust_accuracy`."""
        curves = self.curves
        name = next(iter(curves)) if kind is None and len(curves) == 1 else kind
        if name not in curves:
            do = f"Choose one of {', '.join(curves)}."
            raise InputError(
                "There is no such curve in these results", "none named" if kind is None else repr(kind), do
            )
        return curves[name]

    def union(self, threats: Sequence[str] | None = None) -> ThreatResults:
        """Judge each example by several threats at once, by all where none are named: broken if any of them breaks it.

        Costs are summed; the rest of a row is that of the first threat that broke it, or else of the first threat.
        """
        rows: dict[str, dict[str, Any]] = {}
        for row in self.records.to_pylist():
            if threats is not None and row["threat"] not in threats:
                continue
            known = rows.get(row["key"])
            rows[row["key"]] = row if known is None else joined(known, row, worse=row["broken"] and not known["broken"])
        return ThreatResults(pa.Table.from_pylist(list(rows.values()), RECORDS), self.tensors, self.sequential)

    def merge(self, other: Results) -> Results:
        """Join two runs on the same model: examples and threats add up, accuracy only falls, the nearer success counts.

        Raises:
            InputError: The runs are of different models.
        """
        apart = difference(self.run.get("model", {}), other.run.get("model", {}))
        if apart:
            raise InputError("Only runs on the same model can be merged", apart, "Audit one model twice.")
        rows = {(row["threat"], row["key"]): row for row in self.records.to_pylist()}
        positions = {key: row["example"] for (_, key), row in rows.items()}
        tensors = dict(self.tensors)
        for row in other.records.to_pylist():
            row["example"] = positions.setdefault(row["key"], len(positions))
            place = (row["threat"], row["key"])
            known = rows.get(place)
            if known is None or falls_further(row, known):
                tensors.update(stored_of(other.tensors, *place))
            rows[place] = row if known is None else joined(known, row, worse=falls_further(row, known))
        records = pa.Table.from_pylist(list(rows.values()), RECORDS)
        run = {**self.run, "merged": [*self.run.get("merged", []), other.run]}
        return Results(records, pa.concat_tables([self.stages, other.stages]), run, tensors)
