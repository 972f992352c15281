"""What the search tries and where it stands: candidates, measurements, resumable state."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engine.training import Evaluation

Origin = Literal["informed", "random", "elite_mutation", "crossover", "certificate", "baseline"]


@dataclass(frozen=True)
class Measured:
    """What each class does on the validation samples after one weighted epoch, ``(K,)`` each.

    Of several batch orders it is the mean.
    """

    accuracy: NDArray[np.float64]
    loss: NDArray[np.float64]
    value: NDArray[np.float64]
    """Mean of what the classes are judged by, which is what gains are predicted of; lower is better."""
    orders: int = 1
    """Batch orders that were trained."""

    @classmethod
    def of(cls, result: "Evaluation") -> "Measured":
        """Returns an evaluation of one batch order on the validation samples as a search is told it."""
        return cls(result.accuracy, result.loss, result.value)

    @classmethod
    def mean(cls, measured: Sequence["Measured"]) -> "Measured":
        """Returns the mean over batch orders of measurements that are of one order each or of several."""
        orders = np.array([one.orders for one in measured], dtype=np.float64)
        total = int(orders.sum())

        def weighted(name: str) -> NDArray[np.float64]:
            return np.tensordot(orders / total, np.stack([getattr(one, name) for one in measured]), axes=1)

        return cls(weighted("accuracy"), weighted("loss"), weighted("value"), total)


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
    variables: str | None = None
    """Name of the programme that the weights come from; ``None`` for those that come from no thresholds."""
    trainings: int = 0
    """Epochs that the search had trained when its generation was judged, the control's aside."""


@dataclass(frozen=True)
class SearchState:
    """All that a search needs to go on after a generation as if it had not stopped."""

    generation: int
    """The last finished generation; 0 is the initial population."""
    population: tuple[tuple[float, ...], ...]
    """Genes of each individual: K thresholds, eta and, of two programmes, which."""
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
    trainings: int
    """Epochs trained so far, the control's aside."""
    seen: dict[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...], int]]
    """Accuracy, loss, value and their batch orders by fingerprint of the weights: no weights are trained twice in one
    order."""

    def to_json(self) -> dict[str, Any]:
        """Returns plain values that JSON holds without loss."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "SearchState":
        """Returns the state that :meth:`to_json` gave."""
        return cls(
            **{
                **values,
                "population": tuple(tuple(genes) for genes in values["population"]),
                "fitness": tuple(values["fitness"]),
                "numbers": tuple(values["numbers"]),
                "seen": {key: (*map(tuple, item[:3]), item[3]) for key, item in values["seen"].items()},
            }
        )
