"""The climb to the ceiling: accuracy by round of training again, on average, of the lowest class, and of each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.figures import wording
from app.figures.layout import empty_figure, lay_out
from app.figures.palette import AFTER, OTHER, REFERENCE_LINE, tint

_SAME = 0.05
"""Points of accuracy below which a difference is written as none."""


def climb_curve(rounds: Sequence[Mapping[str, Any]], class_names: Sequence[str], best: int, seeds: int) -> go.Figure:
    """Draws mean and lowest accuracy over the rounds, with a thin line a class behind them.

    Args:
        rounds: of a climb's manifest: ``round``, ``samples``, ``accuracy`` and ``loss`` (each by split, per
            class; shares and means). Test is drawn where there is one, else validation.
        class_names: K names.
        best: number of the best round.
        seeds: trainings of each round.
    """
    if not rounds:
        return empty_figure("No round of the climb was computed yet.")
    split = "test" if all(entry["accuracy"].get("test") for entry in rounds) else "validation"
    accuracy = 100 * np.array([entry["accuracy"][split] for entry in rounds], dtype=float)
    loss = np.array([entry["loss"][split] for entry in rounds], dtype=float)
    numbers = [entry["round"] for entry in rounds]
    present = np.flatnonzero(~np.isnan(accuracy[0]))
    mean, lowest = np.nanmean(accuracy, axis=1), np.nanmin(accuracy, axis=1)
    figure = go.Figure()
    figure.add_vline(x=best, line={"color": REFERENCE_LINE, "width": 1, "dash": "dot"}, layer="below")
    escaped = [wording.escaped(name) for name in class_names]
    for k in present:
        figure.add_scatter(
            x=numbers,
            y=accuracy[:, k],
            mode="lines",
            name="single classes",
            legendgroup="single classes",
            showlegend=bool(k == present[0]),
            line={"color": tint(OTHER.colour, 0.35), "width": 1},
            hovertemplate=f"round %{{x}}, {escaped[k]}: %{{y:.1f}}%<extra></extra>",
        )
    who = [escaped[k] for k in np.nanargmin(accuracy, axis=1)]
    figure.add_scatter(
        x=numbers,
        y=lowest,
        mode="lines+markers",
        name="lowest class",
        line={"color": OTHER.colour, "width": 2, "dash": "dash"},
        marker={"color": OTHER.colour, "symbol": OTHER.symbol, "size": 8},
        hovertext=who,
        hovertemplate="round %{x}, lowest: %{hovertext} at %{y:.1f}%<extra></extra>",
    )
    figure.add_scatter(
        x=numbers,
        y=mean,
        mode="lines+markers",
        name="mean of the classes",
        line={"color": AFTER.colour, "width": 3},
        marker={"color": AFTER.colour, "symbol": AFTER.symbol, "size": 9},
        hovertext=[
            f"mean loss {value:.3g}, {entry['samples']:,} training samples"
            for entry, value in zip(rounds, np.nanmean(loss, axis=1), strict=True)
        ],
        hovertemplate="round %{x}: %{y:.1f}% on average<br>%{hovertext}<extra></extra>",
    )
    figure.add_scatter(
        x=[best],
        y=[mean[best]],
        mode="markers",
        name="best round",
        marker={"symbol": "circle-open", "size": 18, "color": AFTER.colour, "line": {"width": 2}},
        hoverinfo="skip",
    )
    figure.update_xaxes(title="round (number of changes before it)", tickmode="array", tickvals=numbers, zeroline=False)
    figure.update_yaxes(title=f"accuracy on {split} (%)", zeroline=False)
    title = _title(mean, np.nanmean(loss, axis=1), best)
    subtitle = f"Mean of {seeds} trainings from scratch a round, on {split} samples."
    if split == "test":
        subtitle += " The best round was chosen on validation samples."
    told = ", ".join(f"{value:.1f}" for value in mean)
    alt = f"Accuracy by round of the climb. {title}. Mean accuracy by round, per cent: {told}."
    return lay_out(figure, title=title, subtitle=subtitle, alt=alt, height=340, legend=True)


def _title(mean: np.ndarray, loss: np.ndarray, best: int) -> str:
    plain, reached = (wording.per_cent(value / 100) for value in (mean[0], mean[best]))
    if best == 0:
        others = "no other round was tried" if len(mean) == 1 else "no later round was better"
        return f"Plain training has a mean accuracy of {plain}, and {others}"
    if abs(mean[best] - mean[0]) < _SAME:
        return (
            f"Mean accuracy stays at {plain}; the mean loss goes from {loss[0]:.2g} to {loss[best]:.2g} by round {best}"
        )
    moves = "rises" if mean[best] > mean[0] else "falls"
    return f"Mean accuracy {moves} from {plain} to {reached} by round {best}"
