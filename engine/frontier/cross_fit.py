r"""Weights chosen on all folds but one, for each fold in turn, and what each sample of the left-out fold gains.

The optimum of a linear programme on noisy influence is positive for mere noise. So every programme is
solved without one fold of the validation samples, and each sample of that fold is asked what those
weights do to it. The estimate for a class is the mean over its samples, each judged by weights that
it had no part in; its error is that of a mean over samples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.frontier.certificate import Certificate, WeightRange, certificate
from engine.frontier.folds import Floats, FoldedInfluence, pool_folds, without_each_fold
from engine.frontier.headroom import Headroom, headroom
from engine.progress import Progress, silent

SampleGains = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""From weight changes δ ``(R, N)`` to the gain of every validation sample ``(R, V)``, positive = better."""


@dataclass(frozen=True)
class CrossFit:
    """The programmes on all folds, and what left-out samples gain under those that were solved without them.

    Attributes:
        certificate: of all folds; its weights are the ones to train with.
        headroom: of all folds, or ``None`` where it was not asked for.
        together: gain of each validation sample under the certificate's programme without its fold, ``(V,)``.
        alone: gain of each under the headroom programme of its own class without its fold, ``(V,)``.
        effects: mean gain of the left-out samples of class m where class k is raised, ``(K, K)``; its diagonal is
            the held-out headroom, and what is negative in row k is what raising class k really costs.
        errors: standard errors of the effects over those samples, ``(K, K)``; NaN for a class of a single one.
    """

    certificate: Certificate
    headroom: Headroom | None
    together: Floats
    alone: Floats | None
    effects: Floats | None
    errors: Floats | None = None


def cross_fit(
    folded: FoldedInfluence,
    weight_range: WeightRange,
    sample_gains: SampleGains,
    classes: Sequence[int],
    with_headroom: bool = True,
    start: Floats | None = None,
    progress: Progress = silent,
) -> CrossFit:
    """Solves the programmes and judges each on the samples that it did not see.

    Args:
        folded: influence by fold, and the folds' samples.
        weight_range: what weights may be.
        sample_gains: what a reweighting does to every validation sample.
        classes: which must gain, each influenced by some training sample; what happens to the others is not limited.
        with_headroom: whether each class is also raised by itself.
        start: w0, shape ``(N,)``; by default 1.
        progress: called after every programme; may raise to stop.

    Raises:
        RefusedInput: if the influence is not finite or a class is not influenced at all.
    """
    rows, counts, fold_of, labels = folded.rows, folded.counts, folded.fold_of, folded.labels
    folds, count = counts.shape
    each = 1 + with_headroom * len(classes)
    done, total = 0, (folds + 1) * each

    def solved() -> None:
        nonlocal done
        done += 1
        progress("linear programmes", done, total)

    weights = np.ones(len(rows)) if start is None else start
    pooled = pool_folds(rows, counts)
    whole = certificate(pooled, weight_range, classes, start)
    solved()
    alone = headroom(pooled, weight_range, classes, start, solved) if with_headroom else None
    changes = np.zeros((folds, each, len(rows)), np.float32)
    for fold, (kept, held) in enumerate(without_each_fold(rows, counts, classes)):
        known = [k for k in held if np.ptp(kept[:, k]) > 0]
        if known:
            changes[fold, 0] = certificate(kept, weight_range, known, start).weights - weights
        solved()
        if with_headroom and known:
            changes[fold, 1:] = headroom(kept, weight_range, known, start, solved).changes[list(classes)]
    gains = sample_gains(changes.reshape(folds * each, -1)).reshape(folds, each, -1)
    own = gains[fold_of, :, np.arange(len(labels))].T
    if not with_headroom:
        return CrossFit(whole, None, own[0], None, None)
    place = np.full(count, -1)
    place[list(classes)] = 1 + np.arange(len(classes))
    effects, errors = np.full((2, count, count), np.nan)
    for m in np.unique(labels):
        members = own[1:, labels == m]
        effects[list(classes), m] = members.mean(axis=1)
        if members.shape[1] > 1:
            errors[list(classes), m] = members.std(axis=1, ddof=1) / np.sqrt(members.shape[1])
    judged = np.where(place[labels] >= 0, own[place[labels], np.arange(len(labels))], np.nan)
    return CrossFit(whole, alone, own[0], judged, effects, errors)
