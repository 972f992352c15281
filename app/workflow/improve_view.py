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
from engine.reweight.programme import Infeasible, ProgrammeSettings, ReweightProgramme, Solution, sweep, trade
from engine.reweight.thresholds import with_slack
from engine.study import Study

SWEEP_LEVELS = tuple(float(level) for level in np.linspace(0.0, 0.5, 26))
"""What every other class may lose along the predicted frontier, as shares of its attainable gain."""

TRADE_LEVELS = tuple(float(level) for level in np.linspace(-0.5, 0.75, 26))
"""What the second class of a pair is to gain along the frontier between two classes."""

POINT_COLUMNS = ["number", "origin", "feasible", "target_gain", "worst_other", "is_sure"]
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


@dataclass(frozen=True)
class Axes:
    """What a frontier is drawn over: two groups of classes, each told by its mean or its worst gain.

    Attributes:
        first: class whose gain is drawn upwards; ``None`` for the mean of the targets.
        second: class whose gain is drawn to the right; ``None`` for the worst class that is no target.
    """

    first: int | None = None
    second: int | None = None

    def point(self, gains: NDArray[np.floating], targets: tuple[int, ...]) -> tuple[float, float]:
        """Returns the gains of both as a point of the frontier, from gains by class ``(K,)``."""
        target_gain, worst_other = frontier_point(gains, targets)
        return (
            target_gain if self.first is None else float(gains[self.first]),
            worst_other if self.second is None else float(gains[self.second]),
        )


TARGETS_AND_WORST = Axes()


