"""CTC: a token or a blank a frame, repeats merged, blanks dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.answer import UNREADABLE, Transcripts
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, ModelError
from unfooled.core.transcripts import label_of, normalised

from .apart import each

_NEVER = -1e4
"""Log-probability of every token but the blank in frames behind a recording's end: they add nothing to any text."""
_FIRM = 1e-3
"""Log-odds by which the likeliest token of every frame must lead, for a transcript that no float sum can change."""


@dataclass(frozen=True)
class CTC:
    """How a module with a CTC head writes; its scores are (b, f, k), f frames, of which the log-softmax is taken.

    A temperature or a bias of the deployed decoder belongs into the module, so that attacks go through it.

    Attributes:
        alphabet: What each of the k tokens writes; the blank writes nothing, "".
        blank: Number of the blank.
        decode: The deployed decoder, from log-probabilities (f, k) of one recording to its text; None for the
            likeliest token of each frame.
        spell: From a phrase to tokens; None for the longest tokens of the alphabet that fit.
        takes_lengths: Whether the module is called as (values, lengths) and gives (scores, frames), so that recordings
            of several lengths share a pass; else each is asked by itself, never padded.

    Reference:
        Graves, Fernandez, Gomez and Schmidhuber. Connectionist temporal classification. ICML 2006, sections 3 and 4.
        Differs from the paper: nothing.
    """

    alphabet: tuple[str, ...]
    blank: int = 0
    decode: Callable[[Tensor], str] | None = None
    spell: Callable[[str], list[int]] | None = None
    takes_lengths: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.blank < len(self.alphabet):
            raise ModelError("The blank is one of the tokens", f"{self.blank} of {len(self.alphabet)}", "Mend it.")

    def spelled(self, phrase: str) -> list[int]:
        """See `Writing.spelled`."""
        if self.spell is not None:
            return self.spell(phrase)
        numbers = {text: token for token, text in enumerate(self.alphabet) if text and token != self.blank}
        text = self._cased(normalised(phrase))
        longest, tokens, at = max(map(len, numbers)), [], 0
        while at < len(text):
            fits = (text[at : at + n] for n in range(min(longest, len(text) - at), 0, -1))
            found = next((piece for piece in fits if piece in numbers), None)
            if found is None:
                unknown = sorted({one for one in text if not any(one in piece for piece in numbers)}) or [text[at]]
                known = "".join(sorted(piece for piece in numbers if len(piece) == 1))
                raise InputError(
                    "The model cannot write all of this phrase",
                    f"{', '.join(map(repr, unknown))} in {phrase!r}",
                    f"It writes {known!r}.",
                )
            tokens.append(numbers[found])
            at += len(found)
        return tokens

    def scores(self, module: nn.Module, x: Batch, tokens: Tensor | None) -> Tensor:
        """See `Writing.scores`: log-probabilities (b, f, k); frames behind a recording's end are blank for certain."""
        if self.takes_lengths and x.lengths is not None:
            return self._ended(module(x.values, x.lengths))
        parts = [self._checked(module(row.values[:, : int(length)]))[0] for row, length in each(x)]
        frames = max(map(len, parts))
        heard = torch.stack([self._lengthened(part, frames) for part in parts])
        return heard[[*range(len(parts)), *[0] * (len(x) - len(parts))]]

    def heard(self, module: nn.Module, x: Batch) -> Transcripts:
        """See `Writing.heard`."""
        return self.read(self.scores(module, x, None).float(), None)

    def read(self, scores: Tensor, tokens: Tensor | None) -> Transcripts:
        """See `Writing.read`; firm where the likeliest token of each frame leads clearly."""
        top, best = scores.topk(2, dim=2)
        firm = (top[..., 0] - top[..., 1]).amin(dim=1) >= _FIRM
        finite = scores.isfinite().flatten(1).all(dim=1).tolist()
        texts = [self._text(row, path) for row, path in zip(scores, best[..., 0].cpu().numpy(), strict=True)]
        labels = [label_of(text) if fine else UNREADABLE for text, fine in zip(texts, finite, strict=True)]
        return Transcripts(torch.tensor(labels, dtype=torch.int64, device=scores.device), firm)

    def likelihood(self, scores: Tensor, tokens: Tensor) -> Tensor:
        """See `Writer.likelihood`: the sum over all alignments."""
        count = (tokens >= 0).sum(dim=1)
        frames = torch.full_like(count, scores.shape[1])
        return -functional.ctc_loss(
            scores.transpose(0, 1), tokens.clamp(min=0), frames, count, self.blank, reduction="none"
        )

    def leads(self, scores: Tensor, tokens: Tensor) -> Tensor:
        """See `Writer.leads`: frame by frame along the phrase's likeliest alignment."""
        known = scores.detach().cpu().numpy()
        rows = zip(known, tokens.cpu().numpy(), strict=True)
        paths = np.stack([aligned(row, phrase[phrase >= 0], self.blank) for row, phrase in rows])
        wanted = torch.from_numpy(paths).to(scores.device).unsqueeze(2)
        others = scores.scatter(2, wanted, -torch.inf).amax(dim=2)
        return scores.gather(2, wanted).squeeze(2) - others

    def refuse(self, module: nn.Module, phrase: str, samples: int) -> None:
        """See `Writer.refuse`: every token takes a frame, and one more between two that are equal."""
        tokens = self.spelled(phrase)
        needed = len(tokens) + sum(one == other for one, other in pairwise(tokens))
        device = next((one.device for one in module.parameters()), torch.device("cpu"))
        with torch.no_grad():
            quiet = Batch(torch.zeros(1, samples, device=device), torch.zeros(1, dtype=torch.int64, device=device))
            if self.takes_lengths:
                quiet = Batch(quiet.values, quiet.ids, torch.tensor([samples], device=device))
            frames = self.scores(module, quiet, None).shape[1]
        if needed > frames:
            raise InputError(
                "The phrase is too long for the recording",
                f"{len(normalised(phrase))} characters that take {needed} frames, where there are {frames}",
                f"Say at most about {len(normalised(phrase)) * frames // needed} characters, or take a longer one.",
            )

    def describe(self) -> dict[str, Any]:
        """See `Writing.describe`."""
        decoder = "greedy" if self.decode is None else getattr(self.decode, "__qualname__", type(self.decode).__name__)
        return {"kind": "ctc", "alphabet": list(self.alphabet), "blank": self.blank, "decoder": decoder}

    def _text(self, row: Tensor, path: np.ndarray) -> str:
        if self.decode is not None:
            return self.decode(row.detach())
        changes = np.flatnonzero(np.diff(path, prepend=-1))
        return "".join(self.alphabet[token] for token in path[changes] if token != self.blank)

    def _cased(self, text: str) -> str:
        """Write a phrase in the case of the alphabet."""
        letters = "".join(self.alphabet)
        return text.upper() if letters.upper() == letters and letters.lower() != letters else text

    def _ended(self, given: object) -> Tensor:
        if not (isinstance(given, tuple | list) and len(given) == 2 and isinstance(given[1], Tensor)):
            raise ModelError(
                "A CTC module that takes lengths says how many frames each recording has",
                type(given).__name__,
                "Return (scores (b, f, k), frames (b,)), or say takes_lengths=False.",
            )
        scores, frames = self._checked(given[0]), given[1]
        behind = torch.arange(scores.shape[1], device=scores.device) >= frames.to(scores.device).unsqueeze(1)
        return torch.where(behind.unsqueeze(2), self._blank_frame(scores), scores)

    def _checked(self, given: object) -> Tensor:
        scores = given[0] if isinstance(given, tuple | list) else getattr(given, "logits", given)
        if not isinstance(scores, Tensor) or scores.ndim != 3 or scores.shape[2] != len(self.alphabet):
            found = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
            do = f"Give (b, frames, {len(self.alphabet)}), or mend the alphabet."
            raise ModelError("The scores do not fit the alphabet", found, do)
        return scores.log_softmax(dim=2)

    def _lengthened(self, row: Tensor, frames: int) -> Tensor:
        return torch.cat([row, self._blank_frame(row).expand(frames - len(row), -1)])

    def _blank_frame(self, like: Tensor) -> Tensor:
        frame = like.new_full((like.shape[-1],), _NEVER)
        frame[self.blank] = 0.0
        return frame


