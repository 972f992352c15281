"""Improve: whom, how far, and what training with the found weights really does."""

import streamlit as st

from app.components.all_classes_panel import all_classes_panel
from app.components.improve_panel import improve_panel
from app.components.search_result import results
from app.components.study_page import study_in_view
from app.components.target_picker import target_picker

view = study_in_view("How can the chosen classes improve, and at what price?")
st.header("1. Whom")
targets = target_picker(view.names, view.key, "improve")
if targets:
    improve_panel(view, targets)
else:
    st.info("Choose at least one class to improve: click its bar, or use the list.")
results(view)
all_classes_panel(view)
