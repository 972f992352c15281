"""Every figure at 2, 10 and 40 classes, as a page would ask for it."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from app import figures
from engine.experiments.removal import Agreement, Sign

CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def names_of(classes: int) -> tuple[str, ...]:
    return CIFAR if classes == len(CIFAR) else tuple(f"class {index}" for index in range(classes))


def samples(count: int = 400, seed: int = 0) -> pd.DataFrame:
    draws = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "index": np.arange(count) * 3,
            "label": draws.integers(0, 10, count),
            "predicted": draws.integers(0, 10, count),
            "confidence": draws.uniform(0.2, 1, count),
            "source": "train",
            "x": draws.normal(size=count),
            "y": draws.normal(size=count),
        }
    )


def region_counts(frame: pd.DataFrame) -> dict[str, int]:
    positive = int(((frame.x > 0) & (frame.y > 0)).sum())
    negative = int(((frame.x < 0) & (frame.y < 0)).sum())
    return {"joint_positive": positive, "joint_negative": negative, "trade_off": len(frame) - positive - negative}


def sweep() -> pd.DataFrame:
    levels = np.linspace(0, 0.5, 6)
    return pd.DataFrame({"level": levels, "target_gain": 1 + 4 * levels, "worst_other": -10 * levels})


def trained() -> pd.DataFrame:
    """Candidates 3, 1 and 2 are not dominated; 0 is; 4 was infeasible; 5 and 6 are class weights."""
    rows = [
        (0, "random", 1.0, -2.0, True),
        (1, "informed", 2.0, -1.0, True),
        (2, "crossover", 1.5, 0.5, True),
        (3, "elite_mutation", 4.0, -3.0, True),
        (4, "random", np.nan, np.nan, False),
        (5, "baseline", 1.0, -2.5, True),
        (6, "baseline", 0.5, -1.5, True),
    ]
    return pd.DataFrame(rows, columns=["number", "origin", "target_gain", "worst_other", "feasible"])


def plane_points(count: int = 60, flipped: int = 7) -> pd.DataFrame:
    """Two classes of points; flipped ones harm both, the rest helps both or trades off by turns."""
    draws, index = np.random.default_rng(1), np.arange(count)
    region = np.select([index < flipped, index % 2 == 0], ["joint_negative", "joint_positive"], "trade_off")
    columns = {"x": draws.normal(size=count), "y": draws.normal(size=count), "label": index % 2}
    return pd.DataFrame({**columns, "flipped": index < flipped, "region": region})


def removals(*harmful: int, samples: int = 600, test: bool = True) -> list[dict]:
    """Rounds of a climb's manifest; each removes the samples that harm both classes."""
    rounds = []
    for number, count in enumerate(harmful):
        loss = [0.4 / (number + 1), 0.2 / (number + 1)]
        split = {"accuracy": [0.9, 0.95 + 0.01 * number], "loss": loss}
        told = {name: {"validation": [0.5, 0.5], "test": values if test else None} for name, values in split.items()}
        regions = {"joint_positive": 0, "joint_negative": count, "trade_off": samples - count}
        rounds.append({"round": number, "samples": samples, "removed": count, "regions": regions, **told})
        samples -= count
    return rounds


def climbed(classes: int, *means: float, test: bool = True) -> list[dict]:
    """Rounds of a climb's manifest: class k lies k thousandths above the mean of a round; loss is one minus that."""
    rounds = []
    for number, mean in enumerate(means or (0.8, 0.9, 0.85)):
        accuracy = [mean + 0.001 * k for k in range(classes)]
        told = {"accuracy": accuracy, "loss": [1 - value for value in accuracy]}
        splits = {
            name: {"validation": [0.5] * classes, **({"test": values} if test else {})} for name, values in told.items()
        }
        rounds.append({"round": number, "samples": 600, "removed": 0, "verdict": "improvable", **splits})
    return rounds


def over_epochs(classes: int, epochs: int = 16) -> np.ndarray:
    """Accuracy by epoch and class that rises to 50% for the first class and 90% for the last."""
    ends = np.linspace(0.5, 0.9, classes)
    return ends * (1 - np.exp(-np.arange(1, epochs + 1)[:, None] / 4))


DETRIMENTAL = [
    {"epoch": 16, "classes": [1, 0], "drops": [0.048, 0.036]},
    {"epoch": 9, "classes": [1], "drops": [0.03]},
]
"""Of an epochs run's manifest."""


AGREEMENT = Agreement(spearman=0.62, interval=(0.5, 0.71), diagonal=0.2, off_diagonal=None)


