"""The composition on the Harmful page: whose samples help and harm each class, and the samples behind a bar."""

import math

import numpy as np
import pandas as pd
import streamlit as st

from app.components import view_state
from app.components.chart import chart
from app.components.plain import plain
from app.components.run_views import composition_of, samples_of_bar
from app.components.sample_rows import forget_place, open_sample_of, page_of_samples, sample_rows
from app.components.study_in_view import StudyInView
from app.figures import class_composition, composition_of_bar, worst_first
from app.figures.composition import Bar
from app.figures.ordering import MANY_CLASSES, shown
from app.figures.wording import counted
from app.workflow.command_text import file_name
from cache.composition import EFFECTS, Composition

_COUNTED = {"all": "All samples", "strongest": "The strongest tenth"}
_OWN = {True: "own", False: "other"}
_KINDS = [(effect, own) for effect in (0, 1) for own in (True, False)]


def _words(effect: int, own: bool, whom: str = "it") -> str:
    return f"{'harm' if effect else 'help'} {whom}, {'labelled so themselves' if own else 'of other classes'}"


def composition_panel(view: StudyInView) -> None:
    """Shows for each class how many samples of which class help and harm it; a bar that is picked lists its samples."""
    st.header("Whose samples help and harm each class?")
    which = view_state.choice("counted", _COUNTED, "all")
    view_state.hold("counted_choice", which)
    st.segmented_control(
        "Counted",
        list(_COUNTED),
        format_func=_COUNTED.__getitem__,
        key="counted_choice",
        on_change=lambda: view_state.put(counted=st.session_state["counted_choice"]),
        help="The strongest tenth: for each class, the tenth of all samples that act on it most, for better or worse.",
    )
    found = composition_of(view.key, which == "strongest")
    bar = _bar_in_view(view)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _bars(view, found, bar, which)
    with right:
        _keyboard_way(view, bar)
        if bar is not None:
            counts = found.counts[bar.effect, bar.affected]
            chart(composition_of_bar(view.names, counts, bar.affected, bar.effect), "composition_of_bar")
    if bar is None:
        forget_place()
    else:
        _samples(view, bar, which)
        open_sample_of(view, "bar")


def _bars(view: StudyInView, found: Composition, bar: Bar | None, which: str) -> None:
    accuracy = [math.nan if value is None else value for value in view.influence["accuracy"]["validation"]]
    keep = (*(view_state.harmed(view.names) or ()), *(() if bar is None else (bar.affected,)))
    key = f"composition_{which}"
    drawn = shown(worst_first(accuracy), keep)
    figure = class_composition(view.names, found.counts, drawn, _COUNTED[which].lower())
    chart(figure, key, on_select=lambda: _clicked(view, key))
    more = (
        " A class that is looked up beside, or chosen above, is drawn as well."
        if len(view.names) > MANY_CLASSES
        else ""
    )
    st.caption(
        "A sample helps a class if its presence lowers what the class is judged by, and harms it if it raises that."
        f" The classes that are classified worst come first. A click on a bar lists its samples.{more}"
    )


def _clicked(view: StudyInView, key: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    if not points:
        _pick(view, None)
        return
    k, effect, own = (int(number) for number in points[0]["customdata"])
    _pick(view, Bar(k, effect, bool(own)))


def _bar_in_view(view: StudyInView) -> Bar | None:
    """Returns the bar that the address names, or ``None``."""
    effect, _, rest = (view_state.get("bar") or "").partition("|")
    own, _, name = rest.partition("|")
    if effect not in EFFECTS or own not in _OWN.values() or name not in view.names:
        return None
    return Bar(view.names.index(name), EFFECTS.index(effect), own == _OWN[True])


def _pick(view: StudyInView, bar: Bar | None) -> None:
    told = None if bar is None else f"{EFFECTS[bar.effect]}|{_OWN[bar.own]}|{view.names[bar.affected]}"
    view_state.put(bar=told)


def _keyboard_way(view: StudyInView, bar: Bar | None) -> None:
    """Shows what a click on a bar picks, as two lists that pick it as well."""
    whom, which = st.columns([2, 3])
    view_state.hold("bar_class", None if bar is None else view.names[bar.affected])
    view_state.hold("bar_effect", (1, False) if bar is None else (bar.effect, bar.own))
    whom.selectbox(
        "Class",
        view.names,
        key="bar_class",
        placeholder="Choose",
        on_change=lambda: _chosen(view),
        help="Type to search.",
    )
    which.selectbox(
        "Samples that",
        _KINDS,
        format_func=lambda kind: _words(*kind),
        key="bar_effect",
        on_change=lambda: _chosen(view),
        disabled=bar is None,
    )


def _chosen(view: StudyInView) -> None:
    name, (effect, own) = st.session_state["bar_class"], st.session_state["bar_effect"]
    _pick(view, None if name is None else Bar(view.names.index(name), effect, own))


def _samples(view: StudyInView, bar: Bar, which: str) -> None:
    whom, name = view.names[bar.affected], EFFECTS[bar.effect]
    found = samples_of_bar(view.key, bar.affected, name, bar.own, which == "strongest")
    st.subheader(f"{counted(len(found), 'sample', 'samples')} that {_words(bar.effect, bar.own, plain(whom))}")
    if not len(found):
        st.info("No sample is behind this bar. Choose another one.")
        return
    key = f"{which}_{bar.affected}_{bar.effect}_{bar.own}"
    samples, number = page_of_samples(found, f"bar_{key}")
    influence = f"influence on {whom}"

    def rows(samples: np.ndarray) -> pd.DataFrame:
        told, vectors = view.cache.described(view.key, samples)
        names = np.asarray(view.names, dtype=object)
        columns = {
            "sample": told["index"],
            "label": names[told["label"].to_numpy(dtype=int)],
            "model says": names[told["predicted"].to_numpy(dtype=int)],
            influence: vectors[:, bar.affected],
            "from": told["source"],
        }
        return pd.DataFrame(columns)

    form = st.column_config.NumberColumn(format="%+.3g", help="Above zero, its presence helps the class.")
    file = f"{file_name(view.study.name)}-{name}-samples"
    sample_rows(
        rows(samples), view, samples, "bar", f"bar_{key}_{number}", file, {influence: form}, lambda: rows(found)
    )
