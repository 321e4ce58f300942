"""What an audit works on: labelled examples, checked, named by their contents, and loaded when they are needed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.threat import Carrier
from unfooled.modalities.carriers import Float32, Png
from unfooled.modalities.recordings import Ears
from unfooled.modalities.sources import Source
from unfooled.modalities.utf8 import Utf8
from unfooled.modalities.wav import Wav16

from .door import source_of, values_of
from .keys import digest, numbered_repeats


@final
@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled examples of one kind: pictures, waveforms or code points.

    Attributes:
        source: Where they are loaded from.
        positions: Where in the source each stands.
        carrier: The file that holds them; the model gets what this file can hold.
        y: Class numbers, (n,) int64, on the CPU.
        names: File names, or empty.
        keys: Names made of what is stored and of the label: 16 hexadecimal digits, with -1, -2, ... on repeats.
        ids: The first 63 bits of the same hash, (n,) int64, on the CPU: equal for repeats.
        shapes: Shape of each, (c, h, w) or (t,).
        notes: What the user should be told of how the data were read.
    """

    source: Source = field(repr=False)
    positions: list[int] = field(repr=False)
    carrier: Carrier
    y: Tensor = field(repr=False)
    names: list[str] = field(repr=False)
    keys: list[str] = field(repr=False)
    ids: Tensor = field(repr=False)
    shapes: list[tuple[int, ...]] = field(repr=False)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.positions)

    @cached_property
    def fingerprint(self) -> str:
        """Name of the whole, 64 hexadecimal digits: the same in any order, another for other contents or labels."""
        return hashlib.sha256(" ".join(sorted(self.keys)).encode()).hexdigest()

    @property
    def domain(self) -> tuple[float, float]:
        """Lowest and highest input: -1 and 1 for waveforms, or the highest that their file holds; else 0 and 1."""
        if isinstance(self.carrier, Wav16):
            return -1.0, self.carrier.high
        return (-1.0, 1.0) if len(self.shapes[0]) == 1 else (0.0, 1.0)

    @cached_property
    def are_texts(self) -> bool:
        """Whether these are texts: code points."""
        return len(self.shapes[0]) == 1 and not np.issubdtype(self.carrier.unpack(self.stored(0)).dtype, np.floating)

    def stored(self, i: int) -> np.ndarray:
        """Give example i as its carrier stores it: uint8 for png8, float32 or int64 (code points) for float32."""
        return self.carrier.pack(values_of(self.source.load(self.positions[i]), self._called(i)))

    def batch(self, index: Sequence[int], device: torch.device | str = "cpu") -> Batch:
        """Load examples of one group as the model gets them.

        Args:
            index: Which, (r,); all of one padded shape, see `groups`.
            device: Where to put them.

        Returns:
            float32 values, or int64 code points; waveforms and texts are padded with 0, and `lengths` tells how much
            is real.

        Raises:
            InputError: They have several padded shapes, or there are none.
        """
        shapes = {self._padded(i) for i in index}
        if len(shapes) != 1:
            raise InputError("A batch has one shape", sorted(shapes), "Load the lists that groups() gives.")
        arrays = [self.carrier.unpack(self.stored(i)) for i in index]
        values = np.zeros((len(arrays), *shapes.pop()), arrays[0].dtype)
        for row, array in zip(values, arrays, strict=True):
            row[..., : array.shape[-1]] = array
        ids = self.ids[list(index)].to(device)
        lengths = torch.tensor([len(array) for array in arrays], device=device) if values.ndim == 2 else None
        return Batch(torch.from_numpy(values).to(device), ids, lengths)

    def first_few(self, batch: int, device: torch.device) -> Batch:
        """Load two examples, or one if a pass has no more rows: to try a model with."""
        rows = min(batch, 2)
        return self.batch(self.groups(list(range(min(len(self), rows))))[0], device).padded(rows)

    def groups(self, index: Sequence[int]) -> list[list[int]]:
        """Part examples by padded shape; within a group, and among groups, order is kept.

        Lists of waveforms are padded to the next of a few widths (powers of two and three steps between), and texts,
        whose padding few models ever read, to the next power of two: chosen by each example's own length, so that no
        example's answer hangs on its neighbours. Examples that came as one array are not padded.
        """
        parted: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for i in index:
            parted[self._padded(i)].append(i)
        return list(parted.values())

    def subset(self, index: Sequence[int]) -> Examples:
        """Pick examples; they keep their keys.

        Raises:
            InputError: One is picked twice, or is not there.
        """
        picked = list(index)
        if len(set(picked)) < len(picked) or not set(picked) <= set(range(len(self))):
            raise InputError(f"A subset picks from 0 to {len(self) - 1}, each once", picked[:20], "Mend the list.")
        return replace(
            self,
            positions=[self.positions[i] for i in picked],
            y=self.y[picked],
            names=[self.names[i] for i in picked],
            keys=[self.keys[i] for i in picked],
            ids=self.ids[picked],
            shapes=[self.shapes[i] for i in picked],
        )

    def _padded(self, i: int) -> tuple[int, ...]:
        shape = self.shapes[i]
        if not self.source.ragged or len(shape) != 1:
            return shape
        return (1 << (shape[0] - 1).bit_length(),) if self.carrier == Utf8() else (padded_width(shape[0]),)

    def _called(self, i: int) -> str:
        return _called(self.source, self.positions[i])


