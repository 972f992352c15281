"""Accuracy per class as bars, the weakest class on top: where a user picks targets."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from app.figures import wording
from app.figures.layout import class_axis, empty_figure, lay_out
from app.figures.ordering import left_out_note, shown, worst_first
from app.figures.palette import OTHER, TARGET


def accuracy_bars(
    class_names: Sequence[str],
    accuracy: ArrayLike,
    targets: Sequence[int] = (),
    counts: ArrayLike | None = None,
) -> go.Figure:
    """Draws one bar a class, worst first.

    Args:
        class_names: K names.
        accuracy: share of each class's samples that are classified rightly, 0 to 1, shape ``(K,)``;
            NaN for a class without samples.
        targets: class indices that are drawn as targets. A page that handles clicks leaves this
            empty: a figure that follows its own selection loses it.
        counts: samples behind each accuracy, shape ``(K,)``.

    Returns:
        A figure whose bars carry ``customdata = [[class index]]``.
    """
    accuracy = np.asarray(accuracy, dtype=float)
    if not np.isfinite(accuracy).any():
        return empty_figure("No class has been evaluated yet, so there is no accuracy to show.")
    sizes = None if counts is None else [int(count) for count in np.asarray(counts)]
    ranked = worst_first(accuracy)
    order = shown(ranked, keep=targets)
    of_samples = ["" if sizes is None or np.isnan(accuracy[i]) else f" of {sizes[i]:,}" for i in order]
    values = ["no samples" if np.isnan(accuracy[index]) else wording.per_cent(accuracy[index]) for index in order]

    figure = go.Figure(
        go.Bar(
            x=100 * accuracy[order],
            y=list(range(len(order))),
            orientation="h",
            width=0.68,
            marker={"color": [TARGET.colour if index in set(targets) else OTHER.colour for index in order]},
            # The bar that was clicked must not dim the others: what is chosen is shown beside the figure.
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            text=[value + count for value, count in zip(values, of_samples, strict=True)],
            textposition="outside",
            cliponaxis=False,
            customdata=[[index] for index in order],
            hovertext=[
                f"<b>{wording.escaped(class_names[index])}</b>{', a target' if index in set(targets) else ''}<br>"
                f"{value}{count and count + ' samples'} classified rightly"
                for index, value, count in zip(order, values, of_samples, strict=True)
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    height = class_axis(figure, class_names, order, targets)
    # Beyond 100 only the numbers at the bars' ends are written.
    figure.update_xaxes(
        title="accuracy (% of the class's samples)", range=[0, 124], tickvals=list(range(0, 101, 20)), fixedrange=True
    )
    with_samples = [index for index in ranked if np.isfinite(accuracy[index])]
    worst, best = with_samples[0], with_samples[-1]
    title = (
        f"The weakest class is {wording.label(class_names[worst])} at {wording.per_cent(accuracy[worst])}, "
        f"the strongest {wording.label(class_names[best])} at {wording.per_cent(accuracy[best])}"
    )
    note = left_out_note(len(order), len(ranked))
    return lay_out(
        figure,
        title=title,
        subtitle=note,
        alt=f"Bars of accuracy per class, worst first. {title}. {note}".strip(),
        height=height,
    )
