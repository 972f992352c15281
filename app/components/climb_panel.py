"""The climb to the ceiling on the Ceiling page: its start, how far it is, its curve and the estimate per class."""

from typing import Any

import streamlit as st

from app.components.chart import chart
from app.components.columns import change_with_interval, share
from app.components.command_line import command_line
from app.components.job_panel import begin, job_in_view, job_panel
from app.components.plain import plain
from app.components.search_result import downloads
from app.components.server_state import climb_key_of, opened
from app.components.study_in_view import StudyInView
from app.components.table import table
from app.components.work_place import work_place
from app.figures import climb_curve
from app.workflow.result_tables import climb_table
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
    if not running and view.is_current:
        _start(view, how, None if result is None else result["most_rounds"])


def _start(view: StudyInView, how: str, shown: int | None) -> None:
    """Offers a climb of a chosen number of rounds.

    Args:
        view: the study.
        how: the way up.
        shown: most rounds of the climb that is shown, if there is one.
    """
    work_place("climb")
    number, button, _ = st.columns([1, 1, 2], vertical_alignment="bottom")
    rounds = number.number_input("Most rounds", 1, MOST_ROUNDS, ROUNDS, key="climb_rounds")
    words = "Climb to the ceiling" if shown is None else "Climb further" if rounds > shown else "Climb again"
    trained = f"At most {rounds} rounds of {SEEDS} trainings from scratch and one influence."
    there = " Rounds that a climb before had are taken over." if shown is not None else ""
    if button.button(words, key="climb_start", disabled=rounds == shown, help=trained + there):
        begin("climb", view.path, {**_seed(view), "how": how, "rounds": rounds})
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
    st.markdown(plain(f"{result['sentence']} {result['stopped']}"))
    split = "test" if "test" in result["ceiling"] else "validation"
    curve, estimate = st.columns(2, gap="large")
    with curve:
        chart(climb_curve(result["rounds"], view.names, result["best_round"], result["seeds"]), "climb_curve")
    with estimate:
        st.subheader("Estimated ceiling per class")
        table(
            climb_table(result, split),
            "climb_table",
            "estimated-ceiling",
            {
                "plain": share("plain training", f"Accuracy on {split} samples after training without weights."),
                "ceiling": share("estimated ceiling", f"Accuracy on {split} samples in the best round."),
                **change_with_interval("plain training", f"Mean over {result['seeds']} trainings."),
            },
        )
        best, judging = result["best_round"], result["judging_samples"]
        st.caption(
            f"Accuracy on {split} samples, mean of {result['seeds']} trainings; intervals are over those and over"
            f" samples. Round {best} was chosen on {judging:,} validation samples that no weights were computed on."
            " This is what changing weights reaches with this data and this model; others may reach more."
        )
    for notice in result["notices"]:
        st.caption(f"Note: {plain(notice)}")
    downloads(opened().store.run(result["key"]).path, "climb")
    command_line("climb", view.path, {**_seed(view), "how": result["how"], "rounds": result["most_rounds"]})


def _seed(view: StudyInView) -> dict[str, Any]:
    """Returns of the options that lead to the run in view those of a climb, which starts from no checkpoint."""
    return {name: value for name, value in view.options.items() if name == "seed"}
