"""Predicted against measured: what influence said of probe epochs, and what they did."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from app.figures import wording
from app.figures.layout import empty_figure, lay_out
from app.figures.palette import AFTER, REFERENCE_LINE
from engine.judged_by import DEFAULT, WORDS, Measurement


def prediction_check(
    class_names: Sequence[str],
    predicted: ArrayLike,
    measured: ArrayLike,
    factor: float,
    spearman: float,
    measurement: Measurement = DEFAULT,
) -> go.Figure:
    """Draws one point for each class in each pair of probe epochs.

    Args:
        class_names: K names.
        predicted: gain of each class under each pair's weights, per cent of its scale, ``(pairs, K)``.
        measured: what the trainings gave, likewise.
        factor: measured over predicted change, fitted; the slope of the line.
        spearman: rank correlation over all points.
        measurement: what the classes are judged by.
    """
    x, y = (np.asarray(values, dtype=float) for values in (predicted, measured))
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return empty_figure("No class with validation samples was probed, so nothing can be compared.")
    pairs, classes = np.nonzero(known)
    scale = WORDS[measurement].scale
    end = 1.1 * max(float(np.abs(x[known]).max()), 1e-9)
    figure = go.Figure()
    for name, slope, dash in (("as predicted", 1.0, "dash"), (f"fitted: {factor:.2f} times as far", factor, "solid")):
        figure.add_scatter(
            x=[-end, end],
            y=[-slope * end, slope * end],
            mode="lines",
            name=name,
            line={"color": REFERENCE_LINE, "dash": dash, "width": 1.5},
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=x[known],
        y=y[known],
        mode="markers",
        name="a class in a pair of epochs",
        marker={"color": AFTER.colour, "symbol": AFTER.symbol, "size": 8, "opacity": 0.75},
        hovertext=[
            f"<b>{wording.escaped(class_names[k])}</b>, pair {pair + 1}<br>predicted {wording.signed(x[pair, k])},"
            f" measured {wording.signed(y[pair, k])}"
            for pair, k in zip(pairs.tolist(), classes.tolist(), strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure.update_xaxes(title=f"predicted gain (% of the class's {scale})", zeroline=True, zerolinecolor=REFERENCE_LINE)
    figure.update_yaxes(
        title=f"measured gain<br>(% of the class's {scale})", zeroline=True, zerolinecolor=REFERENCE_LINE
    )
    right = float(np.mean(np.sign(x[known]) == np.sign(y[known])))
    title = (
        f"In {wording.per_cent(right, 0)} of the cases a class moved the way that was predicted;"
        f" rank correlation {wording.number(spearman, 2)}"
    )
    note = "Each point is one class after an epoch that was trained with known weights, against its mirror image."
    alt = f"Predicted against measured gains in {wording.counted(len(x), 'pair', 'pairs')} of epochs. {title}."
    return lay_out(figure, title=title, subtitle=note, alt=alt, height=400, legend=True)
