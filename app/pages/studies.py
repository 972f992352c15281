"""Studies: which there are, the stored runs of the one in view, a new one, and all jobs."""

import streamlit as st

from app.components.job_list import job_list
from app.components.run_list import run_list
from app.components.store_size import store_size
from app.components.studies_part import NEW, RUNS, STUDIES, chosen_part
from app.components.study_cards import study_cards
from app.components.study_form import study_form
from app.components.work_place import about_work_places

st.title("Which studies are there, and what was computed?")
part = chosen_part()
if part == STUDIES:
    study_cards()
    store_size()
elif part == RUNS:
    run_list(st.session_state["entry"])
elif part == NEW:
    study_form()
else:
    about_work_places()
    job_list()
