"""What leaving samples out did to each class, beside what influence said that it would do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from app.figures import wording
from app.figures.layout import empty_figure, lay_out
from app.figures.matrix import INVISIBLE, LEAST_CELL, LONGEST_LABEL, NAMED_UP_TO, UPRIGHT_FROM, tick_angle
from app.figures.ordering import MANY_CLASSES
from app.figures.palette import AFTER, DIVERGING, REFERENCE_LINE, TARGET
from engine.experiments.removal import Agreement, Sign
from engine.judged_by import DEFAULT, WORDS, Measurement

Figure = Literal["loss", "accuracy"]
DOES = {"beneficial": "help", "detrimental": "harm"}
"""What the samples that are left out do to their class, by the sign of their influence."""
_WORSE_IS_HIGH = tuple((1 - place, colour) for place, colour in reversed(DIVERGING))
_BEYOND = 3
"""How many times the strongest change of another class the colours reach: own classes may change far more than that."""
_MAP_TITLES = 26
"""Pixels above the maps for what each is of."""
_LEVEL = 30
"""Characters of all class names that fit below a map side by side."""
_MANY_POINTS = 2000
"""Of more, a browser draws faster with WebGL; of fewer it need not be asked for."""


@dataclass(frozen=True)
class Removal:
    """Samples left out for T classes, and the changes of all K.

    Attributes:
        class_names: K names.
        classes: indices of those that samples were left out for, T.
        sign: whether these were their most beneficial samples, or their most detrimental.
        predicted: rise of what each class is judged by, by influence, ``(T, K)``.
        measured: the same rise, or that of accuracy as a share, mean of the trainings, ``(T, K)``; NaN for a class
            without samples.
        figure: which of the two was measured.
        sizes: samples that were left out, T.
        measurement: what the classes are judged by.
    """

    class_names: Sequence[str]
    classes: Sequence[int]
    sign: Sign
    predicted: NDArray[np.float64]
    measured: NDArray[np.float64]
    figure: Figure
    sizes: Sequence[int]
    measurement: Measurement = DEFAULT

    @property
    def own(self) -> NDArray[np.bool_]:
        """Which cells are of the class that samples were left out for, ``(T, K)``."""
        cells = np.zeros(self.predicted.shape, bool)
        cells[np.arange(len(self.classes)), list(self.classes)] = True
        return cells

    @property
    def shown(self) -> NDArray[np.float64]:
        """What was measured as it is drawn: accuracy in points."""
        return 100 * self.measured if self.figure == "accuracy" else self.measured

    @property
    def word(self) -> str:
        """What was measured."""
        return "accuracy" if self.figure == "accuracy" else WORDS[self.measurement].name

    @property
    def unit(self) -> str:
        """Of the measured changes."""
        return " points" if self.figure == "accuracy" else ""

    @property
    def rises(self) -> bool:
        """Whether what was measured should rise for the class that samples were left out for."""
        return (self.figure == "accuracy") == (self.sign == "detrimental")


def removal_maps(removal: Removal) -> go.Figure:
    """Draws predicted and measured changes as two maps side by side, own classes framed.

    Returns:
        A figure of five traces: for each map the heat map and one invisible marker a cell, whose y is the place of its
        row among the classes that samples were left out for; and the frames.
    """
    if not np.isfinite(removal.measured).any():
        return empty_figure("No class has samples to measure it on.")
    names, rows, columns = removal.class_names, len(removal.classes), len(removal.class_names)
    is_dense = columns > MANY_CLASSES
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.14)
    judged = WORDS[removal.measurement].name
    maps = (
        ("Predicted", judged, removal.predicted, _WORSE_IS_HIGH, 0.435, judged),
        (
            "Measured",
            removal.word,
            removal.shown,
            DIVERGING if removal.figure == "accuracy" else _WORSE_IS_HIGH,
            1.005,
            removal.unit.strip() or judged,
        ),
    )
    for number, (title, word, values, scale, place, unit) in enumerate(maps, 1):
        end = _end(values, removal.own)
        figure.add_heatmap(
            z=values.astype(np.float32) if is_dense else values,
            x=list(range(columns)),
            y=list(range(rows)),
            zmin=-end,
            zmax=end,
            colorscale=[list(stop) for stop in scale],
            xgap=0 if is_dense else 1,
            ygap=0 if is_dense else 1,
            hoverinfo="skip",
            colorbar={
                "title": {"text": unit, "side": "top"},
                "thickness": 12,
                "outlinewidth": 0,
                "len": 1,
                "x": place,
                "xanchor": "left",
            },
            row=1,
            col=number,
        )
        _add_cells(figure, removal, number, is_dense)
        figure.add_annotation(
            text=f"<b>{title}</b> change of {word}",
            x=0,
            xref=f"x{number if number > 1 else ''} domain",
            xanchor="left",
            y=1,
            yref="paper",
            yanchor="bottom",
            yshift=3,
            showarrow=False,
        )
    for number in (1, 2):
        _add_frames(figure, removal, number)
    bare = {"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True, "tickmode": "array"}
    labels = [wording.label(name, LONGEST_LABEL) for name in names]
    figure.update_xaxes(
        **bare,
        title="class that was measured",
        tickvals=list(range(columns)),
        ticktext=labels,
        tickfont={"size": 12 if columns <= UPRIGHT_FROM else 9},
        # Half a page has two maps: short names, such as numbers, stay level.
        tickangle=0 if sum(map(len, labels)) <= _LEVEL else tick_angle(2 * columns),
        showticklabels=columns <= NAMED_UP_TO,
        range=[-0.5, columns - 0.5],
    )
    figure.update_yaxes(
        **bare,
        tickvals=list(range(rows)),
        ticktext=[labels[k] for k in removal.classes],
        tickfont={"size": 12 if rows <= UPRIGHT_FROM else 9},
        range=[rows - 0.5, -0.5],
    )
    figure.update_yaxes(title=f"samples that {DOES[removal.sign]} it<br>were left out", col=1)
    figure.update_yaxes(showticklabels=rows <= NAMED_UP_TO, col=1)
    cell = max(4 if max(rows, columns) > MANY_CLASSES else LEAST_CELL, min(50, round(400 / rows)))
    title = _maps_title(removal)
    note = "Orange is worse, blue is better. Each map has a scale of its own; its end stands for that much or more."
    lay_out(
        figure,
        title=title,
        subtitle=note,
        alt=f"Two maps of {rows} by {columns} classes, predicted and measured. {title}.",
        height=max(160, cell * rows) + 100,
    )
    figure.update_layout(
        hoverdistance=-1, height=figure.layout.height + _MAP_TITLES, margin_t=figure.layout.margin.t + _MAP_TITLES
    )
    return figure


def removal_scatter(
    removal: Removal, agreement: Agreement, random: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
) -> go.Figure:
    """Draws a point for every class after every removal, predicted against measured.

    Args:
        removal: what was left out and what came of it.
        agreement: Spearman correlations of the two, over all cells and of own and of other classes alone.
        random: predicted and measured changes without random samples, in the same units, ``(R, K)`` each.
    """
    known = np.isfinite(removal.predicted) & np.isfinite(removal.shown)
    if not known.any():
        return empty_figure("No class has samples to measure it on.")
    figure = go.Figure()
    add_points = figure.add_scattergl if known.size > _MANY_POINTS else figure.add_scatter
    if random is not None:
        both = np.isfinite(random[0]) & np.isfinite(random[1])
        add_points(
            x=random[0][both].astype(np.float32),
            y=random[1][both].astype(np.float32),
            mode="markers",
            name="without as many random samples",
            marker={"color": REFERENCE_LINE, "symbol": "circle-open", "size": 5, "opacity": 0.5},
            hoverinfo="skip",
        )
    own = removal.own
    for name, cells, look, size in (
        ("another class", known & ~own, AFTER, 7),
        ("the class they were chosen for", known & own, TARGET, 11),
    ):
        rows, columns = np.nonzero(cells)
        add_points(
            x=removal.predicted[cells].astype(np.float32),
            y=removal.shown[cells].astype(np.float32),
            mode="markers",
            name=name,
            marker={"color": look.colour, "symbol": look.symbol, "size": size, "opacity": 0.8},
            text=[
                f"<b>{wording.label(removal.class_names[removal.classes[row]])}</b> most:<br>{removal.word} of"
                f" <b>{wording.label(removal.class_names[k])}</b>"
                for row, k in zip(rows.tolist(), columns.tolist(), strict=True)
            ],
            hovertemplate=f"without the samples that {DOES[removal.sign]} %{{text}} %{{y:+.2g}}{removal.unit},"
            f" {_predicted_word(removal)}predicted %{{x:+.2g}}<extra></extra>",
        )
    lines = {"zeroline": True, "zerolinecolor": REFERENCE_LINE}
    figure.update_xaxes(title=f"predicted change of {WORDS[removal.measurement].name}", **lines)
    unit = f"<br>({removal.unit.strip()})" if removal.unit else ""
    figure.update_yaxes(title=f"measured change of {removal.word}{unit}", **lines)
    title, alone = _agreement_title(agreement)
    if removal.figure == "accuracy":
        alone = f"Where the {WORDS[removal.measurement].name} rises, accuracy should fall. {alone}".strip()
    alt = f"Predicted against measured changes of {len(removal.class_names)} classes. {title}. {alone}"
    return lay_out(figure, title=title, subtitle=alone, alt=alt.strip(), height=400, legend=True)


def _end(values: NDArray[np.float64], own: NDArray[np.bool_]) -> float:
    """Returns where a scale ends: at the strongest change, unless that of own classes would leave all others pale."""
    strongest, others = (float(np.nanmax(np.abs(cells), initial=0)) for cells in (values, values[~own]))
    return (min(strongest, _BEYOND * others) if others else strongest) or 1.0


def _add_cells(figure: go.Figure, removal: Removal, column: int, is_dense: bool) -> None:
    """Adds a marker a known cell; of many, numbers alone are sent and words are put to them in the browser."""
    known = np.isfinite(removal.measured)
    rows, classes = np.nonzero(known)
    sizes = np.asarray(removal.sizes)[rows]
    if is_dense:
        figure.add_scattergl(
            x=classes.astype(np.int16),
            y=rows.astype(np.int16),
            **INVISIBLE,
            customdata=np.stack([sizes, removal.predicted[known], removal.shown[known]], axis=1).astype(np.float32),
            hovertemplate=f"without the %{{customdata[0]:.0f}} samples that {DOES[removal.sign]} <b>%{{y}}</b> most:"
            f"<br>{removal.word} of <b>%{{x}}</b> %{{customdata[2]:+.2g}}{removal.unit},"
            f" {_predicted_word(removal)}predicted %{{customdata[1]:+.2g}}<extra></extra>",
            row=1,
            col=column,
        )
        return
    names = [f"<b>{wording.escaped(name)}</b>" for name in removal.class_names]
    figure.add_scatter(
        x=classes.tolist(),
        y=rows.tolist(),
        **INVISIBLE,
        customdata=[[removal.classes[row], k] for row, k in zip(rows.tolist(), classes.tolist(), strict=True)],
        hovertext=[
            f"without the {wording.counted(int(size), 'sample', 'samples')} that {DOES[removal.sign]}"
            f" {names[removal.classes[row]]} most:<br>{removal.word} of {names[k]}"
            f" {_change(removal.shown[row, k])}{removal.unit},"
            f" {_predicted_word(removal)}predicted {_change(removal.predicted[row, k])}"
            for row, k, size in zip(rows.tolist(), classes.tolist(), sizes.tolist(), strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        row=1,
        col=column,
    )


def _add_frames(figure: go.Figure, removal: Removal, column: int) -> None:
    """Draws a frame around each cell of a class that samples were left out for."""
    x: list[float | None] = []
    y: list[float | None] = []
    for row, k in enumerate(removal.classes):
        x += [k - 0.5, k + 0.5, k + 0.5, k - 0.5, k - 0.5, None]
        y += [row - 0.5, row - 0.5, row + 0.5, row + 0.5, row - 0.5, None]
    width = 3 if len(removal.class_names) <= MANY_CLASSES else 1
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        # As the points of own classes in the scatter.
        line={"color": TARGET.colour, "width": width},
        hoverinfo="skip",
        showlegend=False,
        row=1,
        col=column,
    )


def _maps_title(removal: Removal) -> str:
    changes = removal.measured[removal.own]
    # A class without samples of the sign had none left out.
    known = changes[np.isfinite(changes) & (np.asarray(removal.sizes) > 0)]
    right = int((known > 0).sum() if removal.rises else (known < 0).sum())
    went = "rose" if removal.rises else "fell"
    return (
        f"Without the samples that {DOES[removal.sign]} it most, the {removal.word} of {right} of"
        f" {wording.counted(len(known), 'class', 'classes')} {went} (framed)"
    )


def _agreement_title(agreement: Agreement) -> tuple[str, str]:
    """Returns the sentence on all cells, and the one on own and on other classes alone."""
    if agreement.spearman is None:
        return "These changes are too few, or too alike, to be ranked", ""
    if agreement.interval is None:
        return "Predicted and measured changes: too few removals for a rank correlation", ""
    alike = "rank alike, with" if agreement.spearman > 0 else "do not rank alike:"
    title = f"Predicted and measured changes {alike} a Spearman correlation of {_rank(agreement.spearman)}"
    title += f" (95% {_rank(agreement.interval[0])} to {_rank(agreement.interval[1])})"
    parts = [
        f"{name} alone: {_rank(value)}"
        for name, value in (("Own classes", agreement.diagonal), ("other classes", agreement.off_diagonal))
        if value is not None
    ]
    return title, f"{'; '.join(parts)}." if parts else ""


def _predicted_word(removal: Removal) -> str:
    return f"{WORDS[removal.measurement].name} " if removal.figure == "accuracy" else ""


def _rank(value: float) -> str:
    return wording.number(value, 2)


def _change(value: float) -> str:
    """Returns a change with its sign and two figures that count."""
    if abs(value) >= 100:
        return wording.signed(value, "", 0)
    text = f"{value:+.2g}"
    return wording.MINUS + text[1:] if text.startswith("-") else text if value else "0"