def read_examples(
    data: Any, *, classes: Sequence[str] | None = None, carrier: Carrier | None = None, ears: Ears | None = None
) -> Examples:
    """Read labelled data and check every example once.

    Args:
        data: A path to a class folder, CSV table or npz archive (see `modalities.sources.open_source`); a tuple
            (x, y) of tensors or arrays, where x may be a list of arrays of several shapes; an iterable of such
            pairs, as a DataLoader or a Dataset; a `Source`; or `Examples`, which are returned as they are. Pictures
            are (c, h, w) in [0, 1], uint8 or uint16; waveforms (t,) in [-1, 1]; texts (t,) integer code points.
            Arrays are not copied: leave them alone while the audit runs.
        classes: Names of the model's classes, in its order.
        carrier: The file that must hold the examples; by default png8 for uint8 pictures of 1 or 3 channels, png16
            for uint16 pictures of 1 channel, float32 for all else.
        ears: How the model hears, where it does; its recordings are held by wav16 by default.

    Raises:
        InputError: The data have another form, are empty, cannot be read, lie outside their domain, or do not fit
            their labels or the carrier.
    """
    if isinstance(data, Examples):
        if carrier not in (None, data.carrier):
            raise InputError(
                "These examples were read for another carrier", f"{data.carrier}, not {carrier}", "Read them anew."
            )
        examples = data
    else:
        source = source_of(data, classes, ears)
        own = Wav16(ears.rate) if ears and ears.rate and source.carrier == Float32() else source.carrier
        examples = _examined(source, own if carrier is None else carrier)
    if classes is not None:
        check_labels(examples.y, len(classes))
    return examples


def check_labels(y: Tensor, classes: int) -> None:
    """Check that labels (n,) are classes of the model, 0 to classes - 1.

    Raises:
        InputError: One is not.
    """
    beyond = torch.nonzero((y < 0) | (y >= classes)).flatten()
    if len(beyond):
        i = int(beyond[0])
        raise InputError(
            f"The model has {classes} classes, 0 to {classes - 1}",
            f"label {int(y[i])} of example {i} ({len(beyond)} such labels)",
            "Number the labels in the model's order, from 0.",
        )


def padded_width(t: int) -> int:
    """Find the next of the widths 2**e * {1, 1.25, 1.5, 1.75}, at least t."""
    step = 1 << max(0, (t - 1).bit_length() - 3)
    return -(-t // step) * step


def _examined(source: Source, carrier: Carrier) -> Examples:
    """Load every example once: check it, hash it, note its shape; keep none."""
    digests, shapes, kinds, rounded = [], [], set(), 0
    for i, label in enumerate(source.labels.tolist()):
        where = _called(source, i)
        values = values_of(source.load(i), where)
        _check_carried(carrier, values, where)
        stored = carrier.pack(values)
        rounded += not np.array_equal(carrier.unpack(stored), values)
        digests.append(digest(stored, label))
        shapes.append(values.shape)
        kinds.add((values.ndim, values.dtype.name))
    if len(kinds) > 1:
        found = ", ".join(f"{ndim}-d {dtype}" for ndim, dtype in sorted(kinds))
        raise InputError("All examples are of one kind", found, "Audit pictures, waveforms and texts apart.")
    notes = source.notes + ((f"{rounded} examples were rounded to what {carrier} can hold",) if rounded else ())
    return Examples(
        source=source, positions=list(range(len(source))), carrier=carrier,
        y=torch.from_numpy(source.labels.copy()), names=source.names, keys=numbered_repeats(digests),
        ids=torch.tensor([int(digest, 16) >> 1 for digest in digests]), shapes=shapes, notes=notes,
    )  # fmt: skip


def _called(source: Source, i: int) -> str:
    return f"example {i}" + (f" ({source.names[i]})" if source.names[i] else "")


def _check_carried(carrier: Carrier, values: np.ndarray, where: str) -> None:
    if isinstance(carrier, Png) and (values.ndim != 3 or values.shape[0] not in carrier.channels):
        raise InputError(
            f"{carrier} holds pictures of {' or '.join(map(str, carrier.channels))} channels",
            f"shape {values.shape} in {where}",
            "Use the carrier float32.",
        )
