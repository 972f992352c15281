r"""What each class could still gain by itself while no other class loses: headroom, and its price.

For every class k the programme

.. math::
    \max_\delta \Delta_k \quad \text{so that} \quad \Delta_m \ge 0 \;\; (m \ne k), \qquad
    \Delta_k = \frac{1}{N} \sum_j \delta_j P_{jk}

over the same weights as the certificate. Its multipliers are row k of the **price matrix**:
``prices[k, m]`` is how much more class k would gain for each unit that class m may lose. A class whose row
is large at m stands in the way of m, or m in its. For many classes this says more than the certificate of all at
once, which is then nearly always 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.frontier.certificate import WeightRange, scaled_rows, solved
from engine.frontier.interior_point import Floats


@dataclass(frozen=True)
class Headroom:
    """One programme a class.

    Attributes:
        gains: ``Δ_k`` of class k under its own weights, ``(K,)``, in the unit of what classes are judged by;
            predicted on the samples that the weights were chosen on, and so flattering.
        changes: δ of each programme, ``(K, N)``, float32.
        prices: ``(K, K)``, not negative; the diagonal is 0.
    """

    gains: Floats
    changes: NDArray[np.float32]
    prices: Floats


def headroom(
    vectors: NDArray[np.floating],
    weight_range: WeightRange,
    classes: Sequence[int] | None = None,
    start: Floats | None = None,
    after_class: Callable[[], None] = lambda: None,
) -> Headroom:
    """Finds for each class the weights that raise it most at no other's expense.

    Args:
        vectors: influence vectors P, shape ``(N, K)``.
        weight_range: what weights may be.
        classes: which classes are raised, and must not lose; by default all. Others have zeros.
        start: w0, shape ``(N,)``; by default 1.
        after_class: called after each programme; may raise to stop.

    Raises:
        RefusedInput: if P is not finite, or a chosen class is not influenced at all.
    """
    samples, count = vectors.shape
    chosen = list(range(count)) if classes is None else list(classes)
    rows, size = scaled_rows(vectors, chosen)
    lower, upper = weight_range.room(np.ones(samples) if start is None else start)
    gains, changes = np.zeros(count), np.zeros((count, samples), np.float32)
    prices = np.zeros((count, count))
    for place, k in enumerate(chosen):
        others = [other for other in range(len(chosen)) if other != place]
        found = solved(rows[others], lower, upper, weight_range.balanced, rows[place])
        changes[k] = found.delta
        gains[k] = size[place] * float(rows[place] @ found.delta) / samples
        # From units of each class's mean influence to those of Δ.
        prices[k, [chosen[other] for other in others]] = found.prices * size[place] / size[others]
        after_class()
    return Headroom(gains, changes, prices)
