"""The opened sample: a picture in its proportions, a table row by the names of its columns."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

import app.components.sample_inputs as inputs
import app.components.sample_panel as panel
from app.workflow.thumbnails import thumbnail
from cache.shown_samples import ShownSamples, ShownTexts

SIZES = np.array([[64, 64], [30, 90]], dtype=np.int32)


def shown(modality: str, stored: np.ndarray, sizes: np.ndarray | None = None, columns: Any = ()) -> AppTest:
    def script(modality, samples) -> None:
        from types import SimpleNamespace
        from typing import Any

        import app.components.sample_panel as panel

        view: Any = SimpleNamespace(study=SimpleNamespace(data=SimpleNamespace(modality=modality)))
        panel._shown(view, samples, 0)

    page = AppTest.from_function(script, args=(modality, ShownSamples(stored[None], sizes, columns=columns))).run()
    assert not page.exception
    return page


def test_a_table_row_has_the_names_of_its_columns():
    (table,) = shown("tabular", np.array([1.5, 2.0], dtype=np.float32), columns=("width", "height")).dataframe

    assert table.value.to_dict("list") == {"column": ["width", "height"], "value": [1.5, 2.0]}


def test_a_picture_is_shown_as_high_and_wide_as_it_is():
    seen = []
    place = SimpleNamespace(image=lambda pixels, width: seen.append((pixels.shape, width)))

    for shape in ((3, 96, 32), (1, 28, 28), (3, 300, 900)):
        panel._picture(place, ShownSamples(np.zeros((1, *shape), dtype=np.uint8)), 0, 160)
    squares = ShownSamples(np.zeros((2, 3, 32, 32), dtype=np.uint8), np.array([[64, 64], [300, 900]], np.int32))
    panel._picture(place, squares, 1, 160)

    assert seen == [((96, 32, 3), 53), ((140, 140), 160), ((300, 900, 3), 160), ((160, 55, 3), 55)]


def test_a_picture_of_another_size_than_the_model_sees_says_so():
    pixels = np.zeros((3, 32, 32), dtype=np.uint8)

    assert not shown("image", pixels).caption
    (caption,) = shown("image", pixels, np.array([[1500, 900]])).caption
    assert caption.value == "1,500 × 900 pixels; the model sees a square of 32."


def test_a_text_is_shown_as_it_is_with_its_length_and_its_neighbours(monkeypatch):
    long = "x" * 100
    texts = ShownTexts(("*not* bold\n<b>", long), np.array([300, 2], dtype=np.int32), "tokens", most=128)
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
    texts = ShownTexts(("one\ntwo", "three"), np.array([300, 2], dtype=np.int32), "tokens", most=128)
    monkeypatch.setattr(inputs, "texts_in_view", lambda view: texts)
    view: Any = SimpleNamespace(study=SimpleNamespace(data=SimpleNamespace(modality="text")))
    shown = pd.DataFrame({"sample": [1, 0], "label": ["a", "b"]})

    inputs.add_inputs(shown, view, np.array([1, 0]))

    assert list(shown.columns) == ["sample", "text", "tokens", "label"]
    assert shown["text"].tolist() == ["three", "one two"]
    assert shown["tokens"].tolist() == ["2", "300, cut to 128"]


def test_pictures_in_a_table_have_the_proportions_that_they_had(monkeypatch):
    samples = ShownSamples(np.zeros((2, 3, 32, 32), dtype=np.uint8), SIZES)
    monkeypatch.setattr(inputs, "samples_in_view", lambda view: samples)
    view: Any = SimpleNamespace(study=SimpleNamespace(data=SimpleNamespace(modality="image")))
    table = pd.DataFrame({"sample": [1, 0]})

    inputs.add_inputs(table, view, np.array([1, 0]))

    assert table["picture"].tolist() == [thumbnail(np.zeros((3, 32, 32), np.uint8), size) for size in ((30, 90), None)]
