"""What the verdict claims beside its one word: synthetic sets, all classes at once, and each class's headroom."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from app.workflow.commands import COMMANDS
from app.workflow.outcome_parts import outcomes_of
from app.workflow.synthetic import write_study
from benchmarks.cifar_study import REPOSITORY
from cache.store import Store
from engine.data import StudyData, load_data
from engine.experiments.synthetic import synthetic_set
from engine.frontier import Ceiling, FoldedInfluence, WeightRange, correlation, pool_folds
from engine.frontier.folds import without_each_fold
from engine.frontier.headroom import headroom
from engine.progress import silent
from engine.study import Study, load_study
from engine.training import trained_from_scratch
from sample_data.make_samples import STUDY, write_data

DRAWS = 5
"""Seeds of each synthetic set."""
FLIPPED_SHARE = 0.2
"""Of the digits that all classes are improved on."""
HEADROOM_STEP = 0.25
"""η of the trainings that raise a single class."""
HEADROOM_SEEDS = 16
"""With eight, the ranks of the measured gains of ten classes are half noise."""


class _Judged(Protocol):
    @property
    def ceiling(self) -> Ceiling: ...

    @property
    def folded(self) -> FoldedInfluence: ...


Judge = Callable[[Study, StudyData], _Judged]


@dataclass(frozen=True)
class Together:
    """What ``reweight --setting all_classes`` did on test: classes whose loss fell, mean accuracy in points."""

    classes: int
    points: float


@dataclass(frozen=True)
class HeadroomAgreement:
    """Gain of each class by itself: predicted, and measured when it was raised, in per cent of its loss.

    Attributes:
        spearman: over classes, where both are of the same validation samples, each left out of the
            programme that its weights came from.
        on_test: where the weights come from all folds and the gain is of the test samples.
        predicted: held out, by class.
        measured: likewise.
        measured_on_test: by class.
    """

    spearman: float
    on_test: float
    predicted: list[float]
    measured: list[float]
    measured_on_test: list[float]


def joint_negative_flips(judge: Judge, draws: int = DRAWS) -> list[float]:
    """Returns for each draw of the separable set, through the origin, which share of its flips harms both classes."""
    shares = []
    for seed in range(draws):
        judged, flipped = _synthetic(judge, "separable", seed)
        shares.append(float((_vectors(judged)[flipped] < 0).all(axis=1).mean()))
    return shares


def frontier_correlation(judge: Judge, draws: int = DRAWS) -> list[float]:
    """Returns for each draw of the frontier set the correlation of the influence on its two classes."""
    return [float(correlation(_vectors(_synthetic(judge, "frontier", seed)[0]))[0, 1]) for seed in range(draws)]


def all_classes_together(folder: Path) -> Together:
    """Improves all classes of digits with flipped labels as the command line does.

    Args:
        folder: of the study; not there yet.
    """
    folder.mkdir()
    write_data(folder, FLIPPED_SHARE)
    (folder / "study.toml").write_text(STUDY.format(name=folder.name, targets="[]"), encoding="utf-8")
    study, store = load_study(folder), Store(folder / "store")
    COMMANDS["train"](study, store, {}, silent)
    told = COMMANDS["reweight"](study, store, {"setting": "all_classes"}, silent)
    return Together(
        classes=sum(change < 0 for change in told["loss_change"]["test"]),
        points=100 * float(np.mean(told["change"]["test"])),
    )


def headroom_agreement(judge: Judge) -> HeadroomAgreement:
    """Raises each class of the shipped noisy digits by itself, from scratch, and compares with what was predicted."""
    study = load_study(REPOSITORY / "sample_data" / "digits_noisy")
    data = load_data(study)
    assert data.test is not None
    judged, classes, weight_range = judge(study, data), data.num_classes, WeightRange.from_study(study.reweight)
    folded = judged.folded
    without = [
        headroom(kept, weight_range, range(classes)).changes
        for kept, _ in without_each_fold(folded.rows, folded.counts, range(classes))
    ]
    whole = headroom(pool_folds(folded.rows, folded.counts), weight_range, range(classes)).changes
    # Blocks of K: weights without each fold, then those of all folds.
    changes = np.concatenate([*without, whole])
    rows = np.concatenate([np.ones((1, len(data.train))), 1 + HEADROOM_STEP * changes])
    seeds = tuple(range(1, HEADROOM_SEEDS + 1))
    models = trained_from_scratch(study, data, np.repeat(rows, len(seeds), axis=0), seeds * len(rows))
    losses = [
        np.stack(np.split(outcomes_of(models, split, data).losses, len(rows))).mean(axis=1)
        for split in (data.validation, data.test)
    ]
    labels = [data.validation.labels.numpy(), data.test.labels.numpy()]
    measured, on_test = np.empty(classes), np.empty(classes)
    for k in range(classes):
        own = np.flatnonzero(labels[0] == k)
        raised = losses[0][1 + folded.fold_of[own] * classes + k, own]
        measured[k] = 100 * (1 - raised.mean() / losses[0][0, own].mean())
        own = np.flatnonzero(labels[1] == k)
        on_test[k] = 100 * (1 - losses[1][1 + len(without) * classes + k, own].mean() / losses[1][0, own].mean())
    predicted = judged.ceiling.headroom.held_out
    return HeadroomAgreement(
        spearman=float(spearmanr(predicted, measured).statistic),
        on_test=float(spearmanr(predicted, on_test).statistic),
        predicted=predicted.tolist(),
        measured=measured.tolist(),
        measured_on_test=on_test.tolist(),
    )


def _synthetic(judge: Judge, kind: str, seed: int) -> tuple[_Judged, NDArray[np.int64]]:
    points = synthetic_set(kind, seed)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_study(folder, points, seed, intercept=False)
        study = load_study(folder)
        return judge(study, load_data(study)), points.flipped


def _vectors(judged: _Judged) -> NDArray[np.floating]:
    return pool_folds(judged.folded.rows, judged.folded.counts)
