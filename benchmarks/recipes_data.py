"""Small data in the files that the paper's recipes name: real pictures and news where there are any, else stand-ins.

Emotion and STL-10 are not at hand. For them the format alone is tried: STL-10's binary files hold CIFAR-10's pictures,
enlarged; Emotion's ``text;label`` lines hold sentences that are made of a few words for each feeling.
"""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from benchmarks.cifar_study import external_data
from benchmarks.sources_text import write_bert

BERT = "bert-base-uncased"
"""The folder that the recipes name; what is written there is two layers with random weights."""
_SIDE_OF_STL = 96
_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
_FEELINGS = {
    "anger": "angry furious annoyed bitter cranky offended",
    "fear": "afraid nervous anxious shaken uncertain terrified",
    "joy": "happy glad delighted content cheerful proud",
    "love": "loving tender caring fond devoted gentle",
    "sadness": "sad lonely gloomy unhappy broken hopeless",
    "surprise": "surprised amazed stunned curious dazed astonished",
}
_SENTENCES = (
    "i feel {} about the way the day went",
    "im feeling rather {} since i came home",
    "i was {}; nobody at work would have guessed",
    "i left the room feeling {} and went for a long walk",
)


def write_cifar(folder: Path, counts: Mapping[str, int]) -> None:
    """Writes the first pictures of each class as CIFAR-10's own files.

    Args:
        folder: of the study.
        counts: pictures a class by split, ``train`` and ``test``.
    """
    place = folder / "data" / "cifar-10-batches-py"
    place.mkdir(parents=True)
    for split, files in (("train", _BATCHES), ("test", ("test_batch",))):
        pixels, labels = _pictures(split, counts[split])
        for file, rows in zip(files, np.array_split(np.arange(len(labels)), len(files)), strict=True):
            held = {"labels": labels[rows].tolist(), "data": np.ascontiguousarray(pixels[rows].reshape(len(rows), -1))}
            (place / file).write_bytes(pickle.dumps(held, protocol=2))
    names = {"label_names": list(_CLASSES), "num_vis": 3072}
    (place / "batches.meta").write_bytes(pickle.dumps(names, protocol=2))


def write_stl(folder: Path, counts: Mapping[str, int]) -> None:
    """Writes pictures of CIFAR-10, enlarged to 96 x 96 pixels, as STL-10's own binary files.

    Args:
        folder: of the study.
        counts: pictures a class by split, ``train`` and ``test``.
    """
    place = folder / "data" / "stl10_binary"
    place.mkdir(parents=True)
    for split in ("train", "test"):
        pixels, labels = _pictures(split, counts[split])
        large = np.stack([_enlarged(picture) for picture in pixels])
        # Column after column of each channel; classes count from 1.
        large.transpose(0, 1, 3, 2).tofile(place / f"{split}_X.bin")
        (labels + 1).astype(np.uint8).tofile(place / f"{split}_y.bin")
    (place / "class_names.txt").write_text("".join(f"{name}\n" for name in _CLASSES))


def write_news(folder: Path, counts: Mapping[str, int]) -> None:
    """Writes the first texts of each class of AG News, and a small BERT with a WordPiece of the training texts.

    Args:
        folder: of the study.
        counts: texts a class by split.
    """
    place = folder / "data" / "ag-news"
    place.mkdir(parents=True)
    for split, count in counts.items():
        table = pd.read_csv(external_data() / "ag_news" / f"{split}.csv").groupby("label").head(count)
        table.to_csv(place / f"{split}.csv", index=False)
    write_bert(folder / BERT, pd.read_csv(place / "train.csv")["text"].tolist())


def write_emotion(folder: Path, counts: Mapping[str, int]) -> None:
    """Writes made-up sentences about six feelings as Emotion's ``text;label`` lines, and a small BERT.

    Args:
        folder: of the study.
        counts: texts a class by split.
    """
    place = folder / "data" / "emotion"
    place.mkdir(parents=True)
    generator = np.random.default_rng(0)
    texts: list[str] = []
    for split, count in counts.items():
        lines = []
        for feeling, words in _FEELINGS.items():
            for _ in range(count):
                texts.append(str(generator.choice(_SENTENCES)).format(generator.choice(words.split())))
                lines.append(f"{texts[-1]};{feeling}\n")
        # Emotion calls its validation split so.
        (place / f"{split.removesuffix('idation')}.txt").write_text("".join(generator.permutation(lines)))
    write_bert(folder / BERT, texts)


def _pictures(split: str, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Returns the first ``count`` pictures of each class, ``(N, 3, 32, 32)``, and their labels, in the file's order."""
    rows: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    taken = np.zeros(len(_CLASSES), dtype=np.int64)
    with pq.ParquetFile(external_data() / "cifar10" / f"{split}.parquet") as file:
        for batch in file.iter_batches(batch_size=1000):
            for picture, label in zip(batch.column("img").to_pylist(), batch.column("label").to_pylist(), strict=True):
                if taken[label] < count:
                    taken[label] += 1
                    opened = Image.open(io.BytesIO(picture["bytes"])).convert("RGB")
                    rows.append(np.asarray(opened, dtype=np.uint8).transpose(2, 0, 1))
                    labels.append(label)
            if (taken >= count).all():
                break
    return np.stack(rows), np.array(labels)


def _enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    large = Image.fromarray(picture.transpose(1, 2, 0)).resize((_SIDE_OF_STL, _SIDE_OF_STL), Image.Resampling.BICUBIC)
    return np.asarray(large, dtype=np.uint8).transpose(2, 0, 1)
