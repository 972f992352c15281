"""The dashboard's entry: every page passes through here, and the sidebar is drawn here."""

import streamlit as st

from app.components import view_state
from app.components.faults import faults_logged
from app.components.navigation import page_links, pages
from app.components.refusal import refusals_shown
from app.components.server_state import opened
from app.components.study_picker import study_picker
from app.dashboard.ahead import load_ahead
from app.dashboard.gate import pass_gate

st.set_page_config(page_title="Paretoscope", page_icon=":material/query_stats:", layout="wide")

# The answer belongs on the first screen: Streamlit leaves 6 rem above it.
st.html("<style>.stMainBlockContainer { padding-top: 3rem; }</style>")
page = st.navigation(pages(), position="hidden")
with faults_logged(), refusals_shown():
    pass_gate()
    view_state.read_url()
    opened().cache.ingest()
    with st.sidebar:
        st.session_state["entry"] = study_picker()
        st.session_state["place_of_run"] = st.empty()
        page_links()
    try:
        page.run()
    finally:
        # Also after st.stop and st.rerun, which leave by way of an exception.
        view_state.write_url()
        load_ahead()
