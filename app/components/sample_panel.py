"""From the pair's scatter to single samples: a click opens one, a box or lasso lists many."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.components.chart import chart
from app.components.refusal import refusals_shown
from app.components.server_state import training_inputs
from app.components.study_page import StudyInView
from app.figures import influence_of_sample, pair_scatter

SELECTABLE = 20_000
"""Points drawn at most: a selection of more would not fit into a message to the server."""
_LISTED = 200


def pair_plot(view: StudyInView, pair: tuple[int, int]) -> None:
    """Shows the samples by their influence on the two classes."""
    a, b = pair
    frame = view.cache.pair(view.key, a, b, "ceiling", SELECTABLE)
    key = f"pair_{a}_{b}"
    counts = view.cache.region_counts(view.key, a, b)
    figure = pair_scatter(frame, view.names[a], view.names[b], counts, view.names)
    chart(figure, key, on_select=lambda: _selected(key, view.key, pair), modes=("points", "box", "lasso"))
    if len(frame) < view.influence["samples"]:
        drawn = f"{len(frame):,} of {view.influence['samples']:,} samples are drawn"
        st.caption(f"{drawn}, the extremes among them; the counts are of all.")


def _selected(key: str, run: str, pair: tuple[int, int]) -> None:
    selection = st.session_state[key]["selection"]
    if selection["box"] or selection["lasso"]:
        # The geometry is kept and asked of the cache: it also finds samples that are not drawn.
        st.session_state["region"] = {"run": run, "pair": pair, "bounds": _bounds(selection)}
    elif selection["points"]:
        st.session_state["sample"] = {"run": run, "index": int(selection["points"][0]["customdata"][0])}


def _bounds(selection: Any) -> tuple[float, float, float, float]:
    shape = (selection["box"] or selection["lasso"])[0]
    return min(shape["x"]), max(shape["x"]), min(shape["y"]), max(shape["y"])


def sample_panel(view: StudyInView) -> None:
    """Shows the sample that was clicked: what it is, what the model says, whom it helps."""
    picked = st.session_state.get("sample")
    if picked is None or picked["run"] != view.key:
        st.caption("Click a point to open its sample; draw a box or lasso to list the samples in it.")
        return
    sample = view.cache.sample(view.key, picked["index"])
    st.subheader(f"Sample {sample['index']}")
    picture, told, bars = st.columns([1, 1, 3])
    with picture, refusals_shown():
        _picture(np.asarray(training_inputs(view.study, view.key)[picked["index"]]), view)
    label, predicted = view.names[sample["label"]], view.names[sample["predicted"]]
    told.metric("Given label", label)
    told.metric(
        "Model says",
        predicted,
        f"{sample['confidence']:.0%} sure",
        "off",
        delta_arrow="off",
        help="The analysed checkpoint's prediction for this training sample.",
    )
    told.caption(f"From {sample['source']}")
    with bars:
        figure = influence_of_sample(view.names, sample["ceiling"], sample["label"], view.measurement)
        chart(figure, "sample_bars")


def _picture(inputs: np.ndarray, view: StudyInView) -> None:
    if view.study.data.modality == "tabular":
        st.dataframe(pd.DataFrame({"value": inputs}), height=240)
        return
    pixels = inputs.transpose(1, 2, 0)
    # Small pictures are enlarged by whole pixels, not blurred.
    scale = max(1, 160 // max(pixels.shape[:2]))
    st.image(np.kron(pixels, np.ones((scale, scale, 1), dtype=np.uint8)).squeeze(), width=160)


def picked_samples(view: StudyInView, pair: tuple[int, int]) -> None:
    """Lists the samples in the drawn box or lasso, the most harmful first."""
    region = st.session_state.get("region")
    if region is None or region["run"] != view.key or region["pair"] != pair:
        return
    a, b = pair
    frame = view.cache.pair(view.key, a, b, "ceiling", _LISTED, box=region["bounds"])
    st.subheader(f"{'The first ' if len(frame) == _LISTED else ''}{len(frame):,} samples in the selection")
    frame = frame.assign(total=frame["x"] + frame["y"]).sort_values("total")
    names = view.names
    table = pd.DataFrame(
        {
            "sample": frame["index"],
            "label": [names[k] for k in frame["label"]],
            "model says": [names[k] for k in frame["predicted"]],
            f"influence on {names[a]}": frame["x"],
            f"influence on {names[b]}": frame["y"],
            "from": frame["source"],
        }
    )
    st.dataframe(table, hide_index=True, width="stretch")
    st.download_button("Download as CSV", table.to_csv(index=False), "samples.csv", "text/csv")
