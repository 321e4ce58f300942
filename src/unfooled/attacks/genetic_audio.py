"""Genetic: recordings bred from one another by their scores, and then gradients estimated from scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.core.writing import pressed
from unfooled.losses import margin
from unfooled.search.bursts import breed_points
from unfooled.search.keeper import Keeper
from unfooled.search.pairs import Pairs, climb_pairs


@dataclass(frozen=True)
class GeneticAudio:
    """Breed recordings from one another, and go on from the best one with estimated gradients, as `nes` does.

    Works in any Ball and needs scores; made for recordings, with goals in words or in classes.

    Attributes:
        queries: Most queries of an example, 1 or more.
        bred: Share of them that breeding may take, 0 to 1.
        population: Recordings alive at a time, 2 or more.
        bursts: Most bursts of one frequency that a child gets, 1 or more.
        samples: Points behind each estimate, two for a direction, 2 or more.
        probe: How far from a point to ask, as the root mean square over its values in shares of the range.
        step: Length of the first step as a share of the radius.
        inertia: Share of the old mean of estimates that each step keeps, 0 to below 1.

    Reference:
        Alzantot, Balaji and Srivastava. Did you hear that? Adversarial examples against automatic speech recognition.
        2018. https://arxiv.org/abs/1801.00554, section 3.
        Taori, Kamsetty, Chu and Vemuri. Targeted adversarial examples for black box audio systems. IEEE SPW 2019.
        https://arxiv.org/abs/1805.07820, section 3.
        Differs from the papers: a mutation adds bursts that swell and fade, each of one frequency and of any loudness
        that the set allows, in place of noise; children take a stretch from the second parent, half of the time from
        elsewhere in it; old and young compete; parents are drawn by rank; momentum raises the number of bursts; the
        margins of a phrase's steps count beside its log-odds; gradients are estimated over all samples, after a share
        of the queries and not at an edit distance.
    """

    queries: int = 10000
    bred: float = 0.3
    population: int = 20
    bursts: int = 3
    samples: int = 50
    probe: float = 0.0005
    step: float = 0.005
    inertia: float = 0.9
    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper, bred, worth = Keeper(problem), round(self.bred * self.queries), pressed(problem, margin)
        breed_points(keeper, worth, bred, population=self.population, bursts=self.bursts)
        plan = Pairs(self.samples, self.probe, self.step, self.inertia)
        climb_pairs(keeper, worth, self.queries - bred, plan)
        return keeper.found()
