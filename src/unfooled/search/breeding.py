"""Breed drafts of a text from one another: those that come closest have children, and each child one edit anew."""

from __future__ import annotations

from .drafts import Asked, Draft, Search
from .wordwise import sites

Genes = dict[int, str]
"""What stands in some places of a draft."""


def breed(draft: Draft, population: int, generations: int, *, spare: bool) -> Search:
    """Begin with single random edits, and let drafts inherit their edits from two parents each.

    Costs population * generations queries.

    Args:
        draft: The text.
        population: Drafts alive at a time, 2 or more.
        generations: How often they are asked about, 1 or more.
        spare: Whether function words are left alone.
    """
    places = [site for site in sites(draft, spare=spare) if any(_edits(draft, {}, site))]
    if not places or not draft.edits:
        return
    alive: list[Genes] = [{} for _ in range(population)]
    for generation in range(generations):
        lots = draft.lots(4 * population, "bred", generation)
        children = [_edited(draft, one, places, lots[4 * i : 4 * i + 2]) for i, one in enumerate(alive)]
        if generation:
            children[0] = alive[0]
        told = yield Asked([draft.written(one) for one in children])
        order = sorted(range(population), key=lambda i: -told[i])
        fit = [children[i] for i in order]
        pairs = [lots[4 * i + 2 : 4 * i + 4] for i in range(population)]
        alive = [fit[0], *(_crossed(draft, fit, pair, generation * population + i) for i, pair in enumerate(pairs[1:]))]


def _edits(draft: Draft, genes: Genes, site: int) -> list[str]:
    kinds = draft.within.neighbours(draft.pieces[site], draft.pieces[site])
    return [one for kind in kinds for one in kind if one != genes.get(site)]


def _edited(draft: Draft, genes: Genes, places: list[int], lots: list[float]) -> Genes:
    """Edit one place anew; where no more edits are borne, one of those that are edited already."""
    open_to = places if len(genes) < draft.edits else list(genes)
    site = open_to[int(lots[0] * len(open_to))]
    edits = _edits(draft, genes, site)
    return {**genes, site: edits[int(lots[1] * len(edits))]} if edits else genes


def _crossed(draft: Draft, fit: list[Genes], lots: list[float], draw: int) -> Genes:
    """Take each edit from one of two parents; the fitter a draft, the likelier it is a parent."""
    one, other = (fit[int(lot * lot * len(fit))] for lot in lots)
    both = list({**one, **other})
    coins = draft.lots(len(both), "crossed", draw) if both else []
    picked = {site: (one if coin < 0.5 else other).get(site) for site, coin in zip(both, coins, strict=True)}
    child = {site: piece for site, piece in picked.items() if piece is not None}
    return dict(list(child.items())[: draft.edits])
