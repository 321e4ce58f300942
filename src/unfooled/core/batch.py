"""What goes into a model: pictures, ragged waveforms, code points, bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """A stack of examples of one shape.

    Attributes:
        values: The inputs, (n, ...). Pictures are (n, c, h, w) in [0, 1], waveforms (n, t), text (n, t) code points.
        ids: Names of the examples, (n,) int64, made from their contents: randomness is keyed on them, so that
            an answer does not depend on where in the data an example stands.
        lengths: For ragged inputs, how much of the last axis is real, (n,) int64; the rest is padding.
    """

    values: Tensor
    ids: Tensor
    lengths: Tensor | None = None

    def __len__(self) -> int:
        return self.values.shape[0]

    def rows(self, index: Tensor | slice) -> Batch:
        """Pick rows, in the order of `index` (r,)."""
        lengths = None if self.lengths is None else self.lengths[index]
        return Batch(self.values[index], self.ids[index], lengths)

    def copied(self) -> Batch:
        """Return a batch that shares no memory with this one."""
        lengths = None if self.lengths is None else self.lengths.clone()
        return Batch(self.values.clone(), self.ids.clone(), lengths)

    def holding(self, values: Tensor) -> Batch:
        """Return the same examples with other values of the same lengths."""
        return replace(self, values=values)

    def valid(self) -> Tensor | None:
        """Mark what is not padding: (n, 1, ..., t) bool, or None where nothing is padded."""
        if self.lengths is None:
            return None
        time = torch.arange(self.values.shape[-1], device=self.values.device)
        mask = time < self.lengths.unsqueeze(1)
        return mask.view(len(self), *[1] * (self.values.ndim - 2), self.values.shape[-1])

    def padded(self, rows: int) -> Batch:
        """Repeat the first row until there are `rows`, so that every pass has the same shape."""
        missing = rows - len(self)
        if missing <= 0:
            return self
        filler = torch.zeros(missing, dtype=torch.int64, device=self.ids.device)
        return self.rows(torch.cat([torch.arange(len(self), device=self.ids.device), filler]))

    def distinct(self) -> int:
        """Count the rows without those at the end that repeat the first, as `padded` adds them."""
        differ = (self.values != self.values[:1]).flatten(1).any(dim=1)
        if self.lengths is not None:
            differ |= self.lengths != self.lengths[0]
        rows = differ.nonzero().flatten()
        return 1 + (int(rows[-1]) if len(rows) else 0)
