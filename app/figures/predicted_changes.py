"""What the linear programme predicts for each class at the present thresholds."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from app.figures import wording
from app.figures.layout import NARROW, class_axis, empty_figure, lay_out
from app.figures.ordering import left_out_note, shown, worst_first
from app.figures.palette import OTHER, REFERENCE_LINE, TARGET
from engine.judged_by import DEFAULT, WORDS, Measurement


def predicted_changes(
    class_names: Sequence[str],
    gains_percent: ArrayLike,
    targets: Sequence[int],
    order: Sequence[int] | None = None,
    measurement: Measurement = DEFAULT,
) -> go.Figure:
    """Draws the predicted gain of each class: the targets on top, then the others.

    Args:
        class_names: K names.
        gains_percent: predicted decrease of what the class is judged by, per cent of its scale, shape ``(K,)``.
        targets: class indices to improve.
        order: classes from top to bottom, e.g. worst accuracy first. The default is class order, and
            not the gains, so that rows stay where they are while a threshold is moved. The targets
            go first either way.
        measurement: what the classes are judged by.

    Returns:
        A figure whose bars carry ``customdata = [[class index]]``. Of more than 30 classes
        the targets and the most endangered others are drawn.
    """
    gains = np.asarray(gains_percent, dtype=float)
    if not np.isfinite(gains).any():
        return empty_figure("Nothing is predicted yet: choose at least one target.")
    chosen = list(dict.fromkeys(int(target) for target in targets))
    others = [index for index in (range(len(gains)) if order is None else order) if index not in set(chosen)]
    endangered = set(shown(chosen + [index for index in worst_first(gains) if index not in set(chosen)], keep=chosen))
    rows = chosen + [index for index in others if index in endangered]
    largest = float(np.nanmax(np.abs(gains[rows])))
    digits = 2 if largest < 1 else 1
    scale = WORDS[measurement].scale

    figure = go.Figure()
    for meaning, picked in ((TARGET, rows[: len(chosen)]), (OTHER, rows[len(chosen) :])):
        if not picked:
            continue
        figure.add_bar(
            x=gains[picked],
            y=[rows.index(index) for index in picked],
            orientation="h",
            width=0.68,
            name=meaning.words,
            marker={"color": meaning.colour},
            text=[wording.signed(gains[index], "%", digits) for index in picked],
            textposition="outside",
            cliponaxis=False,
            customdata=[[index] for index in picked],
            hovertext=[
                f"<b>{wording.escaped(class_names[index])}</b>, {meaning.words}<br>"
                f"predicted {wording.signed(gains[index], '%', digits)} of its {scale}"
                for index in picked
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "width": 1.5})
    height = class_axis(figure, class_names, rows, chosen)
    # Room at both ends for the numbers, also when all bars point one way.
    low, high = min(0.0, float(np.nanmin(gains[rows]))), max(0.0, float(np.nanmax(gains[rows])))
    room = 0.2 * max(high - low, 1e-9)
    figure.update_xaxes(
        title=f"predicted gain<br>(% of the class's {scale}; higher = better)",
        range=[low - room, high + room],
        zeroline=False,
        fixedrange=True,
    )
    figure.update_layout(barmode="overlay")
    title = _title(class_names, gains, chosen, others, digits)
    note = left_out_note(len(rows), len(gains), "targets and the most endangered").replace(" first.", ".")
    alt = f"Predicted gain per class. {title}."
    return lay_out(figure, title=title, subtitle=note, alt=alt, height=height, legend=True, room=NARROW)


def _title(
    class_names: Sequence[str], gains: np.ndarray, chosen: Sequence[int], others: Sequence[int], digits: int
) -> str:
    parts = []
    if chosen:
        ends = dict.fromkeys(wording.signed(end, "%", digits) for end in (min(gains[chosen]), max(gains[chosen])))
        parts.append(f"{wording.listed([class_names[index] for index in chosen])} {' to '.join(ends)}")
    known = [index for index in others if np.isfinite(gains[index])]
    if known:
        worst = min(known, key=lambda index: gains[index])
        value = wording.signed(gains[worst], "%", digits)
        parts.append(f"the worst other class, {wording.label(class_names[worst])}, {value}")
    return "Predicted: " + "; ".join(parts)
