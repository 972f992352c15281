"""Variables of the programme: one weight a sample, or one a group of similar samples.

Group sums average the noise of single influences and make the programme tiny; single
samples leave more to choose.
"""

import numpy as np
from numpy.typing import NDArray

from engine.reweight.programme import ProgrammeSettings
from engine.reweight.thresholds import Floats

BASELINES = (1.1, 1.25, 1.5, 2.0)
"""Factors of the plain class weights that every search is compared with."""
CELLS = 12
"""Groups a class; on digits 12 did as well as single samples did."""
FITTED = 10_000
"""Samples of a class that its cells are found on; where there are more, the rest go to the nearest of these cells."""


def influence_groups(
    vectors: NDArray[np.floating], labels: NDArray[np.integer], cells: int = CELLS, seed: int = 0
) -> NDArray[np.int64]:
    """Groups samples by their own class and by the cell of their influence vector.

    Args:
        vectors: influence vectors ``(N, K)``.
        labels: classes of the training samples ``(N,)``.
        cells: at most this many k-means cells within each class.
        seed: of k-means, and of the samples that it is fitted on.

    Returns:
        Group numbers ``(N,)`` from 0, without gaps, in the order of the classes.
    """
    # scikit-learn takes seconds to load, and pages import this module before they group anything.
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    spread = vectors.std(axis=0, dtype=np.float64)
    # Classes of loud influence would otherwise decide alone what is similar.
    scale = np.where(spread > 0, spread, 1.0)
    generator = np.random.default_rng(seed)
    groups = np.zeros(len(labels), dtype=np.int64)
    used = 0
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        points = np.asarray(vectors[members], dtype=np.float64) / scale
        few = len(points) <= FITTED
        fitted = points if few else generator.choice(points, FITTED, replace=False, shuffle=False)
        # Threads cost more than they save here: twenty times as much where other work has the cores.
        with threadpool_limits(1, user_api="openmp"):
            means = KMeans(min(cells, len(np.unique(fitted, axis=0))), n_init=2, random_state=seed).fit(fitted)
            found = means.labels_ if few else means.predict(points)
        groups[members] = used + np.unique(found, return_inverse=True)[1]
        used = int(groups[members].max()) + 1
    return groups


def class_weight_baselines(
    labels: NDArray[np.integer], settings: ProgrammeSettings, factors: tuple[float, ...] = BASELINES
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
