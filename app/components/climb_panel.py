"""The climb to the ceiling on the Ceiling page: its start, how far it is, its curve and the estimate per class."""

from typing import Any

import pandas as pd
import streamlit as st

from app.components.chart import chart
from app.components.job_panel import begin, job_in_view, job_panel
from app.components.search_result import downloads
from app.components.server_state import climb_key_of, opened
from app.components.study_page import StudyInView
from app.figures import climb_curve
from engine.experiments.climb_options import HOWS, MOST_ROUNDS, ROUNDS, SEEDS

_WAYS = {"reweight": "Reweight the samples", "remove": "Remove what harms every class"}


def climb_panel(view: StudyInView) -> None:
    """Shows the start of a climb, its progress, and the result of the one that is stored."""
    st.header("How high is the ceiling?")
    how = st.segmented_control(
        "Way up",
        HOWS,
        default=HOWS[0],
        format_func=_WAYS.__getitem__,
        key="climb_how",
        help="Samples that harm every class are found for two classes; for more there are few or none.",
    )
    how = how or HOWS[0]
    job, running, asked = job_in_view("climb", view.path), False, None
    if job is not None and job.request().options.get("how") == how:
        running = job_panel(job).state in ("waiting", "running")
        asked = job.request().options.get("rounds")
    result = stored_climb(view, how, asked)
    if result is not None:
        _result(view, result)
    else:
        moves = (
            "moves the weights half of the way to those that should help every class"
            if how == "reweight"
            else "removes the training samples that harm every class"
        )
        st.markdown(
            f"Each round trains from scratch, computes influence and verdict anew, and {moves}. It ends when"
            " the verdict says so or nothing more is gained. A third of the validation samples is kept apart to judge"
            " the rounds; test samples decide nothing."
        )
    if not running:
        _start(view, how, None if result is None else result["most_rounds"])


def _start(view: StudyInView, how: str, shown: int | None) -> None:
    """Offers a climb of a chosen number of rounds.

    Args:
        view: the study.
        how: the way up.
        shown: most rounds of the climb that is shown, if there is one.
    """
    number, button, _ = st.columns([1, 1, 2], vertical_alignment="bottom")
    rounds = number.number_input("Most rounds", 1, MOST_ROUNDS, ROUNDS, key="climb_rounds")
    words = "Climb to the ceiling" if shown is None else "Climb further" if rounds > shown else "Climb again"
    trained = f"At most {rounds} rounds of {SEEDS} trainings from scratch and one influence."
    there = " Rounds that a climb before had are taken over." if shown is not None else ""
    if button.button(words, key="climb_start", disabled=rounds == shown, help=trained + there):
        begin("climb", view.path, {"how": how, "rounds": rounds})
        st.rerun()


def stored_climb(view: StudyInView, how: str, asked: int | None = None) -> dict[str, Any] | None:
    """Returns a finished climb of the study as it is now; ``None`` without one.

    Args:
        view: the study.
        how: the way up.
        asked: the most rounds that are looked for; else, or if there is none of so many, those of the longest.
    """
    found = [
        manifest
        for manifest in view.cache.runs("climb")
        # A climb of the same key is of the same data, model and settings, whatever its study was called.
        if manifest["how"] == how and climb_key_of(view.study, how, manifest["most_rounds"]) == manifest["key"]
    ]
    return max(found, key=lambda manifest: (manifest["most_rounds"] == asked, manifest["most_rounds"]), default=None)


def _result(view: StudyInView, result: dict[str, Any]) -> None:
    st.markdown(f"{result['sentence']} {result['stopped']}")
    split = "test" if "test" in result["ceiling"] else "validation"
    curve, table = st.columns(2, gap="large")
    with curve:
        chart(climb_curve(result["rounds"], view.names, result["best_round"], result["seeds"]), "climb_curve")
    with table:
        st.subheader("Estimated ceiling per class")
        st.dataframe(_per_class(view, result, split), hide_index=True, width="stretch")
        best, judging = result["best_round"], result["judging_samples"]
        st.caption(
            f"Accuracy on {split} samples, mean of {result['seeds']} trainings; intervals are over those and over"
            f" samples. Round {best} was chosen on {judging:,} validation samples that no weights were computed on."
            " This is what changing weights reaches with this data and this model; others may reach more."
        )
    for notice in result["notices"]:
        st.caption(f"Note: {notice}")
    downloads(opened().store.run(result["key"]).path, "climb")


def _per_class(view: StudyInView, result: dict[str, Any], split: str) -> pd.DataFrame:
    def percent(values: list[Any]) -> list[str]:
        return ["no sample" if value is None else f"{value:.1%}" for value in values]

    return pd.DataFrame(
        {
            "class": view.names,
            "plain training": percent(result["rounds"][0]["accuracy"][split]),
            "estimated ceiling": percent(result["ceiling"][split]),
            "change, points (95%)": [
                # Of a class of one sample there is no interval.
                ("" if mean is None else f"{100 * mean:+.1f}")
                + ("" if low is None else f" ({100 * low:+.1f} to {100 * high:+.1f})")
                for mean, (low, high) in zip(result["change"][split], result["interval"][split], strict=True)
            ],
        }
    )
