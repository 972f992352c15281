"""The Pareto frontier, predicted and measured: what the targets gain against what it costs.

The line is what the linear programme predicts while all thresholds are relaxed
together; the markers are candidates that were really trained. Up and to the right
is better. What does not lie beyond the grey curve of plain class weights is no gain.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.figures import wording
from app.figures.layout import WIDE, empty_figure, lay_out
from app.figures.palette import AFTER, OTHER, REFERENCE_LINE, TARGET
from engine.judged_by import DEFAULT, WORDS, Measurement
from engine.reweight.pareto import non_dominated

ORIGINS = {
    "informed": "straight from the linear programme",
    "random": "random thresholds",
    "elite_mutation": "a mutated good candidate",
    "crossover": "a child of two good candidates",
    "certificate": "the weights that help every class",
    "baseline": "plain class weights",
}
"""How a candidate came about, in words."""


def frontier(
    predicted: pd.DataFrame,
    candidates: pd.DataFrame,
    chosen: int | None = None,
    current: tuple[float, float] | None = None,
    measurement: Measurement = DEFAULT,
    classes: tuple[str | None, str | None] = (None, None),
    accuracy: bool = False,
) -> go.Figure:
    """Draws the predicted frontier and, over it, every trained candidate.

    All gains are decreases of what a class is judged by, in per cent of the class's scale and against the control.

    Args:
        predicted: the sweep, with ``target_gain``, ``worst_other`` and ``level`` (how much of its own
            attainable gain every other class may lose, 0 to 1).
        candidates: with ``number``, ``origin`` (a key of ``ORIGINS``), ``target_gain``, ``worst_other`` and
            ``feasible``; optionally ``is_sure`` (whether it was trained in every batch order) and ``hover``, a
            further line for the hover text. Rows that are infeasible or not measured (NaN) are not drawn.
        chosen: number of the candidate that is ringed.
        current: ``(target_gain, worst_other)`` predicted at the present thresholds.
        measurement: what predicted and trained gains are of.
        classes: names of the classes that are drawn upwards and to the right; ``None`` for the mean of the
            targets and the worst class that is no target.
        accuracy: whether gains are points of accuracy instead, of trained candidates only.

    Returns:
        A figure whose candidates carry ``customdata = [[number]]``; the other traces carry none.
    """
    measured = candidates
    if not candidates.empty:
        known = np.isfinite(candidates[["target_gain", "worst_other"]].to_numpy(dtype=float)).all(axis=1)
        measured = candidates[known & candidates["feasible"].to_numpy(dtype=bool)]
    if predicted.empty and measured.empty and current is None:
        if accuracy:
            return empty_figure("No candidate has been trained yet: accuracy is measured, not predicted.")
        return empty_figure("No frontier yet: choose targets to see what the linear programme predicts for them.")
    up, right = (None if name is None else wording.label(name) for name in classes)
    words = _Words(up, right, " points" if accuracy else "%")
    figure = go.Figure()
    figure.add_hline(y=0, line={"color": REFERENCE_LINE, "width": 1}, layer="below")
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "width": 1}, layer="below")
    if not predicted.empty:
        _add_predicted(figure, predicted.sort_values("level", kind="stable"), words)
    if not measured.empty:
        _add_candidates(figure, measured, chosen, words)
    if current is not None:
        figure.add_scatter(
            x=[current[1]],
            y=[current[0]],
            mode="markers",
            name="your thresholds",
            marker={"color": TARGET.colour, "symbol": TARGET.symbol, "size": 16},
            hovertemplate=f"Your thresholds, predicted:<br>{words.gains(*current)}<extra></extra>",
        )
    scale = WORDS[measurement].scale
    its, whose = ("points of accuracy",) * 2 if accuracy else (f"% of its {scale}", f"% of class {scale}")
    figure.update_xaxes(title=f"{right or 'worst other class'}: gain<br>({its}, against the control)", zeroline=False)
    figure.update_yaxes(
        title=f"{up or 'targets: mean'}{': ' if up else ' '}gain<br>({whose}, against the control)",
        zeroline=False,
    )
    if up is None and right is None:
        title = _title(predicted, measured, chosen, words)
    else:
        title = f"What a gain of {up or 'the targets'} costs {right or 'the worst other class'}"
    unmeasured = len(candidates) - len(measured)
    note = "Up and to the right is better."
    if unmeasured:
        note += f" Not shown: {wording.counted(unmeasured, 'candidate', 'candidates')} without a training."
    alt = f"Pareto frontier. {title}. {note}"
    return lay_out(figure, title=title, subtitle=note, alt=alt, height=460, legend=True, room=WIDE)


@dataclass(frozen=True)
class _Words:
    """How gains are told: what is drawn upwards and to the right, and their unit."""

    up: str | None
    right: str | None
    unit: str

    def gains(self, upwards: float, to_the_right: float) -> str:
        """Returns both gains of a point."""
        first, second = (wording.signed(value, self.unit) for value in (upwards, to_the_right))
        return f"{self.up or 'targets'} {first}, {self.right or 'worst other class'} {second}"

    def level(self, level: float) -> str:
        """Returns what the programme was held to at a point of the predicted line."""
        if self.right is None:
            return f"if every other class may lose up to {level:.0%} of what it could gain"
        return f"if {self.right} is held to {level:+.0%} of what it could gain"


def _add_predicted(figure: go.Figure, sweep: pd.DataFrame, words: _Words) -> None:
    figure.add_scatter(
        x=sweep["worst_other"].to_numpy(),
        y=sweep["target_gain"].to_numpy(),
        mode="lines+markers",
        name="predicted",
        line={"color": TARGET.colour, "dash": "dot", "width": 2},
        marker={"size": 5, "color": TARGET.colour},
        hovertext=[
            f"Predicted, {words.level(row.level)}:<br>{words.gains(row.target_gain, row.worst_other)}"
            for row in sweep.itertuples()
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _add_candidates(figure: go.Figure, measured: pd.DataFrame, chosen: int | None, words: _Words) -> None:
    is_baseline = (measured["origin"] == "baseline").to_numpy()
    baselines, searched = measured[is_baseline].sort_values("worst_other"), measured[~is_baseline]
    sure = searched["is_sure"].to_numpy(dtype=bool) if "is_sure" in searched else np.ones(len(searched), bool)
    # Who was trained in one batch order may lead by luck alone.
    stays = sure.copy()
    stays[sure] = non_dominated(searched.loc[sure, ["worst_other", "target_gain"]].to_numpy(dtype=float))
    for rows, name, colour, symbol, joined in (
        (searched[~sure], "tried in one batch order", REFERENCE_LINE, "diamond-open", False),
        (searched[sure & ~stays], "trained", AFTER.colour, "diamond-open", False),
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
            hovertext=[_candidate_words(row, words) for row in rows.to_dict("records")],
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
            # It lies over its candidate, and so gets the click that is meant for it.
            customdata=[[int(number)] for number in ringed["number"]],
            hovertext=[_candidate_words(row, words) for row in ringed.to_dict("records")],
            hovertemplate="%{hovertext}<extra></extra>",
        )


def _candidate_words(row: dict, words: _Words) -> str:
    told = (
        f"<b>Candidate {row['number']}</b>, {ORIGINS.get(row['origin'], row['origin'])}<br>"
        f"measured: {words.gains(row['target_gain'], row['worst_other'])}"
    )
    if not row.get("is_sure", True):
        told += "<br>in its first batch order only: it fell behind"
    return f"{told}<br>{wording.escaped(row['hover'])}" if row.get("hover") else told


def _title(predicted: pd.DataFrame, measured: pd.DataFrame, chosen: int | None, words: _Words) -> str:
    ringed = measured[measured["number"] == chosen] if chosen is not None and not measured.empty else measured.iloc[:0]
    if not ringed.empty:
        row = ringed.iloc[0]
        return f"Candidate {chosen}: {words.gains(row['target_gain'], row['worst_other'])}, against the control"
    if not measured.empty:
        searched = measured[measured["origin"] != "baseline"]
        free = searched[searched["worst_other"] >= 0]
        trained = wording.counted(len(searched), "trained candidate", "trained candidates")
        if free.empty:
            return f"{trained}: none without a loss for some other class"
        best = wording.signed(free["target_gain"].max(), words.unit)
        return f"{trained}: the best without a loss elsewhere gains the targets {best}"
    if predicted.empty:
        return "What your thresholds are predicted to do"
    # Solver tolerance: a threshold of zero is met up to rounding.
    free = predicted[predicted["worst_other"] >= -1e-6]
    if free.empty:
        return "Predicted: each gain of the targets costs some other class"
    return f"Predicted: the targets gain {wording.signed(free['target_gain'].max())} before any other class loses"
