"""Replace words in the order of what they weigh and what their best replacement gains."""

from __future__ import annotations

import math

from .drafts import Asked, Draft, Search
from .wordwise import Choose, ranked, sites


def climb_by_gain(draft: Draft, mask: str, choose: Choose, *, spare: bool) -> Search:
    """Ask about every edit of every word, then put the best of each in, the one that promises most first.

    Args:
        draft: The text.
        mask: What stands in for a word while its weight is measured.
        choose: What to try in place of a word.
        spare: Whether function words are left alone.
    """
    choices = {site: tries for site in sites(draft, spare=spare) if (tries := choose(draft, site))}
    if not choices or not draft.edits:
        return
    level, gains = yield from ranked(draft, list(choices), mask)
    highest = max(gains)
    weights = [math.exp(gain - highest) for gain in gains]
    best: dict[int, tuple[float, str]] = {}
    for (site, tries), weight in zip(choices.items(), weights, strict=True):
        told = yield Asked(draft.with_each({}, site, tries))
        gain, one = max(zip(told, tries, strict=True), key=lambda pair: pair[0])
        best[site] = (weight * (gain - level), one)
    edited: dict[int, str] = {}
    for site in sorted(best, key=lambda site: -best[site][0])[: draft.edits]:
        edited[site] = best[site][1]
        if len(edited) > 1:  # the first one alone was asked about
            yield Asked([draft.written(edited)])
