"""The samples inside what was drawn: a table page by page, what leaving them out would do, and the way to keep them."""

from io import BytesIO

import numpy as np
import pandas as pd
import streamlit as st

from app.components import view_state
from app.components.chart import chart
from app.components.picks import FAR, Pair, open_sample, select_shape, shape_in_view
from app.components.plain import plain
from app.components.refusal import refusals_shown
from app.components.run_views import selection_of
from app.components.sample_inputs import add_inputs
from app.components.slices_panel import save_as_slice
from app.components.study_in_view import StudyInView
from app.figures import REGION_MEANINGS, predicted_changes, worst_first
from app.figures.wording import counted
from app.workflow.command_text import file_name
from app.workflow.explore_view import (
    ORDERS,
    export_table,
    gains_without,
    page_of,
    pages,
    without_sentence,
)
from cache.manifests import class_scale
from cache.selections import Selection
from cache.shapes import Shape

_HONEST = (
    "Of first order: the sum of the samples' influence, as if the model were trained to the end without them."
    " It holds best for a few per cent of the data; of more, trust the direction and less the size."
)


def selection_panel(view: StudyInView, pair: Pair) -> None:
    """Shows the samples in the drawn box, lasso or region; nothing where none is drawn."""
    shape = shape_in_view()
    if shape is None:
        return
    selection = selection_of(view.key, *pair, shape.text)
    count = len(selection.samples)
    head, close = st.columns([8, 1], vertical_alignment="center")
    head.subheader(f"{counted(count, 'sample', 'samples')} in the selection")
    close.button("Clear", key="clear_selection", on_click=lambda: select_shape(None), type="tertiary")
    st.caption(plain(_in_words(shape, view, pair)))
    if not count:
        st.info("No sample lies in it. Draw a larger one.")
        return
    _counts(selection, view)
    # Only what is looked at is made.
    table, without, keep = st.tabs(
        ["Samples", "Predict without these", "Save and export"], key="selection_tabs", on_change="rerun"
    )
    if table.open:
        with table:
            _table(view, pair, selection, shape)
    if without.open:
        with without:
            _prediction(view, selection)
    if keep.open:
        with keep:
            save_as_slice(view, pair, shape)
            _exports(view, selection)


def _in_words(shape: Shape, view: StudyInView, pair: Pair) -> str:
    a, b = (view.names[k] for k in pair)
    if shape.kind == "region":
        return f"All samples that are {REGION_MEANINGS[shape.region].words} for {a} and {b}."
    x_low, x_high, y_low, y_high = shape.bounds
    lasso = f"A lasso of {len(shape.points)} corners within " if shape.kind == "lasso" else ""
    return f"{lasso}{_range(x_low, x_high, a)}, {_range(y_low, y_high, b)}."


def _range(low: float, high: float, name: str) -> str:
    if low <= -FAR:
        return f"any influence on {name}" if high >= FAR else f"influence on {name} up to {high:.3g}"
    return f"influence on {name} from {low:.3g}" + ("" if high >= FAR else f" to {high:.3g}")


def _counts(selection: Selection, view: StudyInView) -> None:
    columns = st.columns([1, 1, 1, 3])
    meanings = {
        "joint_negative": "Their presence harms both classes of the pair.",
        "joint_positive": "Their presence helps both classes of the pair.",
        "trade_off": "Their presence helps one class of the pair at the other's expense.",
    }
    for column, (region, meaning) in zip(columns, meanings.items(), strict=False):
        column.metric(REGION_MEANINGS[region].words.capitalize(), f"{selection.regions[region]:,}", help=meaning)
    own = selection.own_classes
    most = [k for k in np.argsort(-own, kind="stable")[:6] if own[k]]
    told = " · ".join(f"{plain(view.names[k])}: {own[k]:,}" for k in most)
    rest = int((own > 0).sum()) - len(most)
    columns[3].markdown("**By given label**", help="How many samples of the selection carry each label, most first.")
    columns[3].caption(told + (f" · and {counted(rest, 'more class', 'more classes')}" if rest else ""))


def _table(view: StudyInView, pair: Pair, selection: Selection, shape: Shape) -> None:
    by, page, told = st.columns([2, 1, 3], vertical_alignment="bottom")
    order = by.selectbox(
        "Sorted by",
        list(ORDERS),
        format_func=ORDERS.__getitem__,
        key="selection_order",
        help="By total influence: the sum over all classes. Below zero, the sample's presence harms on the whole.",
    )
    last = pages(selection)
    # Of this selection in this order: another one begins with its first page.
    number = page.number_input("Page", 1, last, key=f"selection_page_{shape.text}_{order}")
    told.caption(f"Page {number:,} of {last:,}. A click on a row's box opens the sample.")
    samples = page_of(selection, order, number)
    frame, vectors = view.cache.described(view.key, samples)
    names = np.asarray(view.names, dtype=object)
    columns = {
        "sample": frame["index"],
        "label": names[frame["label"].to_numpy(dtype=int)],
        "model says": names[frame["predicted"].to_numpy(dtype=int)],
        "sure": 100 * frame["confidence"],
        f"influence on {names[pair[0]]}": vectors[:, pair[0]],
        f"influence on {names[pair[1]]}": vectors[:, pair[1]],
        "total influence": vectors.sum(axis=1),
        "from": frame["source"],
    }
    shown = pd.DataFrame(columns)
    with refusals_shown():
        add_inputs(shown, view, samples)
    influence = st.column_config.NumberColumn(format="%+.3g")
    key = f"selected_rows_{shape.text}_{order}_{number}"
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        width="stretch",
        row_height=52 if "picture" in shown else None,
        column_config={
            "picture": st.column_config.ImageColumn("picture", width="small"),
            "sure": st.column_config.NumberColumn(format="%.0f%%", help="The model's confidence in what it says."),
            **{name: influence for name in shown.columns if "influence" in name},
        },
        on_select=lambda: _row_chosen(key, samples),
        selection_mode="single-row",
    )


def _row_chosen(key: str, samples: np.ndarray) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        open_sample(int(samples[rows[0]]))


def _prediction(view: StudyInView, selection: Selection) -> None:
    scale = class_scale(view.influence)
    gains = gains_without(selection.influence, view.influence["samples"], scale)
    st.markdown(plain(without_sentence(view.names, gains, len(selection.samples), view.measurement)))
    accuracy = [np.nan if value is None else value for value in view.influence["accuracy"]["validation"]]
    # The targets on top and in their colour, as wherever gains are predicted.
    targets = view_state.targets(view.names)
    chart(predicted_changes(view.names, gains, targets, worst_first(accuracy), view.measurement), "gains_without")
    st.caption(_HONEST)


def _exports(view: StudyInView, selection: Selection) -> None:
    st.markdown(
        "**Export**",
        help="Every sample of the selection, not only a page: its number, where it comes from, label, prediction,"
        " confidence and its influence on every class.",
    )

    def rows() -> pd.DataFrame:
        return export_table(*view.cache.described(view.key, selection.samples), view.names)

    def parquet() -> bytes:
        written = BytesIO()
        rows().to_parquet(written, index=False)
        return written.getvalue()

    name = f"{file_name(view.study.name)}-selection"
    csv, packed, _ = st.columns([1, 1, 4])
    # Made when they are pressed, and not at every look at the page.
    csv.download_button(
        "CSV", lambda: rows().to_csv(index=False), f"{name}.csv", "text/csv", key="selection_csv", on_click="ignore"
    )
    packed.download_button(
        "Parquet",
        parquet,
        f"{name}.parquet",
        "application/vnd.apache.parquet",
        key="selection_parquet",
        on_click="ignore",
    )
