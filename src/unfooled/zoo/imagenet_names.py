"""Names of the 1,000 ImageNet classes, out of the data files of an installed timm, without importing it."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def imagenet_names() -> tuple[str, ...] | None:
    """Give the first name of each class in the order of its number, such as "banana" for 954; None without timm."""
    found = importlib.util.find_spec("timm")  # finds the folder; importing timm would need torchvision
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "data" / "_info"
    synsets, lemmas = folder / "imagenet_synsets.txt", folder / "imagenet_synset_to_lemma.txt"
    if not (synsets.is_file() and lemmas.is_file()):
        return None
    rows = (line.partition("\t") for line in lemmas.read_text(encoding="utf-8").splitlines())
    first = {synset: names.split(",")[0].strip() for synset, _, names in rows}
    return tuple(first.get(synset, synset) for synset in synsets.read_text(encoding="utf-8").split())
