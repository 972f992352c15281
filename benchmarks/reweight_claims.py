"""One search as ``python -m app reweight`` runs it, and what its weights do on test samples in unseen batch orders."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.reweight_cases import FRESH, Stopped
from engine.frontier import pool_folds
from engine.reweight.breeding import Breeding
from engine.reweight.candidates import Measured, SearchState
from engine.reweight.groups import BASELINES, class_weight_baselines
from engine.reweight.programme import ProgrammeSettings
from engine.reweight.search import Search
from engine.reweight.search_space import search_space
from engine.reweight.thresholds import slack_by_class
from engine.reweight_settings import Reweight
from engine.training import evaluate

Floats = NDArray[np.float64]


@dataclass
class Searched:
    """A finished search.

    Attributes:
        weights: of its best candidate, ``(N,)``; ones where none was better than the control.
        leaders: after each generation the epochs trained so far and the best weights, or None.
        trainings: epochs trained.
        generations: bred.
        seconds: of the whole, and of what was spent in trainings.
        variables: ``groups``, ``samples``, or ``none`` where the best comes from no thresholds.
        origin: where the best candidate came from.
    """

    weights: NDArray[np.float32]
    leaders: list[tuple[int, NDArray[np.float32] | None]]
    trainings: int
    generations: int
    seconds: tuple[float, float]
    variables: str
    origin: str


@dataclass
class Points:
    """Changes against the control on test samples, in points, of one choice of weights over seeds.

    Attributes:
        changes: by seed, ``(K,)`` each.
        targets: by seed.
    """

    changes: list[Floats] = field(default_factory=list)
    targets: list[tuple[int, ...]] = field(default_factory=list)

    def add(self, changes: Floats, targets: tuple[int, ...]) -> None:
        """Takes in one seed."""
        self.changes.append(changes)
        self.targets.append(targets)

    @property
    def target(self) -> float:
        """Mean over seeds of the mean target."""
        return float(
            np.mean([change[list(chosen)].mean() for change, chosen in zip(self.changes, self.targets, strict=True)])
        )

    @property
    def worst_other(self) -> float:
        """Per class the mean over the seeds in which it is no target, then the minimum."""
        others = np.array(self.changes)
        for row, chosen in zip(others, self.targets, strict=True):
            row[list(chosen)] = np.nan
        present = ~np.isnan(others).all(axis=0)
        return float(np.nanmean(others[:, present], axis=0).min())

    @property
    def mean_other(self) -> float:
        """Mean over seeds and the classes that are no targets."""
        return float(
            np.mean(
                [np.delete(change, chosen).mean() for change, chosen in zip(self.changes, self.targets, strict=True)]
            )
        )

    @property
    def both_gain(self) -> float:
        """Share of seeds in which no target loses."""
        return float(
            np.mean(
                [change[list(chosen)].min() >= 0 for change, chosen in zip(self.changes, self.targets, strict=True)]
            )
        )


def searched(case: Stopped, reweight: Reweight) -> Searched:
    """Searches weights for the targets of a case."""
    names = case.data.class_names
    search = reweight.search
    spent = 0.0

    def measured(weights: NDArray[np.float32], orders: Sequence[int]) -> list[Measured]:
        nonlocal spent
        began = time.perf_counter()
        results = [Measured.of(one) for one in case.validated(weights, list(orders))]
        spent += time.perf_counter() - began
        return results

    began = time.perf_counter()
    vectors = pool_folds(*case.influence)
    space = search_space(reweight, case.targets, vectors, case.labels, names, case.study.seed)
    settings, slack = ProgrammeSettings.from_study(reweight, case.targets), slack_by_class(reweight.slack, names)
    controls = measured(np.ones((search.orders, len(case.labels)), np.float32), range(search.orders))
    candidates: list = []
    leaders: list[tuple[int, NDArray[np.float32] | None]] = []

    def keep(state: SearchState) -> None:
        leaders.append((state.trainings, None if state.best is None else candidates[state.best].weights))

    result = Search(
        space.programmes,
        controls,
        search,
        Breeding(search, settings, slack, case.study.seed, len(space.programmes)),
        measured,
        on_candidate=candidates.append,
        on_generation=keep,
    ).run(None, space.others if search.informed else ())
    whole = time.perf_counter() - began
    best = None if result.best is None else candidates[result.best]
    return Searched(
        weights=np.ones(len(case.labels), np.float32) if best is None else best.weights,
        leaders=leaders,
        trainings=result.state.trainings,
        generations=result.state.generation,
        seconds=(whole, spent),
        variables="none" if best is None or best.variables is None else best.variables,
        origin="control" if best is None else best.origin,
    )


def changes_on_test(case: Stopped, rows: Sequence[NDArray], orders: int) -> tuple[list[Floats], list[Floats]]:
    """Returns by row of weights the change of test accuracy against the control, and against the epoch before.

    Both are means over batch orders that no search has seen, in points, ``(K,)``.

    Args:
        case: what is trained.
        rows: weights ``(N,)``.
        orders: how many batch orders.
    """
    seeds = [FRESH + number for number in range(orders)]

    def mean(weights: NDArray) -> Floats:
        results = case.tested(np.repeat(weights[None].astype(np.float32), orders, axis=0), seeds)
        return 100 * np.mean([one.accuracy for one in results], axis=0)

    test = case.data.test
    assert test is not None
    start = evaluate(case.next_epoch.start, test, case.data.transform, case.data.num_classes, case.next_epoch.device)
    control, found = mean(np.ones(len(case.labels))), [mean(row) for row in rows]
    return [one - control for one in found], [one - 100 * start.accuracy for one in found]


def baseline_rows(case: Stopped) -> list[Floats]:
    """Returns the class weights that a practitioner tries first, of mean 1, in the order of ``BASELINES``."""
    return class_weight_baselines(case.labels, ProgrammeSettings(targets=case.targets), BASELINES)


def beyond(ours: Points, curve: Sequence[Points]) -> float:
    """Returns by how many points our targets gain more than the baselines' curve does at an equal worst other.

    The curve leads from the control, which changes nothing, through the class weights, straight in between.
    """
    points = np.array(sorted([(0.0, 0.0), *((one.worst_other, one.target) for one in curve)]))
    return ours.target - float(np.interp(ours.worst_other, points[:, 0], points[:, 1]))
