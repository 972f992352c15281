"""The introduction's story: two synthetic studies, step by step, from what is shipped and computed already."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from app.components import view_state
from app.components.chart import chart
from app.components.navigation import go_to
from app.components.server_state import keys_of, opened, study_at
from app.components.study_in_view import StudyInView
from app.components.verdict import verdict_card
from app.figures import Boundary, pair_scatter, points_by_class, points_by_region, removal_rounds
from app.serving import SAMPLES
from app.workflow.introduction import model_line, removal_of, told_points
from engine.errors import RefusedInput
from engine.experiments.synthetic import KINDS

_HEADINGS = {"separable": "A set with room to improve", "frontier": "A set at its ceiling"}


@dataclass(frozen=True)
class Story:
    """One synthetic study and what is drawn of it.

    Attributes:
        view: the study with its stored runs.
        points: of :func:`app.workflow.introduction.told_points`.
        line: the model's.
    """

    view: StudyInView
    points: pd.DataFrame
    line: Boundary


def stories() -> dict[str, Story]:
    """Returns the shipped studies that can be told, by kind; says of the others what is missing."""
    told: dict[str, Story] = {}
    missing = []
    for kind in KINDS:
        try:
            told[kind] = _story(kind)
        except RefusedInput:
            missing.append(kind)
    if missing:
        st.warning(
            f"The pictures of {' and '.join(f'`{kind}`' for kind in missing)} are left out: the sample study is not"
            " there, or has no stored result. `make samples` makes the samples anew."
        )
    return told


def _story(kind: str) -> Story:
    path = SAMPLES / kind / "study.toml"
    study = study_at(path)
    keys = keys_of(study)
    cache = opened().cache
    view = StudyInView(path, study, keys.influence, cache.run(keys.influence), cache.run(keys.ceiling), cache)
    line = model_line(study)
    return Story(view, told_points(study, cache.vectors(keys.influence)), Boundary(line.normal, line.offset))


def _beside_each_other(told: Mapping[str, Story], draw: Callable[[str, Story], None]) -> None:
    for column, kind in zip(st.columns(len(KINDS), gap="large"), KINDS, strict=True):
        if kind in told:
            with column:
                draw(kind, told[kind])


def data_step(told: Mapping[str, Story]) -> None:
    """Shows the two sets as they were drawn."""
    st.header("1. The data")
    st.markdown(
        "Each point is a training sample of one of two classes, blue or orange. The model may draw one straight line,"
        " and the line must pass through the origin (0, 0). On the left the two classes lie apart, but some labels were"
        " flipped on purpose: a ring marks them. On the right every label is right, but the classes overlap."
    )

    def draw(kind: str, story: Story) -> None:
        st.subheader(_HEADINGS[kind])
        chart(points_by_class(story.points, story.view.names, story.line), f"data_{kind}")

    _beside_each_other(told, draw)


def vectors_step(told: Mapping[str, Story]) -> None:
    """Shows the influence vectors."""
    st.header("2. What each sample does to each class")
    st.markdown(
        "The *influence* of a sample on a class says what its presence in the training data does to that class: above"
        " zero it helps, so the class's loss on other samples is lower; below zero it harms. Two classes make two"
        " numbers a sample, its *influence vector*, and here each sample is drawn at its vector. A sample on the dashed"
        " line gives one class as much as it takes from the other."
    )

    def draw(kind: str, story: Story) -> None:
        view, (a, b) = story.view, story.view.names
        frame = view.cache.pair(view.key, 0, 1)
        chart(pair_scatter(frame, a, b, view.cache.region_counts(view.key, 0, 1), view.names), f"vectors_{kind}")

    _beside_each_other(told, draw)


def regions_step(told: Mapping[str, Story]) -> None:
    """Shows the regions on the data."""
    st.header("3. Three kinds of samples")
    st.markdown(
        "*Joint positive* samples help both classes, *joint negative* ones harm both, and a *trade-off* helps one class"
        " at the other's expense. Back in the plane of the data, on the left, the samples that harm both are the"
        " flipped ones, although nobody told the method which labels are wrong. On the right nothing harms both."
    )

    def draw(kind: str, story: Story) -> None:
        chart(points_by_region(story.points, story.view.names, story.line), f"regions_{kind}")

    _beside_each_other(told, draw)


def verdict_step(told: Mapping[str, Story]) -> None:
    """Shows the two verdicts."""
    st.header("4. The verdict")
    st.markdown(
        "Where all samples lie on one falling line, each gain of one class costs the other at a fixed price, so no"
        " choice of training weights helps both: the classifier is *at its ceiling* for this data and this model. Where"
        " they lie off the line, some weights help both, and there is *room to improve*. On the samples that weights"
        " were chosen on they may look good by luck, so the verdict is judged on validation samples that they were not"
        " chosen on."
    )

    def draw(kind: str, story: Story) -> None:
        verdict_card(story.view)
        ceiling = story.view.ceiling
        harmful, agreement = st.columns(2)
        harmful.metric(
            "Harm both classes",
            f"{ceiling['all_classes']['joint_negative']:,} samples",
            help="Joint negatives among the training samples; removing one lowers the loss of both classes.",
        )
        agreement.metric(
            "Correlation",
            f"{ceiling['correlation'][0][1]:+.2f}",
            help="Of the influence on the two classes: near −1, what helps one class harms the other as much;"
            " near +1, what helps one helps the other.",
        )

    _beside_each_other(told, draw)


def removal_step(told: Mapping[str, Story]) -> None:
    """Shows what removing the joint negatives does, round by round, where that is stored."""
    story = told.get("separable")
    climb = None if story is None else removal_of(story.view.study, opened().store)
    if climb is None:
        return
    st.header("5. Removing what harms, round by round")
    st.markdown(
        "The simplest use of room to improve: remove the samples that harm both classes, train again from scratch,"
        " compute the influence anew, and repeat until no sample harms both."
    )
    picture, words = st.columns(2, gap="large")
    with picture:
        chart(removal_rounds(climb["rounds"], climb["class_names"]), "removal")
    with words:
        st.markdown(_told(climb))


def what_next() -> None:
    """Offers the way on, to real data and to the two studies themselves."""
    st.header("And your classifier?")
    st.markdown(
        "The same steps work for any number of classes and for models of many layers. *Ceiling* gives the verdict,"
        " *Explore* shows every pair of classes, and *Improve* finds weights for the classes you choose."
    )
    digits, separable, frontier, _ = st.columns([1, 1, 1, 1])
    for column, name, words in (
        (digits, "digits", "Open handwritten digits"),
        (separable, "separable", "Open the left set"),
        (frontier, "frontier", "Open the right set"),
    ):
        path = SAMPLES / name / "study.toml"
        if column.button(words, key=f"open_{name}", disabled=not path.is_file()):
            view_state.choose_study(str(path.resolve()))
            go_to("ceiling")


def _told(climb: Mapping[str, Any]) -> str:
    """Says in words what the rounds were."""
    lines = []
    for entry in climb["rounds"]:
        removed = entry.get("removed") or 0
        harmful = entry["regions"]["joint_negative"]
        loss = max(value for value in entry["loss"]["validation"] if value is not None)
        lines.append(
            f"- **Round {entry['round']}**: trained on {entry['samples']:,} samples, {harmful:,} of which harm both"
            f" classes; the worst class's loss on the validation samples that judge is {loss:.2g}."
            + (f" {removed:,} removed." if removed else "")
        )
    return "\n".join([*lines, "", str(climb["stopped"])])
