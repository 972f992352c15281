"""The search on the page: budget and start, and its candidates over the predicted frontier."""

from typing import Any

import pandas as pd
import streamlit as st

from app.components.chart import chart
from app.components.job_panel import begin, job_in_view, job_panel
from app.components.server_state import opened, predictor
from app.components.study_page import StudyInView
from app.components.threshold_sliders import Thresholds
from app.figures import frontier
from app.workflow.candidate_parts import CONTROL, read_control
from app.workflow.improve_view import POINT_COLUMNS, Prediction, measured_points
from app.workflow.options import ALL_CLASSES, study_with_options
from cache.fingerprints import reweight_key


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
    names = [view.names[k] for k in targets]
    options: dict[str, Any] = {"setting": "direct_improvement", "targets": names, "iterations": iterations}
    if thresholds.form == "attainable":
        options["slack"] = thresholds.slack(view.names, targets)
    else:
        st.caption("The paper's thresholds range over 0 to 1 in the search; the slider shows single predictions only.")
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
    options = {} if job is None else job.request().options
    if job is not None and options.get("setting") != ALL_CLASSES:
        running, asked = _key(view, options), tuple(view.names.index(name) for name in options["targets"])
        status = job_panel(job, live=lambda: _draw(view, asked, running, None, live=True))
        if status.state in ("waiting", "running"):
            return
    shown = shown_search(finished_searches(view))
    same = shown is not None and tuple(shown["targets"]) == targets
    _draw(view, targets, shown["key"] if shown is not None and same else None, prediction, live=False)


def _key(view: StudyInView, options: dict[str, Any]) -> str:
    return reweight_key(view.key, study_with_options(view.study, options))


def finished_searches(view: StudyInView) -> dict[str, dict[str, Any]]:
    """Returns the finished searches from the checkpoint in view by key, the newest first."""
    runs = view.cache.runs("reweight")
    return {run["key"]: run for run in runs if run["influence"] == view.key and run.get("setting") != ALL_CLASSES}


def shown_search(finished: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Returns the finished search whose result is shown: the chosen one, else the newest, else none."""
    chosen = st.session_state.get("shown_search", "")
    return finished.get(chosen) or next(iter(finished.values()), None)


def _draw(
    view: StudyInView, targets: tuple[int, ...], key: str | None, prediction: Prediction | None, live: bool
) -> None:
    opened().cache.ingest()
    points, chosen = pd.DataFrame(columns=POINT_COLUMNS), None
    if key is not None and CONTROL in (folder := opened().store.run(key)).parts:
        points = measured_points(view.cache.candidates(key), read_control(folder), targets)
        chosen = view.cache.run(key)["chosen"] if view.cache.has_run(key) else None
    current = None if prediction is None or prediction.problem else (prediction.target_gain, prediction.worst_other)
    predicted = predictor(view.study, view.key, targets).frontier()
    figure = frontier(predicted, points, chosen, current, view.measurement)
    st.caption(
        "Dotted: the prediction, of first order and mostly too large. Points: what one more epoch really did on the"
        " validation data."
    )
    if live:
        chart(figure, "frontier_live")
    else:
        chart(figure, "frontier", on_select=lambda: _clicked(key))


def _clicked(key: str | None) -> None:
    points = [point for point in st.session_state["frontier"]["selection"]["points"] if point.get("customdata")]
    if points:
        st.session_state["candidate"] = {"run": key, "number": int(points[0]["customdata"][0])}


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{seconds / 60:.0f} min"
