"""A small BERT made on the spot, and what padding does to influence through it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from app.workflow.commands import COMMANDS
from app.workflow.influence import fold_rows
from benchmarks.cifar_study import external_data
from cache.store import Store
from engine.progress import silent
from engine.study import load_study

_SHORT, _LONG = 64, 128
"""Tokens that texts are padded to."""
_WORDS = 22
"""Words of a text that are kept, few enough for every text to fit into the shorter padding."""
_VOCABULARY = 4000
_STUDY = """\
name = "bert-{length}"
[data]
format = "csv"
modality = "text"
train = "train.csv"
validation = "validation.csv"
max_length = {length}
[model]
architecture = "transformers:bert"
checkpoints = "checkpoints"
[training]
learning_rate = 0.05
momentum = 0.9
batch_size = 32
epochs = 2
[influence]
factor_examples = "all"
"""


def write_bert(folder: Path, texts: list[str]) -> None:
    """Writes configuration and WordPiece tokenizer of a BERT of two layers, without weights: it starts at random.

    Args:
        folder: to be made.
        texts: that the tokenizer is trained on.
    """
    folder.mkdir(parents=True)
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=_VOCABULARY, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    shape = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
    config = {"model_type": "bert", "vocab_size": tokenizer.get_vocab_size(), "pad_token_id": 0, **shape}
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 256}))


def padding_change(folder: Path, texts: int) -> float:
    """Returns the largest difference of P between texts padded to 64 and to 128 tokens, as a share of the largest |P|.

    Args:
        folder: to work in.
        texts: news that the model is trained on.
    """
    folder.mkdir(parents=True)
    for split, count in (("train", texts), ("validation", texts // 4)):
        table = pd.read_csv(external_data() / "ag_news" / f"{split}.csv").groupby("label").head(count // 4)
        # Words at first: pieces of them are more, and the shorter length must hold all.
        table["text"] = table["text"].str.split().str[:_WORDS].str.join(" ")
        table.to_csv(folder / f"{split}.csv", index=False)
    write_bert(folder / "bert", pd.read_csv(folder / "train.csv")["text"].tolist())
    vectors = []
    for length in (_SHORT, _LONG):
        file = folder / f"study-{length}.toml"
        file.write_text(_STUDY.format(length=length))
        study, store = load_study(file), Store(folder / "store")
        if length == _SHORT:
            COMMANDS["train"](study, store, {}, silent)
        run = COMMANDS["influence"](study, store, {}, silent)["run"]
        vectors.append(fold_rows(store.run(run), "ceiling").astype(np.float64))
    return float(np.abs(vectors[0] - vectors[1]).max() / np.abs(vectors[0]).max())
