"""What the Improve page shows before anything is trained: predictions by warm programmes."""

from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.workflow.candidate_parts import Control
from engine.judged_by import percent_of_scale
from engine.reweight.gain_model import SolverFailed
from engine.reweight.groups import influence_groups
from engine.reweight.pareto import frontier_point
from engine.reweight.programme import Infeasible, ProgrammeSettings, ReweightProgramme, sweep
from engine.study import Study

SWEEP_LEVELS = tuple(float(level) for level in np.linspace(0.0, 0.5, 26))
"""What every other class may lose along the predicted frontier, as shares of its attainable gain."""

POINT_COLUMNS = ["number", "origin", "feasible", "target_gain", "worst_other"]
"""Of the trained candidates as points over the frontier."""


@dataclass(frozen=True)
class Prediction:
    """What weights are predicted to do in the next epoch.

    Attributes:
        gains: decrease of what each class is judged by, per cent of the class's scale, shape ``(K,)``.
        target_gain: mean of the targets.
        worst_other: of the worst class that is no target; 0 where every class is a target.
        problem: why the thresholds cannot be met, or ``None``.
    """

    gains: NDArray[np.float64]
    target_gain: float
    worst_other: float
    problem: str | None = None


@dataclass
class Predictor:
    """Answers slider moves for one run and one choice of targets; safe to share between sessions."""

    programme: ReweightProgramme
    targets: tuple[int, ...]
    scale: NDArray[np.float64]
    _lock: Lock = field(default_factory=Lock)
    _frontier: pd.DataFrame | None = None

    @classmethod
    def of(
        cls,
        study: Study,
        targets: tuple[int, ...],
        vectors: NDArray[np.float32],
        labels: NDArray[np.int64],
        scale: NDArray[np.float64],
        class_names: tuple[str, ...],
    ) -> "Predictor":
        """Builds the programme and solves it once, so that later moves are warm.

        Args:
            study: bounds, objective and variables; ``auto`` is answered with groups here,
                which are solved fastest, and decided by evidence when a search starts.
            targets: indices of the target classes.
            vectors: of the epoch operator, shape ``(N, K)``.
            labels: of the training samples, shape ``(N,)``.
            scale: what gains are told in per cent of, over the validation samples of each class,
                shape ``(K,)``; of the loss it is the mean loss.
            class_names: how refusals name the classes.
        """
        by_sample = study.reweight.variables == "samples"
        groups = None if by_sample else influence_groups(vectors, labels, seed=study.seed)
        settings = ProgrammeSettings.from_study(study.reweight, targets)
        return cls(ReweightProgramme(vectors, settings, groups, class_names), targets, scale)

    def predict(self, alpha: NDArray[np.float64]) -> Prediction:
        """Predicts the change of every class under thresholds, shape ``(K,)``."""
        with self._lock:
            try:
                solution = self.programme.solve(alpha)
            except (Infeasible, SolverFailed) as reason:
                nothing = np.zeros(len(self.scale))
                return Prediction(nothing, 0.0, 0.0, str(reason))
        return self._told(solution.gains)

    def frontier(self) -> pd.DataFrame:
        """Returns the predicted frontier: ``level``, ``target_gain``, ``worst_other`` in per cent of scale.

        It depends on nothing that a slider moves, so it is swept once.
        """
        with self._lock:
            if self._frontier is None:
                told = [self._told(solution.gains) for solution in sweep(self.programme, SWEEP_LEVELS)]
                self._frontier = pd.DataFrame(
                    {
                        "level": SWEEP_LEVELS,
                        "target_gain": [one.target_gain for one in told],
                        "worst_other": [one.worst_other for one in told],
                    }
                )
            return self._frontier

    def _told(self, gains: NDArray[np.float64]) -> Prediction:
        percent = percent_of_scale(gains, self.scale)
        target_gain, worst_other = frontier_point(percent, self.targets)
        return Prediction(percent, target_gain, worst_other)


def measured_points(candidates: pd.DataFrame, control: Control, targets: tuple[int, ...]) -> pd.DataFrame:
    """Returns the trained candidates as points over the predicted frontier.

    Args:
        candidates: with ``number``, ``origin``, ``feasible``, ``value`` (list by class, or null).
        control: the unweighted epoch, judged by the same measurement.
        targets: indices of the target classes.

    Returns:
        ``number``, ``origin``, ``feasible``, ``target_gain``, ``worst_other``: decreases of
        what the classes are judged by against the control, per cent of the control's scale.
    """
    rows = []
    for row in candidates.itertuples():
        if row.value is None or not np.size(row.value):
            continue
        gains = percent_of_scale(control.value - np.asarray(row.value, dtype=float), control.scale)
        target_gain, worst_other = frontier_point(gains, targets)
        rows.append((row.number, row.origin, row.feasible, target_gain, worst_other))
    return pd.DataFrame(rows, columns=POINT_COLUMNS)
