r"""The order in which training samples are suspected: by the harm they do, by their labels, or by both.

Influence tells *whom* a sample harms, confident learning tells better *that* its label is wrong, so there are three
rankings: ``influence``, ``label_quality`` and ``combined``. Pure functions of stored figures, without torch.

Harm of sample j to the chosen classes T, in multiples of an average sample's influence on a class:

.. math:: h_j = -\frac{1}{|T|} \sum_{k \in T} \frac{P_{jk}}{s_k}, \qquad s_k = \frac{1}{N} \sum_j |P_{jk}|.

Dividing by :math:`s_k` gives each class the same say: without it the classes that the model fits worst decide
alone. Positive: its presence harms the classes on the whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Ranking = Literal["combined", "influence", "label_quality"]
RANKINGS: tuple[Ranking, ...] = get_args(Ranking)
HARM_WEIGHT = 0.1
"""What harm's rank counts beside the rank of the label's badness: docs/harmful.md has what was measured."""

FOLDS = 5
"""Folds of the training samples that labels are judged in, and so trainings; told by pages, which do not load torch."""

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Suspects:
    """All N samples in the order in which they are suspected, and what speaks against each, by sample.

    Attributes:
        order: sample indices, the most suspect first, ``(N,)`` int64; ties in the order of the samples.
        harm: h, ``(N,)``; above zero: harms the chosen classes on the whole.
        joint: whether the sample harms every chosen class, ``(N,)``.
    """

    order: NDArray[np.int64]
    harm: _Floats
    joint: NDArray[np.bool_]


@dataclass(frozen=True)
class Precision:
    """How well a ranking finds labels that are known to be wrong.

    Attributes:
        found: share of the first samples that are wrong, 0 to 1.
        auc: probability that a wrong label comes before a right one; ``None`` where there are none of one kind.
        average_precision: mean over the wrong labels of the share of wrong ones up to each; likewise.
    """

    found: float
    auc: float | None
    average_precision: float | None


def suspects(
    vectors: NDArray[np.floating], quality: NDArray[np.floating] | None, classes: Sequence[int], ranking: Ranking
) -> Suspects:
    """Ranks the training samples.

    Args:
        vectors: influence vectors, ``(N, K)``; higher = its presence helps.
        quality: label quality of each sample, ``(N,)``, 0 to 1, higher = better; ``None`` where it is not known, which
            only ``influence`` does without.
        classes: indices of the chosen classes, at least one.
        ranking: one of :data:`RANKINGS`.

    Raises:
        ValueError: if a ranking that needs label quality is asked for without it.
    """
    chosen = np.asarray(vectors)[:, list(classes)]
    harm, joint = _harm(chosen), np.asarray((chosen < 0).all(axis=1))
    if ranking == "influence":
        return Suspects(_descending(harm), harm, joint)
    if quality is None:
        raise ValueError(f"ranking {ranking!r} needs the quality of the labels")
    badness = -np.asarray(quality, dtype=np.float64)
    if ranking == "label_quality":
        return Suspects(_descending(badness), harm, joint)
    return Suspects(_descending(_ranks(badness) + HARM_WEIGHT * _ranks(harm)), harm, joint)


def precision_of(order: NDArray[np.int64], errors: NDArray[np.int64], limit: int) -> Precision:
    """Judges a ranking by the labels that are known to be wrong.

    Args:
        order: all N sample indices, the most suspect first.
        errors: indices of the samples whose label is wrong.
        limit: how many of the first samples are looked at.
    """
    wrong = np.zeros(len(order), dtype=bool)
    wrong[errors] = True
    found = float(wrong[order[:limit]].mean())
    if not 0 < wrong.sum() < len(wrong):
        return Precision(found, None, None)
    # Loaded late: scikit-learn takes seconds to import, and no page needs it before this.
    from sklearn.metrics import average_precision_score, roc_auc_score

    score = np.empty(len(order))
    score[order] = -np.arange(len(order), dtype=np.float64)
    return Precision(found, float(roc_auc_score(wrong, score)), float(average_precision_score(wrong, score)))


def _harm(chosen: NDArray[np.floating]) -> _Floats:
    scale = np.abs(chosen).mean(axis=0, dtype=np.float64)
    # A class on which no sample acts says nothing of any.
    shares = np.divide(chosen, scale, out=np.zeros(chosen.shape), where=scale > 0)
    return -shares.mean(axis=1) + 0.0


def _ranks(values: _Floats) -> _Floats:
    """Returns ranks from 1/N, of the lowest, to 1; equal values have the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place] / len(values))


def _descending(score: _Floats) -> NDArray[np.int64]:
    return np.argsort(-score, kind="stable")
