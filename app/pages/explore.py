"""Explore: which samples help or harm which classes, pair by pair, down to the single sample."""

import streamlit as st

from app.components.pair_picker import chosen_pair, pair_picker
from app.components.sample_panel import pair_plot, picked_samples, sample_panel
from app.components.server_state import matrices
from app.components.study_page import study_in_view

view = study_in_view("Which samples help or harm which classes?")
pair = chosen_pair(view.names, view.influence["accuracy"]["validation"])
left, right = st.columns([2, 3])
with left:
    pair_picker(view.names, matrices(view.key), pair)
with right:
    pair_plot(view, pair)
sample_panel(view)
picked_samples(view, pair)
