"""Ceiling: has the classifier reached it, for which classes, and how far to trust the answer."""

import streamlit as st

from app.components.climb_panel import climb_panel
from app.components.judged_classes import judged_picker, of_judged_classes
from app.components.navigation import go_to
from app.components.study_page import study_in_view
from app.components.target_picker import target_picker
from app.components.verdict import (
    accuracy_metrics,
    gains,
    headroom,
    prices,
    region_counts,
    spectrum_and_paper,
    trust,
    verdict_card,
)

view = of_judged_classes(study_in_view("Has the classifier reached its ceiling?"))
verdict_card(view)
judged_picker(view)

accuracy_metrics(view)
left, right = st.columns(2, gap="large")
with left:
    targets = target_picker(view.names, view.key, "ceiling")
with right:
    gains(view)

improve, harmful, _ = st.columns([1, 1, 2])
if improve.button("Improve the chosen classes", type="primary", disabled=not targets):
    go_to("improve")
if harmful.button("See the harmful samples"):
    go_to("harmful")

st.header("Each class by itself")
headroom(view)
prices(view)

st.header("What the data holds")
region_counts(view, targets)
spectrum_and_paper(view)
climb_panel(view)
st.header("How far to trust this")
trust(view)
