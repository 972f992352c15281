"""Explore: which samples help or harm which classes, pair by pair, down to the single sample."""

import streamlit as st

from app.components.pair_picker import chosen_pair, pair_picker
from app.components.pair_plot import pair_plot
from app.components.sample_panel import sample_panel
from app.components.selection_panel import selection_panel
from app.components.slices_panel import slice_picker, take_slice
from app.components.study_page import study_in_view

view = study_in_view("Which samples help or harm which classes?")
take_slice(view)
pair = chosen_pair(view.names, view.influence["accuracy"]["validation"])
left, right = st.columns([2, 3])
with left:
    pair_picker(view.names, view.key, pair)
with right:
    slice_picker(view)
    pair_plot(view, pair)
sample_panel(view)
selection_panel(view, pair)
