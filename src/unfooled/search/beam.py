"""Keep the best few drafts of a text, and edit each of them further."""

from __future__ import annotations

from .drafts import Asked, Draft, Search
from .wordwise import ranked, sites

_TOGETHER = 64
"""Most drafts asked about together: those behind a success among them are paid for too."""


def widen(draft: Draft, width: int, words: int, mask: str, *, spare: bool) -> Search:
    """Make every edit of the words that matter most in each of the best drafts, and keep the best of all.

    Args:
        draft: The text.
        width: Drafts kept from one round to the next, 1 or more.
        words: How many of the words that matter most are edited, 1 or more.
        mask: What stands in for a word while its weight is measured.
        spare: Whether function words are left alone.
    """
    places = sites(draft, spare=spare)
    _, gains = yield from ranked(draft, places, mask)
    order = sorted(range(len(places)), key=lambda place: -gains[place])[:words]
    kept: list[dict[int, str]] = [{}]
    for _ in range(draft.edits):
        drafts = {
            tuple(sorted({**edited, site: one}.items())): None
            for edited in kept
            for site in (places[place] for place in order)
            for kind in draft.within.neighbours(edited.get(site, draft.pieces[site]), draft.pieces[site])
            for one in kind
        }
        told: list[tuple[float, dict[int, str]]] = []
        listed = list(drafts)
        for begin in range(0, len(listed), _TOGETHER):
            some = listed[begin : begin + _TOGETHER]
            losses = yield Asked([draft.written(dict(one)) for one in some])
            told += [(loss, dict(one)) for loss, one in zip(losses, some, strict=True)]
        told.sort(key=lambda pair: -pair[0])
        kept = [edited for _, edited in told[:width]]
