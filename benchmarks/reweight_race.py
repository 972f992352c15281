"""How many trainings a search needs: ours, the paper's scheme, and thresholds drawn at random.

Every scheme chooses by the paper's fitness on the validation samples. What it has by then is told by that
fitness of its leader on the same samples, but in batch orders that no scheme has seen: the fitness that a
scheme sees of its own leader is the luckiest of hundreds, and says more of their number than of the weights.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.reweight_cases import FRESH, Stopped
from benchmarks.reweight_claims import searched
from engine.reweight.calibration import PAIRS
from engine.reweight.fitness import REJECTED, fitness
from engine.reweight_settings import Reweight, Search

_PAPERS_SEARCH = {"informed": False, "orders": 1, "tolerance": 0.0, "loss_weight": 1.0, "patience": 20}
SCHEMES: dict[str, Reweight] = {
    # With the paper's fitness: what is compared is how it is found, not which losses a user lets pass.
    "ours": Reweight(search=Search(tolerance=0.0, loss_weight=1.0)),
    "paper": Reweight(
        weight_bounds=(0.0, 2.0),
        objective="sum",
        variables="samples",
        thresholds="paper",
        search=Search(**_PAPERS_SEARCH),
    ),
    "paper's search, our programme": Reweight(search=Search(**_PAPERS_SEARCH)),
    # One generation of as many as the paper's scheme tries in all; elites only, so nothing is bred.
    "random thresholds": Reweight(
        search=Search(**_PAPERS_SEARCH, population=384, elites=384, mutated_elites=0, randoms=0, crossover_children=0)
    ),
}
"""By name; all with the default search of 20 iterations of 24."""
CHECKPOINTS = (50, 100, 200, 384)
"""Numbers of trainings at which schemes are compared."""
_ORDERS = 8


@dataclass(frozen=True)
class Course:
    """What a scheme had after so many trainings: fitness of its leader in fresh orders, and its target gain.

    Attributes:
        trainings: ascending.
        fitness: of the leader, 0 while there is none but the control; -1 stands for a leader whose targets lose.
        target_points: mean gain of the targets, points on validation samples, in fresh orders.
    """

    trainings: tuple[int, ...]
    fitness: tuple[float, ...]
    target_points: tuple[float, ...]

    def at(self, trainings: int) -> tuple[float, float]:
        """Returns fitness and target gain after at most so many trainings; nothing is gained before the first."""
        done = [k for k, count in enumerate(self.trainings) if count <= trainings]
        return (self.fitness[done[-1]], self.target_points[done[-1]]) if done else (0.0, 0.0)

    def reaches(self, wanted: float) -> int | None:
        """Returns the trainings from which on the leader's fitness is at least this; None if it is not at the end."""
        falls = [k for k, value in enumerate(self.fitness) if value < wanted]
        first = falls[-1] + 1 if falls else 0
        return self.trainings[first] if first < len(self.trainings) else None


def course(case: Stopped, reweight: Reweight) -> Course:
    """Runs a scheme and judges each of its leaders."""
    orders = [FRESH + number for number in range(_ORDERS)]
    judged: dict[bytes, tuple[float, float]] = {}
    control = _accuracy(case, np.ones(len(case.labels), np.float32), orders)

    def of(weights: NDArray[np.float32] | None) -> tuple[float, float]:
        if weights is None:
            return 0.0, 0.0
        if weights.tobytes() not in judged:
            changes = _accuracy(case, weights, orders) - control
            score = fitness(changes, case.targets)
            judged[weights.tobytes()] = (
                -1.0 if score == REJECTED else score,
                100 * float(changes[list(case.targets)].mean()),
            )
        return judged[weights.tobytes()]

    leaders = searched(case, reweight).leaders
    values = [of(weights) for _, weights in leaders]
    return Course(
        tuple(count for count, _ in leaders), tuple(value[0] for value in values), tuple(value[1] for value in values)
    )


def trainings_ratio(courses: dict[str, Course]) -> float:
    """Returns our trainings until our leader is, and stays, as fit as the paper's at its end, over the paper's.

    What either trains beside its candidates counts: our controls and probes, the paper's one control. Infinite if our
    leader does not end as fit. Where the paper's ends below 0, the fitness of doing nothing, that says little.
    """
    paper = courses["paper"]
    reached = courses["ours"].reaches(paper.fitness[-1])
    beside = SCHEMES["ours"].search.orders + 2 * PAIRS
    return float("inf") if reached is None else (reached + beside) / (paper.trainings[-1] + 1)


def _accuracy(case: Stopped, weights: NDArray[np.float32], orders: list[int]) -> NDArray[np.float64]:
    rows = np.repeat(weights[None], len(orders), axis=0)
    return np.mean([one.accuracy for one in case.validated(rows, orders)], axis=0)
