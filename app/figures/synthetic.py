"""The synthetic sets: points of the plane by class and by region, and what removing the harmful ones does.

The influence vectors of such a set are drawn by :func:`app.figures.pair.pair_scatter`, as
those of any two classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from app.figures import wording
from app.figures.layout import empty_figure, lay_out
from app.figures.palette import JOINT_NEGATIVE, REFERENCE_LINE, REGION_MEANINGS, Meaning

CLASS_LOOKS = (Meaning("blue", "#3a6fd0", "circle"), Meaning("orange", "#b97a08", "square"))
"""How the two classes of a synthetic set look. Colours of their names; the shapes keep them apart from regions."""
_RING = {"symbol": "circle-open", "size": 11, "color": REFERENCE_LINE, "line": {"width": 1.5}}


@dataclass(frozen=True)
class Boundary:
    """A model's line ``normal · (x, y) + offset = 0``; where that sum is positive, it says class 1."""

    normal: tuple[float, float]
    offset: float = 0.0

    def side(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.int64]:
        """Returns the class that the model says at each point, 0 or 1."""
        return (self.normal[0] * x + self.normal[1] * y + self.offset > 0).astype(np.int64)


def points_by_class(points: pd.DataFrame, class_names: Sequence[str], boundary: Boundary | None = None) -> go.Figure:
    """Draws a set by the given labels, with a ring around those that were flipped.

    Args:
        points: a row a training sample with ``x``, ``y``, ``label`` (0 or 1) and ``flipped`` (whether it is wrong).
        class_names: the two names.
        boundary: of the model.
    """
    groups = [(meaning, name, points["label"] == k) for k, (meaning, name) in enumerate(_looks(class_names))]
    figure = _drawn(points, groups, class_names, boundary)
    total, flipped = f"{len(points):,}", int(points["flipped"].sum())
    if flipped:
        title = f"{wording.counted(flipped, 'label is', 'labels are')} flipped among {total} training samples"
    elif boundary is None:
        title = f"None of the {total} training samples has a flipped label"
    else:
        wrong = int((boundary.side(points["x"].to_numpy(), points["y"].to_numpy()) != points["label"]).sum())
        title = f"No label is flipped, yet {wrong:,} of {total} samples lie on the wrong side of the line"
    return _in_the_plane(figure, title, f"The training samples by their given class. {title}.", boundary)


def points_by_region(points: pd.DataFrame, class_names: Sequence[str], boundary: Boundary | None = None) -> go.Figure:
    """Draws a set by what each sample does to the two classes.

    Args:
        points: as for :func:`points_by_class`, and ``region``: a key of ``REGION_MEANINGS``.
        class_names: the two names.
        boundary: of the model.
    """
    groups = [(meaning, meaning.words, points["region"] == region) for region, meaning in REGION_MEANINGS.items()]
    figure = _drawn(points, groups, class_names, boundary)
    harmful, flipped = points["region"] == "joint_negative", points["flipped"].astype(bool)
    both, total = int(harmful.sum()), f"{len(points):,}"
    if both:
        title = f"{wording.counted(both, 'sample harms', 'samples harm')} both classes"
        if flipped.any():
            title += f", among them {int((harmful & flipped).sum()):,} of the {int(flipped.sum()):,} flipped ones"
    else:
        traded = int((points["region"] == "trade_off").sum())
        title = f"No sample harms both classes; {traded:,} of {total} help one and harm the other"
    return _in_the_plane(figure, title, f"The training samples by region of influence. {title}.", boundary)


