"""The search on the page: budget and start, and its candidates over the predicted frontier."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from app.components import view_state
from app.components.candidate_panel import candidate_panel
from app.components.chart import chart
from app.components.job_panel import begin, job_in_view, job_panel
from app.components.run_views import predictor, training_seconds
from app.components.server_state import opened
from app.components.study_in_view import StudyInView
from app.components.threshold_sliders import Thresholds
from app.components.work_place import work_place
from app.figures import frontier
from app.workflow.candidate_parts import CONTROL, RESULT_SEEDS, read_control
from app.workflow.improve_view import POINT_COLUMNS, Axes, Prediction, measured_points
from app.workflow.job_list import duration_words
from app.workflow.options import is_search
from app.workflow.searches import finished_searches, search_key, shown_search
from engine.reweight.groups import BASELINES
from engine.reweight.search_space import BUDGETS, SLACKS
from engine.reweight_settings import Search

_MEAN, _WORST = "mean of the targets", "worst other class"
_GAINS = {"value": "predicted and measured", "accuracy": "measured, in accuracy"}


def search_controls(view: StudyInView, targets: tuple[int, ...], thresholds: Thresholds) -> None:
    """Shows budget and start.

    Args:
        view: the study in view.
        targets: indices of the target classes.
        thresholds: the most that the search may let the other classes lose.
    """
    search = view.study.reweight.search
    most = max(20, search.iterations)
    view_state.hold("iterations", view_state.number("iterations", 1, most) or min(5, search.iterations))
    iterations = st.slider(
        "Iterations of the search",
        1,
        most,
        key="iterations",
        on_change=lambda: view_state.put(iterations=str(st.session_state["iterations"])),
        help="Each iteration trains one more epoch for every new candidate.",
    )
    few, many = trainings_of(search, iterations)
    seconds = training_seconds(view.key)
    st.caption(
        f"About {few} trainings of one epoch, roughly {duration_words(few * seconds)}, and as many again or more"
        f" (never above {many:,}) for candidates that may lead: they are trained in {search.orders} batch orders. It"
        " stops early when nothing improves."
    )
    names = [view.names[k] for k in targets]
    options: dict[str, Any] = {
        **view.options,
        "setting": "direct_improvement",
        "targets": names,
        "iterations": iterations,
    }
    if thresholds.form == "attainable":
        options["slack"] = thresholds.slack(view.names, targets)
    else:
        st.caption("The paper's thresholds range over 0 to 1 in the search; the slider shows single predictions only.")
    work_place("search")
    if st.button("Start the search", type="primary", disabled=not view.is_current):
        begin("reweight", view.path, options)
        view_state.put(search=search_key(view.key, view.study, options), candidate=None)
        st.rerun()


def trainings_of(search: Search, iterations: int) -> tuple[int, int]:
    """Returns the epochs that a search trains at least, unless it stops early, and at most, if none falls behind."""
    tried = search.population + iterations * (search.population - search.elites)
    # Of both variables, if a study leaves them open: the certificate and what moves few samples.
    others = search.informed * 2 * (1 + len(BUDGETS) * len(SLACKS))
    beside = (1 + len(BASELINES)) * search.orders + 2 * RESULT_SEEDS
    return tried + others + beside, (tried + others) * search.orders + beside


def search_panel(view: StudyInView, targets: tuple[int, ...], prediction: Prediction) -> None:
    """Shows the job in view, and the frontier with the candidates of a running or finished search.

    Args:
        view: the study in view.
        targets: indices of the target classes.
        prediction: what the thresholds as they stand are predicted to do.
    """
    job = job_in_view("reweight", view.path)
    options = {} if job is None else job.request().options
    axes = _axes(view)
    if job is not None and is_search(options) and _is_of(view, options):
        running, asked = (
            search_key(view.key, view.study, options),
            tuple(view.names.index(name) for name in options["targets"]),
        )
        status = job_panel(job, live=lambda: _draw(view, asked, axes, running, None))
        if status.state in ("waiting", "running"):
            return
    shown = shown_search(finished_searches(view.cache, view.key), targets, view_state.get("search"))
    if shown is None or tuple(shown["targets"]) != targets:
        _draw(view, targets, axes, None, prediction)
    else:
        _draw(view, targets, axes, shown.get("search", shown["key"]), prediction, shown["chosen"])


def _is_of(view: StudyInView, options: dict[str, Any]) -> bool:
    """Says whether a search begins at the checkpoint of the run in view."""
    epoch = options.get("epoch")
    return not view.options if epoch is None else epoch == view.influence["epoch"]


def _axes(view: StudyInView) -> Axes:
    """Lets the frontier be drawn between any two classes."""
    names = view.names
    first, second = view_state.class_index("up", names), view_state.class_index("right", names)
    second = None if second == first else second
    every = range(len(names))
    with st.expander("Draw the frontier between two classes"):
        for column, words, name, chosen, other, otherwise in zip(
            st.columns(2),
            ("Upwards", "To the right"),
            ("up", "right"),
            (first, second),
            (None, first),
            (_MEAN, _WORST),
            strict=True,
        ):
            key = f"axis_{name}"
            st.session_state[key] = chosen
            column.selectbox(
                words,
                [None, *(k for k in every if other is None or k != other)],
                format_func=_axis(view, otherwise),
                key=key,
                on_change=_axis_chosen,
                args=(name, names),
            )
    return Axes(first, second)


def _axis_chosen(name: str, names: Sequence[str]) -> None:
    view_state.set_class(name, st.session_state[f"axis_{name}"], names)


def _axis(view: StudyInView, otherwise: str) -> Callable[[int | None], str]:
    return lambda k: otherwise if k is None else view.names[k]


def _draw(
    view: StudyInView,
    targets: tuple[int, ...],
    axes: Axes,
    key: str | None,
    prediction: Prediction | None,
    chosen: int | None = None,
) -> None:
    """Draws the frontier: live while a search runs, that is without a prediction of the thresholds as they stand."""
    opened().cache.ingest()
    by = view_state.choice("gains_as", _GAINS, "value")
    widget = f"gains_as_{prediction is None}"
    st.session_state[widget] = by
    st.segmented_control(
        "Gains as",
        list(_GAINS),
        format_func=_GAINS.__getitem__,
        key=widget,
        on_change=lambda: view_state.put(gains_as=st.session_state[widget]),
        label_visibility="collapsed",
    )
    accuracy = by == "accuracy"
    points = pd.DataFrame(columns=POINT_COLUMNS)
    if key is not None and CONTROL in (folder := opened().store.run(key)).parts:
        points = measured_points(view.cache.candidates(key), read_control(folder), targets, axes, accuracy)
    warm = predictor(view.study, view.key, targets)
    predicted = warm.frontier(axes)
    current = None if prediction is None or prediction.problem or accuracy else warm.point(prediction, axes)
    up, right = (None if k is None else view.names[k] for k in (axes.first, axes.second))
    figure = frontier(
        predicted.iloc[:0] if accuracy else predicted, points, chosen, current, view.measurement, (up, right), accuracy
    )
    dotted = "" if accuracy else "Dotted: the prediction, of first order. "
    free = f"{100 * view.study.reweight.search.tolerance:g}"
    st.caption(
        f"{dotted}Points: what one more epoch really did on the validation data. The search chooses by accuracy; what"
        f" another class loses of it counts beyond {free} points. Click a point to see it class by class, and to make"
        " it the result."
    )
    if prediction is None:
        chart(figure, "frontier_live")
    else:
        chart(figure, "frontier", on_select=lambda: _clicked(key))
        if key is not None and not points.empty:
            candidate_panel(view, key, points["number"].tolist(), chosen)


def _clicked(key: str | None) -> None:
    points = [point for point in st.session_state["frontier"]["selection"]["points"] if point.get("customdata")]
    if points and key is not None:
        view_state.put(candidate=f"{key}:{int(points[0]['customdata'][0])}")
