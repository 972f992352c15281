"""How well predictions rank trainings on halves of the data: class by class, and under each way to compute them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from app.figures import wording
from app.figures.layout import class_axis, empty_figure, lay_out
from app.figures.ordering import left_out_note, shown, worst_first
from app.figures.palette import AFTER, CONTROL, JOINT_NEGATIVE, OTHER, REFERENCE_LINE, TARGET

_NONE = "No class has a score: these trainings came out alike."
STRATEGY_WORDS: Mapping[str, str] = {
    "exact": "exact curvature",
    "ekfac": "EKFAC",
    "kfac": "KFAC",
    "diagonal": "diagonal curvature",
    "identity": "no curvature",
}
"""How curvature is taken into account, as figures call it."""
_LOOKS = {
    "exact": (TARGET.colour, "star", "solid"),
    "ekfac": (AFTER.colour, AFTER.symbol, "solid"),
    "kfac": (JOINT_NEGATIVE.colour, "triangle-down", "dash"),
    "diagonal": (CONTROL.colour, "square", "dot"),
}
_NAMED = ("training", "heuristic")
"""Dampings that are rules and not numbers."""


def score_bars(class_names: Sequence[str], scores: ArrayLike, ceiling: ArrayLike) -> go.Figure:
    """Draws the score of each class, with the highest that chance between trainings lets any prediction reach.

    Args:
        class_names: K names.
        scores: rank correlation of predicted with measured, −1 to 1, ``(K,)``; NaN where there is none.
        ceiling: what a perfect prediction would reach, ``(K,)``; NaN where it is not known.
    """
    values, highest = np.asarray(scores, dtype=float), np.asarray(ceiling, dtype=float)
    if not np.isfinite(values).any():
        return empty_figure(_NONE)
    ranked = worst_first(values)
    order = shown(ranked)
    rows = list(range(len(order)))
    hover = [
        f"<b>{wording.escaped(class_names[k])}</b><br>score {_score(values[k])}, at most {_score(highest[k])}"
        for k in order
    ]
    figure = go.Figure()
    figure.add_bar(
        x=values[order],
        y=rows,
        orientation="h",
        width=0.68,
        name="score of influence",
        marker={"color": OTHER.colour},
        hovertext=hover,
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure.add_scatter(
        x=highest[order],
        y=rows,
        mode="markers",
        name="the most that chance leaves",
        marker={"symbol": "line-ns", "size": 18, "line": {"width": 3, "color": TARGET.colour}, "color": TARGET.colour},
        hovertext=hover,
        hovertemplate="%{hovertext}<extra></extra>",
    )
    height = class_axis(figure, class_names, order)
    least = min(0.0, float(np.nanmin(values[order])) - 0.03)
    figure.update_xaxes(
        title="score: rank correlation of predicted with<br>measured, over halves (−1 to +1)",
        range=[least, 1.03],
        zerolinecolor=REFERENCE_LINE,
        fixedrange=True,
    )
    known = [k for k in ranked if np.isfinite(values[k])]
    worst, best = known[0], known[-1]
    title = (
        f"Influence ranks trainings worst for {wording.label(class_names[worst])} ({_score(values[worst])}), best for"
        f" {wording.label(class_names[best])} ({_score(values[best])})"
    )
    notes = [left_out_note(len(order), len(ranked))]
    if (values[order] > highest[order]).any():
        notes.append("Marks are estimates from few trainings, which a bar may pass.")
    note = " ".join(filter(None, notes))
    alt = f"Bars of the score per class, worst first, with the most that chance leaves. {title}. {note}"
    return lay_out(figure, title=title, subtitle=note, alt=alt.strip(), height=height, legend=True)


def strategy_scores(
    candidates: Sequence[Mapping[str, Any]], own: int, best: int | None, ceiling: float | None
) -> go.Figure:
    """Draws the mean score of every way to compute influence, over the dampings that were tried.

    Args:
        candidates: each with ``strategy``, ``damping`` (a name or a number) and ``mean``, its score over classes.
        own: number of the study's own among them.
        best: that of the damping that predicts best with the study's strategy; None where it was not looked for.
        ceiling: mean over classes of what a perfect prediction would reach, if that is known.
    """
    known = [one for one in candidates if one["mean"] is not None]
    if not known:
        return empty_figure(_NONE)
    dampings = _in_order({one["damping"] for one in known if one["strategy"] != "identity"})
    places = {damping: place for place, damping in enumerate(dampings)}
    ends = [-0.4, max(len(dampings) - 1, 0) + 0.4]
    figure = go.Figure()
    if ceiling is not None:
        _add_level(figure, f"the most that chance leaves: {_score(ceiling)}", ends, ceiling, "solid")
    for strategy in dict.fromkeys(one["strategy"] for one in known):
        of_it = [one for one in known if one["strategy"] == strategy]
        if strategy == "identity":
            # Damping scales all of its scores alike, so there is one score.
            _add_level(figure, f"{STRATEGY_WORDS[strategy]}: {_score(of_it[0]['mean'])}", ends, of_it[0]["mean"], "dot")
            continue
        colour, symbol, dash = _LOOKS.get(strategy, (OTHER.colour, OTHER.symbol, "solid"))
        of_it.sort(key=lambda one: places[one["damping"]])
        words = STRATEGY_WORDS.get(strategy, strategy)
        figure.add_scatter(
            x=[places[one["damping"]] for one in of_it],
            y=[one["mean"] for one in of_it],
            mode="lines+markers",
            name=words,
            line={"color": colour, "dash": dash, "width": 2},
            marker={"color": colour, "symbol": symbol, "size": 9},
            hovertext=[f"{words}, damping {_written(one['damping'])}: {_score(one['mean'])}" for one in of_it],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    for number, name, symbol, size in (
        (own, "the study's own", "circle-open", 20),
        (best, "its best damping", "square-open", 22),
    ):
        if number is None or candidates[number]["mean"] is None or candidates[number]["damping"] not in places:
            continue
        figure.add_scatter(
            x=[places[candidates[number]["damping"]]],
            y=[candidates[number]["mean"]],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": size, "color": REFERENCE_LINE, "line": {"width": 2}},
            hoverinfo="skip",
        )
    figure.update_xaxes(
        title="damping: a number that is added to the curvature<br>('training': from how long the model trains)",
        tickmode="array",
        tickvals=list(places.values()),
        ticktext=[_written(damping) for damping in dampings],
        tickfont={"size": 11},
        range=ends,
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(title="mean score over classes (−1 to +1)", zeroline=False)
    title = _strategies_title(known, candidates[own])
    means = "; ".join(f"{one['strategy']} {_written(one['damping'])}: {_score(one['mean'])}" for one in known)
    alt = f"Mean score of each strategy over dampings. {title}. {means}."
    return lay_out(figure, title=title, alt=alt, height=360, legend=True)


def _add_level(figure: go.Figure, name: str, ends: list[float], level: float, dash: str) -> None:
    figure.add_scatter(
        x=ends,
        y=[level, level],
        mode="lines",
        name=name,
        line={"color": REFERENCE_LINE, "dash": dash, "width": 2},
        hoverinfo="skip",
    )


def _strategies_title(known: Sequence[Mapping[str, Any]], own: Mapping[str, Any]) -> str:
    best = max(known, key=lambda one: one["mean"])
    title = f"Best is {_in_words(best)}, with a score of {_score(best['mean'])}"
    if best is not own and own["mean"] is not None:
        title += f"; the study's own has {_score(own['mean'])}"
    without = [one["mean"] for one in known if one["strategy"] == "identity"]
    return f"{title}; without curvature {_score(without[0])}" if without and best["strategy"] != "identity" else title


def _in_words(candidate: Mapping[str, Any]) -> str:
    words = STRATEGY_WORDS.get(candidate["strategy"], candidate["strategy"])
    return words if candidate["strategy"] == "identity" else f"{words} with damping {_written(candidate['damping'])}"


def _in_order(dampings: set[str | float]) -> list[str | float]:
    """Returns the named ones first, then the numbers as they rise."""
    names = [name for name in _NAMED if name in dampings]
    return [*names, *sorted(damping for damping in dampings if not isinstance(damping, str))]


def _written(damping: str | float) -> str:
    return f"'{damping}'" if isinstance(damping, str) else f"{damping:g}"


def _score(value: float) -> str:
    return "not known" if np.isnan(value) else wording.number(value, 2)
