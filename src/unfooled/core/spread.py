"""What several draws of one random model say together."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .answer import Answer, Scores


def averaged(answers: Sequence[Answer]) -> Answer:
    """Average the scores of several answers to the same rows; where there are none, the first answer stands."""
    scores = [answer.scores for answer in answers]
    known = [one for one in scores if one is not None]
    return Scores(torch.stack(known).mean(dim=0)) if len(known) == len(answers) else answers[0]
