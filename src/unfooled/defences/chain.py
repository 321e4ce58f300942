"""Defences one after the other, as people write them: `jpeg`, `jpeg:quality=50`, `swap-silu+pgd-at`."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import Any, cast

from torch import nn

from unfooled.core.errors import InputError
from unfooled.core.numerals import read_number

from . import DETECTORS, LAYERED, RECIPES, SOUNDS, defence_named
from .card import Card, Layered
from .training.lesson import Recipe


@dataclass(frozen=True)
class Chain:
    """Defences that need no training, and after them at most one recipe or one detector.

    Attributes:
        name: As it was written.
        layers: In order; the first is nearest to the model.
        recipe: By which the whole is trained; None for no training.
    """

    name: str
    layers: tuple[Layered, ...]
    recipe: Recipe | None

    @property
    def card(self) -> Card:
        """What is known of its last part, with the attacks that any of its parts calls for."""
        cards = [layer.card for layer in self.layers] + ([] if self.recipe is None else [self.recipe.card])
        wanted = tuple(dict.fromkeys(name for card in cards for name in card.adaptive))
        return replace(
            cards[-1],
            adaptive=wanted,
            stochastic=any(card.stochastic for card in cards),
            differentiable=all(card.differentiable for card in cards),
        )

    def layered(self, module: nn.Module) -> nn.Module:
        """Give a module with all layers."""
        return reduce(lambda inner, layer: layer(inner), self.layers, module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`."""
        return reduce(lambda outer, layer: layer.seen(outer), reversed(self.layers), defended)


def read_defence(text: str, sample_rate: int | None = None) -> Chain:
    """Read a defence as people write it.

    Args:
        text: Such as `jpeg`, `jpeg:quality=50`, `mp3:kbps=48+quantised`, `swap-silu+pgd-at`.
        sample_rate: Samples a second of the recordings, for defences of sound that are told no `rate`.

    Raises:
        InputError: A part is unknown, a setting cannot be read, or something follows a recipe or a detector.
    """
    parts = [part.strip() for part in text.split("+")]
    trained = parts[-1].partition(":")[0] in RECIPES
    layers, recipe = (parts[:-1], parts[-1]) if trained else (parts, None)
    made = [_part(layer, sample_rate) for layer in layers]
    for place, part in enumerate(layers):
        name = part.partition(":")[0]
        if name in DETECTORS and place + 1 < len(parts):
            do = "Train first, and put the detector over the weights that came of it: --weights."
            raise InputError("A detector comes last, since it learns what the model does", repr(text), do)
        if name in RECIPES:
            do = f"Before it may stand {', '.join(LAYERED)}, as in swap-silu+pgd-at."
            raise InputError("A recipe of training comes last", repr(text), do)
    trainer = None if recipe is None else cast(Recipe, _part(recipe))
    around = [] if trainer is None or trainer.around is None else [trainer.around]
    return Chain(text, (*cast(list[Layered], made), *around), trainer)


def _part(text: str, sample_rate: int | None = None) -> Layered | Recipe:
    name, _, given = text.partition(":")
    settings: dict[str, Any] = {}
    for pair in filter(None, given.split(",")):
        key, _, value = pair.partition("=")
        try:
            number = read_number(value)
        except (ValueError, ZeroDivisionError) as error:
            raise InputError("A setting is written name=number", repr(pair), "Write jpeg:quality=50.") from error
        settings[key] = int(number) if number == int(number) and "." not in value else number
    if sample_rate is not None and name in SOUNDS and "rate" in (one.name for one in fields(cast(Any, SOUNDS[name]))):
        settings.setdefault("rate", sample_rate)
    return defence_named(name, **settings)