def predicted_groups(study: Study, vectors: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Returns the groups of samples that predictions move together, ``(N,)``; ``None`` for one weight a sample.

    They depend on nothing that is chosen on a page, so they are found once a run.

    Args:
        study: its variables; ``auto`` is answered with groups here, which are solved fastest; a search tries
            samples as well.
        vectors: of the epoch operator, shape ``(N, K)``.
        labels: of the training samples, shape ``(N,)``.
    """
    return None if study.reweight.variables == "samples" else influence_groups(vectors, labels, seed=study.seed)


@dataclass
class Predictor:
    """Answers slider moves for one run and one choice of targets; safe to share between sessions.

    Attributes:
        programme: the linear programme, kept warm.
        targets: indices of the target classes.
        scale: what gains are told in per cent of, ``(K,)``.
        factor: real over predicted change, by probe epochs; 1 where none were trained.
    """

    programme: ReweightProgramme
    targets: tuple[int, ...]
    scale: NDArray[np.float64]
    factor: float = 1.0
    _lock: Lock = field(default_factory=Lock)
    _frontiers: dict[Axes, pd.DataFrame] = field(default_factory=dict)
    _pairs: dict[tuple[int, ...], ReweightProgramme] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        study: Study,
        targets: tuple[int, ...],
        vectors: NDArray[np.float32],
        groups: NDArray[np.int64] | None,
        scale: NDArray[np.float64],
        class_names: tuple[str, ...],
        factor: float = 1.0,
    ) -> "Predictor":
        """Builds the programme and solves it once, so that later moves are warm.

        Args:
            study: bounds and objective.
            targets: indices of the target classes.
            vectors: of the epoch operator, shape ``(N, K)``.
            groups: as :func:`predicted_groups` returns them.
            scale: what gains are told in per cent of, over the validation samples of each class,
                shape ``(K,)``; of the loss it is the mean loss.
            class_names: how refusals name the classes.
            factor: real over predicted change, by probe epochs.
        """
        settings = ProgrammeSettings.from_study(study.reweight, targets)
        return cls(ReweightProgramme(vectors, settings, groups, class_names), targets, scale, max(factor, 0.0))

    def predict(self, alpha: NDArray[np.float64]) -> Prediction:
        """Predicts the change of every class under thresholds, shape ``(K,)``."""
        with self._lock:
            try:
                solution = self.programme.solve(alpha)
            except (Infeasible, SolverFailed) as reason:
                nothing = np.zeros(len(self.scale))
                return Prediction(nothing, 0.0, 0.0, str(reason))
        return self._told(solution.gains)

    def frontier(self, axes: Axes = TARGETS_AND_WORST) -> pd.DataFrame:
        """Returns the predicted frontier: ``level``, ``target_gain``, ``worst_other`` in per cent of scale.

        It depends on nothing that a slider moves, so it is swept once for each choice of axes. Of two classes
        the first is maximised while the second is held to more and more; all others may lose as much as they do
        at the loose end of the frontier of targets and worst other class.
        """
        with self._lock:
            if axes not in self._frontiers:
                try:
                    levels, solutions = self._swept(axes)
                except SolverFailed:
                    # A prediction that cannot be drawn must not take the page with what was trained away.
                    levels, solutions = (), []
                points = [self.point(self._told(solution.gains), axes) for solution in solutions]
                self._frontiers[axes] = pd.DataFrame(
                    {
                        "level": levels[: len(points)],
                        "target_gain": [point[0] for point in points],
                        "worst_other": [point[1] for point in points],
                    }
                )
            return self._frontiers[axes]

    def point(self, prediction: Prediction, axes: Axes) -> tuple[float, float]:
        """Returns a prediction as a point over the axes of a frontier."""
        return axes.point(prediction.gains, self.targets)

    def _swept(self, axes: Axes) -> tuple[tuple[float, ...], list[Solution]]:
        if axes.second is None and axes.first is None:
            return SWEEP_LEVELS, sweep(self.programme, SWEEP_LEVELS)
        programme = self._maximising(self.targets if axes.first is None else (axes.first,))
        settings = programme.settings
        if axes.second is None:
            return SWEEP_LEVELS, sweep(programme, SWEEP_LEVELS)
        loose = with_slack(settings.thresholds, (), len(self.scale), SWEEP_LEVELS[-1])
        return TRADE_LEVELS, trade(programme, axes.second, loose, TRADE_LEVELS)

    def _maximising(self, classes: tuple[int, ...]) -> ReweightProgramme:
        """Returns the programme of other targets, with thresholds that mean the same for every class."""
        if classes not in self._pairs:
            self._pairs[classes] = self.programme.changed(targets=classes, thresholds="attainable")
        return self._pairs[classes]

    def _told(self, gains: NDArray[np.float64]) -> Prediction:
        percent = percent_of_scale(self.factor * gains, self.scale)
        target_gain, worst_other = frontier_point(percent, self.targets)
        return Prediction(percent, target_gain, worst_other)


def measured_points(
    candidates: pd.DataFrame,
    control: Control,
    targets: tuple[int, ...],
    axes: Axes = TARGETS_AND_WORST,
    accuracy: bool = False,
) -> pd.DataFrame:
    """Returns the trained candidates as points over the predicted frontier.

    Args:
        candidates: with ``number``, ``origin``, ``feasible``, ``orders``, ``accuracy`` and ``value`` (lists by
            class, or null).
        control: the unweighted epoch, judged by the same measurement.
        targets: indices of the target classes.
        axes: what is drawn upwards and to the right.
        accuracy: whether gains are told as points of accuracy, by which candidates are chosen.

    Returns:
        ``number``, ``origin``, ``feasible``, ``target_gain``, ``worst_other``: decreases of
        what the classes are judged by against the control, per cent of the control's scale; ``is_sure``: whether it
        was trained in every batch order of the search.
    """
    rows = []
    for row in candidates.itertuples():
        if row.value is None or not np.size(row.value):
            continue
        accuracies, values = control.of(int(row.orders))
        if accuracy:
            gains = 100 * (np.asarray(row.accuracy, dtype=float) - accuracies)
        else:
            gains = percent_of_scale(values - np.asarray(row.value, dtype=float), control.scale)
        target_gain, worst_other = axes.point(gains, targets)
        is_sure = row.orders >= len(control.by_orders)
        rows.append((row.number, row.origin, row.feasible, target_gain, worst_other, is_sure))
    return pd.DataFrame(rows, columns=POINT_COLUMNS)
