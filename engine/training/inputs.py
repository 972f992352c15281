"""The prepared inputs of one split, batch by batch.

Preparing (scaling, resizing, normalising) is done once where the result is small, and
for each batch anew where it is not, so memory stays bounded; both give the same batches.
"""

import math
from typing import Any

import torch
from torch import Tensor

from engine.data import InputTransform, Samples

KEPT_BYTES = 2**30
"""Prepared inputs up to this size are kept."""

_CHUNK = 1024


def prepared_shape(samples: Samples, transform: InputTransform) -> tuple[int, ...]:
    """Returns the shape of one prepared sample, ``(C, H, W)`` or ``(D,)``."""
    return tuple(transform.prepare(samples.inputs[:1]).shape[1:])


class PreparedInputs:
    """Prepared inputs of N samples, by index.

    Args:
        samples: the split.
        transform: from stored to prepared inputs.
        device: where batches are wanted.
        kept_bytes: up to which size the prepared inputs are kept on the device.
    """

    def __init__(
        self, samples: Samples, transform: InputTransform, device: torch.device, kept_bytes: int = KEPT_BYTES
    ) -> None:
        self._stored = samples.inputs
        self._transform = transform
        self._device = device
        self.sample_shape = prepared_shape(samples, transform)
        """Of one prepared sample."""
        shape = (len(samples), *self.sample_shape)
        self._kept = self._prepare_all(shape) if 4 * math.prod(shape) <= kept_bytes else None

    def __getstate__(self) -> dict[str, Any]:
        # Sent to another process as it is stored, which is small, and prepared there again.
        return {**self.__dict__, "_kept": self._kept is not None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._kept = self._prepare_all((len(self._stored), *self.sample_shape)) if state["_kept"] else None

    def batch(self, indices: Tensor) -> Tensor:
        """Returns the prepared inputs ``(B, ...)`` of the samples ``indices`` ``(B,)``, on the device.

        Args:
            indices: int64, on the CPU.
        """
        if self._kept is not None:
            return self._kept[indices.to(self._device)]
        return self._transform.prepare(self._stored[indices]).to(self._device)

    def _prepare_all(self, shape: tuple[int, ...]) -> Tensor:
        kept = torch.empty(shape, device=self._device)
        for start in range(0, shape[0], _CHUNK):
            rows = slice(start, start + _CHUNK)
            kept[rows] = self._transform.prepare(self._stored[rows]).to(self._device)
        return kept
