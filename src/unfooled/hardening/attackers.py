"""The attackers of a defence: one who does not know of it, and one who does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unfooled.attacks import attack_named
from unfooled.auditing.engine import audit
from unfooled.auditing.examples import Examples
from unfooled.auditing.given import judge
from unfooled.auditing.stages import Stage
from unfooled.core.evidence import gathered
from unfooled.core.results import Results
from unfooled.defences.card import Card, Ignorant
from unfooled.goals import Evade
from unfooled.models.classifier import Classifier

STOCK = Stage("stock", attack_named("pgd", steps=40, loss="plain-cross-entropy"))
"""What comes with any library: PGD on the textbook cross-entropy."""


@dataclass(frozen=True)
class Range:
    """Where defences of one model are attacked.

    Attributes:
        examples: What is audited.
        threat: Under which threat.
        suite: What those run who know.
        batch: Rows of a pass.
        seed: Of all randomness.
    """

    examples: Examples
    threat: str
    suite: str = "standard"
    batch: int = 32
    seed: int = 0

    def evading(self, rejected: int) -> Range:
        """Give the same grounds where a class stands for rejections: who attacks there must evade it too."""
        return replace(self, threat=f"{Evade(rejected).name} {self.threat}")

    def undefended(self, model: Classifier) -> Results:
        """Audit the model without a defence, and keep what was found, fooled or not."""
        return self._audited(model, keep="all")

    def ignorant(self, how: Ignorant, defended: Classifier, before: Results) -> Results:
        """Attack as one does who does not know of the defence."""
        if how == "transfer":
            return self._judged(defended, before, "crafted without it")
        return audit(
            defended, self.examples, self.threat, [STOCK], batch=self.batch, seed=self.seed, keep="none",
            prepare="off", diagnose=False,
        )  # fmt: skip

    def knowing(self, defended: Classifier, seen: Classifier, before: Results, earlier: Results) -> Results:
        """Attack as one does who knows of it: by the suite and its remedies, through honest gradients, by transfer.

        Whoever knows of a defence can also do what others do, so what fell before stays fallen.
        """
        found = self._audited(defended, keep="broken")
        if seen.module is not defended.module:
            through = self._audited(seen, keep="all", diagnose=False)
            found = found.merge(self._judged(defended, through, "through honest gradients"))
        return found.merge(self._judged(defended, before, "crafted without it")).merge(earlier)

    def _audited(self, model: Classifier, *, keep: str, diagnose: bool = True) -> Results:
        return audit(
            model, self.examples, self.threat, self.suite, batch=self.batch, seed=self.seed, keep=keep,
            diagnose=diagnose,
        )  # fmt: skip

    def _judged(self, defended: Classifier, crafted: Results, source: str) -> Results:
        """Judge what was crafted on one model by another; where nothing was kept, the clean example stands in."""
        (name,) = crafted.threats
        rows = crafted[name]
        kept = dict(rows.adversarial())
        keys = {key: row for row, key in enumerate(rows.column("key"))}
        examples = self.examples
        proposals = [
            examples.carrier.unpack(kept.get(keys[key], examples.stored(i))) for i, key in enumerate(examples.keys)
        ]
        return judge(defended, examples, np.stack(proposals), self.threat, source=source, batch=self.batch, keep="none")


def missing(card: Card, knowing: Results) -> tuple[str, ...]:
    """Name the attacks that a defence calls for and that did not run.

    Honest gradients and natural scores are always climbed; whether gradients were averaged over draws, and whether
    rejections were evaded, the run says.
    """
    cures = {word for one in gathered(knowing.run) for row in one.remedies for word in row["cure"].split(", ")}
    joint = all(str(entry["goal"]).startswith("evade") for entry in knowing.run["threats"])
    ran = {"eot": "eot" in cures, "joint": joint}
    return tuple(name for name in card.adaptive if not ran.get(name, True))
