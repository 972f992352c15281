"""The opened sample: a picture in its proportions, a table row by the names of its columns."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

import app.components.sample_inputs as inputs
import app.components.sample_panel as panel
from engine.data.texts import Texts


def shown(modality: str, stored: np.ndarray) -> AppTest:
    def script(modality, inputs) -> None:
        from types import SimpleNamespace
        from typing import Any

        import app.components.sample_panel as panel

        view: Any = SimpleNamespace(study=SimpleNamespace(data=SimpleNamespace(modality=modality)))
        panel._shown(inputs, view)

    page = AppTest.from_function(script, args=(modality, stored)).run()
    assert not page.exception
    return page


def test_a_table_row_has_the_names_of_its_columns(monkeypatch):
    monkeypatch.setattr(panel, "input_columns_in_view", lambda view: ("width", "height"))

    (table,) = shown("tabular", np.array([1.5, 2.0], dtype=np.float32)).dataframe

    assert table.value.to_dict("list") == {"column": ["width", "height"], "value": [1.5, 2.0]}


def test_a_picture_is_shown_as_high_and_wide_as_it_is(monkeypatch):
    seen = []
    place = SimpleNamespace(image=lambda pixels, width: seen.append((pixels.shape, width)))

    for shape in ((3, 96, 32), (1, 28, 28), (3, 300, 900)):
        panel._picture(place, np.zeros(shape, dtype=np.uint8), 160)

    assert seen == [((96, 32, 3), 53), ((140, 140), 160), ((300, 900, 3), 160)]


def test_a_text_is_shown_as_it_is_with_its_length_and_its_neighbours(monkeypatch):
    long = "x" * 100
    texts = Texts(("*not* bold\n<b>", long), np.array([300, 2], dtype=np.int32), "tokens", most=128)
    monkeypatch.setattr(panel, "texts_in_view", lambda view: texts)

    def script() -> None:
        import streamlit as st

        import app.components.sample_panel as panel

        view: Any = None
        panel._text(view, 0, [(st.empty(), 1)])

    page = AppTest.from_function(script).run()

    assert not page.exception
    assert [shown.value for shown in page.markdown] == [r"\*not\* bold \<b\>"]
    assert [shown.value for shown in page.caption] == ["x" * 59 + "…", "300 tokens; the model sees the first 128."]


def test_texts_in_a_table_stand_behind_its_first_column(monkeypatch):
    texts = Texts(("one\ntwo", "three"), np.array([300, 2], dtype=np.int32), "tokens", most=128)
    monkeypatch.setattr(inputs, "texts_in_view", lambda view: texts)
    view: Any = SimpleNamespace(study=SimpleNamespace(data=SimpleNamespace(modality="text")))
    shown = pd.DataFrame({"sample": [1, 0], "label": ["a", "b"]})

    inputs.add_inputs(shown, view, np.array([1, 0]))

    assert list(shown.columns) == ["sample", "text", "tokens", "label"]
    assert shown["text"].tolist() == ["three", "one two"]
    assert shown["tokens"].tolist() == ["2", "300, cut to 128"]
