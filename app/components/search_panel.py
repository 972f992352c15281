"""The search on the page: budget and start, candidates over the predicted frontier, the result."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.components.job_panel import begin, job_in_view, job_panel
from app.components.server_state import opened, predictor
from app.components.study_page import StudyInView
from app.components.threshold_sliders import Thresholds
from app.figures import before_after, frontier
from app.workflow.improve_view import Prediction, measured_points
from app.workflow.options import study_with_options
from cache.fingerprints import reweight_key

_USE = """weights = torch.tensor(pandas.read_parquet("weights.parquet")["weight"].to_numpy())
losses = torch.nn.functional.cross_entropy(model(inputs), labels, reduction="none")
(weights[indices] * losses).mean().backward()"""


def search_controls(view: StudyInView, targets: tuple[int, ...], thresholds: Thresholds) -> str:
    """Shows budget and start; returns the key of the run that the settings ask for."""
    search = view.study.reweight.search
    iterations = st.slider(
        "Iterations of the search",
        1,
        max(20, search.iterations),
        min(5, search.iterations),
        key="iterations",
        help="Each iteration trains one more epoch for every new candidate.",
    )
    children = search.population - search.elites
    trainings = search.population + iterations * children
    seconds = trainings * view.influence["seconds"]["scores"]
    st.caption(
        f"At most {trainings} trainings of one epoch, roughly {_duration(seconds)}."
        " It stops early when nothing improves."
    )
    options = {
        "targets": [view.names[k] for k in targets],
        "slack": thresholds.slack(view.names, targets),
        "iterations": iterations,
    }
    key = reweight_key(view.key, study_with_options(view.study, options))
    if st.button("Start the search", type="primary", disabled=view.cache.has_run(key)):
        begin("reweight", view.path, options)
        st.rerun()
    if view.cache.has_run(key):
        st.caption("This search is finished; its result is below.")
    return key


def search_panel(view: StudyInView, targets: tuple[int, ...], prediction: Prediction, key: str) -> str:
    """Shows the frontier, with the candidates of a running or finished search.

    Returns:
        The key of the run that is shown: of the job in view if there is one, else of the settings.
    """
    job = job_in_view("reweight", view.path)
    if job is not None:
        changed = study_with_options(view.study, job.request().options)
        shown = reweight_key(view.key, changed)
        asked = tuple(view.names.index(name) for name in job.request().options["targets"])
        status = job_panel(job, live=lambda: _draw(view, asked, shown, None, live=True))
        if status.state in ("waiting", "running"):
            return shown
        if status.state == "finished" and not view.cache.has_run(key):
            key, targets = shown, asked
    _draw(view, targets, key, prediction, live=False)
    return key


def _draw(view: StudyInView, targets: tuple[int, ...], key: str, prediction: Prediction | None, live: bool) -> None:
    opened().cache.ingest()
    folder = opened().store.run(key)
    points = pd.DataFrame(columns=["number", "origin", "feasible", "target_gain", "worst_other"])
    if "control.json" in folder.parts:
        loss = _numbers(folder.read_json("control.json")["loss"])
        points = measured_points(view.cache.candidates(key), loss, targets)
    current = None if prediction is None or prediction.problem else (prediction.target_gain, prediction.worst_other)
    chosen = view.cache.run(key)["chosen"] if view.cache.has_run(key) else None
    chart = "frontier_live" if live else "frontier"
    st.plotly_chart(
        frontier(predictor(view.study, view.key, targets).frontier(), points, chosen, current),
        key=chart,
        on_select="ignore" if live else lambda: _clicked(chart, key),
        selection_mode="points",
        config={"displayModeBar": False},
        width="stretch",
    )


def _clicked(chart: str, key: str) -> None:
    points = [point for point in st.session_state[chart]["selection"]["points"] if point.get("customdata")]
    if points:
        st.session_state["candidate"] = {"run": key, "number": int(points[0]["customdata"][0])}


def results(view: StudyInView, key: str) -> None:
    """Shows before, after and control of a finished search, and what can be taken away."""
    if not view.cache.has_run(key):
        return
    result = view.cache.run(key)
    st.header("Before and after")
    st.markdown(result["sentence"])
    split = "test" if "test" in result["after"] else "validation"
    chosen = st.segmented_control("Judged on", list(result["after"]), default=split, key="result_split") or split
    st.plotly_chart(
        before_after(
            view.names,
            _numbers(result["before"][chosen]),
            _numbers(result["after"][chosen]),
            _numbers(result["control"][chosen]),
            _numbers(result["interval"][chosen]),
            tuple(result["targets"]),
        ),
        key="before_after",
        config={"displayModeBar": False},
        width="stretch",
    )
    st.dataframe(_table(view, result, chosen), hide_index=True, width="stretch")
    for notice in result["notices"]:
        st.caption(f"Note: {notice}")
    _candidate(view, key, result)
    _downloads(opened().store.run(key).path)


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
    st.subheader(f"Candidate {picked['number']}")
    base = view.cache.run(view.key)["accuracy"]["validation"]
    st.dataframe(
        pd.DataFrame({"class": view.names, "before": base, "after its epoch": list(row["accuracy"])}),
        hide_index=True,
        column_config={name: st.column_config.NumberColumn(format="percent") for name in ("before", "after its epoch")},
    )
    if picked["number"] == result["chosen"]:
        st.caption("This is the candidate that the result above was trained with.")


def _downloads(folder: Path) -> None:
    weights, checkpoint = folder / "weights.parquet", folder / "improved.safetensors"
    left, right = st.columns(2)
    left.download_button("Download the weights", weights.read_bytes, "weights.parquet")
    right.download_button("Download the improved checkpoint", checkpoint.read_bytes, "improved.safetensors")
    st.caption("In your own training loop, with the indices of each batch:")
    st.code(_USE, language="python")


def _numbers(values: list[Any]) -> np.ndarray:
    return np.array(values, dtype=float)


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{seconds / 60:.0f} min"
