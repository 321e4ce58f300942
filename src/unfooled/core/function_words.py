"""Words that carry grammar and not meaning, and words that turn a meaning round."""

from __future__ import annotations

_NEGATIONS = """no not nor never none neither nobody nothing nowhere cannot without hardly barely scarcely don't doesn't
didn't isn't aren't wasn't weren't won't wouldn't can't couldn't shouldn't mustn't hasn't haven't hadn't"""

_GRAMMAR = """a an the this that these those i me my mine we us our ours you your yours he him his she her hers it its
they them their theirs myself yourself himself herself itself ourselves themselves who whom whose which what am is are
was were be been being have has had having do does did doing will would shall should can could may might must and but or
if because as until while of at by for with about against between into through during before after above below to from
up down in out on off over under again further then once here there when where why how all any both each few more most
other some such only own same so than too very just now"""

NEGATIONS = frozenset(_NEGATIONS.split())
"""Words that turn a meaning round."""

FUNCTION_WORDS = NEGATIONS | frozenset(_GRAMMAR.split())
"""Words that attacks on meaning leave alone: changing one makes another sentence, or none."""
