"""One text as a search meets it, and what a search asks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from unfooled.core.threat import Edits
from unfooled.core.tokens import Slope


class Asked(NamedTuple):
    """What a search wants to know: the losses of some texts.

    Attributes:
        texts: The texts, all in the set.
        probes: Whether they lie outside it, and are asked about only to learn what matters.
        slopes: Filled with how the loss climbs around each text, where that is wanted; None where it is not.
        moved: What is added to the embeddings of each text then, (t, d); None for nothing. Such texts are probes.
    """

    texts: list[str]
    probes: bool = False
    slopes: list[Slope] | None = None
    moved: list[Tensor] | None = None


Search = Generator[Asked, list[float], None]
"""A search of one text: it yields what it asks and is sent the losses, higher for better; a success ends it."""


@dataclass(frozen=True)
class Draft:
    """One text, as a search meets it.

    Attributes:
        pieces: What it is made of: every second piece, from the second on, may be edited.
        within: The set.
        edits: How many edits it bears.
        lots: (count, tag, draw) -> numbers from [0, 1) that hang on the text alone.
        room: Most characters that a text may have which is asked about.
    """

    pieces: tuple[str, ...]
    within: Edits
    edits: int
    lots: Callable[[int, str, int], list[float]]
    room: int

    @property
    def text(self) -> str:
        """The text itself."""
        return "".join(self.pieces)

    def written(self, edited: dict[int, str]) -> str:
        """Write the text with other pieces in some places."""
        return "".join(edited.get(place, piece) for place, piece in enumerate(self.pieces))

    def with_each(self, edited: dict[int, str], site: int, tries: Sequence[str]) -> list[str]:
        """Write the text with other pieces in some places, and each of `tries` in one more."""
        written = [edited.get(place, piece) for place, piece in enumerate(self.pieces)] if edited else self.pieces
        head, tail = "".join(written[:site]), "".join(written[site + 1 :])
        return [head + one + tail for one in tries]
