"""The dashboard's entry: every page passes through here, and the sidebar is drawn here."""

import streamlit as st

from app.components import view_state
from app.components.refusal import refusals_shown
from app.components.server_state import opened
from app.components.study_picker import study_picker

st.set_page_config(page_title="Paretoscope", page_icon=":material/query_stats:", layout="wide")

page = st.navigation(
    [
        st.Page("pages/ceiling.py", title="Ceiling", icon=":material/vertical_align_top:", default=True),
        st.Page("pages/explore.py", title="Explore", icon=":material/scatter_plot:"),
        st.Page("pages/improve.py", title="Improve", icon=":material/trending_up:"),
    ]
)
with refusals_shown():
    view_state.read_url()
    opened().cache.ingest()
    with st.sidebar:
        st.session_state["entry"] = study_picker()
    page.run()
    view_state.write_url()
