r"""The paper's two synthetic sets, points of a plane in two classes, as pure functions of a seed.

``separable`` (the paper's Figure 2 A): two unit discs beside each other, centres at
:math:`x = \mp 1.5`, 300 points each. Of the training labels 50 of the blue and 20 of the
orange disc are flipped, so that every flip harms both classes: there is room to improve.

``frontier`` (Figure 2 D): a unit disc and a three-lobed shape of radius
:math:`1 + \cos(3\varphi) / 2`, centres one apart, 350 points each. They overlap, so no line
parts them, and no label is wrong: what one class gains, the other pays. Both lie two units
above the origin, so that a line through the origin can still move sideways where they are;
about the origin itself it could only turn.

Validation and test samples are drawn anew, as many as there are training samples, and
their labels are right.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.classes import did_you_mean, listed
from engine.errors import RefusedInput

Kind = Literal["separable", "frontier"]
KINDS: tuple[Kind, ...] = ("separable", "frontier")
CLASS_NAMES = ("blue", "orange")
SPLITS = ("train", "validation", "test")
FLIPPED = "flipped"
"""What the column of a stored set is called that says which training labels are wrong; no input of a model."""

_OF_CLASS = {"separable": 300, "frontier": 350}
_FLIPPED = (50, 20)
"""Training labels of the blue and of the orange disc that become the other one."""


@dataclass(frozen=True)
class Points:
    """The samples of one split: first the blue class, then the orange one, as they were drawn.

    Attributes:
        inputs: shape ``(N, 2)``, float32.
        labels: given class, 0 for blue and 1 for orange, shape ``(N,)``, int64.
    """

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """Returns N."""
        return len(self.labels)


@dataclass(frozen=True)
class SyntheticSet:
    """One of the two sets.

    Attributes:
        kind: which.
        splits: training, validation and test samples by name.
        flipped: indices of the training samples whose label is wrong, ascending, ``(M,)`` int64.
    """

    kind: Kind
    splits: dict[str, Points]
    flipped: NDArray[np.int64]


def synthetic_set(kind: str, seed: int) -> SyntheticSet:
    """Draws one of the paper's sets.

    Args:
        kind: ``separable`` or ``frontier``.
        seed: the same one gives the same samples.

    Raises:
        RefusedInput: if there is no such set or the seed is negative.
    """
    if kind not in KINDS:
        raise RefusedInput(
            f"there is no synthetic set '{kind}'",
            f"one of {listed(KINDS)}",
            did_you_mean(kind, KINDS) or "Choose one of them",
        )
    if seed < 0:
        raise RefusedInput(f"seed is {seed}", "a whole number from 0", "Give another seed")
    number = KINDS.index(kind)
    # A generator for each split: more samples in one of them would leave the others as they are.
    generators = {split: np.random.default_rng([seed, number, place]) for place, split in enumerate(SPLITS)}
    splits = {split: _points(_SHAPES[kind], _OF_CLASS[kind], generator) for split, generator in generators.items()}
    flipped = np.empty(0, np.int64)
    if kind == "separable":
        train = splits["train"]
        flipped = _flipped(train.labels, generators["train"])
        labels = train.labels.copy()
        labels[flipped] = 1 - labels[flipped]
        splits["train"] = Points(train.inputs, labels)
    return SyntheticSet(KINDS[number], splits, flipped)


def _points(
    shapes: tuple[Callable[[np.random.Generator, int], NDArray[np.float64]], ...],
    of_class: int,
    generator: np.random.Generator,
) -> Points:
    inputs = np.concatenate([shape(generator, of_class) for shape in shapes])
    labels = np.repeat(np.arange(len(shapes), dtype=np.int64), of_class)
    return Points(inputs.astype(np.float32), labels)


def _flipped(labels: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    chosen = [generator.choice(np.flatnonzero(labels == k), count, replace=False) for k, count in enumerate(_FLIPPED)]
    return np.sort(np.concatenate(chosen))


def _around(
    generator: np.random.Generator, count: int, centre: tuple[float, float], lobes: float = 0.0
) -> NDArray[np.float64]:
    """Returns points ``(count, 2)`` about a centre, out to ``1 + lobes cos(3 φ)`` in the direction φ.

    Of a disc (``lobes`` 0) every area gets its share: the root makes up for the inner rings' being smaller.
    """
    angle = generator.uniform(0, 2 * np.pi, count)
    radius = np.sqrt(generator.uniform(0, 1, count)) * (1 + lobes * np.cos(3 * angle))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1) + centre


_SHAPES = {
    "separable": (partial(_around, centre=(-1.5, 0.0)), partial(_around, centre=(1.5, 0.0))),
    "frontier": (partial(_around, centre=(-0.5, 2.0)), partial(_around, centre=(0.5, 2.0), lobes=0.5)),
}
