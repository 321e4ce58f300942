"""Edit the words that matter most, one after another."""

from __future__ import annotations

from collections.abc import Callable, Generator

from unfooled.core.function_words import FUNCTION_WORDS

from .drafts import Asked, Draft, Search

Choose = Callable[[Draft, int], list[str]]
"""A text and the place of a word in it -> what to try in its stead."""

Rank = Callable[[Draft, list[int]], Generator[Asked, list[float], tuple[float, list[float]]]]
"""A text and the places of words in it -> a search that gives its loss, and how much each of these words matters."""


def sites(draft: Draft, *, spare: bool) -> list[int]:
    """List the places of words; with `spare` those of function words, such as `the` and `not`, are left out."""
    words = range(1, len(draft.pieces), 2)
    return [site for site in words if not (spare and draft.pieces[site].lower() in FUNCTION_WORDS)]


def ranked(draft: Draft, places: list[int], mask: str) -> Generator[Asked, list[float], tuple[float, list[float]]]:
    """Tell what the text loses with each word: the loss of the text as it is, and the gain at each of some places.

    Costs one query a place, and one more.

    Args:
        draft: The text.
        places: Which words.
        mask: What is written in a word's stead: a word that no model knows, or nothing at all.
    """
    masked = [draft.with_each({}, place, [mask])[0] for place in places]
    level, *without = yield Asked([draft.text, *masked], probes=True)
    return level, [loss - level for loss in without]


def climb(draft: Draft, rank: Rank, choose: Choose, *, spare: bool) -> Search:
    """Try edits of one word after another, the one that matters most first; the best of a word stays if it gains.

    Args:
        draft: The text.
        rank: Says which words matter.
        choose: What to try in place of a word.
        spare: Whether function words are left alone.
    """
    places = sites(draft, spare=spare)
    level, gains = yield from rank(draft, places)
    edited: dict[int, str] = {}
    for _, site in sorted(zip(gains, places, strict=True), key=lambda pair: -pair[0]):
        if len(edited) == draft.edits:
            return
        tries = choose(draft, site)
        if not tries:
            continue
        told = yield Asked(draft.with_each(edited, site, tries))
        best = max(range(len(tries)), key=told.__getitem__)
        if told[best] > level:
            level, edited[site] = told[best], tries[best]


def every(draft: Draft, site: int) -> list[str]:
    """List all that one edit makes of a word."""
    piece = draft.pieces[site]
    return [one for kind in draft.within.neighbours(piece, piece) for one in kind]


def one_of_each(draft: Draft, site: int) -> list[str]:
    """Draw one edit of each kind, among all that make a word another."""
    piece = draft.pieces[site]
    kinds = draft.within.neighbours(piece, piece)
    lots = draft.lots(len(kinds) * len(draft.pieces), "kinds", 0)[len(kinds) * site :]
    return [kind[int(lot * len(kind))] for lot, kind in zip(lots, kinds, strict=False) if kind]
