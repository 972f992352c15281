"""Two classes against each other where there are too many samples for points: where they lie densely, and the extremes.

The colour is the logarithm of a count, so that the thin outskirts, where the samples lie that matter most, are
seen beside the centre. One hue from see-through to full reads on a white and on a near-black page alike.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.figures import wording
from app.figures.pair_plane import Box, lay_out_pair, region_points, regions_of
from app.figures.palette import tint

_HUE = "#8a63b8"
_ROOM = 0.07
_SCALE = ((0.0, tint(_HUE, 0.35)), (0.5, tint(_HUE, 0.65)), (1.0, _HUE))


def pair_density(
    frame: pd.DataFrame,
    names: tuple[str, str],
    counts: Mapping[str, int],
    density: tuple[NDArray[np.integer], Box],
    class_names: Sequence[str],
    above: int,
    zoomed: bool,
) -> go.Figure:
    """Draws how many samples lie where, and single samples over it.

    Args:
        frame: the samples that are drawn as points, as of :func:`app.figures.pair.pair_scatter`.
        names: classes of the x and the y axis.
        counts: samples of the whole run by region.
        density: samples by bin ``(rows, columns)``, rows upwards; and the view that the bins divide.
        class_names: names of all classes.
        above: trade-offs of the whole run above the line y = x.
        zoomed: whether the view is a part that was chosen.

    Returns:
        A figure of the heatmap; one trace of points a region in the order of ``REGION_MEANINGS``, with
        ``customdata = [sample index]``; then the line.
    """
    bins, view = density
    a, b = (wording.label(name) for name in names)
    step_x, step_y = (view[1] - view[0]) / bins.shape[1], (view[3] - view[2]) / bins.shape[0]
    logarithms = np.log10(bins, out=np.full(bins.shape, np.nan, dtype=np.float32), where=bins > 0, dtype=np.float32)
    # A scale of its own up to the fullest bin, in steps that are powers of ten.
    top = max(float(np.nanmax(logarithms)) if (bins > 0).any() else 0.0, 1.0)
    ticks = list(range(math.floor(top + 1e-6) + 1))
    figure = go.Figure(
        go.Heatmap(
            z=logarithms,
            x0=view[0] + step_x / 2,
            dx=step_x,
            y0=view[2] + step_y / 2,
            dy=step_y,
            zmin=0,
            zmax=top,
            colorscale=[list(stop) for stop in _SCALE],
            colorbar={
                "title": {"text": "samples<br>a bin", "side": "top"},
                "tickvals": ticks,
                "ticktext": [f"{10**tick:,}" for tick in ticks],
                "thickness": 12,
                "outlinewidth": 0,
                "len": 1,
            },
            customdata=bins.astype(np.int32),
            hovertemplate=f"about %{{customdata:,}} samples here<br>influence on {a} %{{x:+.3g}}, on {b} %{{y:+.3g}}"
            "<extra></extra>",
        )
    )
    x, y = (frame[column].to_numpy(dtype=np.float32) for column in ("x", "y"))
    regions = regions_of(x, y)
    for points in region_points(frame, regions, (a, b), class_names, 0.9):
        # Not WebGL, whose canvas lies below the heatmap.
        figure.add_scatter(
            **points, selected={"marker": {"opacity": 1, "size": 12}}, unselected={"marker": {"opacity": 0.5}}
        )
    total, inside = sum(counts.values()), int(bins.sum())
    notes = [f"Zoomed in: {inside:,} of {total:,} samples lie in this view."] if zoomed else []
    if not zoomed and inside < total:
        notes.append(f"{wording.counted(total - inside, 'sample lies', 'samples lie')} outside the view.")
    notes.append(f"Points: the {len(frame):,} farthest from zero in view; can be clicked.")
    # Room around the bins, so that what the corners say is not written over points.
    room = [_ROOM * (high - low) for low, high in (view[:2], view[2:])]
    seen = (view[0] - room[0], view[1] + room[0], view[2] - room[1], view[3] + room[1])
    # As far as the farthest sample of the run may lie, which is not known here: a view can be zoomed out of.
    edge = 20 * max(map(abs, view))
    return lay_out_pair(figure, names, counts, seen, edge, (above, True), notes)
