"""Held-out gain per class against zero: the evidence behind the verdict."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from app.figures import wording
from app.figures.intervals import interval_dots, reading
from app.figures.layout import class_axis, empty_figure, lay_out
from app.figures.ordering import left_out_note, shown, worst_first
from app.figures.palette import GAIN, LOSS, REFERENCE_LINE
from engine.judged_by import DEFAULT, WORDS, Measurement


def held_out_gains(
    class_names: Sequence[str],
    gains: ArrayLike,
    intervals: ArrayLike,
    targets: Sequence[int] = (),
    order: Sequence[int] | None = None,
    measurement: Measurement = DEFAULT,
) -> go.Figure:
    """Draws the gain of each class on samples that the weights were not chosen on.

    Args:
        class_names: K names.
        gains: predicted decrease of what the class is judged by, per cent of its scale, shape ``(K,)``.
        intervals: 95% intervals of the gains, per cent, shape ``(K, 2)``.
        targets: class indices that carry a star.
        order: classes from top to bottom, e.g. worst accuracy first to match the bars beside it;
            default: the smallest gain first.
        measurement: what the classes are judged by.

    Returns:
        A figure whose dots carry ``customdata = [[class index]]``.
    """
    gains, intervals = np.asarray(gains, dtype=float), np.asarray(intervals, dtype=float).reshape(-1, 2)
    if not np.isfinite(gains).any():
        return empty_figure("No held-out gain is known yet: compute the verdict first.")
    rows = shown(worst_first(gains) if order is None else order, keep=targets)
    size = np.nanmax(np.abs(gains))
    digits = 2 if size < 1 else 1
    figure = go.Figure(interval_dots(class_names, gains, intervals, rows, "%", digits))
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "width": 1.5}, layer="below")
    height = class_axis(figure, class_names, rows, targets)
    scale = WORDS[measurement].scale
    figure.update_xaxes(title=f"gain on unseen data<br>(% of the class's {scale}; higher = better)", zeroline=False)

    readings = [reading(interval) for interval in intervals]
    gaining, losing = readings.count(GAIN), readings.count(LOSS)
    weakest = int(np.nanargmin(gains))
    value = f"{wording.label(class_names[weakest])} ({wording.signed(gains[weakest], '%', digits)})"
    if gaining == len(gains):
        title = f"Every class gains on unseen data; the weakest is {value}"
    elif gaining or losing:
        title = (
            f"On unseen data {gaining} of {len(gains)} classes clearly gain and {losing} clearly lose; "
            f"the weakest is {value}"
        )
    else:
        title = f"On unseen data no class clearly gains or loses; the weakest is {value}"
    note = f"Bars are approximate 95% intervals. {left_out_note(len(rows), len(gains), 'weakest')}".strip()
    return lay_out(
        figure, title=title, subtitle=note, alt=f"Held-out gain per class. {title}.", height=height, legend=True
    )
