"""How far, and the search: everything on Improve that a slider changes, drawn anew without the rest of the page."""

import streamlit as st

from app.components import view_state
from app.components.faults import faults_logged
from app.components.navigation import renew_links
from app.components.refusal import refusals_shown
from app.components.run_views import predictor
from app.components.search_panel import search_controls, search_panel
from app.components.study_in_view import StudyInView
from app.components.threshold_sliders import prediction_panel, threshold_sliders


@st.fragment
@faults_logged()
def improve_panel(view: StudyInView, targets: tuple[int, ...]) -> None:
    """Shows the sliders, what they are predicted to do, the frontier with its candidates, and the search.

    Args:
        view: the study in view.
        targets: indices of the target classes.
    """
    try:
        with refusals_shown():
            controls, picture = st.columns([2, 3], gap="large")
            with controls:
                st.header("2. How far")
                thresholds = threshold_sliders(view, targets)
                prediction = predictor(view.study, view.key, targets).predict(thresholds.alpha)
                prediction_panel(view, targets, prediction)
                st.header("3. Search")
                search_controls(view, targets, thresholds)
            with picture:
                search_panel(view, targets, prediction)
    finally:
        # A slider runs this panel alone, and so not what writes the address after a whole page.
        view_state.write_url()
    renew_links()
