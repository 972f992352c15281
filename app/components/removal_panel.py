"""The removal study on the Trust page: its start, how far it is, and what leaving samples out did to each class."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.components import view_state
from app.components.chart import chart
from app.components.columns import points
from app.components.command_line import command_of_run
from app.components.job_panel import begin, job_in_view, job_panel
from app.components.left_out_panel import left_out_panel
from app.components.plain import plain
from app.components.run_views import training_seconds
from app.components.study_in_view import StudyInView
from app.components.table import table
from app.components.work_place import work_place
from app.figures import removal_maps, removal_scatter
from app.workflow.job_list import ACTIVE, duration_words
from app.workflow.removal_plan import LARGEST_SHARE, MOST_SEEDS, RemovalPlan
from app.workflow.trust_view import (
    FIGURES,
    agreement_of,
    alone_sentence,
    random_of,
    random_sentence,
    removal_of,
    removal_options,
    removal_studies,
    removal_table,
    removal_title,
)
from engine.experiments.removal import SHARE, SIGNS, Sign
from engine.judged_by import WORDS

_SIGNS = {"beneficial": "Without what helps a class", "detrimental": "Without what harms a class"}
_WHOLE, _QUICK = "whole", "quick"
_ALONE = (
    "What is measured is the mean over trainings with several seeds. The influence of one checkpoint also tells what"
    " was an accident of its own seed, so the mean influence of models trained with the same seeds predicts that mean"
    " better; it is what the maps show as predicted."
)


def removal_panel(view: StudyInView) -> None:
    """Shows the stored removal study of the run in view, and the start or the progress of one."""
    job, running = job_in_view("validate", view.path), False
    if job is not None and job.request().options.get("what") == "removal":
        running = job_panel(job).state in ACTIVE
    studies = removal_studies(view.cache.runs("removal"), view.key)
    if studies:
        _result(view, _chosen(studies))
    elif not running:
        st.markdown(
            "For each class, the training samples that help it most, by influence, are left out and the model is"
            " trained from scratch without them; then those that harm it most. What happens to every class is compared"
            " with what influence predicts, and with leaving out as many random samples."
        )
    if running:
        return
    if not view.is_current:
        if not studies:
            st.info("None is stored for this run, and its data or settings have changed since.")
    elif studies:
        with st.expander("Leave other samples out"):
            _start(view)
    else:
        _start(view)


def _start(view: StudyInView) -> None:
    """Offers a removal study: how large it is, how long it takes and what a small one gives up."""
    size = st.segmented_control(
        "Size",
        [_WHOLE, _QUICK],
        default=_WHOLE,
        format_func=str.capitalize,
        key="removal_size",
        required=True,
        help="Quick: the four weakest classes, two trainings of each set and half of the epochs.",
    )
    options: dict[str, Any] = {**view.options, "what": "removal"}
    accuracy, is_quick = view.influence["accuracy"]["validation"], size == _QUICK
    if is_quick:
        options["quick"] = True
    usual = RemovalPlan.of(view.study, view.names, accuracy, options)
    whom, share, seeds = st.columns([3, 1, 1])
    classes = whom.multiselect(
        "Leave samples out for",
        view.names,
        key="removal_classes",
        placeholder=", ".join(view.names[k] for k in usual.classes) if len(usual.classes) < 8 else "All classes",
        help="What is left out for these classes is measured on all of them.",
    )
    per_cent = share.number_input(
        "Share left out (%)",
        1.0,
        100 * LARGEST_SHARE,
        100 * SHARE,
        1.0,
        "%.0f",
        key="removal_share",
        help="Of the samples that help a class, or of those that harm it.",
    )
    count = seeds.number_input(
        "Trainings of each set",
        1,
        MOST_SEEDS,
        usual.seeds,
        key=f"removal_seeds_{size}",
        help="With other initial weights and batches. More of them make chance weigh less.",
    )
    if classes:
        options["classes"] = sorted(classes, key=view.names.index)
    if per_cent != 100 * SHARE:
        options["share"] = round(per_cent / 100, 4)
    if count != usual.seeds:
        options["seeds"] = count
    plan = RemovalPlan.of(view.study, view.names, accuracy, options)
    st.caption(f"{plan.trainings:,} trainings from scratch{_duration(view, plan)}. {_given_up(view, plan)}")
    work_place("removal")
    if st.button("Leave samples out and train anew", key="removal_start", type="primary"):
        begin("validate", view.path, options)
        st.rerun()


def _duration(view: StudyInView, plan: RemovalPlan) -> str:
    of_seed = sum(view.influence["seconds"].values())
    seconds = plan.trainings * plan.epochs * training_seconds(view.key) + plan.seeds * of_seed
    return f" of {plan.epochs} epochs, roughly {duration_words(seconds)} on this machine"


def _given_up(view: StudyInView, plan: RemovalPlan) -> str:
    return plain(" ".join(plan.notices(view.study, view.names)))


def _chosen(studies: list[dict[str, Any]]) -> dict[str, Any]:
    """Lets one of several stored studies be chosen; the newest whole one is shown at first."""
    by_key = {study["key"]: study for study in studies}
    key = view_state.choice("removal", by_key, studies[0]["key"])
    if len(studies) > 1:
        view_state.hold("removal_choice", key)
        st.selectbox(
            "Removal study",
            list(by_key),
            format_func=lambda key: removal_title(by_key[key]),
            key="removal_choice",
            on_change=lambda: view_state.put(removal=st.session_state["removal_choice"]),
        )
    return by_key[key]


def _result(view: StudyInView, study: dict[str, Any]) -> None:
    st.markdown(plain(study["sentence"]))
    left, middle, right = st.columns([2, 1, 1])
    with left:
        sign: Sign = SIGNS[SIGNS.index(_kept("Samples", "sign", _SIGNS))]
    with middle:
        word = WORDS[view.measurement].name
        figure = _kept("Change of", "measured_as", dict(zip(FIGURES, (word, "accuracy"), strict=True)))
    with right:
        splits = ["validation", *(["test"] if study.get("heatmaps_test") else [])]
        split = _kept(
            "Measured on", "split", {name: name for name in splits}, "Influence is of the validation samples alone."
        )
    removal = removal_of(study, split, sign, figure)
    chart(removal_maps(removal), "removal_maps", on_select=lambda: _clicked(study))
    random = random_of(study, split, sign, figure)
    scatter, table_side = st.columns(2, gap="large")
    with scatter:
        chart(removal_scatter(removal, agreement_of(study, split, sign, figure), random), "removal_scatter")
    with table_side:
        st.subheader("The class that samples were left out for", anchor=False)
        table(
            removal_table(study, split, sign),
            "removal_table",
            "removal-study",
            {
                "left_out": st.column_config.NumberColumn("left out", help="Samples that were left out for the class."),
                "predicted": st.column_config.NumberColumn(
                    "predicted", format="%+.3f", help=f"Change of {word} by influence; positive is worse."
                ),
                "measured": st.column_config.NumberColumn(
                    "measured",
                    format="%+.3f",
                    help=f"Change of {word} against the same trainings on all samples, mean of {study['seeds']}.",
                ),
                "accuracy": points("accuracy", "Measured change, in points."),
                "right": st.column_config.CheckboxColumn(
                    "as expected", help="Worse without what helps it, or better without what harms it."
                ),
            },
        )
        st.caption(plain(random_sentence(removal, random)))
        alone = alone_sentence(study, split, sign, figure)
        if alone:
            st.caption(plain(alone), help=_ALONE)
    left_out_panel(view, study, sign)
    for notice in study["notices"]:
        st.caption(f"Note: {plain(notice)}")
    command_of_run("validate", view, removal_options(study, view.study))


def _kept(label: str, name: str, options: Mapping[str, str], help: str | None = None) -> str:
    """Lets one of a few be chosen; the address holds which."""
    value, key = view_state.choice(name, options, next(iter(options))), f"removal_{name}"
    view_state.hold(key, value)
    st.segmented_control(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key,
        on_change=lambda: view_state.put(**{name: st.session_state[key]}),
        required=True,
        help=help,
    )
    return value


def _clicked(study: dict[str, Any]) -> None:
    """Opens the samples that were left out for the row of the clicked cell."""
    points = st.session_state["removal_maps"]["selection"]["points"]
    if points:
        view_state.put(without=study["class_names"][study["classes"][int(points[0]["y"])]])
