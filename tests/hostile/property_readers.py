"""What holds of every reader of data and models, whatever bytes it is given: a sound result, or a refusal."""

import io
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save
from skops import io as skops
from torch import nn

from engine.data import load_data
from engine.data.tokens import TextTokens, token_limit
from engine.models import build_model, load_checkpoint
from engine.models.sklearn_models import SklearnModel
from engine.models.text_models import text_classifier
from engine.study import Study, study_of
from engine.text_folder import checked_folder
from tests.engine.data.vision_sets import write_set
from tests.engine.text_studies import texts_of, write_table, write_transformer
from tests.hostile.mutations import damaged

Check = Callable[[bytes], None]
_PICTURES = np.random.default_rng(0).integers(0, 256, (8, 4, 4)).astype(np.uint8)
_LABELS = np.arange(8) % 2
_NETWORK = {"name": "drawn", "model": {"architecture": "mlp", "hidden": [3]}}


class Files:
    """Sound files of every kind, and the studies that name them, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._write()

    def _write(self) -> None:
        table: dict[str, np.ndarray] = {"a": _PICTURES[:, 0, 0] / 7, "b": _PICTURES[:, 1, 1], "label": _LABELS}
        pq.write_table(pa.table(table), self.folder / "table.parquet")
        rows = zip(*table.values(), strict=True)
        lines = ["a,b,label", *(f"{a:.3f},{b},{label}" for a, b, label in rows)]
        (self.folder / "table.csv").write_text("\n".join(lines) + "\n")
        texts, labels = texts_of(9)
        write_table(self.folder / "texts.csv", texts, labels)
        pq.write_table(pa.table({"text": texts, "label": labels}), self.folder / "texts.parquet", compression="none")
        np.savez(self.folder / "arrays.npz", x=_PICTURES, label=_LABELS)
        np.savez_compressed(self.folder / "packed.npz", x=_PICTURES.reshape(8, -1) / 9, label=_LABELS.astype("U3"))
        png, jpeg = io.BytesIO(), io.BytesIO()
        Image.fromarray(_PICTURES[0]).save(png, "PNG")
        Image.fromarray(_PICTURES[1]).resize((16, 16)).save(jpeg, "JPEG")
        (self.folder / "one.png").write_bytes(png.getvalue())
        (self.folder / "one.jpg").write_bytes(jpeg.getvalue())
        for label in ("a", "b"):
            (self.folder / "pictures" / label).mkdir(parents=True)
            for number in range(3):
                (self.folder / "pictures" / label / f"{number}.png").write_bytes(png.getvalue())
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        pictures = pa.array([{"bytes": png.getvalue(), "path": None}] * 6, kind)
        pq.write_table(pa.table({"img": pictures, "label": np.arange(6) % 2}), self.folder / "pictures.parquet")
        for name in ("CIFAR10", "MNIST", "SVHN", "STL10"):
            write_set(name, self.folder / "sets", train=20, test=10)
        write_transformer(self.folder / "bert", weights=True)
        self._write_models()

    def _write_models(self) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.neural_network import MLPClassifier

        state = self.network().state_dict()
        (self.folder / "model.safetensors").write_bytes(save(state))
        torch.save(state, self.folder / "model.pt")
        torch.save(state, self.folder / "old.pt", _use_new_zipfile_serialization=False)
        inputs = _PICTURES.reshape(8, -1)[:, :4] / 255
        skops.dump(LogisticRegression().fit(inputs, _LABELS), self.folder / "logistic.skops")
        skops.dump(
            MLPClassifier((3,), max_iter=1).partial_fit(inputs, _LABELS, classes=[0, 1]), self.folder / "layers.skops"
        )

    @staticmethod
    def network() -> nn.Module:
        """Returns the network whose checkpoints are drawn."""
        study = study_of({**_NETWORK, "data": {"format": "npz", "train": "x", "validation": 0.5}}, Path())
        return build_model(study.model, (4,), 2, 0)

    def content(self, name: str) -> bytes:
        """Returns the bytes of a sound file."""
        return (self.folder / name).read_bytes()

    def study(self, train: str, **data: object) -> Study:
        """Returns a study on one file, a half of which is set aside."""
        values = {**_NETWORK, "data": {"train": train, "validation": 0.5, **data}}
        return study_of(values, self.folder)


def _sound_data(study: Study) -> None:
    data = load_data(study)
    for samples in (data.train, data.validation):
        assert len(samples)
        assert bool(samples.inputs.float().isfinite().all())
        assert 0 <= int(samples.labels.min()) <= int(samples.labels.max()) < data.num_classes
        assert len(samples.sources) == len(samples.inputs) == len(samples.labels)


def reads(files: Files, name: str, **data: object) -> tuple[st.SearchStrategy[bytes], Check]:
    """Returns what is drawn in a data file's place, and the check of what is read from it."""
    drawn = files.folder / f"drawn-{name}"

    def check(content: bytes) -> None:
        drawn.write_bytes(content)
        _sound_data(files.study(drawn.name, **data))

    return damaged(files.content(name)), check


