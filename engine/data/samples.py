"""What a study's data is once it has been read: one tensor of inputs and one of labels a split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.data.transform import InputTransform


# Tensors have no single truth value, so a generated == could only fail.
@dataclass(frozen=True, eq=False)
class Samples:
    """The samples of one split, as they are stored.

    Args:
        inputs: pictures ``(N, C, H, W)`` uint8, or table rows ``(N, D)`` float32.
        labels: class indices ``(N,)`` int64.
        sources: where each came from, e.g. ``"train.parquet#17"`` or ``"cat/7.png"``.
    """

    inputs: Tensor
    labels: Tensor
    sources: tuple[str, ...]

    def __len__(self) -> int:
        """Returns N."""
        return len(self.labels)

    def take(self, indices: Sequence[int] | np.ndarray | Tensor) -> "Samples":
        """Returns the samples at ``indices``, in that order."""
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        sources = tuple(self.sources[index] for index in chosen.tolist())
        return Samples(self.inputs[chosen], self.labels[chosen], sources)


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
    """

    train: Samples
    validation: Samples
    test: Samples | None
    class_names: tuple[str, ...]
    transform: InputTransform
    notices: tuple[str, ...]

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_names)
