"""The training samples of an influence run as pages show them: kept in a folder, mapped and not read.

Reading the files of a study means to decode what may come from anywhere, and takes from seconds to minutes; so another
process does it, once, and writes arrays. A page that opens a sample then reads that sample.

A folder holds ``inputs.npy`` and, where pictures had other sizes, ``sizes.npy``; or ``texts.arrow`` for texts; and
``about.json``, by which it is whole. It is made anew where it is missing or damaged: nothing in it is a result.
"""

import json
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from engine.whole_files import PARTIAL

_ABOUT = "about.json"
_KINDS = {"image": (4, np.uint8), "tabular": (2, np.float32)}


@dataclass(frozen=True, eq=False)
class ShownTexts:
    """N texts.

    Attributes:
        values: the texts, as an Arrow array that is mapped from its file.
        lengths: how many ``unit`` each has before anything is cut, ``(N,)`` int32.
        unit: ``tokens`` of a transformer, or the ``words`` that TF-IDF knows.
        most: how many of them the model sees at most; None: all.
    """

    values: pa.Array
    lengths: NDArray[np.int32]
    unit: str
    most: int | None

    def __len__(self) -> int:
        """Returns N."""
        return len(self.values)

    def __getitem__(self, index: int) -> str:
        """Returns one text."""
        return str(self.values[int(index)].as_py())


@dataclass(frozen=True, eq=False)
class ShownSamples:
    """N training samples in their order.

    Attributes:
        inputs: pictures ``(N, C, H, W)`` uint8 or table rows ``(N, D)`` float32, mapped from their file; of texts
            nothing, ``(N, 0)``.
        sizes: width and height of each picture in its file, ``(N, 2)`` int32; None where all are as they were.
        texts: the texts, where they are that.
        columns: what the values of a table row are called.
    """

    inputs: NDArray[Any]
    sizes: NDArray[np.int32] | None = None
    texts: ShownTexts | None = None
    columns: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Returns N."""
        return len(self.inputs)

    def write(self, folder: Path) -> None:
        """Writes the samples to a folder, whole or not at all; one that is there is replaced.

        Raises:
            OSError: if the disk is full or may not be written to.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = folder.with_name(f"{PARTIAL}{uuid.uuid4().hex[:8]}-{folder.name}")
        about: dict[str, Any] = {"columns": self.columns, "sizes": self.sizes is not None}
        try:
            partial.mkdir()
            if self.texts is None:
                np.save(partial / "inputs.npy", self.inputs, allow_pickle=False)
            else:
                _write_texts(partial / "texts.arrow", self.texts)
                about["texts"] = {"unit": self.texts.unit, "most": self.texts.most}
            if self.sizes is not None:
                np.save(partial / "sizes.npy", self.sizes, allow_pickle=False)
            (partial / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
            if folder.exists():
                shutil.rmtree(folder)
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    @classmethod
    def of_texts(cls, texts: ShownTexts) -> Self:
        """Returns samples that are texts."""
        return cls(np.empty((len(texts), 0), np.float32), texts=texts)

    @classmethod
    def opened(cls, folder: Path, modality: str, samples: int) -> Self | None:
        """Returns what a folder holds, or ``None`` where it is missing, damaged or not of these samples.

        Args:
            folder: that was written.
            modality: ``image``, ``tabular`` or ``text``, as the study says.
            samples: how many training samples the run has.
        """
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            found = cls._opened(folder, modality, about)
        except (OSError, ValueError, KeyError, TypeError, RecursionError, pa.ArrowException):
            return None
        return found if len(found) == samples else None

    @classmethod
    def _opened(cls, folder: Path, modality: str, about: dict[str, Any]) -> Self:
        if modality == "text":
            with pa.memory_map(str(folder / "texts.arrow")) as file:
                table = pa.ipc.open_file(file).read_all()
            lengths = table["length"].to_numpy().astype(np.int32)
            told = about["texts"]
            return cls.of_texts(ShownTexts(table["text"].chunk(0), lengths, told["unit"], told["most"]))
        axes, kind = _KINDS[modality]
        inputs = open_memmap(folder / "inputs.npy", mode="r")
        sizes = open_memmap(folder / "sizes.npy", mode="r") if about["sizes"] else None
        columns = tuple(about["columns"])
        sound = inputs.ndim == axes and inputs.dtype == kind and (axes == 4 or len(columns) == inputs.shape[1])
        if not sound or (sizes is not None and sizes.shape != (len(inputs), 2)):
            raise ValueError("not what was written")
        return cls(inputs, sizes, columns=columns)


def _write_texts(path: Path, texts: ShownTexts) -> None:
    # One batch, so that it is mapped as one array.
    batch = pa.record_batch([texts.values, pa.array(texts.lengths, pa.int32())], names=["text", "length"])
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)
