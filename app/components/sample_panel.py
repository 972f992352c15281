"""One sample: what it is, what the model says, whom it helps, and which others act like it."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.components.chart import chart
from app.components.picks import open_sample, sample_in_view
from app.components.plain import plain
from app.components.refusal import refusals_shown
from app.components.run_views import neighbours_of, sample_figure
from app.components.sample_inputs import samples_in_view, texts_in_view
from app.components.study_in_view import StudyInView
from app.figures.wording import number as written
from app.workflow.text_lines import length_sentence, shortened
from app.workflow.thumbnails import enlarged, shown_width, upright
from cache.shown_samples import ShownSamples

_NEIGHBOURS = 8
_TEXT_HEIGHT = 240
_WIDTH = 160
_LONGEST_TEXT = 20_000
_NEIGHBOUR_TEXT = 60


def sample_panel(view: StudyInView) -> None:
    """Shows the sample that was picked, and its neighbours in influence."""
    index = sample_in_view(view)
    if index is None:
        st.caption("Click a point to open its sample; draw a box or lasso to list the samples in it.")
        return
    sample = view.cache.sample(view.key, index)
    head, close = st.columns([8, 1], vertical_alignment="center")
    head.subheader(f"Sample {index}")
    close.button("Close", key="close_sample", on_click=lambda: open_sample(None), type="tertiary")
    is_text = view.study.data.modality == "text"
    picture, told, bars = st.columns([2, 1, 3] if is_text else [1, 1, 3])
    label, predicted = view.names[sample["label"]], view.names[sample["predicted"]]
    told.metric("Given label", plain(label), help="What the data say this sample is.")
    told.metric(
        "Model says",
        plain(predicted),
        f"{sample['confidence']:.0%} sure",
        "off",
        delta_arrow="off",
        help="The analysed checkpoint's prediction for this training sample.",
    )
    told.caption(f"From {plain(sample['source'])}")
    with bars:
        chart(sample_figure(view.key, index), "sample_bars")
    slots = _neighbours(view, index)
    # Last, for the data may have to be read: what is known of the sample is on the page by then.
    with picture, refusals_shown():
        if is_text:
            _text(view, index, slots)
            return
        samples = samples_in_view(view)
        _shown(view, samples, index)
        for slot, neighbour in slots if view.study.data.modality == "image" else ():
            _picture(slot, samples, neighbour, _WIDTH // 2)


def _shown(view: StudyInView, samples: ShownSamples, index: int) -> None:
    """Shows a table row by its columns, or a picture, and what the model sees of it where that is another size."""
    if view.study.data.modality == "tabular":
        named = pd.DataFrame({"column": samples.columns, "value": np.asarray(samples.inputs[index])})
        st.dataframe(named, height=240, hide_index=True)
        return
    _picture(st, samples, index, _WIDTH)
    if samples.sizes is not None:
        width, height = samples.sizes[index]
        st.caption(f"{width:,} × {height:,} pixels; the model sees a square of {samples.inputs.shape[-1]:,}.")


def _text(view: StudyInView, index: int, slots: list[tuple[Any, int]]) -> None:
    """Shows a text with its length, and the beginnings of its neighbours."""
    texts = texts_in_view(view)
    text = texts[index]
    with st.container(height=_TEXT_HEIGHT):
        st.markdown(plain(text[:_LONGEST_TEXT]) if text.strip() else "*The text is empty.*")
    rest = f" Its first {_LONGEST_TEXT:,} letters are shown." if len(text) > _LONGEST_TEXT else ""
    st.caption(f"{length_sentence(texts, index)}.{rest}")
    for slot, neighbour in slots:
        slot.caption(plain(shortened(texts[neighbour], _NEIGHBOUR_TEXT)))


def _picture(place: Any, samples: ShownSamples, index: int, side: int) -> None:
    """Shows a picture: a small one enlarged by whole pixels, a large one made to fit, both in their proportions."""
    pixels = upright(np.asarray(samples.inputs[index]), None if samples.sizes is None else samples.sizes[index])
    place.image(enlarged(pixels, side), width=shown_width(pixels, side))


def _neighbours(view: StudyInView, index: int) -> list[tuple[Any, int]]:
    """Shows the samples that act most like this one; returns where their pictures go."""
    frame = neighbours_of(view.key, index, _NEIGHBOURS)
    st.markdown(
        "**Its neighbours in influence**",
        help="The training samples whose influence on all classes points the same way: 1 is the same direction"
        " (cosine of the angle between the vectors, over all samples), whatever the strength.",
    )
    if frame.empty:
        st.caption("This sample has no influence on any class, so none is like it.")
        return []
    slots = []
    for place, (column, row) in enumerate(zip(st.columns(_NEIGHBOURS), frame.itertuples(), strict=False)):
        neighbour = int(row.index)
        slots.append((column.empty(), neighbour))
        column.caption(f"{plain(view.names[int(row.label)])} · {written(row.similarity, 2)}")
        column.button(
            f"{neighbour}",
            key=f"neighbour_{place}",
            on_click=open_sample,
            args=(neighbour,),
            help=f"Opens sample {neighbour}, labelled {plain(view.names[int(row.label)])}.",
            width="stretch",
        )
    return slots