def reads_picture(files: Files, name: str) -> tuple[st.SearchStrategy[bytes], Check]:
    """Returns what is drawn in the place of one picture of a folder."""

    def check(content: bytes) -> None:
        (files.folder / "pictures" / "a" / "0.png").write_bytes(content)
        _sound_data(files.study("pictures", format="image_folder", transform={"resize": 4}))

    return damaged(files.content(name)), check


def reads_set(files: Files, dataset: str, name: str) -> tuple[st.SearchStrategy[bytes], Check]:
    """Returns what is drawn in the place of one file of a set of torchvision."""
    root = Path(tempfile.mkdtemp(dir=files.folder)) / "sets"
    shutil.copytree(files.folder / "sets", root)

    def check(content: bytes) -> None:
        (root / name).write_bytes(content)
        values = {"format": "torchvision", "dataset": dataset, "root": str(root), "validation": 0.5}
        _sound_data(study_of({**_NETWORK, "data": values}, files.folder))

    return damaged(files.content(f"sets/{name}")), check


def loads(files: Files, name: str) -> tuple[st.SearchStrategy[bytes], Check]:
    """Returns what is drawn in a checkpoint's place, and the check of the network that it is loaded into."""
    drawn = files.folder / f"drawn-{name}"

    def check(content: bytes) -> None:
        drawn.write_bytes(content)
        network = files.network()
        load_checkpoint(drawn, network)
        assert all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values())

    return damaged(files.content(name)), check


def fits(files: Files, name: str) -> tuple[st.SearchStrategy[bytes], Check]:
    """Returns what is drawn in the place of a file of scikit-learn."""
    drawn = files.folder / f"drawn-{name}"

    def check(content: bytes) -> None:
        drawn.write_bytes(content)
        assert SklearnModel.read(drawn).tensors()

    return damaged(files.content(name)), check


def transforms(files: Files, name: str) -> tuple[st.SearchStrategy[bytes], Check]:
    """Returns what is drawn in the place of one file of a transformer's folder."""
    folder = Path(tempfile.mkdtemp(dir=files.folder)) / "bert"
    shutil.copytree(files.folder / "bert", folder)

    def check(content: bytes) -> None:
        (folder / name).write_bytes(content)
        config = checked_folder(folder, needs_weights=False)
        tokens = TextTokens(folder, config, token_limit(None, config, "max_length"))
        packed, lengths = tokens.rows(["space planet", ""], lambda _: None)
        model = text_classifier(folder, 3).eval()
        with torch.no_grad():
            assert model(packed).shape == (2, 3)
        assert len(lengths) == 2

    drawn = damaged(files.content(f"bert/{name}"))
    if name == "config.json":
        numbers = st.dictionaries(
            st.sampled_from(sorted(json.loads(files.content("bert/config.json")))),
            st.integers(-5, 300) | st.integers(10**6, 2**70),
        )
        drawn |= numbers.map(
            lambda changes: json.dumps(json.loads(files.content("bert/config.json")) | changes).encode()
        )
    return drawn, check
