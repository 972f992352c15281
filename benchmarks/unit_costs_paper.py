"""The arithmetic of ``docs/scaling.md``: ImageNet-1k with a ResNet-50 on 8 GPUs, from shapes and stated rates.

Nothing is measured here: operations and bytes follow from shapes and from how the engine goes about it, and seconds
from rates that the page states as assumptions. A test compares the page with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.influence.folds import FOLDS
from engine.influence.parts import PART_SAMPLES, count_parts
from engine.influence.scores import GRADIENT_BYTES

Shapes = Mapping[str, tuple[int, int]]
"""``(o, i)`` of each tracked module by name, the bias as one more input."""

TRAIN, VALIDATION, CLASSES, OPERATORS = 1_281_167, 50_000, 1_000, 2
ROWS = FOLDS * CLASSES * OPERATORS
PICTURE_BYTES = 3 * 224 * 224
GPUS = 8
_FLOAT = 4


@dataclass(frozen=True)
class Scope:
    """What ``[influence] modules`` names.

    Attributes:
        begins: how the names of its modules begin.
        batch: samples of a batch, ``[compute] batch_size``, that a GPU of 80 GB has room for.
    """

    begins: tuple[str, ...]
    batch: int

    def within(self, shapes: Shapes) -> dict[str, tuple[int, int]]:
        """Returns the shapes of its modules."""
        return {name: shape for name, shape in shapes.items() if name.startswith(self.begins)}


SCOPES = {
    "fc": Scope(("fc",), 1_024),
    "last block and fc": Scope(("layer4.2.", "fc"), 256),
    "all modules": Scope(("",), 128),
}


@dataclass(frozen=True)
class Machine:
    """What is assumed of the machine and each of its GPUs; nothing of it was measured.

    Attributes:
        float32: rate of a plain float32 product of one GPU, FLOP/s: three quarters of an H100 SXM's stated 67e12.
        to_gpu: bytes/s to one GPU from memory that is not pinned.
    """

    float32: float = 50e12
    to_gpu: float = 12e9


def parameters(shapes: Shapes) -> int:
    """Returns P."""
    return sum(o * i for o, i in shapes.values())


def streamed_bytes(shapes: Shapes, batch: int) -> float:
    """Returns the bytes of rows that all GPUs together fetch: all rows of a module for every product.

    A product is of one batch, or, where a module has several positions, of as many samples as have gradients of
    eight times :data:`GRADIENT_BYTES`.
    """
    total = 0.0
    for name, (o, i) in shapes.items():
        matrix = o * i * _FLOAT
        together = batch if name == "fc" else min(batch, max(1, 8 * GRADIENT_BYTES // matrix))
        total += ROWS * matrix * TRAIN / together
    return total


def on_paper(shapes: Shapes, machine: Machine | None = None) -> dict[str, dict[str, float]]:
    """Returns what scores of all training pictures come to, by scope.

    Args:
        shapes: of all modules that can be tracked.
        machine: what is assumed.
    """
    machine, told = machine or Machine(), {}
    for name, scope in SCOPES.items():
        chosen = scope.within(shapes)
        row_bytes = ROWS * parameters(chosen) * _FLOAT
        flop, streamed = 2 * ROWS * parameters(chosen) * TRAIN, streamed_bytes(chosen, scope.batch)
        told[name] = {
            "parameters": parameters(chosen),
            "rows_gb": row_bytes / 1e9,
            "product_flop": flop,
            "product_hours": flop / (GPUS * machine.float32) / 3600,
            "streamed_tb": streamed / 1e12,
            "streamed_hours": streamed / (GPUS * machine.to_gpu) / 3600,
            "precondition_flop": (1 + OPERATORS)
            * FOLDS
            * CLASSES
            * sum(2 * o * i * (o + i) for o, i in chosen.values()),
            "cubes": sum(o**3 + i**3 for o, i in chosen.values()),
        }
    return told


def moved() -> dict[str, float]:
    """Returns gigabytes of pictures and of results, and in how many parts."""
    return {
        "pictures_gb": TRAIN * PICTURE_BYTES / 1e9,
        "part_gb": PART_SAMPLES * PICTURE_BYTES / 1e9,
        "results_gb": TRAIN * ROWS * _FLOAT / 1e9,
        "parts": count_parts(TRAIN),
    }
