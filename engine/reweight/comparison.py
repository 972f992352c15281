"""How sure a change of a class's accuracy or loss is: paired over seeds and over samples.

The chosen weights and the unweighted control are trained with the same S seeds, so
each sample is judged S times by both. The change of class k is the mean over seeds and
over its samples of ``weighted - control``; its interval comes from a bootstrap that draws
seeds and samples anew, both with replacement, paired.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DRAWS = 1000


@dataclass(frozen=True)
class PairedChange:
    """Change against the control: of accuracy as shares (0.01 is one point), of the loss in nats.

    Attributes:
        mean: shape ``(K,)``; NaN for a class without samples.
        interval: 95%, shape ``(K, 2)``.
    """

    mean: NDArray[np.float64]
    interval: NDArray[np.float64]


def paired_change(
    weighted: NDArray[np.bool_ | np.floating],
    control: NDArray[np.bool_ | np.floating],
    labels: NDArray[np.int64],
    num_classes: int,
    seed: int,
) -> PairedChange:
    """Compares two trainings, seed by seed and sample by sample.

    Args:
        weighted: whether each sample is classified rightly, or its loss, shape ``(S, V)``.
        control: likewise after unweighted training with the same seeds.
        labels: classes of the samples, shape ``(V,)``.
        num_classes: K.
        seed: of the bootstrap.
    """
    difference = weighted.astype(np.float64) - control.astype(np.float64)
    generator = np.random.default_rng(seed)
    seeds = len(difference)
    mean = np.full(num_classes, np.nan)
    interval = np.full((num_classes, 2), np.nan)
    for k in range(num_classes):
        members = difference[:, labels == k]
        if not members.shape[1]:
            continue
        mean[k] = members.mean()
        size = members.shape[1]
        # Counts of how often each seed and sample is drawn say the same as the draws.
        seed_counts = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=_DRAWS)
        sample_counts = generator.multinomial(size, np.full(size, 1 / size), size=_DRAWS)
        draws = np.einsum("ds,sv,dv->d", seed_counts, members, sample_counts, optimize=True) / (seeds * size)
        interval[k] = np.quantile(draws, [0.025, 0.975])
    return PairedChange(mean, interval)
