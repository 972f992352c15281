"""Improve: whom, how far, and what training with the found weights really does."""

import streamlit as st

from app.components.all_classes_panel import all_classes_panel
from app.components.search_panel import search_controls, search_panel
from app.components.search_result import results
from app.components.server_state import predictor
from app.components.study_page import study_in_view
from app.components.target_picker import target_picker
from app.components.threshold_sliders import prediction_panel, threshold_sliders

view = study_in_view("How can the chosen classes improve, and at what price?")
st.header("1. Whom")
targets = target_picker(
    view.names, view.influence["accuracy"]["validation"], view.influence["counts"]["validation"], "improve"
)
if targets:
    controls, pictures = st.columns(2, gap="large")
    with controls:
        st.header("2. How far")
        thresholds = threshold_sliders(view, targets)
        prediction = predictor(view.study, view.key, targets).predict(thresholds.alpha)
        prediction_panel(view, targets, prediction)
    with pictures:
        st.header("3. Search")
        search_controls(view, targets, thresholds)
        search_panel(view, targets, prediction)
else:
    st.info("Choose at least one class to improve: click its bar, or use the list.")
results(view)
all_classes_panel(view)
