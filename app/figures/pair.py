"""Two classes against each other: samples as points, each in one of four regions, and the line y = −x.

Up and to the right its presence helps. Samples on the dashed line give to one class
what they take from the other; those off it, in the joint regions, are what a
reweighting can use.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.figures import wording
from app.figures.layout import empty_figure
from app.figures.pair_plane import Box, lay_out_pair, region_points, regions_of

_SEEN_QUANTILE = 0.995


def pair_scatter(
    frame: pd.DataFrame,
    a_name: str,
    b_name: str,
    counts: Mapping[str, int],
    class_names: Sequence[str] = (),
    zoom: tuple[Box, int] | None = None,
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
        zoom: the part of the plane in view, and how many samples of the run lie in it; None: all of it.

    Returns:
        A figure with one trace a region, in the order of ``REGION_MEANINGS`` and also when
        empty, whose points carry ``customdata = [sample index]``; then the line.
    """
    if frame.empty:
        return empty_figure("No sample lies in this selection.")
    x, y = (frame[column].to_numpy(dtype=np.float32) for column in ("x", "y"))
    regions = regions_of(x, y)
    extremes = np.maximum(np.abs(x), np.abs(y))
    farthest = float(extremes.max()) or 1.0
    # One scale for both axes, so that y = −x runs from corner to corner; single outliers must not set it.
    limit = 1.1 * float(np.quantile(extremes, _SEEN_QUANTILE)) or farthest
    a, b = wording.label(a_name), wording.label(b_name)

    figure = go.Figure()
    for points in region_points(frame, regions, (a, b), class_names, 0.65):
        figure.add_scattergl(
            **points, selected={"marker": {"opacity": 1, "size": 11}}, unselected={"marker": {"opacity": 0.25}}
        )
    total, notes = sum(counts.values()), []
    if zoom is not None:
        view, inside = zoom
        notes.append(f"Zoomed in: {inside:,} of {total:,} samples lie in this view.")
        if len(frame) < inside:
            notes.append(f"Drawn: {len(frame):,} of them.")
    else:
        view = (-limit, limit, -limit, limit)
        if len(frame) < total:
            notes.append(f"Drawn: {len(frame):,} of {total:,} samples.")
        outside = int((extremes > limit).sum())
        if outside:
            notes.append(f"{wording.counted(outside, 'sample lies', 'samples lie')} outside the view.")
    above = _trade_offs_above(regions, x, y, counts["trade_off"])
    edge = max(1.15 * farthest, limit, *map(abs, view))
    return lay_out_pair(figure, (a_name, b_name), counts, view, edge, above, notes)


def _trade_offs_above(regions: np.ndarray, x: np.ndarray, y: np.ndarray, total: int) -> tuple[int, bool] | None:
    """Divides the trade-offs of the run, which are counted together, as among the samples drawn.

    That is exact when all are drawn, about so when not, and impossible when none is drawn.
    """
    traded = regions == "trade_off"
    drawn, above = int(traded.sum()), int((traded & (y > x)).sum())
    if not drawn:
        return None if total else (0, True)
    return round(total * above / drawn), drawn == total
