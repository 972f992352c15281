"""The suspects on the Harmful page: the second opinion on the labels, the ranking and its table."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from app.components import view_state
from app.components.columns import share
from app.components.command_line import command_of_run
from app.components.job_panel import begin, job_in_view, job_panel
from app.components.plain import plain
from app.components.run_views import opinions_of, precision_of_rankings, suspects_of
from app.components.sample_rows import PAGE, open_sample_of, page_of_samples, sample_rows
from app.components.server_state import opened
from app.components.study_in_view import StudyInView
from app.components.table import table
from app.components.work_place import work_place
from app.workflow.command_text import file_name
from app.workflow.harmful_view import (
    RANKING_WORDS,
    all_rows,
    checked_ranking,
    precision_sentence,
    precision_table,
    rows_of,
)
from cache.fingerprints import harmful_key
from cache.parts import Opinions
from engine.experiments.harm_ranking import FOLDS, RANKINGS, Ranking, Suspects

_RANKING_HELP = (
    "Label: how improbable the given label is to a model that has not seen it. Harm: what the sample's presence costs"
    " the chosen classes. Label and harm together rank by the label first and by harm among those alike."
)
_COLUMNS = {
    "label": st.column_config.TextColumn("given label", help="What the data say this sample is."),
    "suggested": st.column_config.TextColumn(
        "suggested label",
        help="Another label, where a model that has not seen the given one is as sure of it as it is of others of"
        " that class. Empty: the evidence supports none.",
    ),
    "predicted": st.column_config.TextColumn(
        "model says", help="The analysed checkpoint, which was trained on this sample and its label."
    ),
    "label_quality": share(
        "label quality",
        "Probability of the given label by a model that was trained without this sample. Near 0: it is doubtful.",
    ),
    "harm": st.column_config.NumberColumn(
        "harm",
        format="%+.2f",
        help="What the sample's presence costs the chosen classes on the mean: 1 is as strong as an average sample acts"
        " on a class. Below zero it helps.",
    ),
    "self_influence": st.column_config.NumberColumn(
        "self-influence",
        format="%.3g",
        help="How strongly the sample acts on its own loss. High: the model fits it against the others, as it does"
        " outliers, rare cases and wrong labels.",
    ),
    "joint_negative": st.column_config.CheckboxColumn(
        "harms each", help="Joint negative: its presence harms every chosen class."
    ),
    "source": st.column_config.TextColumn("from", help="Where the data have it."),
}


def harmful_panel(view: StudyInView) -> Callable[[], None]:
    """Shows ranking and second opinion on the labels, and keeps a place for the table of samples.

    Returns:
        What fills that place, with the sample that is open below. It is called last: the table has pictures, for which
        the data may have to be read, and the rest of the page need not wait for them.
    """
    judged = _judged(view)
    opinions = None if judged is None else opinions_of(judged)
    ranking, classes = _choices(view, opinions is not None)
    found = suspects_of(view.key, judged, classes, ranking)
    st.markdown(plain(_summary(view, found, opinions, classes)))
    place = st.container()
    if judged is not None and opinions is not None:
        _precision(view, judged, opinions, classes, ranking)
        for notice in view.cache.run(judged)["notices"]:
            st.caption(f"Note: {plain(notice)}")
        some = None if view_state.harmed(view.names) is None else [view.names[k] for k in classes]
        command_of_run("harmful", view, {"classes": some, "ranking": ranking, "limit": PAGE})

    def fill() -> None:
        with place:
            _table(view, found, opinions, f"{ranking}_{'-'.join(map(str, classes))}")
            open_sample_of(view, "suspects")

    return fill


def _judged(view: StudyInView) -> str | None:
    """Returns the key of the run that judged the labels; where there is none, shows its start or its progress."""
    key = harmful_key(view.key)
    if view.cache.has_run(key):
        return key
    if key in opened().cache.refused:
        st.warning(f"A stored result is left out: {plain(opened().cache.refused[key])}")
    job = job_in_view("harmful", view.path)
    running = job is not None and job_panel(job).state in ("waiting", "running")
    if running:
        return None
    if not view.is_current:
        st.info("The labels of this run were not judged, and its data or settings have changed since.")
        return None
    st.info(
        "Ranked by harm alone. Models that have not seen a label tell better whether it is wrong; both together tell"
        " it best."
    )
    work_place("harmful")
    if st.button(
        "Judge the labels",
        type="primary",
        help=f"{FOLDS} trainings from scratch, each without a fifth of the samples, and each sample's influence on"
        " itself. Then a label quality for every sample, and another label where the evidence supports one.",
    ):
        begin("harmful", view.path, view.options)
        st.rerun()
    return None


def _choices(view: StudyInView, is_judged: bool) -> tuple[Ranking, tuple[int, ...]]:
    """Lets ranking and classes be chosen; returns both."""
    by, whom = st.columns([2, 3], vertical_alignment="bottom")
    ranking: Ranking = "influence"
    if is_judged:
        ranking = checked_ranking(view_state.choice("ranking", RANKINGS, RANKINGS[0]))
        view_state.hold("ranking_choice", ranking)
        by.segmented_control(
            "Ranked by",
            RANKINGS,
            format_func=RANKING_WORDS.__getitem__,
            key="ranking_choice",
            on_change=lambda: view_state.put(ranking=st.session_state["ranking_choice"]),
            help=_RANKING_HELP,
        )
    chosen = view_state.harmed(view.names)
    st.session_state["harmed_choice"] = [view.names[k] for k in chosen or ()]
    whom.multiselect(
        "Harm to",
        view.names,
        key="harmed_choice",
        on_change=lambda: view_state.set_harmed(
            [view.names.index(name) for name in st.session_state["harmed_choice"]], view.names
        ),
        placeholder="All classes",
        help="The classes whose harm counts. Nothing is computed anew.",
    )
    return ranking, chosen if chosen is not None else tuple(range(len(view.names)))


def _summary(view: StudyInView, found: Suspects, opinions: Opinions | None, classes: tuple[int, ...]) -> str:
    joint, every = int(found.joint.sum()), len(classes) == len(view.names)
    names = ", ".join(view.names[k] for k in classes)
    whom = "every class" if every else f"each of {names}" if len(classes) > 1 else names
    told = f"{joint:,} of {len(found.order):,} samples {'harms' if joint == 1 else 'harm'} {whom}"
    if opinions is None:
        return f"{told}."
    return f"{told}. For {int((opinions.suggested >= 0).sum()):,} samples another label is suggested."


def _table(view: StudyInView, found: Suspects, opinions: Opinions | None, key: str) -> None:
    samples, number = page_of_samples(found.order, f"suspects_{key}")
    told, _ = view.cache.described(view.key, samples)
    rows = rows_of(told, found, opinions, view.names).drop(columns="confidence").rename(columns={"index": "sample"})
    source = rows.pop("source")
    rows["source"] = source

    def whole() -> pd.DataFrame:
        every, vectors = view.cache.described(view.key, np.arange(len(found.order)))
        return all_rows(every, vectors, found, opinions, view.names)

    name = f"{file_name(view.study.name)}-harmful"
    sample_rows(rows, view, samples, "suspects", f"suspects_{key}_{number}", name, _COLUMNS, whole)


def _precision(view: StudyInView, judged: str, opinions: Opinions, classes: tuple[int, ...], ranking: Ranking) -> None:
    """Shows how well each ranking finds the wrong labels, where these are known."""
    limit = min(PAGE, len(opinions.label))
    told = precision_of_rankings(view.key, judged, classes, limit)
    if told is None or opinions.errors is None:
        return
    st.subheader("How well does it find wrong labels?")
    st.markdown(precision_sentence(told, ranking, len(opinions.errors), limit))
    table(
        precision_table(told),
        "precision",
        "precision-of-rankings",
        {
            "ranking": st.column_config.TextColumn("ranked by"),
            "found": share(f"wrong among the first {limit}", "Share of the first samples whose label is wrong."),
            "auc": st.column_config.NumberColumn(
                "AUC", format="%.3f", help="Probability that a wrong label comes before a right one: 0.5 is by chance."
            ),
            "average_precision": st.column_config.NumberColumn(
                "average precision",
                format="%.3f",
                help="Share of wrong labels up to each wrong one, on average: 1 is all of them first.",
            ),
        },
    )
    st.caption("The training file tells which labels are wrong. Nothing was trained or ranked by that.")
