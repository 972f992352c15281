"""The time of the reweighting programme at N = 50,000 and one weight a sample: a slider, a jump, a frontier."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Figure, say
from engine.reweight.groups import influence_groups
from engine.reweight.programme import Infeasible, ProgrammeSettings, ReweightProgramme, sweep
from engine.reweight.thresholds import gene_ranges

SAMPLES, CLASSES = 50_000, 10
MOVES, JUMPS, LEVELS = 40, 40, 50
STEP = 0.05
"""Of one class's threshold in one slider move, a share of its attainable gain."""
_SLACK = 0.5
_TARGETS = (0, 1)

Timed = TypeVar("Timed")


@dataclass(frozen=True)
class ProgrammeTime:
    """How long one programme takes.

    Attributes:
        build: seconds until the first solve is done.
        slider: milliseconds of each slider move.
        jumps: milliseconds of each random jump of all thresholds.
        refused: how many of the moves and jumps asked for thresholds that cannot be met.
        sweep: seconds of a predicted frontier.
    """

    build: float
    slider: list[float]
    jumps: list[float]
    refused: int
    sweep: float

    def told(self) -> dict[str, Any]:
        """Returns the numbers in words."""
        return {
            "build_s": self.build,
            "slider_ms": _median_and_p95(self.slider),
            "random_ms": _median_and_p95(self.jumps),
            "refused": f"{self.refused} of {len(self.slider) + len(self.jumps)}",
            "sweep_s": self.sweep,
        }


def programme_figures(samples: int = SAMPLES) -> tuple[list[Figure], dict[str, Any]]:
    """Measures one weight a sample, the hard case, and one a group of similar samples.

    Args:
        samples: N.

    Returns:
        Figures of one weight a sample, and details of both.
    """
    vectors, labels = drawn_vectors(samples, CLASSES)
    say(f"the programme of {samples} weights")
    single = programme_seconds(vectors, None)
    say("the programme of groups")
    grouped = programme_seconds(vectors, influence_groups(vectors, labels))
    figures = [
        Figure("slider_solve_ms", _p95(single.slider), "ms, p95", "<= 50", "<= 15", len(single.slider)),
        Figure("random_solve_p95_ms", _p95(single.jumps), "ms, p95", "<= 1500", "<= 300", len(single.jumps)),
        Figure("sweep_s", single.sweep, f"s, {LEVELS} points", "<= 3", "<= 1"),
    ]
    return figures, {"samples": single.told(), "groups": grouped.told()}


def programme_seconds(vectors: NDArray[np.float64], groups: NDArray[np.int64] | None) -> ProgrammeTime:
    """Times what a user of the Improve page asks a programme for, thresholds within the ranges of the search.

    Args:
        vectors: influence vectors ``(N, K)``.
        groups: group number of each sample ``(N,)``, or ``None`` for one weight a sample.
    """
    generator = np.random.default_rng(0)
    settings = ProgrammeSettings(_TARGETS)
    programme, build = _timed(lambda: ReweightProgramme(vectors, settings, groups))
    slack = np.full(vectors.shape[1], _SLACK)
    low, high = gene_ranges(settings.thresholds, _TARGETS, slack)[:-1].T
    slider, refused = _timed_solves(programme, _slider_moves(low, high, generator))
    jumps, refused_jumps = _timed_solves(programme, (generator.uniform(low, high) for _ in range(JUMPS)))
    _, swept = _timed(lambda: sweep(programme, np.linspace(0.0, _SLACK, LEVELS)))
    return ProgrammeTime(build, slider, jumps, refused + refused_jumps, swept)


def drawn_vectors(samples: int, classes: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draws influence vectors ``(N, K)`` like those of a trained net, and the classes of their samples ``(N,)``.

    A sample helps its own class, helps or harms each other class by what the two have in
    common, and differs from its like; most samples are learnt and have little influence, a few much.

    Args:
        samples: N.
        classes: K.
    """
    generator = np.random.default_rng(0)
    means = generator.normal(-0.1, 0.2, (classes, classes))
    np.fill_diagonal(means, generator.uniform(0.5, 1.5, classes))
    labels = np.arange(samples) % classes
    vectors = means[labels] + generator.normal(0.0, 0.5, (samples, classes))
    return vectors * generator.gamma(0.5, 1.0, (samples, 1)), labels


def _slider_moves(
    low: NDArray[np.float64], high: NDArray[np.float64], generator: np.random.Generator
) -> Iterable[NDArray[np.float64]]:
    # Where the page starts: no class may get worse, so that nearly every threshold matters.
    alpha = np.zeros(len(low))
    for _ in range(MOVES):
        moved = generator.integers(len(alpha))
        step = STEP * generator.choice([-1, 1])
        # At the end of its range a slider can only go back.
        if not low[moved] <= alpha[moved] + step <= high[moved]:
            step = -step
        alpha[moved] += step
        yield alpha.copy()


def _timed_solves(programme: ReweightProgramme, path: Iterable[NDArray[np.float64]]) -> tuple[list[float], int]:
    milliseconds, refused = [], 0
    for alpha in path:
        began = time.perf_counter()
        try:
            programme.solve(alpha)
        except Infeasible:
            refused += 1
        milliseconds.append(1e3 * (time.perf_counter() - began))
    return milliseconds, refused


def _timed(what: Callable[[], Timed]) -> tuple[Timed, float]:
    began = time.perf_counter()
    return what(), time.perf_counter() - began


def _p95(values: list[float]) -> float:
    return float(np.quantile(values, 0.95))


def _median_and_p95(values: list[float]) -> dict[str, float]:
    return {"median": float(np.median(values)), "p95": _p95(values)}