def removal_rounds(rounds: Sequence[Mapping[str, Any]], class_names: Sequence[str]) -> go.Figure:
    """Draws accuracy, loss and the samples that harm both classes, round by round of removing them.

    Args:
        rounds: of a climb's manifest: ``round``, ``samples``, ``accuracy`` and ``loss`` (each by split,
            per class; shares and means), ``regions`` (counts over all classes). Test is drawn where
            there is one, else validation.
        class_names: the two names.
    """
    if not rounds:
        return empty_figure("No round of removal was computed yet.")
    split = "test" if all(entry["loss"].get("test") for entry in rounds) else "validation"
    numbers = [entry["round"] for entry in rounds]
    harmful = [entry["regions"]["joint_negative"] for entry in rounds]
    accuracy, loss = (
        np.array([entry[name][split] for entry in rounds], dtype=float) * scale
        for name, scale in (("accuracy", 100.0), ("loss", 1.0))
    )
    figure = make_subplots(rows=3, shared_xaxes=True, vertical_spacing=0.07)
    for row, values, told in ((1, accuracy, "accuracy %{y:.1f}%"), (2, loss, "loss %{y:.3g}")):
        for k, (meaning, name) in enumerate(_looks(class_names)):
            figure.add_scatter(
                x=numbers,
                y=values[:, k],
                mode="lines+markers",
                name=name,
                legendgroup=name,
                showlegend=row == 1,
                line={"color": meaning.colour, "width": 2},
                marker={"color": meaning.colour, "symbol": meaning.symbol, "size": 9},
                hovertemplate=f"round %{{x}}, {name}: {told}<extra></extra>",
                row=row,
                col=1,
            )
    figure.add_bar(
        x=numbers,
        y=harmful,
        name=JOINT_NEGATIVE.words,
        width=0.5,
        marker={"color": JOINT_NEGATIVE.colour},
        text=[f"{count:,}" for count in harmful],
        textposition="outside",
        cliponaxis=False,
        customdata=[[entry["samples"]] for entry in rounds],
        hovertemplate="round %{x}: %{y:,} of %{customdata[0]:,} samples harm both classes<extra></extra>",
        row=3,
        col=1,
    )
    figure.update_xaxes(tickmode="array", tickvals=numbers, zeroline=False)
    figure.update_xaxes(title="round (number of removals before it)", row=3)
    figure.update_yaxes(title="accuracy<br>(%)", range=[min(50.0, float(np.nanmin(accuracy))), 104], row=1)
    figure.update_yaxes(title="loss<br>(mean)", rangemode="tozero", row=2)
    figure.update_yaxes(title="harm both<br>(number)", range=[0, 1.3 * max(*harmful, 1)], row=3)
    left_out = rounds[0]["samples"] - rounds[-1]["samples"]
    if left_out:
        title = (
            f"Without {left_out:,} samples the worst class's loss is {np.nanmax(loss[-1]):.2g}, "
            f"with them it was {np.nanmax(loss[0]):.2g}"
        )
    else:
        title = f"Nothing was removed in {wording.counted(len(rounds), 'round', 'rounds')}"
    alt = (
        f"Rounds of removing the samples that harm both classes. {title}. Samples that harm both, by round: "
        f"{', '.join(f'{count:,}' for count in harmful)}."
    )
    subtitle = f"Each round trains from scratch on what is left. Measured on {split} samples."
    return lay_out(figure, title=title, subtitle=subtitle, alt=alt, height=420, legend=True)


def _looks(class_names: Sequence[str]) -> list[tuple[Meaning, str]]:
    return [(meaning, wording.label(name)) for meaning, name in zip(CLASS_LOOKS, class_names, strict=True)]


def _drawn(
    points: pd.DataFrame,
    groups: Sequence[tuple[Meaning, str, pd.Series]],
    class_names: Sequence[str],
    boundary: Boundary | None,
) -> go.Figure:
    """Returns one trace a group, then rings around the flipped samples, then the boundary."""
    figure = go.Figure()
    names = np.array([wording.label(name) for name in class_names])
    given = names[points["label"].to_numpy()]
    notes = np.where(points["flipped"].to_numpy(dtype=bool), " (flipped)", "")
    told = np.array([f"labelled <b>{name}</b>{note}" for name, note in zip(given, notes, strict=True)])
    for meaning, words, of_group in groups:
        rows = np.flatnonzero(of_group)
        figure.add_scatter(
            x=points["x"].to_numpy()[rows],
            y=points["y"].to_numpy()[rows],
            mode="markers",
            name=words,
            marker={"color": meaning.colour, "symbol": meaning.symbol, "size": 6, "opacity": 0.8},
            text=[f"Sample {row}: {told[row]}" for row in rows],
            hovertemplate=f"%{{text}}<br>{words}<extra></extra>",
        )
    flipped = points[points["flipped"].astype(bool)]
    if len(flipped):
        figure.add_scatter(
            x=flipped["x"], y=flipped["y"], mode="markers", name="flipped label", marker=_RING, hoverinfo="skip"
        )
    if boundary is not None:
        figure.add_scatter(
            **_segment(points, boundary),
            mode="lines",
            name="the model's line",
            line={"color": REFERENCE_LINE, "dash": "dash", "width": 2},
            hoverinfo="skip",
        )
    return figure


def _segment(points: pd.DataFrame, boundary: Boundary) -> dict[str, list[float]]:
    """Returns the boundary from one end of the points to the other, through its place nearest to their middle."""
    middle = np.array([points["x"].mean(), points["y"].mean()])
    normal = np.array(boundary.normal)
    length = float(np.linalg.norm(normal)) or 1.0
    foot = middle - normal * (normal @ middle + boundary.offset) / length**2
    reach = 0.5 * float(max(np.ptp(points["x"]), np.ptp(points["y"])))
    along = np.array([-normal[1], normal[0]]) / length * reach
    return {"x": [foot[0] - along[0], foot[0] + along[0]], "y": [foot[1] - along[1], foot[1] + along[1]]}


def _in_the_plane(figure: go.Figure, title: str, alt: str, boundary: Boundary | None) -> go.Figure:
    figure.update_xaxes(title="input x (a number without a unit)", zeroline=False)
    # One scale for both, so that a disc looks like one.
    figure.update_yaxes(title="input y (a number without a unit)", zeroline=False, scaleanchor="x", scaleratio=1)
    lines = (
        ""
        if boundary is None
        else " The dashed line parts what the model calls one class from what it calls the other."
    )
    return lay_out(figure, title=title, alt=alt + lines, height=360, legend=True)
