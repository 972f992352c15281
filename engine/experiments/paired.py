r"""Two trainings compared seed by seed and sample by sample, where seeds are few.

Both were made with the same S seeds and are judged by the same samples; :math:`d_{sv}` is *after* less *before*.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from engine.reweight.comparison import PairedChange

_LEVEL = 0.95


@dataclass(frozen=True)
class MeanChange:
    """Change of the mean over classes.

    Attributes:
        mean: after less before.
        reach: how far chance alone may move it to one side with 95%; 0 where no sample changed.
    """

    mean: float
    reach: float

    @property
    def is_lower(self) -> bool:
        """Whether the mean fell beyond chance; not if it is no number."""
        return self.mean < -self.reach


def mean_change(
    after: NDArray[np.bool_ | np.floating], before: NDArray[np.bool_ | np.floating], labels: NDArray[np.int64]
) -> MeanChange:
    r"""Compares means over classes of the means over their samples.

    With :math:`d_v` the mean of :math:`d_{sv}` over seeds, and mean :math:`m_k` and standard deviation :math:`s_k` of
    it over the :math:`n_k` samples of class k:

    .. math:: m = \frac{1}{K} \sum_k m_k, \qquad
        \text{reach} = t_{0.95, V - K} \; \frac{1}{K} \sqrt{\sum_k s_k^2 / n_k}

    Args:
        after: of each sample, ``(S, V)``.
        before: likewise.
        labels: class of each sample, ``(V,)``; two or more of each class that occurs.
    """
    each = _difference(after, before).mean(axis=0)
    classes = [each[labels == k] for k in np.unique(labels)]
    error = np.sqrt(sum(members.var(ddof=1) / len(members) for members in classes)) / len(classes)
    reach = stdtrit(len(each) - len(classes), _LEVEL) * error
    return MeanChange(float(np.mean([members.mean() for members in classes])), float(reach))


def class_changes(
    after: NDArray[np.bool_ | np.floating],
    before: NDArray[np.bool_ | np.floating],
    labels: NDArray[np.int64],
    num_classes: int,
) -> PairedChange:
    r"""Compares each class, with a 95% interval over seeds and samples by Student's t.

    With :math:`a` the variance over seeds of the means over samples, divided by S, and :math:`b` that over samples of
    the means over seeds, divided by n: :math:`m \pm t_{0.975, f} \sqrt{a + b}`, where
    :math:`f = (a + b)^2 / (a^2 / (S - 1) + b^2 / (n - 1))` (Satterthwaite). What is of neither alone counts in both,
    which errs to the wide side. A bootstrap that draws three seeds anew would be too narrow.

    Args:
        after: of each sample, ``(S, V)``; two seeds or more.
        before: likewise.
        labels: class of each sample, ``(V,)``.
        num_classes: K.

    Returns:
        Means, NaN for a class without samples, and intervals, NaN for a class of fewer than two.
    """
    difference = _difference(after, before)
    seeds = len(difference)
    mean, interval = np.full(num_classes, np.nan), np.full((num_classes, 2), np.nan)
    for k in range(num_classes):
        members = difference[:, labels == k]
        size = members.shape[1]
        if size:
            mean[k] = members.mean()
        if size < 2:
            continue
        by_seed = members.mean(axis=1).var(ddof=1) / seeds
        by_sample = members.mean(axis=0).var(ddof=1) / size
        variance, spread = by_seed + by_sample, by_seed**2 / (seeds - 1) + by_sample**2 / (size - 1)
        # Where every seed and sample changes alike, as where none does, there is no spread to count the freedom by.
        reach = stdtrit(variance**2 / spread, (1 + _LEVEL) / 2) * np.sqrt(variance) if spread > 0 else 0.0
        interval[k] = mean[k] - reach, mean[k] + reach
    return PairedChange(mean, interval)


def _difference(after: NDArray[np.bool_ | np.floating], before: NDArray[np.bool_ | np.floating]) -> NDArray[np.float64]:
    return after.astype(np.float64) - before.astype(np.float64)
