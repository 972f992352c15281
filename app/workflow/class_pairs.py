"""Which pairs of classes to look at first where there are many."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LISTED = 20
"""Pairs that are listed first."""
DRAWN_UP_TO = 100
"""Up to here a matrix holds every class."""
DRAWN_OF_MORE = 60


def first_pairs(values: NDArray[np.floating], kind: str, most: int | None = None) -> list[tuple[int, int]]:
    """Returns pairs of classes ``(a, b)``, a < b, the most telling first.

    Args:
        values: one for each pair, ``(K, K)``, symmetric.
        kind: ``correlation``: the most opposed, that is the lowest, come first; else shares: the highest.
        most: how many; None: all.
    """
    rows, columns = np.triu_indices(len(values), 1)
    told = values[rows, columns]
    order = np.argsort(told if kind == "correlation" else -told, kind="stable")[:most]
    return [(int(rows[place]), int(columns[place])) for place in order]


def drawn_classes(values: NDArray[np.floating], kind: str) -> list[int] | None:
    """Returns the classes of a matrix that cannot hold all: those of the first pairs, in class order.

    Returns:
        ``DRAWN_OF_MORE`` of them at most; None where all are drawn.
    """
    if len(values) <= DRAWN_UP_TO:
        return None
    chosen: dict[int, None] = {}
    # So many pairs cannot lie among that many classes, so there is no need to sort further.
    for pair in first_pairs(values, kind, DRAWN_OF_MORE * (DRAWN_OF_MORE - 1) // 2 + 1):
        if len({*chosen, *pair}) > DRAWN_OF_MORE:
            break
        chosen |= dict.fromkeys(pair)
    return sorted(chosen)


def pair_table(values: NDArray[np.floating], kind: str, class_names: Sequence[str]) -> pd.DataFrame:
    """Returns the first pairs as a table.

    Returns:
        Columns ``class``, ``and class`` and ``value``: a correlation, or a share in per cent.
    """
    pairs = first_pairs(values, kind, LISTED)
    factor = 1.0 if kind == "correlation" else 100.0
    return pd.DataFrame(
        {
            "class": [class_names[a] for a, _ in pairs],
            "and class": [class_names[b] for _, b in pairs],
            "value": [factor * float(values[pair]) for pair in pairs],
        }
    )