def removed(classes: int, sign: Sign = "beneficial", figure: str = "loss", rows: int | None = None) -> figures.Removal:
    """What leaving samples out did: the class itself changes by half a unit, others by hundredths."""
    draws, rows = np.random.default_rng(classes), classes if rows is None else rows
    predicted = draws.normal(size=(rows, classes)) / 100
    predicted[np.arange(rows), np.arange(rows)] = 0.1 if sign == "beneficial" else -0.1
    measured = (5 if figure == "loss" else -1) * predicted
    sizes = [44] * rows
    of: Literal["loss", "accuracy"] = "accuracy" if figure == "accuracy" else "loss"
    return figures.Removal(names_of(classes), range(rows), sign, predicted, measured, of, sizes)


def compared() -> list[dict]:
    """Scores of a comparison's manifest: the study's own first."""
    scores = {("ekfac", "training"): 0.5, ("ekfac", 0.01): 0.6, ("kfac", "training"): 0.4, ("kfac", 0.01): None}
    scores[("identity", "training")] = 0.2
    return [{"strategy": name, "damping": damping, "mean": mean} for (name, damping), mean in scores.items()]


MakeFigure = Callable[[], go.Figure]


def _build(classes: int) -> dict[str, MakeFigure]:
    names, draws = names_of(classes), np.random.default_rng(classes)
    accuracy, gains = draws.uniform(0.4, 0.9, classes), draws.normal(size=classes)
    after, control = np.clip(accuracy + 0.05, 0, 1), np.clip(accuracy + 0.02, 0, 1)
    interval = np.stack([gains - 0.5, gains + 0.5], axis=1)
    shares = draws.uniform(0, 0.4, (classes, classes))
    correlation = 2 * draws.uniform(size=(classes, classes)) - 1
    ratios = np.sort(draws.dirichlet(np.ones(classes)))[::-1]
    frame, counts = samples(), draws.integers(0, 900, (2, classes, classes))
    return {
        "accuracy": lambda: figures.accuracy_bars(names, accuracy, (1,), np.full(classes, 50)),
        "gains": lambda: figures.held_out_gains(names, gains, interval, (1,)),
        "spectrum": lambda: figures.spectrum_bars(ratios),
        "correlation": lambda: figures.class_matrix(names, correlation, "correlation"),
        "joint negatives": lambda: figures.class_matrix(names, shares, "joint_negative"),
        "pair": lambda: figures.pair_scatter(frame, names[0], names[1], region_counts(frame), CIFAR),
        "sample": lambda: figures.influence_of_sample(names, gains, 0),
        "predicted": lambda: figures.predicted_changes(names, gains, (0,)),
        "frontier": lambda: figures.frontier(sweep(), trained(), 1, (1.2, -0.5)),
        "points by class": lambda: figures.points_by_class(plane_points(), CIFAR[:2], figures.Boundary((1.0, 0.5))),
        "points by region": lambda: figures.points_by_region(plane_points(), CIFAR[:2]),
        "removal": lambda: figures.removal_rounds(removals(70, 5, 0), CIFAR[:2]),
        "climb": lambda: figures.climb_curve(climbed(classes), names, 1, 3),
        "composition": lambda: figures.class_composition(names, counts, range(min(classes, 30)), "all samples"),
        "composition of a bar": lambda: figures.composition_of_bar(names, counts[0, 1], 1, 0),
        "removal maps": lambda: figures.removal_maps(removed(classes)),
        "removal scatter": lambda: figures.removal_scatter(removed(classes), AGREEMENT),
        "scores": lambda: figures.score_bars(names, accuracy - 0.5, accuracy),
        "strategies": lambda: figures.strategy_scores(compared(), 0, 1, 0.8),
        "epochs": lambda: figures.accuracy_over_epochs(names, range(1, 17), over_epochs(classes), DETRIMENTAL),
        "before and after": lambda: figures.before_after(names, accuracy, after, control, interval / 100, (1,)),
    }


FIGURES = tuple(_build(2))


@pytest.fixture(scope="session", params=[(name, classes) for name in FIGURES for classes in (2, 10, 40)], ids=str)
def make_figure(request: pytest.FixtureRequest) -> MakeFigure:
    """Builds one of the figures; a call builds it anew from the same numbers."""
    name, classes = request.param
    return _build(classes)[name]


@pytest.fixture(scope="session")
def figure(make_figure: MakeFigure) -> go.Figure:
    """The same figure, built once for all tests that only look at it."""
    return make_figure()
