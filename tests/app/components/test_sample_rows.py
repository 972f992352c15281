"""A page of many samples, and the table whose whole is taken away."""

import pandas as pd
from streamlit.testing.v1 import AppTest


def paged() -> None:
    import numpy as np
    import streamlit as st

    from app.components.sample_rows import page_of_samples

    samples, number = page_of_samples(np.arange(100, 160), "some")
    st.markdown(f"{number}: {samples[0]} to {samples[-1]}, {len(samples)}")


def test_pages_hold_every_sample_once_and_the_last_what_is_left():
    page = AppTest.from_function(paged).run()
    assert page.markdown[0].value == "1: 100 to 124, 25"
    assert page.number_input[0].max == 3
    page = page.number_input[0].set_value(3).run()
    assert page.markdown[0].value == "3: 150 to 159, 10"


def test_no_sample_is_one_empty_page():
    def empty() -> None:
        import numpy as np
        import streamlit as st

        from app.components.sample_rows import page_of_samples

        samples, number = page_of_samples(np.zeros(0), "none")
        st.markdown(f"{number}: {len(samples)}")

    assert AppTest.from_function(empty).run().markdown[0].value == "1: 0"


def test_what_is_taken_away_is_the_whole_where_a_page_is_shown(monkeypatch):
    import streamlit as st

    from app.components.table import table

    taken = {}

    def button(label, data, *arguments, **options) -> None:
        taken[label] = data()

    monkeypatch.setattr(st, "download_button", button)
    shown, every = pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1, 2, 3]})
    table(shown, "key", "name", whole=lambda: every)
    assert taken["CSV"] == "a\n1\n2\n3\n"
    table(shown, "other", "name")
    assert taken["CSV"] == "a\n1\n"
    assert taken["Parquet"].startswith(b"PAR1")
