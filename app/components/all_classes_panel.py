"""All classes at once: the certificate's weights, retrained from scratch, and what that did to every class."""

from typing import Any

import numpy as np
import streamlit as st

from app.components.chart import chart
from app.components.columns import points
from app.components.command_line import command_of_run
from app.components.job_panel import begin, job_in_view, job_panel
from app.components.plain import plain
from app.components.search_result import downloads, improvement
from app.components.server_state import opened
from app.components.study_in_view import StudyInView
from app.components.table import table
from app.components.work_place import work_place
from app.figures.before_after import ACCURACY, MEAN_LOSS, Measure, before_after
from app.workflow.options import ALL_CLASSES, study_with_options
from app.workflow.result_tables import steps_table
from cache.fingerprints import reweight_key
from engine.judged_by import WORDS

_OPTIONS = {"setting": ALL_CLASSES}


def all_classes_panel(view: StudyInView) -> None:
    """Shows the start of the trainings, how far they are, and their result."""
    st.header("All classes at once")
    job, running = job_in_view("reweight", view.path), False
    if job is not None and job.request().options.get("setting") == ALL_CLASSES:
        running = job_panel(job).state in ("waiting", "running")
    options = {**view.options, **_OPTIONS}
    key = reweight_key(view.key, study_with_options(view.study, options))
    if view.cache.has_run(key):
        _result(view, view.cache.run(key))
    elif not running and view.is_current:
        low, high = view.study.reweight.weight_bounds
        st.markdown(
            f"The weights between {low:g} and {high:g} that should help every class are computed, and the model is"
            " trained from scratch with a share of them that is chosen on validation data. The result is judged"
            " against the same trainings without weights."
        )
        work_place("all_classes")
        if st.button("Improve all classes", help="About 70 trainings from scratch; small models take seconds."):
            begin("reweight", view.path, options)
            st.rerun()


def _result(view: StudyInView, result: dict[str, Any]) -> None:
    st.markdown(plain(result["sentence"]))
    split = "test" if "test" in result["after"] else "validation"
    left, right = st.columns(2, gap="large")
    with left:
        _chart(view, result, split, "loss_", MEAN_LOSS)
    with right:
        _chart(view, result, split, "", ACCURACY)
    chosen = "None of the steps" if result["step"] is None else f"Step {result['step']:g}"
    st.caption(
        f"{chosen} was chosen on validation data, from the steps below. On {split} data; changes are the mean over"
        f" {result['seeds']} trainings with other seeds, the three points are of the delivered checkpoint."
    )
    improvement(result, split, "all_classes_table")
    table(
        steps_table(result),
        "steps",
        "steps",
        {
            "step": st.column_config.NumberColumn(help="Share of the way from equal weights to the certificate's."),
            "improved": st.column_config.NumberColumn(
                "classes that improve", help="On validation samples that the weights were not computed on."
            ),
            "accuracy": points("accuracy, points", "Mean change over classes on those samples."),
            "value": points(
                f"{WORDS[view.measurement].name}, %",
                "Mean change over classes of what they are judged by; lower is better.",
            ),
        },
    )
    for notice in result["notices"]:
        st.caption(f"Note: {plain(notice)}")
    downloads(opened().store.run(result["key"]).path, ALL_CLASSES)
    command_of_run("reweight", view, _OPTIONS)


def _chart(view: StudyInView, result: dict[str, Any], split: str, prefix: str, measure: Measure) -> None:
    before, after, control, interval, change = (
        np.array(result[prefix + name][split], dtype=float)
        for name in ("before", "after", "control", "interval", "change")
    )
    figure = before_after(view.names, before, after, control, interval, changes=change, measure=measure)
    chart(figure, f"all_classes_{prefix}change")
