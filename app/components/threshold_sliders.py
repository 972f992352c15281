"""How far the other classes may go: one slider for all, single ones behind it, the prediction at once."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.components import view_state
from app.components.calibration import calibration_job
from app.components.chart import chart
from app.components.plain import plain
from app.components.run_views import probes
from app.components.study_in_view import StudyInView
from app.figures import predicted_changes, worst_first
from app.figures.ordering import MANY_CLASSES
from app.workflow.improve_view import Prediction
from app.workflow.sentences import probe_sentence
from engine.reweight.thresholds import Form, neutral

_SLIDERS = 5
"""Of many classes, how many have a slider of their own at first."""
MOST = 50
"""Per cent of its attainable gain that the sliders let another class lose at most."""


@dataclass(frozen=True)
class Thresholds:
    """What each class that is no target may lose.

    Attributes:
        may_lose: shares of the attainable gain (the paper's form: of the total influence) by
            class, shape ``(K,)``; 0 for targets.
        form: of the study's thresholds.
    """

    may_lose: NDArray[np.float64]
    form: Form

    @property
    def alpha(self) -> NDArray[np.float64]:
        """Thresholds of the programme, shape ``(K,)``, on the scale of the study's form."""
        return neutral(self.form) - self.may_lose

    def slack(self, names: list[str], targets: tuple[int, ...]) -> dict[str, float]:
        """Returns the shares by name, as ``[reweight] slack`` takes them."""
        return {name: float(self.may_lose[k]) for k, name in enumerate(names) if k not in targets}


def threshold_sliders(view: StudyInView, targets: tuple[int, ...]) -> Thresholds:
    """Shows the sliders and returns the thresholds that they stand at."""
    names, single = view.names, view_state.slack(view.names)
    level = _level()
    view_state.hold("may_lose", level)
    st.slider(
        "Other classes may lose",
        0,
        MOST,
        key="may_lose",
        format="%d%%",
        disabled=bool(single) and len(names) <= MANY_CLASSES,
        on_change=lambda: view_state.put(may_lose=str(st.session_state["may_lose"])),
        help="Per cent of what each could gain at best if everything were done for it alone."
        " 0: no other class may get worse to first order. Plain class weights, tried for comparison, are not bound"
        " by it.",
    )
    others = [k for k in range(len(names)) if k not in targets]
    may_lose = np.full(len(names), level / 100)
    with st.expander("Per class", expanded=bool(single)):
        st.session_state["single_thresholds"] = bool(single)
        st.toggle(
            "Set each class by itself",
            key="single_thresholds",
            disabled=not others,
            on_change=lambda: view_state.set_slack(
                {} if single else dict.fromkeys(_first_single(view, others), level), names
            ),
        )
        if single and len(names) > MANY_CLASSES:
            _some_of_many(names, others, single, level)
        many = len(names) > MANY_CLASSES
        for k in others if single else ():
            if many and k not in single:
                continue
            key = f"may_lose_{k}"
            view_state.hold(key, min(single.get(k, level), MOST))
            st.slider(plain(names[k]), 0, MOST, key=key, format="%d%%", on_change=_single_moved, args=(k, names))
            may_lose[k] = st.session_state[key] / 100
    may_lose[list(targets)] = 0.0
    return Thresholds(may_lose, view.study.reweight.thresholds)


def _first_single(view: StudyInView, others: list[int]) -> list[int]:
    """Returns the classes that get a slider at first: all, or of many the worst alone."""
    if len(view.names) <= MANY_CLASSES:
        return others
    worst = worst_first([np.nan if value is None else value for value in view.influence["accuracy"]["validation"]])
    return [k for k in worst if k in set(others)][:_SLIDERS]


def _some_of_many(names: list[str], others: list[int], single: dict[int, int], level: int) -> None:
    """Shows which of many classes have a slider of their own; the one above is for the others."""
    key = "single_classes"
    st.session_state[key] = [names[k] for k in others if k in single]
    st.multiselect(
        "Classes with a slider of their own",
        [names[k] for k in others],
        key=key,
        on_change=lambda: view_state.set_slack(
            {names.index(name): single.get(names.index(name), level) for name in st.session_state[key]}, names
        ),
        help="Type to search. All other classes may lose what the slider above says.",
    )


def _single_moved(k: int, names: list[str]) -> None:
    view_state.set_slack({**view_state.slack(names), k: st.session_state[f"may_lose_{k}"]}, names)


def _level() -> int:
    level = view_state.number("may_lose", 0, MOST)
    return 5 if level is None else level


def prediction_panel(view: StudyInView, targets: tuple[int, ...], prediction: Prediction) -> None:
    """Shows the predicted change of every class, or why the thresholds cannot be met."""
    if prediction.problem:
        st.warning(plain(prediction.problem))
        return
    order = worst_first(view.influence["accuracy"]["validation"])
    figure = predicted_changes(view.names, prediction.gains, targets, order, view.measurement)
    chart(figure, "predicted")
    _calibration(view)


def _calibration(view: StudyInView) -> None:
    """Says how far the predicted sizes are to be trusted, or offers to find out."""
    known = probes(view.key)
    if known is not None:
        st.caption(plain(probe_sentence(known)))
        return
    st.caption("Of first order and not calibrated: trust which classes gain and lose, not how much.")
    calibration_job(view)
