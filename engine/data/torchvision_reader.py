"""The data sets of torchvision from disk: one split of a set, by its name."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.data import torchvision_files as files
from engine.data.reader import RawLabels, RowsDone, numbered_sources
from engine.errors import RefusedInput
from engine.torchvision_sets import SETS

_KINDS: dict[str, Callable[[tuple[Path, ...]], files.Content]] = {
    "cifar": files.cifar,
    "stl": files.stl,
    "idx": files.idx,
    "mat": files.mat,
}
_NAMES: dict[str, Callable[[Path], tuple[str, ...]]] = {"cifar": files.cifar_names, "stl": files.stl_names}


class TorchvisionReader:
    """Reads one split of a set of torchvision.

    Args:
        dataset: the name of the set.
        split: ``train`` or ``test``.
        paths: the files of the split, and that of the class names where there is one; they exist.
    """

    input_names = ("picture",)

    def __init__(self, dataset: str, split: str, paths: tuple[Path, ...]) -> None:
        self.file = f"{dataset} {split}"
        self._set = SETS[dataset]
        self._names_path = paths[-1] if self._set.names_file else None
        self._paths = paths[:-1] if self._set.names_file else paths

    def labels(self) -> RawLabels:
        """Returns the labels, and the names of the classes by the set."""
        names = self._set.class_names
        if self._names_path is not None:
            names = _NAMES[self._set.kind](self._names_path)
        return RawLabels(self._content[1], names)

    def inputs(self, rows: np.ndarray, done: RowsDone) -> Tensor:
        """Returns the pictures ``(n, C, H, W)`` uint8 of ``rows``."""
        chosen = np.ascontiguousarray(self._content[0][rows])
        done(len(rows))
        return torch.from_numpy(chosen)

    def sources(self, rows: np.ndarray) -> tuple[str, ...]:
        """Returns the set, its split and the row, counted from 0 as torchvision does."""
        return numbered_sources(self.file, rows)

    @cached_property
    def _content(self) -> files.Content:
        """Pictures and labels; kept, since two splits may be taken of one file, and reading CIFAR takes a while."""
        pictures, labels = _KINDS[self._set.kind](self._paths)
        if len(pictures) != len(labels):
            raise RefusedInput(
                f"{self.file} has {len(pictures):,} pictures and {len(labels):,} labels",
                "one label for each picture",
                "Fetch its files again",
            )
        return pictures, labels
