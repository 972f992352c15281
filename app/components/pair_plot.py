"""The plot of a pair: a click opens a sample, a box or lasso selects many; widgets below it do the same."""

import streamlit as st

from app.components.chart import chart
from app.components.picks import (
    FAR,
    Pair,
    drawn_shape,
    open_sample,
    pin_pair,
    sample_in_view,
    select_shape,
    set_zoom,
    shape_in_view,
    zoom_in_view,
)
from app.components.plain import plain
from app.components.run_views import pair_picture
from app.components.shapes_only import shapes_only
from app.components.study_in_view import StudyInView
from app.workflow.explore_view import SELECTABLE
from cache.pairs import Box
from cache.shapes import Shape

_REGIONS = {
    "joint_negative": "All that harm both",
    "joint_positive": "All that help both",
    "trade_off": "All trade-offs",
}


def pair_plot(view: StudyInView, pair: Pair) -> None:
    """Shows the samples by their influence on the two classes, and the ways to pick some."""
    a, b = pair
    zoom = zoom_in_view()
    figure, shown = pair_picture(view.key, a, b, zoom)
    # A new view is a new chart, so that nothing that was drawn over the last one is taken for drawn here.
    key = f"pair_{a}_{b}" if zoom is None else f"pair_{a}_{b}_zoomed_{hash(zoom) & 0xFFFF:x}"
    chart(figure, key, on_select=lambda: _selected(view, pair, key), modes=("points", "box", "lasso"))
    if shown.density is not None:
        st.caption(
            f"Every one of {shown.inside:,} samples is counted in the colours. The {len(shown.frame):,} that lie"
            " farthest from zero are points; zoom to a selection to see more of them."
        )
    elif not shown.is_whole:
        st.caption(
            f"{len(shown.frame):,} of {shown.inside:,} samples are drawn, the extremes among them; the counts and"
            " selections are of all."
        )
    if view.influence["samples"] > SELECTABLE or zoom is not None:
        _zoom_buttons(view, pair)
    _keyboard_ways(view, pair)
    shapes_only()


def _selected(view: StudyInView, pair: Pair, key: str) -> None:
    selection = st.session_state[key]["selection"]
    shape, points = drawn_shape(selection), selection["points"]
    drawn, clicked = f"drawn_{key}", f"clicked_{key}"
    last = st.session_state.get(drawn)
    # What was drawn once comes along with every later click.
    st.session_state[drawn] = None if shape is None else shape.text
    if shape is not None and shape.text != last:
        # The geometry is kept and asked of all rows: it also finds samples that are not drawn.
        pin_pair(view.names, pair)
        select_shape(shape)
    elif points:
        st.session_state[clicked] = int(points[0]["customdata"])
        open_sample(st.session_state[clicked])
    elif shape is None and last is not None and shape_in_view() is not None:
        select_shape(None)
    elif clicked in st.session_state:
        # A second click on a point arrives as an emptied selection.
        open_sample(st.session_state[clicked])


def _zoom(view: StudyInView, pair: Pair, box: Box | None) -> None:
    pin_pair(view.names, pair)
    set_zoom(box)


def _zoom_buttons(view: StudyInView, pair: Pair) -> None:
    shape = shape_in_view()
    box = None if shape is None or shape.kind == "region" else shape.bounds
    has_area = box is not None and box[0] < box[1] and box[2] < box[3] and max(map(abs, box)) < FAR
    into, out = st.columns(2)
    into.button(
        "Zoom to selection",
        icon=":material/zoom_in:",
        disabled=not has_area,
        on_click=lambda: _zoom(view, pair, box),
        help="Counts the samples inside the drawn box or lasso anew, and draws each one where they are few enough.",
        width="stretch",
    )
    out.button(
        "Whole view",
        icon=":material/zoom_out_map:",
        disabled=zoom_in_view() is None,
        on_click=lambda: set_zoom(None),
        width="stretch",
    )


def _keyboard_ways(view: StudyInView, pair: Pair) -> None:
    """Shows what does without a mouse what clicks and drawing do."""
    number, region, values = st.columns([2, 3, 2], vertical_alignment="bottom")
    st.session_state["sample_number"] = sample_in_view(view)
    number.number_input(
        "Open sample",
        0,
        view.influence["samples"] - 1,
        key="sample_number",
        on_change=lambda: open_sample(st.session_state["sample_number"]),
        placeholder="number",
        help="The same as a click on its point.",
    )
    shape = shape_in_view()
    st.session_state["region_choice"] = shape.region if shape is not None and shape.kind == "region" else None
    region.selectbox(
        "Select a region",
        list(_REGIONS),
        format_func=_REGIONS.__getitem__,
        key="region_choice",
        placeholder="or draw a box or lasso",
        on_change=lambda: _region_chosen(view, pair),
        help="Of all samples, drawn or not. Box and lasso are in the plot's tool bar.",
    )
    with values.popover("By values", help="A box by its four sides.", width="stretch"):
        _box_by_values(view, pair)


def _region_chosen(view: StudyInView, pair: Pair) -> None:
    region = st.session_state["region_choice"]
    pin_pair(view.names, pair)
    select_shape(None if region is None else Shape.of_region(region))


def _box_by_values(view: StudyInView, pair: Pair) -> None:
    with st.form("box_by_values", border=False):
        sides = []
        for k, axis in zip(pair, ("x", "y"), strict=True):
            for end, words in (("low", "from"), ("high", "to")):
                sides.append(
                    st.number_input(
                        f"Influence on {plain(view.names[k])} {words}",
                        value=None,
                        format="%.4g",
                        step=None,
                        key=f"box_{axis}_{end}",
                    )
                )
        st.form_submit_button("Select", on_click=lambda: _box_entered(view, pair))


def _box_entered(view: StudyInView, pair: Pair) -> None:
    sides = [st.session_state[f"box_{axis}_{end}"] for axis in "xy" for end in ("low", "high")]
    # A side that is left empty is open.
    open_sides = (-FAR, FAR, -FAR, FAR)
    if any(side is not None for side in sides):
        pin_pair(view.names, pair)
        select_shape(Shape.box(*(end if side is None else side for side, end in zip(sides, open_sides, strict=True))))
