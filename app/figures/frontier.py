"""The Pareto frontier, predicted and measured: what the targets gain against what it costs.

The line is what the linear programme predicts while all thresholds are relaxed
together; the markers are candidates that were really trained. Up and to the right
is better. What does not lie beyond the grey curve of plain class weights is no gain.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.figures import wording
from app.figures.layout import empty_figure, lay_out
from app.figures.palette import AFTER, OTHER, REFERENCE_LINE, TARGET
from engine.judged_by import DEFAULT, WORDS, Measurement
from engine.reweight.pareto import non_dominated

ORIGINS = {
    "informed": "straight from the linear programme",
    "random": "random thresholds",
    "elite_mutation": "a mutated good candidate",
    "crossover": "a child of two good candidates",
    "baseline": "plain class weights",
}
"""How a candidate came about, in words."""


def frontier(
    predicted: pd.DataFrame,
    candidates: pd.DataFrame,
    chosen: int | None = None,
    current: tuple[float, float] | None = None,
    measurement: Measurement = DEFAULT,
) -> go.Figure:
    """Draws the predicted frontier and, over it, every trained candidate.

    All gains are decreases of what a class is judged by, in per cent of the class's scale and against the control.

    Args:
        predicted: the sweep, with ``target_gain``, ``worst_other`` and ``level`` (how much of its own
            attainable gain every other class may lose, 0 to 1).
        candidates: with ``number``, ``origin`` (a key of ``ORIGINS``), ``target_gain``, ``worst_other`` and
            ``feasible``; optionally ``hover``, a further line for the hover text. Rows that are
            infeasible or not measured (NaN) are not drawn.
        chosen: number of the candidate that is ringed.
        current: ``(target_gain, worst_other)`` predicted at the present thresholds.
        measurement: what predicted and trained gains are of.

    Returns:
        A figure whose candidates carry ``customdata = [[number]]``; the other traces carry none.
    """
    measured = candidates
    if not candidates.empty:
        known = np.isfinite(candidates[["target_gain", "worst_other"]].to_numpy(dtype=float)).all(axis=1)
        measured = candidates[known & candidates["feasible"].to_numpy(dtype=bool)]
    if predicted.empty and measured.empty and current is None:
        return empty_figure("No frontier yet: choose targets to see what the linear programme predicts for them.")
    figure = go.Figure()
    figure.add_hline(y=0, line={"color": REFERENCE_LINE, "width": 1}, layer="below")
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "width": 1}, layer="below")
    if not predicted.empty:
        _add_predicted(figure, predicted.sort_values("level", kind="stable"))
    if not measured.empty:
        _add_candidates(figure, measured, chosen)
    if current is not None:
        figure.add_scatter(
            x=[current[1]],
            y=[current[0]],
            mode="markers",
            name="your thresholds",
            marker={"color": TARGET.colour, "symbol": TARGET.symbol, "size": 16},
            hovertemplate=f"Your thresholds, predicted:<br>{_gains(current[0], current[1])}<extra></extra>",
        )
    scale = WORDS[measurement].scale
    figure.update_xaxes(title=f"worst other class: gain<br>(% of its {scale}, against the control)", zeroline=False)
    figure.update_yaxes(title=f"targets: mean gain<br>(% of class {scale}, against the control)", zeroline=False)
    title = _title(predicted, measured, chosen)
    unmeasured = len(candidates) - len(measured)
    note = "Up and to the right is better."
    if unmeasured:
        note += f" Not shown: {wording.counted(unmeasured, 'candidate', 'candidates')} without a training."
    return lay_out(figure, title=title, subtitle=note, alt=f"Pareto frontier. {title}. {note}", height=420, legend=True)


def _gains(target_gain: float, worst_other: float) -> str:
    return f"targets {wording.signed(target_gain)}, worst other class {wording.signed(worst_other)}"


def _add_predicted(figure: go.Figure, sweep: pd.DataFrame) -> None:
    figure.add_scatter(
        x=sweep["worst_other"].to_numpy(),
        y=sweep["target_gain"].to_numpy(),
        mode="lines+markers",
        name="predicted",
        line={"color": TARGET.colour, "dash": "dot", "width": 2},
        marker={"size": 5, "color": TARGET.colour},
        hovertext=[
            f"Predicted, if every other class may lose up to {row.level:.0%} of what it could gain:<br>"
            f"{_gains(row.target_gain, row.worst_other)}"
            for row in sweep.itertuples()
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _add_candidates(figure: go.Figure, measured: pd.DataFrame, chosen: int | None) -> None:
    is_baseline = (measured["origin"] == "baseline").to_numpy()
    baselines, searched = measured[is_baseline].sort_values("worst_other"), measured[~is_baseline]
    stays = non_dominated(searched[["worst_other", "target_gain"]].to_numpy(dtype=float))
    for rows, name, colour, symbol, joined in (
        (searched[~stays], "trained", AFTER.colour, "diamond-open", False),
        (searched[stays].sort_values("worst_other", ascending=False), "not beaten", AFTER.colour, AFTER.symbol, True),
        (baselines, "class weights", OTHER.colour, "square", True),
    ):
        if rows.empty:
            continue
        figure.add_scatter(
            x=rows["worst_other"].to_numpy(),
            y=rows["target_gain"].to_numpy(),
            mode="lines+markers" if joined else "markers",
            name=name,
            marker={"symbol": symbol, "size": 10 if joined else 8, "color": colour},
            line={"width": 2, "color": colour},
            customdata=[[int(number)] for number in rows["number"]],
            hovertext=[_candidate_words(row) for row in rows.to_dict("records")],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    ringed = measured[measured["number"] == chosen]
    if not ringed.empty:
        figure.add_scatter(
            x=ringed["worst_other"].to_numpy(),
            y=ringed["target_gain"].to_numpy(),
            mode="markers",
            name="chosen",
            marker={"symbol": "circle-open", "size": 22, "color": TARGET.colour, "line": {"width": 3}},
            hoverinfo="skip",
        )


def _candidate_words(row: dict) -> str:
    words = (
        f"<b>Candidate {row['number']}</b>, {ORIGINS.get(row['origin'], row['origin'])}<br>"
        f"measured: {_gains(row['target_gain'], row['worst_other'])}"
    )
    return f"{words}<br>{wording.escaped(row['hover'])}" if row.get("hover") else words


def _title(predicted: pd.DataFrame, measured: pd.DataFrame, chosen: int | None) -> str:
    ringed = measured[measured["number"] == chosen] if chosen is not None and not measured.empty else measured.iloc[:0]
    if not ringed.empty:
        row = ringed.iloc[0]
        return f"Candidate {chosen}: {_gains(row['target_gain'], row['worst_other'])}, against the control"
    if not measured.empty:
        searched = measured[measured["origin"] != "baseline"]
        free = searched[searched["worst_other"] >= 0]
        trained = wording.counted(len(searched), "trained candidate", "trained candidates")
        if free.empty:
            return f"{trained}: none without a loss for some other class"
        best = wording.signed(free["target_gain"].max())
        return f"{trained}: the best without a loss elsewhere gains the targets {best}"
    if predicted.empty:
        return "What your thresholds are predicted to do"
    # Solver tolerance: a threshold of zero is met up to rounding.
    free = predicted[predicted["worst_other"] >= -1e-6]
    if free.empty:
        return "Predicted: each gain of the targets costs some other class"
    return f"Predicted: the targets gain {wording.signed(free['target_gain'].max())} before any other class loses"
