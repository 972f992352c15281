"""What a finished search gave: before, after and control by class, and what can be taken away."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.components.chart import chart
from app.components.search_panel import finished_searches, shown_search
from app.components.server_state import opened
from app.components.study_page import StudyInView
from app.figures import before_after
from app.workflow.candidate_parts import CHECKPOINT, CONTROL, WEIGHTS

_USE = """weights = torch.tensor(pandas.read_parquet("weights.parquet")["weight"].to_numpy())
losses = torch.nn.functional.cross_entropy(model(inputs), labels, reduction="none")
(weights[indices] * losses).mean().backward()"""


def results(view: StudyInView) -> None:
    """Shows before, after and control of a finished search, and what can be taken away."""
    finished = finished_searches(view)
    result = shown_search(finished)
    if result is None:
        return
    key = result["key"]
    st.header("Before and after")
    if len(finished) > 1:
        st.session_state["search_choice"] = key
        st.selectbox(
            "Finished search",
            list(finished),
            format_func=lambda key: _title(view, finished[key]),
            key="search_choice",
            on_change=lambda: st.session_state.update(shown_search=st.session_state["search_choice"]),
        )
    st.markdown(result["sentence"])
    split = "test" if "test" in result["after"] else "validation"
    chosen = st.segmented_control("Judged on", list(result["after"]), default=split, key="result_split") or split
    before, after, control, interval, change = (
        np.array(result[name][chosen], dtype=float) for name in ("before", "after", "control", "interval", "change")
    )
    chart(before_after(view.names, before, after, control, interval, result["targets"], change), "before_after")
    st.caption(
        f"Left: the delivered checkpoint and its control. Right: the mean over {result['seeds']} batch orders, which"
        " differs from a single one."
    )
    st.dataframe(_table(view, result, chosen), hide_index=True, width="stretch")
    for notice in result["notices"]:
        st.caption(f"Note: {notice}")
    _candidate(view, key, result)
    downloads(opened().store.run(key).path, "search")


def _title(view: StudyInView, result: dict[str, Any]) -> str:
    targets = ", ".join(view.names[k] for k in result["targets"])
    return f"{targets}: {result['trainings']} trainings, {result['created'][:16].replace('T', ' ')}"


def _table(view: StudyInView, result: dict[str, Any], split: str) -> pd.DataFrame:
    def percent(values: list[Any]) -> list[str]:
        return ["no sample" if value is None else f"{value:.1%}" for value in values]

    return pd.DataFrame(
        {
            "class": view.names,
            "": ["target" if k in result["targets"] else "" for k in range(len(view.names))],
            "before": percent(result["before"][split]),
            "control (same epoch, unweighted)": percent(result["control"][split]),
            "after": percent(result["after"][split]),
            f"change against control, points, mean of {result['seeds']} batch orders": [
                "" if mean is None else f"{100 * mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
                for mean, (low, high) in zip(result["change"][split], result["interval"][split], strict=True)
            ],
        }
    )


def _candidate(view: StudyInView, key: str, result: dict[str, Any]) -> None:
    """Shows the candidate that was clicked on the frontier, class by class."""
    picked = st.session_state.get("candidate")
    if picked is None or picked["run"] != key:
        return
    row = view.cache.candidates(key).set_index("number").loc[picked["number"]]
    control = np.array(opened().store.run(key).read_json(CONTROL)["accuracy"], dtype=float)
    after = np.asarray(row["accuracy"], dtype=float)
    st.subheader(f"Candidate {picked['number']}")
    st.dataframe(
        pd.DataFrame(
            {
                "class": view.names,
                "before": view.influence["accuracy"]["validation"],
                "control": control,
                "after its epoch": after,
                "points against control": 100 * (after - control),
            }
        ),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="percent") for name in ("before", "control", "after its epoch")
        }
        | {"points against control": st.column_config.NumberColumn(format="%+.1f")},
    )
    told = "On the validation data, one batch order."
    if picked["number"] == result["chosen"]:
        told += " This is the candidate that the result above was trained with."
    st.caption(told)


def downloads(folder: Path, name: str) -> None:
    """Offers the weights and the checkpoint of a reweighting or a climb.

    Args:
        folder: of its run.
        name: tells the buttons of one result on a page from those of another.
    """
    weights, checkpoint = folder / WEIGHTS, folder / CHECKPOINT
    left, right = st.columns(2)
    left.download_button("Download the weights", weights.read_bytes, WEIGHTS, key=f"weights_{name}")
    right.download_button("Download the improved checkpoint", checkpoint.read_bytes, CHECKPOINT, key=f"model_{name}")
    st.caption("In your own training loop, with the indices of each batch:")
    st.code(_USE, language="python")
