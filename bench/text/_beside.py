"""What stands beside unfooled in these benches: WordNet's files, and TextAttack in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from apart import alone, python_with
from fetch import DATA, fetch

VARIABLE = "UNFOOLED_WORDNET"


def bring_wordnet() -> None:
    """Name WordNet's folder to unfooled, unless somebody has named one."""
    if VARIABLE not in os.environ:
        fetch("wordnet")
        os.environ[VARIABLE] = str(DATA / "wordnet")


def textattack(*arguments: str) -> dict[str, Any]:
    """Run `_textattack.py` with these arguments; gives what it printed."""
    variables = {**alone(), "NLTK_DATA": str(_corpora()), "HF_HUB_OFFLINE": "1"}
    command = [str(python_with("textattack")), str(Path(__file__).with_name("_textattack.py")), *arguments]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=variables)
    return dict(json.loads(run.stdout.strip().splitlines()[-1]))


def _corpora() -> Path:
    """Lay out what TextAttack reads through NLTK: WordNet, and the words to spare, which are those that we spare."""
    from unfooled.sets.words import FUNCTION_WORDS

    fetch("wordnet")
    home = DATA / "nltk"
    words = home / "corpora" / "stopwords" / "english"
    shutil.copytree(DATA / "wordnet", home / "corpora" / "wordnet", dirs_exist_ok=True)
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("".join(f"{word}\n" for word in sorted(FUNCTION_WORDS)), encoding="utf-8")
    return home
