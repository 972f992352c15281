"""What a finished search gave: before, after and control by class, and what can be taken away."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app.components import view_state
from app.components.chart import chart
from app.components.columns import change_with_interval, share
from app.components.command_line import command_line
from app.components.plain import plain
from app.components.server_state import opened
from app.components.study_in_view import StudyInView
from app.components.table import table
from app.figures import before_after
from app.workflow.candidate_parts import CHECKPOINT, WEIGHTS
from app.workflow.options import finds_again, options_of
from app.workflow.result_tables import improvement_table
from app.workflow.searches import finished_searches, shown_search

_USE = """weights = torch.tensor(pandas.read_parquet("weights.parquet")["weight"].to_numpy())
losses = torch.nn.functional.cross_entropy(model(inputs), labels, reduction="none")
(weights[indices] * losses).mean().backward()"""


def results(view: StudyInView) -> None:
    """Shows before, after and control of a finished search, and what can be taken away."""
    finished = finished_searches(view.cache, view.key)
    result = shown_search(finished, view_state.targets(view.names), view_state.get("search"))
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
            on_change=lambda: view_state.put(search=st.session_state["search_choice"]),
        )
    st.markdown(plain(result["sentence"]))
    split = "test" if "test" in result["after"] else "validation"
    chosen = st.segmented_control("Judged on", list(result["after"]), default=split, key="result_split") or split
    before, after, control, interval, change = (
        np.array(result[name][chosen], dtype=float) for name in ("before", "after", "control", "interval", "change")
    )
    chart(before_after(view.names, before, after, control, interval, result["targets"], change), "before_after")
    st.caption(
        f"Left: the delivered checkpoint and its control. Right: the mean over {result['seeds']} batch orders that the"
        " search has not seen, which differs from a single one."
    )
    improvement(result, chosen, "search_table")
    for notice in result["notices"]:
        st.caption(f"Note: {plain(notice)}")
    downloads(opened().store.run(key).path, "search")
    _command(view, result)


def _title(view: StudyInView, result: dict[str, Any]) -> str:
    targets = ", ".join(view.names[k] for k in result["targets"])
    of = "fittest" if "search" not in result else f"candidate {result['chosen']}"
    return f"{targets}: {of} of {result['trainings']} trainings, {result['created'][:16].replace('T', ' ')}"


def improvement(result: dict[str, Any], split: str, key: str) -> None:
    """Shows what a reweighting did to each class as a table.

    Args:
        result: manifest of the run.
        split: whose samples it is judged on.
        key: of the table.
    """
    control = "The same training without weights."
    table(
        improvement_table(result, split),
        key,
        f"before-and-after-{split}",
        {
            "target": st.column_config.CheckboxColumn(help="Whether the class was to improve."),
            "before": share("before", f"Accuracy on {split} samples of the checkpoint that training started from."),
            "control": share("control", control),
            "after": share("after", "Of the delivered checkpoint."),
            **change_with_interval("control", f"Mean over {result['seeds']} trainings that the search has not seen."),
        },
    )


def _command(view: StudyInView, result: dict[str, Any]) -> None:
    """Shows the command of a search, or of one of its candidates, as long as it still leads there."""
    search = view.cache.run(result.get("search", result["key"]))
    options = {**view.options, **options_of(search)}
    if not view.is_current or not finds_again(search["key"], view.key, view.study, options):
        st.caption("No command line: the study has other data or settings now than this search had.")
        return
    candidate = result["chosen"] if "search" in result else None
    command_line("reweight", view.path, {**options, "candidate": candidate})


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
