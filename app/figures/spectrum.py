"""The spectrum of the influence vectors, with the paper's ratio of 0.2 as a line."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from app.figures import wording
from app.figures.layout import empty_figure, lay_out
from app.figures.ordering import left_out_note, shown
from app.figures.palette import OTHER, REFERENCE_LINE

PAPER_RATIO = 0.2
"""First explained-variance ratio above which the paper sees room for improvement."""


def spectrum_bars(explained_variance_ratio: ArrayLike) -> go.Figure:
    """Draws how much of the influence vectors' variation each principal direction holds.

    Args:
        explained_variance_ratio: shares from 0 to 1, largest first, shape ``(K,)``.
    """
    ratios = np.asarray(explained_variance_ratio, dtype=float)
    if ratios.size == 0 or not np.isfinite(ratios).all():
        return empty_figure("The influence vectors do not vary, so they have no spectrum.")
    directions = shown(range(len(ratios)))
    drawn = ratios[: len(directions)]
    figure = go.Figure(
        go.Bar(
            x=[index + 1 for index in directions],
            y=100 * drawn,
            width=0.68,
            marker={"color": OTHER.colour, "opacity": [1.0] + [0.6] * (len(drawn) - 1)},
            text=[wording.per_cent(ratio, 0) for ratio in drawn] if len(drawn) <= 12 else None,
            textposition="outside",
            cliponaxis=False,
            hovertext=[
                f"Direction {index + 1} of {len(ratios)} holds {wording.per_cent(ratios[index])} of the variation;<br>"
                f"the first {index + 1} together hold {wording.per_cent(ratios[: index + 1].sum())}"
                for index in directions
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    figure.add_hline(y=100 * PAPER_RATIO, line={"color": REFERENCE_LINE, "dash": "dash", "width": 1.5})
    figure.update_xaxes(title="principal direction of the influence vectors (number)", dtick=1, fixedrange=True)
    highest = max(100 * ratios[0], 100 * PAPER_RATIO)
    figure.update_yaxes(title="share of the variation (%)", range=[0, 1.15 * highest], fixedrange=True)
    first = wording.per_cent(ratios[0], 0)
    if ratios[0] > PAPER_RATIO:
        title = f"The first direction holds {first} of the variation: the paper's test reads this as room to improve"
    else:
        title = f"The first direction holds only {first} of the variation: the paper's test reads this as the ceiling"
    left_out = left_out_note(len(drawn), len(ratios), "largest").replace("classes", "directions")
    note = f"Dashed: the paper's line at 20%. The verdict rests on held-out gains instead. {left_out}"
    alt = f"Explained variance of {wording.counted(len(ratios), 'direction', 'directions')}. {title}."
    return lay_out(figure, title=title, subtitle=note.strip(), alt=alt, height=300)
