"""Edit a text all over until it fools, then take edits back for as long as it still does: labels are enough."""

from __future__ import annotations

from collections.abc import Generator

from .drafts import Asked, Draft, Search
from .wordwise import sites

_STARTS = 4
"""Drafts edited all over that are asked about together."""


def revert(draft: Draft, starts: int, *, spare: bool) -> Search:
    """Begin with drafts in which every word is edited, and take back what is not needed until few enough edits stay.

    Args:
        draft: The text.
        starts: How often to begin, 1 or more.
        spare: Whether function words are left alone.
    """
    choices = {site: [one for kind in draft.within.neighbours(draft.pieces[site], draft.pieces[site]) for one in kind]
               for site in sites(draft, spare=spare)}  # fmt: skip
    choices = {site: some for site, some in choices.items() if some}
    if not choices or not draft.edits:
        return
    for start in range(0, starts, _STARTS):
        drawn = [_drawn(draft, choices, start + i) for i in range(min(_STARTS, starts - start))]
        told = yield Asked([draft.written(one) for one in drawn], probes=len(choices) > draft.edits)
        for edited in (one for one, loss in zip(drawn, told, strict=True) if loss > 0):
            yield from _reverted(draft, edited)


def _drawn(draft: Draft, choices: dict[int, list[str]], draw: int) -> dict[int, str]:
    """Draw one edit of every word, in drawn order, as long as there is room for them."""
    lots = draft.lots(2 * len(choices), "all over", draw)
    order = sorted(zip(lots[::2], choices, lots[1::2], strict=True))
    edited, length = {}, len(draft.text)
    for _, site, lot in order:
        one = choices[site][int(lot * len(choices[site]))]
        length += len(one) - len(draft.pieces[site])
        if length > draft.room:
            break
        edited[site] = one
    return edited


def _reverted(draft: Draft, edited: dict[int, str]) -> Generator[Asked, list[float], None]:
    """Take back halves, quarters and so on down to single edits, each for as long as the text still fools."""
    size = (len(edited) + 1) // 2
    while size:
        whole = list(edited)
        for part in (whole[begin : begin + size] for begin in range(0, len(whole), size)):
            rest = {site: piece for site, piece in edited.items() if site not in part}
            (loss,) = yield Asked([draft.written(rest)], probes=len(rest) > draft.edits)
            if loss > 0:
                edited = rest
        size = 0 if size == 1 else (size + 1) // 2
