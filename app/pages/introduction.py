"""Introduction: what the other pages talk about, told on two made-up sets of points."""

import streamlit as st

from app.components.introduction import (
    data_step,
    regions_step,
    removal_step,
    stories,
    vectors_step,
    verdict_step,
    what_next,
)

st.title("What can a classifier still gain, and how does one see it?")
st.markdown(
    "Paretoscope looks at a trained classifier and its training data and asks: can every class still improve, or does"
    " each gain of one class cost another? Two small made-up sets of points show how it finds out, in five minutes."
)
told = stories()
data_step(told)
vectors_step(told)
regions_step(told)
verdict_step(told)
removal_step(told)
what_next()
