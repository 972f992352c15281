"""Two classes against each other: every sample in one of four regions, and the line y = −x.

Up and to the right its presence helps. Samples on the dashed line give to one class
what they take from the other; those off it, in the joint regions, are what a
reweighting can use.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.figures import wording
from app.figures.layout import empty_figure, lay_out
from app.figures.palette import REFERENCE_LINE, REGION_MEANINGS, tint

_SEEN_QUANTILE = 0.995
_LONGEST_CORNER = 16


def pair_scatter(
    frame: pd.DataFrame,
    a_name: str,
    b_name: str,
    counts: Mapping[str, int],
    class_names: Sequence[str] = (),
) -> go.Figure:
    """Draws samples by their influence on class a (to the right) and class b (upwards).

    Args:
        frame: the samples to draw, with ``index``, ``label``, ``predicted``, ``confidence`` (0 to 1),
            ``x`` (influence on a) and ``y`` (influence on b). May be a sample of the run.
        a_name: class of the x axis.
        b_name: class of the y axis.
        counts: samples of the whole run by region: ``joint_positive``, ``joint_negative``, ``trade_off``.
        class_names: names of the classes that ``label`` and ``predicted`` are indices of; without them
            the two columns are written as they are.

    Returns:
        A figure with one trace a region, in the order of ``REGION_MEANINGS`` and also when
        empty, whose points carry ``customdata = [[sample index]]``; then the line.
    """
    if frame.empty:
        return empty_figure("No sample lies in this selection.")
    x, y = (frame[column].to_numpy(dtype=np.float32) for column in ("x", "y"))
    regions = np.select([(x > 0) & (y > 0), (x < 0) & (y < 0)], ["joint_positive", "joint_negative"], "trade_off")
    extremes = np.maximum(np.abs(x), np.abs(y))
    farthest = float(extremes.max()) or 1.0
    # One scale for both axes, so that y = −x runs from corner to corner; single outliers must not set it.
    limit = 1.1 * float(np.quantile(extremes, _SEEN_QUANTILE)) or farthest
    outside = int((extremes > limit).sum())
    a, b = wording.label(a_name), wording.label(b_name)

    figure = go.Figure()
    for region, meaning in REGION_MEANINGS.items():
        rows = np.flatnonzero(regions == region)
        picked = frame.iloc[rows]
        figure.add_scattergl(
            x=x[rows],
            y=y[rows],
            mode="markers",
            name=meaning.words,
            marker={"color": meaning.colour, "symbol": meaning.symbol, "size": 7, "opacity": 0.65},
            selected={"marker": {"opacity": 1, "size": 11}},
            unselected={"marker": {"opacity": 0.25}},
            customdata=[[int(index)] for index in picked["index"]],
            text=_descriptions(picked, class_names),
            hovertemplate=(
                f"%{{text}}<br>influence on {a} %{{x:+.3g}}, on {b} %{{y:+.3g}}<br>{meaning.words}<extra></extra>"
            ),
        )
    edge = max(1.15 * farthest, limit)
    figure.add_scatter(
        x=[-edge, edge],
        y=[edge, -edge],
        mode="lines",
        name="y = −x",
        showlegend=False,
        line={"color": REFERENCE_LINE, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )
    _tint_regions(figure, edge)
    _count_corners(figure, a_name, b_name, counts, regions, x, y)
    axis = {"range": [-limit, limit], "zeroline": True, "zerolinecolor": REFERENCE_LINE, "zerolinewidth": 1}
    figure.update_xaxes(**axis, title=f"influence on {a}<br>(higher = its presence helps)")
    figure.update_yaxes(**axis, title=f"influence on {b}<br>(higher = its presence helps)")

    total = sum(counts.values())
    harmful = counts["joint_negative"]
    title = f"{wording.counted(harmful, 'sample harms', 'samples harm')} both {a} and {b}"
    title += f", {wording.per_cent(harmful / total)} of {total:,}" if total else ""
    notes = []
    if len(frame) < total:
        notes.append(f"Drawn: {len(frame):,} of {total:,} samples.")
    if outside:
        notes.append(f"{wording.counted(outside, 'sample lies', 'samples lie')} outside the view.")
    alt = (
        f"Influence of the samples on {a} against their influence on {b}. {title}; "
        f"{counts['joint_positive']:,} help both; {counts['trade_off']:,} trade one off against the other."
    )
    return lay_out(figure, title=title, subtitle=" ".join(notes), alt=alt, height=480, legend=True)


def _descriptions(frame: pd.DataFrame, class_names: Sequence[str]) -> list[str]:
    """Returns a line a sample: its number, its label, what the model says and how surely."""

    def named(value: object) -> str:
        return wording.escaped(class_names[int(value)] if class_names else value)  # type: ignore[call-overload]

    columns = (frame[name] for name in ("index", "label", "predicted", "confidence"))
    return [
        f"Sample {index}: labelled <b>{named(label)}</b>, predicted {named(predicted)} ({confidence:.0%} sure)"
        for index, label, predicted, confidence in zip(*columns, strict=True)
    ]


def _tint_regions(figure: go.Figure, edge: float) -> None:
    """Tints the four quadrants out to the farthest sample, so that a zoomed-out view is tinted too."""
    for region, right, up in (
        ("joint_positive", 1, 1),
        ("joint_negative", -1, -1),
        ("trade_off", -1, 1),
        ("trade_off", 1, -1),
    ):
        figure.add_shape(
            type="rect",
            x0=0,
            y0=0,
            x1=right * edge,
            y1=up * edge,
            fillcolor=tint(REGION_MEANINGS[region].colour, 0.1),
            line={"width": 0},
            layer="below",
        )


def _count_corners(
    figure: go.Figure, a: str, b: str, counts: Mapping[str, int], regions: np.ndarray, x: np.ndarray, y: np.ndarray
) -> None:
    """Writes into each corner what its samples do and how many of the run they are.

    The two trade-off corners share one count; it is divided as among the samples drawn,
    which is exact when all are drawn, said to be about so when not, and impossible when
    none is drawn.
    """
    a, b = (wording.label(name, _LONGEST_CORNER) for name in (a, b))
    traded = regions == "trade_off"
    drawn, above, total = int(traded.sum()), int((traded & (y > x)).sum()), counts["trade_off"]
    if total and not drawn:
        upper = lower = f"{total:,} with the opposite corner"
    else:
        about = "" if drawn == total else "about "
        share = round(total * above / drawn) if drawn else 0
        upper, lower = f"{about}{share:,}", f"{about}{total - share:,}"
    corners = (
        (1, 1, f"{counts['joint_positive']:,}", "help both"),
        (0, 0, f"{counts['joint_negative']:,}", "harm both"),
        (0, 1, upper, f"help {b}, harm {a}"),
        (1, 0, lower, f"help {a}, harm {b}"),
    )
    for right, up, count, effect in corners:
        figure.add_annotation(
            x=right,
            y=up,
            xref="paper",
            yref="paper",
            xanchor="right" if right else "left",
            yanchor="top" if up else "bottom",
            text=f"<b>{count}</b><br>{effect}",
            align="right" if right else "left",
            showarrow=False,
        )
