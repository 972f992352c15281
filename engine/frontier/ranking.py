"""The order of samples by harm or help to some classes.

Joint negatives (positives) of the chosen classes come first, each group by the sum of
its influence: a sample that harms all of them is a clearer case than one whose harm to
one outweighs its help to the others. :mod:`cache.ranking` asks DuckDB for the same order.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def rank_samples(vectors: NDArray[np.floating], classes: Sequence[int], harmful: bool) -> NDArray[np.int64]:
    """Returns the samples whose summed influence has the asked sign, the strongest first.

    Args:
        vectors: influence vectors, shape ``(N, K)``; higher = its presence helps.
        classes: indices of the chosen classes.
        harmful: whether the most negative come first; else the most positive.

    Returns:
        Sample indices, at most N; ties in the order of the samples.
    """
    chosen = np.asarray(vectors, dtype=np.float64)[:, list(classes)]
    if harmful:
        chosen = -chosen
    total, joint = chosen.sum(axis=1), (chosen > 0).all(axis=1)
    order = np.lexsort((np.arange(len(total)), -total, ~joint))
    return order[total[order] > 0]