def aligned(scores: np.ndarray, phrase: np.ndarray, blank: int) -> np.ndarray:
    """Find the likeliest alignment of a phrase, by Viterbi's dynamic programme.

    Args:
        scores: Log-probabilities, (f, k).
        phrase: Its tokens, (m,).
        blank: Number of the blank.

    Returns:
        A token for each frame, (f,) int64, that merges to the phrase; where there are too few frames, to its beginning.
    """
    states = np.full(2 * len(phrase) + 1, blank, dtype=np.int64)
    states[1::2] = phrase
    skips = np.zeros(len(states), dtype=bool)
    skips[3::2] = phrase[1:] != phrase[:-1]
    emitted = scores[:, states].astype(np.float64)
    best = np.full(len(states), -np.inf)
    best[:2] = emitted[0, :2]
    moves = np.zeros((len(scores), len(states)), dtype=np.int64)
    options = np.full((3, len(states)), -np.inf)
    for frame in range(1, len(scores)):
        options[0] = best
        options[1, 1:] = best[:-1]
        options[2, 2:] = np.where(skips[2:], best[:-2], -np.inf)
        moves[frame] = options.argmax(axis=0)
        best = options.max(axis=0) + emitted[frame]
    ends = len(states) - 1 if len(states) == 1 or best[-1] >= best[-2] else len(states) - 2
    if best[ends] == -np.inf:
        ends = int(np.flatnonzero(best > -np.inf)[-1])
    path = np.empty(len(scores), dtype=np.int64)
    for frame in range(len(scores) - 1, -1, -1):
        path[frame] = states[ends]
        ends -= moves[frame, ends]
    return path
