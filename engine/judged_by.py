"""What a class is judged by, in words, and how its gains are told.

The values are those of :mod:`engine.measurement`. The words are apart from them because a page
says them without ever computing a value, and so must not wait for torch.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Measurement = Literal["loss", "margin", "soft_accuracy"]
DEFAULT: Measurement = "loss"
# The scale of a class that is classified with certainty rounds to 0.
_NO_SCALE = 1e-12


@dataclass(frozen=True)
class Words:
    """How a measurement is spoken of: nouns without an article, to be put into a sentence.

    Attributes:
        name: what is measured; lower is better, and the name must not suggest otherwise.
        scale: what gains are per cent of.
    """

    name: str
    scale: str


WORDS: dict[Measurement, Words] = {
    "loss": Words("loss", "loss"),
    # The margin that people know is the larger the better; its negative is the log odds of an error.
    "margin": Words("log odds of error", "mean margin"),
    "soft_accuracy": Words("soft error", "soft error"),
}


def percent_of_scale(change: ArrayLike, scale: ArrayLike) -> NDArray[np.float64]:
    """Returns gains in per cent of each class's scale, ``100 d_k / s_k``.

    Args:
        change: decrease of each class's mean value, shape ``(..., K)``; positive = better.
        scale: mean absolute value over the class's samples, shape ``(K,)``, not negative.
    """
    return 100 * np.asarray(change, dtype=np.float64) / np.maximum(np.asarray(scale, dtype=np.float64), _NO_SCALE)
