"""One sample's influence vector as bars: which classes it helps and which it harms."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from app.figures import wording
from app.figures.layout import class_axis, empty_figure, lay_out
from app.figures.ordering import MANY_CLASSES, SHOWN_OF_MANY, left_out_note
from app.figures.palette import JOINT_NEGATIVE, JOINT_POSITIVE, REFERENCE_LINE
from engine.judged_by import DEFAULT, WORDS, Measurement


def influence_of_sample(
    class_names: Sequence[str], vector: ArrayLike, own_label: int, measurement: Measurement = DEFAULT
) -> go.Figure:
    """Draws a sample's influence on every class, the most harmed class first.

    Args:
        class_names: K names.
        vector: its influence vector, shape ``(K,)``; higher = its presence helps the class.
        own_label: index of the class that the sample is labelled as.
        measurement: what the classes are judged by.

    Returns:
        A figure whose bars carry ``customdata = [[class index]]``. Of more than 30 classes
        the 20 with the strongest influence are drawn, and the sample's own.
    """
    vector = np.asarray(vector, dtype=float)
    if vector.size == 0 or not np.isfinite(vector).all():
        return empty_figure("The influence of this sample is not known.")
    strongest = np.argsort(-np.abs(vector), kind="stable")
    if len(vector) > MANY_CLASSES:
        strongest = np.unique([*strongest[:SHOWN_OF_MANY], own_label])
    order = sorted((int(index) for index in strongest), key=lambda index: (vector[index], index))
    figure = go.Figure(
        go.Bar(
            x=vector[order],
            y=list(range(len(order))),
            orientation="h",
            width=0.68,
            marker={"color": [(JOINT_NEGATIVE if vector[i] < 0 else JOINT_POSITIVE).colour for i in order]},
            customdata=[[index] for index in order],
            hovertext=[
                f"Its presence <b>{_effect(vector[index])} {wording.escaped(class_names[index])}</b>"
                f"{', the class of its label' if index == own_label else ''}<br>influence {vector[index]:+.3g}"
                for index in order
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "width": 1.5})
    height = class_axis(figure, class_names, order)
    figure.update_yaxes(
        ticktext=[wording.label(class_names[i]) + (" (its label)" if i == own_label else "") for i in order]
    )
    figure.update_xaxes(
        title=f"influence on the class<br>({WORDS[measurement].name} × samples; higher = its presence helps)",
        zeroline=False,
        fixedrange=True,
    )
    harmed, helped = int((vector < 0).sum()), int((vector > 0).sum())
    title = f"This sample helps {helped} and harms {harmed} of {wording.counted(len(vector), 'class', 'classes')}"
    if harmed:
        title += f", most of all {wording.label(class_names[int(np.argmin(vector))])}"
    note = left_out_note(len(order), len(vector), "strongest influence").replace(" first.", ".")
    alt = f"Influence of one sample, labelled {wording.label(class_names[own_label])}. {title}."
    return lay_out(figure, title=title, subtitle=note, alt=alt, height=height)


def _effect(influence: float) -> str:
    return "helps" if influence > 0 else "harms" if influence < 0 else "leaves unchanged"
