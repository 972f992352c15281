"""Trainings on random halves on the Trust page: how well influence ranks them, under which curvature and damping."""

from typing import Any

import streamlit as st

from app.components.chart import chart
from app.components.command_line import command_of_run
from app.components.job_panel import begin, job_in_view, job_panel
from app.components.plain import plain
from app.components.refusal import refusals_shown
from app.components.run_views import training_seconds
from app.components.server_state import comparison_key_of, opened
from app.components.study_in_view import StudyInView
from app.components.table import table
from app.components.work_place import work_place
from app.figures import score_bars, strategy_scores
from app.workflow.job_list import ACTIVE, duration_words
from app.workflow.study_file import use_calibrated_damping
from app.workflow.trust_view import (
    Comparisons,
    comparison_options,
    comparisons_of,
    gain_sentence,
    own_candidate,
    score_sentence,
    score_table,
)
from engine.experiments.halves_options import QUICK_SUBSETS, SEEDS, SUBSETS

_SCORE = (
    "The score (linear datamodelling score) of a class is the rank correlation, over random halves, of its summed"
    " influence with what the class comes to when the model is trained on them: 1 is the same order. Trainings of one"
    " half differ by chance, so no prediction reaches 1."
)
_SHIPPED = "This study was shipped with the samples and stays as it is. Copy its folder to change it."
_WRITES = 'Writes damping = "calibrated" under [influence] into the study file. Influence then has to be computed anew.'


def datamodelling_panel(view: StudyInView) -> None:
    """Shows how well influence ranks trainings on halves, which damping does best, and the starts of both."""
    running = False
    for command, what in (("validate", "lds"), ("calibrate", None)):
        job = job_in_view(command, view.path)
        if job is not None and job.request().options.get("what") == what:
            running = job_panel(job).state in ACTIVE or running
    if not view.is_current:
        st.info("Trainings on halves are compared for the data, checkpoint and settings of a study as they are now.")
        return
    found = comparisons_of(view.cache.runs("datamodelling"), view.study, view.influence["strategy"], comparison_key_of)
    if found.best is not None:
        _scores(view, found.best)
    elif not running:
        st.markdown(
            "The model is trained from scratch on random halves of the training data, and for each class the sum of"
            " influence of a half is ranked against how well the class does. Every way to take the curvature into"
            " account, and every damping, is compared on the same trainings."
        )
    if found.calibration is not None:
        _calibration(view, found.calibration)
    if not running:
        _starts(view, found)


def _scores(view: StudyInView, found: dict[str, Any]) -> None:
    st.markdown(plain(score_sentence(found, view.study)), help=_SCORE)
    own = own_candidate(found, view.study)
    scores = score_table(found, view.study)
    left, right = st.columns(2, gap="large")
    with left:
        best = found["calibrated"]["candidate"]
        chart(strategy_scores(found["candidates"], own, best, found["mean_ceiling"]), "strategy_scores")
    with right:
        chart(score_bars(scores["class"], scores["score"], scores["ceiling"]), "score_bars")
        with st.expander("Scores as a table"):
            table(
                scores,
                "score_table",
                "scores-of-halves",
                {
                    "score": st.column_config.NumberColumn(format="%.2f", help=_SCORE),
                    "ceiling": st.column_config.NumberColumn(
                        "at most", format="%.2f", help="What a prediction would reach that knew the mean of trainings."
                    ),
                },
            )
    for notice in found["notices"]:
        st.caption(f"Note: {plain(notice)}")
    if len(found["strategies"]) > 1:
        command_of_run("validate", view, comparison_options(found))


def _calibration(view: StudyInView, found: dict[str, Any]) -> None:
    st.subheader("Which damping predicts best?", anchor=False)
    st.markdown(plain(gain_sentence(found)))
    if view.study.influence.damping == "calibrated":
        st.caption("The study's influence is computed with this damping.")
    else:
        shipped = opened().store.is_shipped_study(view.path)
        st.button(
            "Use the calibrated damping",
            key="use_calibrated",
            disabled=shipped,
            on_click=lambda: _use(view),
            help=_SHIPPED if shipped else _WRITES,
        )
    command_of_run("calibrate", view)


def _use(view: StudyInView) -> None:
    with refusals_shown():
        use_calibrated_damping(view.path)
        st.toast("The study file asks for the calibrated damping now. Influence has to be computed anew.", duration=20)


def _starts(view: StudyInView, found: Comparisons) -> None:
    """Offers what is not stored yet."""
    if not found.whole or found.calibration is None:
        work_place("halves")
    left, right = st.columns(2, gap="large")
    if not found.whole:
        with left:
            _compare(view, found)
    if found.calibration is None:
        with right:
            st.markdown("**Find the damping that predicts best**")
            st.caption(f"{_trainings(view, SUBSETS, SEEDS)} Trainings that are stored are taken over.")
            if st.button("Calibrate the damping", key="calibrate_start"):
                begin("calibrate", view.path, view.options)
                st.rerun()


def _compare(view: StudyInView, found: Comparisons) -> None:
    st.markdown("**Compare predictions with trainings on halves**")
    quick = st.toggle("Quick", key="halves_quick", help="Half as many trainings.") if found.best is None else False
    subsets = QUICK_SUBSETS if quick else SUBSETS
    given_up = " Scores are less certain, and no damping is chosen by so few." if quick else ""
    st.caption(_trainings(view, subsets, SEEDS) + given_up)
    if st.button("Train on halves and compare", key="halves_start", type="primary"):
        begin("validate", view.path, {**view.options, "what": "lds", **({"quick": True} if quick else {})})
        st.rerun()


def _trainings(view: StudyInView, subsets: int, seeds: int) -> str:
    count, epochs = subsets * seeds, view.study.training.epochs
    seconds = count * epochs * training_seconds(view.key)
    return (
        f"{count} trainings from scratch of {epochs} epochs ({subsets} halves, {seeds} each), roughly"
        f" {duration_words(seconds)} on this machine."
    )
