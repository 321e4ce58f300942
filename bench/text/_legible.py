"""The victim with its embeddings shown."""

from __future__ import annotations

import re

from _victim import Victim


def legible(victim: Victim) -> object:
    """Make a model of the victim whose embeddings attackers may climb."""
    from unfooled.core.tokens import Tokens
    from unfooled.models.token_models import TokenReader, token_model
    from unfooled.models.weights import fingerprint

    def cut(texts: list[str]) -> tuple[list[Tokens], int]:
        words = [list(re.finditer(r"\w+", text))[:48] for text in texts]
        return [
            Tokens([victim.index.get(word[0].lower(), 1) for word in one], [word.span() for word in one])
            for one in words
        ], 0

    net = victim.net.requires_grad_(False)
    reader = TokenReader(net, lambda tokens, _: net(tokens), net.words, cut, 48, 0, rows=16, wide=True)
    return token_model(reader, "victim", fingerprint(net), ("bad", "good"))
