"""Changes with their 95% intervals, sorted by what they allow to say: gains, loses, not clear."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from app.figures import wording
from app.figures.palette import GAIN, LOSS, UNCLEAR, Meaning


def reading(interval: np.ndarray) -> Meaning:
    """Returns ``GAIN`` when the whole interval lies above zero, ``LOSS`` when below, else ``UNCLEAR``.

    Args:
        interval: lower and upper end, shape ``(2,)``; NaN is unclear.
    """
    lower, upper = interval
    return GAIN if lower > 0 else LOSS if upper < 0 else UNCLEAR


def interval_dots(
    class_names: Sequence[str],
    changes: np.ndarray,
    intervals: np.ndarray,
    order: Sequence[int],
    unit: str,
    digits: int,
) -> list[go.Scatter]:
    """Returns one trace a reading that occurs: a dot a class with its interval as a bar.

    Args:
        class_names: K names.
        changes: higher is better, shape ``(K,)``, in ``unit``.
        intervals: their lower and upper ends, shape ``(K, 2)``, in ``unit``.
        order: classes from top to bottom; row r of the axis is ``order[r]``.
        unit: written straight after the number.
        digits: behind the point.
    """
    traces = []
    for meaning in (GAIN, UNCLEAR, LOSS):
        rows = [row for row, index in enumerate(order) if reading(intervals[index]) is meaning]
        if not rows:
            continue
        picked = [order[row] for row in rows]
        values, ends = changes[picked], intervals[picked]
        hover = [
            f"<b>{wording.escaped(class_names[index])}</b> {meaning.words}<br>"
            f"{wording.signed(changes[index], unit, digits)}, 95% interval "
            f"{wording.signed(intervals[index, 0], '', digits)} to {wording.signed(intervals[index, 1], unit, digits)}"
            if np.isfinite([changes[index], *intervals[index]]).all()
            else f"<b>{wording.escaped(class_names[index])}</b><br>too few samples to say"
            for index in picked
        ]
        traces.append(
            go.Scatter(
                x=values,
                y=rows,
                mode="markers",
                name=meaning.words,
                marker={"color": meaning.colour, "symbol": meaning.symbol, "size": 10},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": ends[:, 1] - values,
                    "arrayminus": values - ends[:, 0],
                    "thickness": 2,
                    "width": 0,
                    "color": meaning.colour,
                },
                customdata=[[index] for index in picked],
                hovertext=hover,
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )
    return traces
