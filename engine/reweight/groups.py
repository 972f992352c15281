"""Variables of the programme: one weight a sample, or one a group of similar samples.

Group sums average the noise of single influences and make the programme tiny; single
samples leave more to choose. Which serves better is decided on left-out folds.
"""

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.frontier.folds import leave_out
from engine.reweight.programme import ProgrammeSettings, ReweightProgramme
from engine.reweight.thresholds import Floats, neutral

CELLS = 12
"""Groups a class; on digits 12 did as well as single samples did."""


def influence_groups(
    vectors: NDArray[np.floating], labels: NDArray[np.integer], cells: int = CELLS, seed: int = 0
) -> NDArray[np.int64]:
    """Groups samples by their own class and by the cell of their influence vector.

    Args:
        vectors: influence vectors ``(N, K)``.
        labels: classes of the training samples ``(N,)``.
        cells: at most this many k-means cells within each class.
        seed: of k-means.

    Returns:
        Group numbers ``(N,)`` from 0, without gaps, in the order of the classes.
    """
    # scikit-learn takes seconds to load, and pages import this module before they group anything.
    from sklearn.cluster import KMeans

    spread = vectors.std(axis=0, dtype=np.float64)
    # Classes of loud influence would otherwise decide alone what is similar.
    scaled = np.asarray(vectors, dtype=np.float64) / np.where(spread > 0, spread, 1.0)
    groups = np.zeros(len(labels), dtype=np.int64)
    used = 0
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        distinct = len(np.unique(scaled[members], axis=0))
        found = KMeans(min(cells, distinct), n_init=2, random_state=seed).fit_predict(scaled[members])
        groups[members] = used + np.unique(found, return_inverse=True)[1]
        used = int(groups[members].max()) + 1
    return groups


def choose_variables(
    rows: NDArray[np.floating],
    counts: NDArray[np.integer],
    labels: NDArray[np.integer],
    settings: ProgrammeSettings,
    seed: int = 0,
) -> Literal["groups", "samples"]:
    """Chooses the variables whose weights serve the targets better on folds left out.

    For each fold the programme is solved on the others with no class getting worse; what
    counts is the smallest target gain on the fold left out, as a share of the mean absolute
    influence there, averaged over the folds. At a tie groups are chosen, as the simpler.

    Args:
        rows: influence for each fold and class, ``(N, F*K)``.
        counts: validation samples of each fold and class, ``(F, K)``.
        labels: classes of the training samples, ``(N,)``.
        settings: of the programme.
        seed: of the grouping.

    Raises:
        RefusedInput: as :class:`ReweightProgramme` does, on the folds that are kept.
    """
    scores: dict[str, list[float]] = {"groups": [], "samples": []}
    for fold in range(len(counts)):
        kept, left = leave_out(rows, counts, fold)
        grouping = influence_groups(kept, labels, seed=seed)
        for variables, groups in (("groups", grouping), ("samples", None)):
            score = _left_out_gain(kept, left, settings, groups)
            if score is not None:
                scores[variables].append(score)
    means = {variables: float(np.mean(values)) if values else 0.0 for variables, values in scores.items()}
    return "samples" if means["samples"] > means["groups"] else "groups"


def class_weight_baselines(
    labels: NDArray[np.integer], settings: ProgrammeSettings, factors: tuple[float, ...] = (1.25, 1.5, 2.0)
) -> list[Floats]:
    """Returns what a practitioner tries first: the targets' samples weighted up, ``(N,)`` each.

    Scaled to a mean weight of 1 where the programme keeps it there, so that both move the
    model by the same amount of training. The bounds of the programme do not apply.

    Args:
        labels: classes of the training samples, ``(N,)``.
        settings: of the programme the baselines are compared with.
        factors: weights of the targets' samples relative to the others.
    """
    targeted = np.isin(labels, settings.targets)
    weights = [np.where(targeted, factor, 1.0) for factor in factors]
    return [values / values.mean() for values in weights] if settings.balanced else weights


def _left_out_gain(
    kept: Floats, left: Floats, settings: ProgrammeSettings, groups: NDArray[np.int64] | None
) -> float | None:
    # A class that the kept folds do not measure cannot be held to a threshold.
    measured = np.flatnonzero(np.ptp(kept, axis=0) > 0)
    scale = np.abs(left).mean(axis=0)
    targets = [k for k in settings.targets if k in measured and scale[k] > 0]
    if not targets:
        return None
    position = {int(k): at for at, k in enumerate(measured)}
    reduced = dataclasses.replace(settings, targets=tuple(position[k] for k in targets))
    programme = ReweightProgramme(kept[:, measured], reduced, groups)
    weights = programme.solve(np.full(len(measured), neutral(settings.thresholds))).weights
    gains = (weights - 1) @ left / len(left)
    return float(min(gains[k] / scale[k] for k in targets))
