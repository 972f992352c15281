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
from app.workflow.improve_view import POINT_COLUMNS, Prediction, measured_points
from app.workflow.options import study_with_options
from cache.fingerprints import reweight_key

_USE = """weights = torch.tensor(pandas.read_parquet("weights.parquet")["weight"].to_numpy())
losses = torch.nn.functional.cross_entropy(model(inputs), labels, reduction="none")
(weights[indices] * losses).mean().backward()"""


def search_controls(view: StudyInView, targets: tuple[int, ...], thresholds: Thresholds) -> None:
    """Shows budget and start.

    Args:
        view: the study in view.
        targets: indices of the target classes.
        thresholds: the most that the search may let the other classes lose.
    """
    search = view.study.reweight.search
    iterations = st.slider(
        "Iterations of the search",
        1,
        max(20, search.iterations),
        min(5, search.iterations),
        key="iterations",
        help="Each iteration trains one more epoch for every new candidate.",
    )
    trainings = search.population + iterations * (search.population - search.elites)
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
    if st.button("Start the search", type="primary"):
        begin("reweight", view.path, options)
        st.session_state["shown_search"] = _key(view, options)
        st.rerun()


def search_panel(view: StudyInView, targets: tuple[int, ...], prediction: Prediction) -> None:
    """Shows the job in view, and the frontier with the candidates of a running or finished search.

    Args:
        view: the study in view.
        targets: indices of the target classes.
        prediction: what the thresholds as they stand are predicted to do.
    """
    job = job_in_view("reweight", view.path)
    if job is not None:
        options = job.request().options
        running, asked = _key(view, options), tuple(view.names.index(name) for name in options["targets"])
        status = job_panel(job, live=lambda: _draw(view, asked, running, None, live=True))
        if status.state in ("waiting", "running"):
            return
    shown = _shown(view)
    same = shown is not None and tuple(shown["targets"]) == targets
    _draw(view, targets, shown["key"] if shown is not None and same else None, prediction, live=False)


def _key(view: StudyInView, options: dict[str, Any]) -> str:
    return reweight_key(view.key, study_with_options(view.study, options))


def _finished(view: StudyInView) -> dict[str, dict[str, Any]]:
    """Returns the finished searches from the checkpoint in view by key, the newest first."""
    return {run["key"]: run for run in view.cache.runs("reweight") if run["influence"] == view.key}


def _shown(view: StudyInView) -> dict[str, Any] | None:
    finished = _finished(view)
    chosen = st.session_state.get("shown_search", "")
    return finished.get(chosen) or next(iter(finished.values()), None)


def _draw(
    view: StudyInView, targets: tuple[int, ...], key: str | None, prediction: Prediction | None, live: bool
) -> None:
    opened().cache.ingest()
    points, chosen = pd.DataFrame(columns=POINT_COLUMNS), None
    if key is not None and "control.json" in (folder := opened().store.run(key)).parts:
        loss = _numbers(folder.read_json("control.json")["loss"])
        points = measured_points(view.cache.candidates(key), loss, targets)
        chosen = view.cache.run(key)["chosen"] if view.cache.has_run(key) else None
    current = None if prediction is None or prediction.problem else (prediction.target_gain, prediction.worst_other)
    chart = "frontier_live" if live else "frontier"
    st.plotly_chart(
        frontier(predictor(view.study, view.key, targets).frontier(), points, chosen, current),
        key=chart,
        on_select="ignore" if live else lambda: _clicked(chart, key),
        selection_mode="points",
        config={"displayModeBar": False},
        width="stretch",
    )


def _clicked(chart: str, key: str | None) -> None:
    points = [point for point in st.session_state[chart]["selection"]["points"] if point.get("customdata")]
    if points:
        st.session_state["candidate"] = {"run": key, "number": int(points[0]["customdata"][0])}


def results(view: StudyInView) -> None:
    """Shows before, after and control of a finished search, and what can be taken away."""
    finished, result = _finished(view), _shown(view)
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
