"""Class gradients and preconditioned rows: R matrices ``(o, i)`` for each tracked module.

R P numbers for P tracked parameters: 80 rows of a ResNet-18 are 3.6 GB. What exceeds the
memory budget lies in a temporary file that is mapped into memory: the system reads it
block by block and drops pages at will, so the rows are bounded by the disk.
"""

import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import RefusedInput

Rows = dict[str, Tensor]
"""By module name, shape ``(R, o, i)``, the bias as the last input."""


def allocate_rows(
    shapes: Mapping[str, tuple[int, int]], count: int, dtype: torch.dtype, device: torch.device, budget: int
) -> Rows:
    """Returns zeroed rows.

    Args:
        shapes: ``(o, i)`` by module name.
        count: R.
        dtype: of the numbers.
        device: where they lie if they fit.
        budget: bytes that they may take in memory; beyond it they lie in a file, on the CPU.
            The file has no name any more once it is mapped: it goes with the rows, also if the
            process is killed.

    Raises:
        RefusedInput: if the disk has no room for that file.
    """
    if row_bytes(shapes, dtype) * count <= budget:
        return {name: torch.zeros(count, *shape, dtype=dtype, device=device) for name, shape in shapes.items()}
    with tempfile.TemporaryDirectory(prefix="paretoscope-rows-") as folder:
        return _mapped(shapes, count, dtype, Path(folder))


def row_bytes(shapes: Mapping[str, tuple[int, int]], dtype: torch.dtype) -> int:
    """Returns the bytes of one row over all modules."""
    return sum(math.prod(shape) for shape in shapes.values()) * dtype.itemsize


def _mapped(shapes: Mapping[str, tuple[int, int]], count: int, dtype: torch.dtype, folder: Path) -> Rows:
    rows: Rows = {}
    for number, (name, shape) in enumerate(shapes.items()):
        size = count * math.prod(shape)
        path = folder / str(number)
        try:
            with path.open("wb") as file:
                # Reserved now: a map into a hole of a full disk would end the process.
                _reserve(file.fileno(), size * dtype.itemsize)
        except OSError as error:
            raise RefusedInput(
                f"{count} rows of class gradients need {row_bytes(shapes, dtype) * count / 1e9:.1f} GB of temporary "
                f"space: {error.strerror}",
                "that much room where temporary files lie (TMPDIR)",
                "Free some space, set TMPDIR, raise [compute] memory_gb, or name fewer [influence] modules",
            ) from error
        rows[name] = torch.from_file(str(path), shared=True, size=size, dtype=dtype).view(count, *shape)
    return rows


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.truncate(descriptor, size)
