"""How much the ranking of the samples hangs on a number that nobody knows: the length of the training."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from app.figures import wording
from app.figures.layout import class_axis, empty_figure, lay_out
from app.figures.ordering import left_out_note, shown, worst_first
from app.figures.palette import BEFORE, JOINT_POSITIVE, REFERENCE_LINE

_POOR, _GOOD = 0.7, 0.9


def ranking_stability(class_names: Sequence[str], tenth: ArrayLike, tenfold: ArrayLike) -> go.Figure:
    """Draws for each class how alike samples are ranked under a tenth of and ten times the training.

    Args:
        class_names: of the C classes that were looked at.
        tenth: rank correlation with the ranking in use, for a tenth, ``(C,)``.
        tenfold: for ten times, ``(C,)``.
    """
    values = np.array([tenth, tenfold], dtype=float).reshape(2, -1)
    if not values.size:
        return empty_figure("Without curvature the ranking does not depend on the length of the training.")
    weakest = values.min(axis=0)
    ranked = worst_first(weakest)
    order = shown(ranked)
    figure = go.Figure()
    for name, row, look in (("a tenth of the training", 0, BEFORE), ("ten times the training", 1, JOINT_POSITIVE)):
        figure.add_scatter(
            x=values[row, order],
            y=list(range(len(order))),
            mode="markers",
            name=name,
            marker={"color": look.colour, "symbol": look.symbol, "size": 10, "line": {"width": 2}},
            hovertext=[
                f"<b>{wording.escaped(class_names[k])}</b><br>{name}: the samples are ranked alike to"
                f" {wording.number(values[row, k], 2)}"
                for k in order
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    for line in (_POOR, _GOOD):
        figure.add_vline(x=line, line={"color": REFERENCE_LINE, "dash": "dot", "width": 1}, layer="below")
    height = class_axis(figure, class_names, order)
    least = min(0.0, float(weakest.min()))
    figure.update_xaxes(title="rank correlation with the ranking in use<br>(1 = the same ranking)", range=[least, 1.03])
    k = ranked[0]
    title = (
        f"The ranking for {wording.label(class_names[k])} hangs most on the length of the training:"
        f" {wording.number(weakest[k], 2)}"
    )
    note = (
        f"Dotted: 0.7, below which it is poor, and 0.9, from which it is good. {left_out_note(len(order), len(ranked))}"
    )
    alt = f"Stability of the ranking by class. {title}."
    return lay_out(figure, title=title, subtitle=note.strip(), alt=alt, height=height, legend=True)
