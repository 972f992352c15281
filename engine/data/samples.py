"""What a study's data is once it has been read: one tensor of inputs and one of labels a split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.data.texts import Texts
from engine.data.transform import InputTransform


# Tensors have no single truth value, so a generated == could only fail.
@dataclass(frozen=True, eq=False)
class Samples:
    """The samples of one split, as they are stored.

    Args:
        inputs: pictures ``(N, C, H, W)`` uint8, table rows or features of texts ``(N, D)`` float32, or tokens of
            texts and their mask ``(N, 2, L)`` int32.
        labels: class indices ``(N,)`` int64.
        sources: where each came from, e.g. ``"train.parquet#17"`` or ``"cat/7.png"``; none where only numbers are kept.
        texts: what the inputs were made of, where they are texts.
        sizes: width and height of each picture as its file has it, in pixels, ``(N, 2)``; None where all are as they
            were.
    """

    inputs: Tensor
    labels: Tensor
    sources: tuple[str, ...]
    texts: Texts | None = None
    sizes: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        """Returns N."""
        return len(self.labels)

    @property
    def numbers(self) -> "Samples":
        """Inputs and labels alone: what computations need, and what is sent to where they are done."""
        return Samples(self.inputs, self.labels, ())

    def take(self, indices: Sequence[int] | np.ndarray | Tensor) -> "Samples":
        """Returns the samples at ``indices``, in that order."""
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        sources = tuple(self.sources[index] for index in chosen.tolist()) if self.sources else ()
        texts = None if self.texts is None else self.texts.take(chosen.numpy())
        sizes = None if self.sizes is None else self.sizes[chosen.numpy()]
        return Samples(self.inputs[chosen], self.labels[chosen], sources, texts, sizes)


@dataclass(frozen=True, eq=False)
class StudyData:
    """All the splits of a study.

    Args:
        train: what the model is trained on and weights are found for.
        validation: what influence and the search are measured on; it has samples of every class.
        test: what neither has seen, or None.
        class_names: the K names, in class order.
        transform: from stored inputs to the model's inputs.
        notices: what was accepted but should be known, one sentence each.
        input_names: the columns or the array that the inputs come from.
    """

    train: Samples
    validation: Samples
    test: Samples | None
    class_names: tuple[str, ...]
    transform: InputTransform
    notices: tuple[str, ...]
    input_names: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_names)

    @property
    def columns(self) -> tuple[str, ...]:
        """What the D values of a table row are called; those of one array are numbered, pictures have none."""
        inputs = self.train.inputs
        if inputs.ndim != 2:
            return ()
        if len(self.input_names) == inputs.shape[1]:
            return self.input_names
        array = self.input_names[0] if self.input_names else ""
        return tuple(f"{array}[{column}]" for column in range(inputs.shape[1]))
