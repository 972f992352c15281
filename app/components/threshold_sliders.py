"""How far the other classes may go: one slider for all, single ones behind it, the prediction at once."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.components import view_state
from app.components.chart import chart
from app.components.study_page import StudyInView
from app.figures import predicted_changes, worst_first
from app.workflow.improve_view import Prediction
from engine.reweight.thresholds import Form, neutral

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
    st.session_state["may_lose"] = _stored_level()
    level = st.slider(
        "Other classes may lose",
        0,
        MOST,
        key="may_lose",
        format="%d%%",
        on_change=lambda: view_state.put(may_lose=str(st.session_state["may_lose"])),
        help="Per cent of what each could gain at best if everything were done for it alone."
        " 0: no other class may get worse to first order.",
    )
    may_lose = np.full(len(view.names), level / 100)
    with st.expander("Per class"):
        single = st.toggle("Set each class by itself", key="single_thresholds")
        for k, name in enumerate(view.names):
            if single and k not in targets:
                may_lose[k] = st.slider(name, 0, MOST, level, key=f"may_lose_{view.key}_{k}", format="%d%%") / 100
    may_lose[list(targets)] = 0.0
    return Thresholds(may_lose, view.study.reweight.thresholds)


def _stored_level() -> int:
    text = view_state.get("may_lose") or "5"
    return min(int(text), MOST) if text.isdecimal() else 5


def prediction_panel(view: StudyInView, targets: tuple[int, ...], prediction: Prediction) -> None:
    """Shows the predicted change of every class, or why the thresholds cannot be met."""
    if prediction.problem:
        st.warning(prediction.problem)
        return
    order = worst_first(view.influence["accuracy"]["validation"])
    figure = predicted_changes(view.names, prediction.gains, targets, order, view.measurement)
    chart(figure, "predicted")
    st.caption("Of first order and not calibrated: trust which classes gain and lose, not how much.")
