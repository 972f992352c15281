"""Small texts whose class is in their words, and a small transformer whose WordPiece is trained on them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.study import Study

CLASSES = ("economy", "science", "sport")
_WORDS = {
    "economy": "bank market shares profit price trade rates budget",
    "science": "space planet cells laser atoms energy theory signal",
    "sport": "goal match league coach team season player referee",
}
_COMMON = "the a of and today said new that with over from more"


def texts_of(count: int, seed: int = 0, longest: int = 14) -> tuple[list[str], list[str]]:
    """Returns texts of 3 to ``longest`` words and their labels, which go round the classes."""
    generator = np.random.default_rng(seed)
    labels = [CLASSES[place % len(CLASSES)] for place in range(count)]
    texts = []
    for label in labels:
        words = [*_WORDS[label].split(), *_COMMON.split()]
        texts.append(" ".join(generator.choice(words, generator.integers(3, longest + 1))))
    return texts, labels


def write_table(path: Path, texts: Sequence[str], labels: Sequence[str]) -> None:
    """Writes a CSV file with the columns text and label."""
    lines = (f'"{text}",{label}\n' for text, label in zip(texts, labels, strict=True))
    path.write_text("text,label\n" + "".join(lines), encoding="utf-8")


def write_transformer(folder: Path, kind: str = "bert", hidden: int = 8, weights: bool = False, **config: Any) -> None:
    """Writes a transformer of two layers, and its tokenizer; without weights, but as asked."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts_of(300)[0], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    shape: dict[str, Any] = {"vocab_size": 120, "max_position_embeddings": 80, "pad_token_id": 0}
    if kind == "distilbert":
        shape |= {"dim": hidden, "n_layers": 2, "n_heads": 2, "hidden_dim": 2 * hidden}
    else:
        shape |= {"hidden_size": hidden, "num_hidden_layers": 2, "num_attention_heads": 2}
        shape |= {"intermediate_size": 2 * hidden, "embedding_size": hidden}
    (folder / "config.json").write_text(json.dumps({"model_type": kind, **shape, **config}))
    if weights:
        write_weights(folder)


def write_weights(folder: Path, seed: int = 0) -> None:
    """Writes weights for a folder's configuration, as the library itself saves a model without a head."""
    import torch
    from transformers import AutoConfig, AutoModel

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        AutoModel.from_config(AutoConfig.from_pretrained(folder)).save_pretrained(folder)


def text_study(
    folder: Path, train: int = 60, validation: int = 24, longest: int = 14, **tables: dict[str, Any]
) -> Study:
    """Writes the files of a study on texts and returns it; its features are TF-IDF where nothing else is said."""
    for split, count, seed in (("train", train, 1), ("validation", validation, 2)):
        write_table(folder / f"{split}.csv", *texts_of(count, seed, longest))
    data = {"format": "csv", "train": "train.csv", "validation": "validation.csv", "modality": "text"}
    values: dict[str, Any] = {"name": "texts", "folder": folder}
    values["data"] = {**data, **tables.pop("data", {"features": {"kind": "tfidf"}})}
    values["model"] = {"architecture": "logistic_regression", **tables.pop("model", {})}
    return Study.model_validate({**values, **tables})
