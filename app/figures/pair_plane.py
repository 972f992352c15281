"""What every picture of a pair of classes has in common: the tinted regions, y = −x, axes, corners and the title."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.figures import wording
from app.figures.layout import lay_out
from app.figures.palette import REFERENCE_LINE, REGION_MEANINGS, tint

Box = tuple[float, float, float, float]
"""``(x_low, x_high, y_low, y_high)``."""
_LONGEST_CORNER = 16
_BESIDE = 48
"""Pixels."""


def lay_out_pair(
    figure: go.Figure,
    names: tuple[str, str],
    counts: Mapping[str, int],
    view: Box,
    edge: float,
    above: tuple[int, bool] | None,
    notes: Sequence[str],
) -> go.Figure:
    """Gives a picture of a pair its regions, line, axes and title; changes it in place.

    Args:
        figure: its traces are in place.
        names: classes of the x and the y axis.
        counts: samples of the whole run by region.
        view: what of the plane is in view.
        edge: how far from the origin tints and line reach.
        above: trade-offs of the whole run above the line y = x, and whether that is exact; None where it
            is not known.
        notes: sentences below the title.

    Returns:
        The same figure, with the line as its last trace.
    """
    a, b = (wording.label(name) for name in names)
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
    if view[0] < 0 < view[1] and view[2] < 0 < view[3]:
        # Elsewhere in the plane the corners of the picture are not those of the regions.
        _count_corners(figure, *names, counts, above)
    axis = {"zeroline": True, "zerolinecolor": REFERENCE_LINE, "zerolinewidth": 1}
    figure.update_xaxes(**axis, range=list(view[:2]), title=f"influence on {a}<br>(higher = its presence helps)")
    figure.update_yaxes(**axis, range=list(view[2:]), title=f"influence on {b}<br>(higher = its presence helps)")
    total, harmful = sum(counts.values()), counts["joint_negative"]
    title = f"{wording.counted(harmful, 'sample harms', 'samples harm')} both {a} and {b}"
    title += f", {wording.per_cent(harmful / total)} of {total:,}" if total else ""
    alt = (
        f"Influence of the samples on {a} against their influence on {b}. {title}; "
        f"{counts['joint_positive']:,} help both; {counts['trade_off']:,} trade one off against the other."
    )
    return lay_out(figure, title=title, subtitle=" ".join(notes), alt=alt, height=480, legend=True)


def descriptions(frame: pd.DataFrame, class_names: Sequence[str]) -> np.ndarray:
    """Returns of each sample its label, what the model says and how surely; its number is told elsewhere.

    An array, as is its number: of a list Plotly looks at every entry, which took as long as all else on the page.
    """

    def named(value: object) -> str:
        return wording.label(class_names[int(value)] if class_names else value)  # type: ignore[call-overload]

    # Each pair of label and prediction is put into words once, however many samples share it.
    words = {
        pair: f"<b>{named(pair[0])}</b>, predicted {named(pair[1])}"
        for pair in frame[["label", "predicted"]].drop_duplicates().itertuples(index=False, name=None)
    }
    columns = (frame[name].tolist() for name in ("label", "predicted", "confidence"))
    lines = [
        f"{words[label, predicted]} ({confidence:.0%} sure)"
        for label, predicted, confidence in zip(*columns, strict=True)
    ]
    return np.array(lines, dtype=np.str_)


def hover(a: str, b: str, meaning: str) -> str:
    """Returns the template of a point whose customdata is its number, and whose text is its description."""
    return (
        f"Sample %{{customdata}}: labelled %{{text}}<br>"
        f"influence on {a} %{{x:+.3g}}, on {b} %{{y:+.3g}}<br>{meaning}<extra></extra>"
    )


def regions_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the name of the region of each point."""
    return np.select([(x > 0) & (y > 0), (x < 0) & (y < 0)], ["joint_positive", "joint_negative"], "trade_off")


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
    figure: go.Figure, a: str, b: str, counts: Mapping[str, int], above: tuple[int, bool] | None
) -> None:
    """Writes into each corner what its samples do and how many of the run they are."""
    a, b = (wording.label(name, _LONGEST_CORNER) for name in (a, b))
    total = counts["trade_off"]
    if above is None:
        upper = lower = f"{total:,} with the opposite corner"
    else:
        about = "" if above[1] else "about "
        upper, lower = f"{about}{above[0]:,}", f"{about}{total - above[0]:,}"
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
            # y = −x runs into the corners of the trade-offs: their words stand beside it.
            xshift=0 if right == up else -_BESIDE if right else _BESIDE,
            text=f"<b>{count}</b><br>{effect}",
            align="right" if right else "left",
            showarrow=False,
        )


def region_points(
    frame: pd.DataFrame, regions: np.ndarray, labels: tuple[str, str], class_names: Sequence[str], opacity: float
) -> Iterator[dict[str, Any]]:
    """Yields what the trace of each region holds, in the order of ``REGION_MEANINGS`` and also when empty.

    Args:
        frame: the samples, as :func:`app.figures.pair.pair_scatter` takes them.
        regions: of each sample, ``(n,)``.
        labels: of the classes of the x and the y axis.
        class_names: as :func:`descriptions` takes them.
        opacity: of the markers.
    """
    x, y = (frame[column].to_numpy(dtype=np.float32) for column in ("x", "y"))
    for region, meaning in REGION_MEANINGS.items():
        rows = np.flatnonzero(regions == region)
        picked = frame.iloc[rows]
        yield {
            "x": x[rows],
            "y": y[rows],
            "mode": "markers",
            "name": meaning.words,
            "marker": {"color": meaning.colour, "symbol": meaning.symbol, "size": 7, "opacity": opacity},
            "customdata": picked["index"].to_numpy(dtype=np.int32),
            "text": descriptions(picked, class_names),
            "hovertemplate": hover(*labels, meaning.words),
        }
