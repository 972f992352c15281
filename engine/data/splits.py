"""Which rows are kept: stratified by class, drawn by a seed, in the file's order.

Each class is shuffled whole and its beginning is taken, so a larger limit or fraction
only adds rows to those of a smaller one, and one class never moves another's draw.
"""

import numpy as np


def fraction_of_each_class(labels: np.ndarray, fraction: float, seed: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Sets a fraction of each class aside.

    A class of two samples or more gives at least one and keeps at least one; a class of
    one keeps it.

    Args:
        labels: class indices ``(N,)``.
        fraction: between 0 and 1.
        seed: of the draw.

    Returns:
        The rows kept and the rows set aside, both sorted; together all N.
    """
    aside = np.zeros(len(labels), dtype=bool)
    for members in _shuffled_classes(labels, seed):
        size = min(max(1, round(fraction * len(members))), len(members) - 1)
        aside[members[:size]] = True
    return np.flatnonzero(~aside), np.flatnonzero(aside)


def at_most_of_each_class(labels: np.ndarray, limit: int | None, seed: tuple[int, ...]) -> np.ndarray:
    """Returns sorted positions in ``labels`` ``(N,)`` of at most ``limit`` samples a class; all without a limit."""
    if limit is None:
        return np.arange(len(labels))
    members = [members[:limit] for members in _shuffled_classes(labels, seed)]
    return np.sort(np.concatenate(members)) if members else np.arange(0)


def _shuffled_classes(labels: np.ndarray, seed: tuple[int, ...]) -> list[np.ndarray]:
    # A generator for each class: the number of samples of one must not move the draw of the next.
    return [
        np.random.default_rng((*seed, label)).permutation(np.flatnonzero(labels == label))
        for label in np.unique(labels).tolist()
    ]
