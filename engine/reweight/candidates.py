"""What the search tries and where it stands: candidates, measurements, resumable state."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Origin = Literal["informed", "random", "elite_mutation", "crossover", "baseline"]


@dataclass(frozen=True)
class Measured:
    """What each class does on the validation samples after one weighted epoch, ``(K,)`` each."""

    accuracy: NDArray[np.float64]
    loss: NDArray[np.float64]
    value: NDArray[np.float64]
    """Mean of what the classes are judged by, which is what gains are predicted of; lower is better."""


@dataclass(frozen=True)
class Candidate:
    """Weights that the search proposed, what they promised and what they did."""

    number: int
    """From 0, in the order of evaluation."""
    generation: int
    origin: Origin
    alpha: tuple[float, ...] | None
    """Thresholds that the weights meet (lowered where those of the genes cannot be met)."""
    step: float | None
    """eta of ``w = 1 + eta (w_LP - 1)``."""
    feasible: bool
    fitness: float
    predicted: NDArray[np.float64]
    """Predicted decrease of what each class is judged by under the weights, ``(K,)``."""
    weights: NDArray[np.float32]
    """``(N,)``."""
    measured: Measured | None
    """``None`` if nothing was trained because no weights could be found."""


@dataclass(frozen=True)
class SearchState:
    """All that a search needs to go on after a generation as if it had not stopped."""

    generation: int
    """The last finished generation; 0 is the initial population."""
    population: tuple[tuple[float, ...], ...]
    """Genes of each individual: K thresholds and eta."""
    fitness: tuple[float, ...]
    numbers: tuple[int, ...]
    """Number of the candidate that each individual was evaluated as."""
    generator: dict[str, Any]
    """State of the NumPy bit generator after the generation."""
    candidates: int
    """How many were evaluated so far."""
    stale: int
    """Generations since the best fitness last rose."""
    best: int | None
    """Number of the best candidate; ``None`` if none was better than the control."""
    best_fitness: float
    seen: dict[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]]
    """Accuracy, loss and value by fingerprint of the weights, so that no weights are trained twice."""

    def to_json(self) -> dict[str, Any]:
        """Returns plain values that JSON holds without loss."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "SearchState":
        """Returns the state that :meth:`to_json` gave; one without values was judged by the loss."""
        seen = {
            key: (tuple(accuracy), tuple(loss), tuple(value[0] if value else loss))
            for key, (accuracy, loss, *value) in values["seen"].items()
        }
        return cls(
            **{
                **values,
                "population": tuple(tuple(genes) for genes in values["population"]),
                "fitness": tuple(values["fitness"]),
                "numbers": tuple(values["numbers"]),
                "seen": seen,
            }
        )
