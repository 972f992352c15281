"""Saved slices: a selection under a name, opened again by anyone who has the store or the link."""

from collections.abc import Sequence

import streamlit as st

from app.components import view_state
from app.components.picks import Pair
from app.components.plain import plain
from app.components.refusal import refusals_shown
from app.components.server_state import opened
from app.components.study_in_view import StudyInView
from cache.shapes import Shape
from cache.slices import LONGEST_NAME, Slice, delete_slice, list_slices, read_slice, save_slice
from engine.errors import RefusedInput


def take_slice(view: StudyInView) -> None:
    """Turns to the pair and the shape of the slice that the address names; says why where it cannot."""
    id = view_state.get("slice")
    if id is None:
        return
    with refusals_shown():
        try:
            _show(_of_run(read_slice(opened().store, id), view), view.names)
        except RefusedInput:
            view_state.put(slice=None)
            raise


def _of_run(slice: Slice, view: StudyInView) -> Slice:
    if slice.run != view.key or max(slice.a, slice.b) >= len(view.names):
        raise RefusedInput(
            f"the slice '{slice.name}' belongs to another run",
            "a slice of the run in view",
            "Open the study that it was drawn in, as it was then",
        )
    return slice


def _show(slice: Slice, names: Sequence[str]) -> None:
    if (view_state.get("a"), view_state.get("b")) != (names[slice.a], names[slice.b]):
        view_state.put(zoom=None)
    view_state.put(a=names[slice.a], b=names[slice.b], region=slice.region, slice=slice.id)


def slice_picker(view: StudyInView) -> None:
    """Shows the saved slices of the run, to open or delete one; nothing where there are none."""
    slices, refused = list_slices(opened().store, view.key)
    for refusal in refused:
        st.warning(plain(refusal), icon=":material/block:")
    if not slices:
        return
    by_id = {each.id: each for each in slices}
    current = view_state.get("slice")
    st.session_state["slice_choice"] = current if current in by_id else None
    choice, remove = st.columns([5, 1], vertical_alignment="bottom")
    choice.selectbox(
        "Saved slices",
        list(by_id),
        format_func=lambda id: by_id[id].name,
        key="slice_choice",
        placeholder="Open a saved slice",
        on_change=lambda: _opened(by_id, view.names),
        help="Selections of this run that were given a name. Opening one shows its pair and its samples.",
    )
    if current in by_id:
        with remove.popover("Delete", width="stretch"):
            st.markdown(f"Delete the slice '{plain(by_id[current].name)}'? Its samples stay.")
            st.button("Delete it", key="delete_slice", on_click=lambda: _delete(current), type="primary")


def save_as_slice(view: StudyInView, pair: Pair, shape: Shape) -> None:
    """Shows the field for a name and the button that keeps the selection."""
    current = view_state.get("slice")
    if current is not None:
        st.caption("This selection is saved as a slice; the link shows it.")
        return
    with st.form("save_slice", border=False, clear_on_submit=True):
        field, button = st.columns([4, 1], vertical_alignment="bottom")
        field.text_input(
            "Save as slice",
            key="slice_name",
            max_chars=LONGEST_NAME,
            placeholder="a name, such as 'harms cat and dog'",
            help="Kept in the store, beside the runs: opened again from the list above the plot or by its link.",
        )
        saved = button.form_submit_button("Save", width="stretch")
    if saved:
        with refusals_shown():
            made = save_slice(opened().store, st.session_state["slice_name"], view.key, pair, shape)
            view_state.put(a=view.names[pair[0]], b=view.names[pair[1]], slice=made.id)
            st.rerun()


def _opened(by_id: dict[str, Slice], names: Sequence[str]) -> None:
    id = st.session_state["slice_choice"]
    if id is None:
        view_state.put(slice=None, region=None)
    else:
        _show(by_id[id], names)


def _delete(id: str) -> None:
    delete_slice(opened().store, id)
    view_state.put(slice=None)
