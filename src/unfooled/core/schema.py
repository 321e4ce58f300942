"""The columns of a run's two tables."""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = 2

POINT_NOWHERE = "point nowhere"
"""What a note of a run says of gradients that told an attack nothing; readers know by it that the note casts doubt."""

RECORDS = pa.schema(
    [
        ("threat", pa.string()),
        ("radius", pa.float64()),  # of the threat's set; null where a set has none
        ("example", pa.int64()),  # position in the data as given
        ("key", pa.string()),  # name made from the example's contents
        ("name", pa.string()),  # file name, or empty
        ("y", pa.int64()),
        ("clean_label", pa.int64()),
        ("clean_confidence", pa.float32()),  # null where the model gives labels only
        ("clean_correct", pa.bool_()),
        ("broken", pa.bool_()),  # contained and reached, in the threat's carrier
        ("broken_float32", pa.bool_()),  # the same before the carrier's rounding
        ("attack", pa.string()),  # the one that broke it; null if it stands
        ("adv_label", pa.int64()),  # of the best proposal; null if none was made
        ("adv_confidence", pa.float32()),
        ("distance", pa.float64()),
        ("margin", pa.float64()),  # beyond the goal, in scores: negative before it
        ("queries", pa.int64()),
        ("forwards", pa.int64()),
        ("backwards", pa.int64()),
        ("asked", pa.int64()),  # answers of all attacks until the first success; null where it stands or is not known
    ]
)

STAGES = pa.schema(
    [
        ("threat", pa.string()),
        ("attack", pa.string()),
        ("settings", pa.string()),
        ("tried", pa.int64()),
        ("proposed", pa.int64()),  # what the attack believed
        ("broken", pa.int64()),  # what the referee confirmed
        ("queries", pa.int64()),
        ("forwards", pa.int64()),
        ("backwards", pa.int64()),
        ("seconds", pa.float64()),
    ]
)
