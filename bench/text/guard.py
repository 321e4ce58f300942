"""A real guard against prompt injection, and a small classifier made on the spot: who gets past them, at what cost.

The injections are attacked alone, until they read as safe. Every adversarial text is scored again from its stored file.
WordNet's folder is named in UNFOOLED_WORDNET, if it is not found.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from _beside import bring_wordnet
from promise import promise

THREATS = ("chars:2", "invisible:2", "homoglyphs:2", "words:0.3")
SUITES = {"climbed": ["hotflip"], "asked": ["deep-word-bug"]}
N = 6


def main() -> None:
    from unfooled.models import load_model
    from unfooled.zoo.prompts import prompts

    torch.set_num_threads(1)
    bring_wordnet()
    texts, labels = prompts()
    injections = [text for text, label in zip(texts, labels, strict=True) if label]
    guard = load_model("zoo:guard")
    told = guard.ask(np.array(texts, dtype=object)).argmax(axis=1)
    promise(
        "The zoo's guard reads made-up prompts",
        f"{int((told == labels).sum())} of {len(texts)} rightly",
        ">= 90 %",
        (told == labels).mean() >= 0.9,
    )
    measured(guard, "the zoo's guard", injections[:: len(injections) // N][:N], [1] * N)
    with tempfile.TemporaryDirectory() as folder:
        made, some, y = on_the_spot(Path(folder))
        measured(load_model(f"hf:{made}"), "a BERT of 2 layers made on the spot", some, y)


def measured(model: object, name: str, texts: list[str], y: list[int]) -> None:
    """Attack through embeddings and through scores, and check every success from its file."""
    import unfooled
    from unfooled.auditing.export import export

    for how, suite in SUITES.items():
        figures, stored, confirmed = [], 0, 0
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            results = unfooled.audit(model, (texts, y), list(THREATS), suite, out=out / "run")
            export(results, out / "files")
            checked = unfooled.verify(results, model, files=out / "files")
            stored, confirmed = len(checked), sum(one.confirmed for one in checked)
        for threat in results.threats:
            found = results[threat]
            asked = np.array(found.column("asked"))[found.broken]
            cost = f"{np.median(asked):.0f}" if len(asked) else "-"
            right = int(found.column("clean_correct").sum())
            figures.append(f"{threat} {int(found.broken.sum())} of {right} at {cost}")
        promise(
            f"{name}, {how} ({suite[0]}): success and median queries for each threat, scored again from stored files",
            f"{'; '.join(figures)}; {confirmed} of {stored} files confirmed",
            "every file confirmed",
            0 < stored == confirmed,
        )


def on_the_spot(folder: Path) -> tuple[Path, list[str], list[int]]:
    """Save a small BERT that learned made-up reviews; gives reviews that it never met, too."""
    import transformers
    from _victim import Victim, reviews
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    texts, labels = reviews(1200, 5)
    words = ["[PAD]", "[UNK]", *sorted({word for text in texts for word in Victim.split(text)})]
    cutter = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    cutter.normalizer, cutter.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=cutter, pad_token="[PAD]", unk_token="[UNK]")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64, hidden_dropout_prob=0, attention_probs_dropout_prob=0,
        id2label={0: "bad", 1: "good"}, label2id={"bad": 0, "good": 1},
    )  # fmt: skip
    module = transformers.BertForSequenceClassification(config)
    read = tokenizer(texts, padding=True, return_tensors="pt")
    steps = torch.optim.Adam(module.parameters(), 1e-3)
    for _ in range(3):
        for rows in torch.randperm(len(texts)).split(32):
            steps.zero_grad()
            ids, mask = read["input_ids"][rows], read["attention_mask"][rows]
            module(input_ids=ids, attention_mask=mask, labels=torch.tensor(labels)[rows]).loss.backward()
            steps.step()
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder, *reviews(40, 9)


if __name__ == "__main__":
    main()
