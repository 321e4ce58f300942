"""Evolve where a text is edited and how: each edit is two numbers, so that drafts can be added and subtracted."""

from __future__ import annotations

from .drafts import Asked, Draft, Search

_STEP, _CROSS = 0.75, 0.7


def evolve_edits(draft: Draft, population: int, generations: int) -> Search:
    """Evolve as many edits as a text bears, by differential evolution towards the best.

    A gene is a place among the words and one among the edits that the word then allows, both as shares. A child takes
    its parent's place if its loss is as high. Costs population * generations queries.

    Args:
        draft: The text.
        population: Drafts alive at a time, 4 or more.
        generations: How often they are asked about, 1 or more.
    """
    places, genes = range(1, len(draft.pieces), 2), 2 * draft.edits
    if not places or not genes:
        return
    drawn = draft.lots(population * genes, "genes", 0)
    alive = [drawn[genes * i : genes * (i + 1)] for i in range(population)]
    fitness = yield Asked([_grown(draft, places, one) for one in alive])
    for generation in range(1, generations):
        lots = draft.lots(population * (genes + 3), "child", generation)
        best = alive[max(range(population), key=fitness.__getitem__)]
        children = [_child(alive, i, best, lots[(genes + 3) * i : (genes + 3) * (i + 1)]) for i in range(population)]
        told = yield Asked([_grown(draft, places, one) for one in children])
        for i, (loss, child) in enumerate(zip(told, children, strict=True)):
            if loss >= fitness[i]:
                alive[i], fitness[i] = child, loss


def draw_edits(draft: Draft, draws: int) -> Search:
    """Make random edits, as many as the text bears, and ask about each draft by itself.

    Args:
        draft: The text.
        draws: How often, 1 or more.
    """
    places, genes = range(1, len(draft.pieces), 2), 2 * draft.edits
    if not places or not genes:
        return
    for draw in range(draws):
        yield Asked([_grown(draft, places, draft.lots(genes, "edits", draw))])


def _child(alive: list[list[float]], parent: int, best: list[float], lots: list[float]) -> list[float]:
    """Move from the best by the difference of two others, and keep some genes of the parent."""
    one, other = (alive[int(lot * len(alive))] for lot in lots[:2])
    sure = int(lots[2] * len(best))
    return [
        (b + _STEP * (o - p)) % 1.0 if lot < _CROSS or i == sure else mine
        for i, (mine, b, o, p, lot) in enumerate(zip(alive[parent], best, one, other, lots[3:], strict=True))
    ]


def _grown(draft: Draft, places: range, genes: list[float]) -> str:
    """Make the edits that genes stand for, one after the other."""
    edited: dict[int, str] = {}
    for where, how in zip(genes[::2], genes[1::2], strict=True):
        site = places[int(where * len(places))]
        clean = draft.pieces[site]
        kinds = [kind for kind in draft.within.neighbours(edited.get(site, clean), clean) if kind]
        if kinds:
            share = how * len(kinds)
            kind = kinds[int(share)]
            edited[site] = kind[int(share % 1.0 * len(kind))]
    return draft.written(edited)
