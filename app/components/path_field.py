"""A path on the server: typed, or found by looking around below the allowed roots."""

from pathlib import Path

import streamlit as st

from app.components.plain import plain, plain_code
from app.components.refusal import refusals_shown
from app.components.server_state import opened
from app.workflow.folder_browser import VARIABLE, Roots
from app.workflow.upload_folder import uploads_folder
from engine.errors import RefusedInput

_AT = "browse_at"
_UP = "↑ the folder above"


def roots() -> Roots:
    """Returns where files may lie: the allowed folders, and what was uploaded."""
    return Roots.of_environment(uploads_folder(opened().store))


def browse_button(name: str, label: str, key: str, folder: bool) -> None:
    """Shows the button that opens the browser for a field.

    Args:
        name: of what is looked for, in words.
        label: of the button.
        key: of the text field that the choice is written to.
        folder: whether a folder is wanted, and not a file.
    """
    if st.button(label, key=f"{key}_browse", icon=":material/folder_open:"):
        st.session_state[_AT] = str(_start(st.session_state.get(key) or ""))
        _browser(name, key, folder)


def _start(text: str) -> Path:
    """Returns the folder to begin at: that of the path in the field, else where the last search ended."""
    allowed = roots()
    for candidate in (text, st.session_state.get(_AT)):
        if candidate:
            try:
                path = allowed.resolved(candidate)
            except RefusedInput:
                continue  # Told beside the field.
            near = path if path.is_dir() else path.parent
            if near in allowed and near.is_dir():
                return near
    return allowed.folders[0] if allowed.folders else Path.cwd()


@st.dialog("Choose on the machine that runs this dashboard", width="medium")
def _browser(name: str, key: str, folder: bool) -> None:
    allowed = roots()
    st.caption(
        f"{name}. Folders below {plain(', '.join(map(str, allowed.folders)))} can be looked at ({VARIABLE} names them)."
    )
    with refusals_shown():
        listing = allowed.listing(Path(st.session_state[_AT]))
        st.markdown(f"**{plain_code(listing.folder)}**")
        _steps(listing.folder, listing.parent, listing.folders, allowed)
        if listing.left_out:
            st.caption(f"{listing.left_out:,} more entries are not listed: type the path instead.")
        if folder:
            chosen: Path | None = listing.folder
        else:
            file = st.selectbox(
                "File",
                listing.files,
                index=None,
                placeholder=f"{len(listing.files):,} files here" if listing.files else "No file here",
                key=f"browse_file_{listing.folder}",
            )
            chosen = listing.folder / file if file else None
        if st.button(
            "Choose this folder" if folder else "Choose this file",
            type="primary",
            disabled=chosen is None,
            key="browse_choose",
            on_click=_choose,
            args=(key, str(chosen)),
        ):
            st.rerun()


def _steps(folder: Path, parent: Path | None, folders: tuple[str, ...], allowed: Roots) -> None:
    elsewhere = [str(root) for root in allowed.folders if root != folder]
    choices = [*([_UP] if parent is not None else []), *folders, *elsewhere]
    step = st.selectbox(
        "Go to",
        choices,
        index=None,
        placeholder=f"{len(folders):,} folders here",
        key=f"browse_step_{folder}",
        help="A folder in this one, the one above, or another of the allowed ones.",
    )
    if step is not None:
        del st.session_state[f"browse_step_{folder}"]
        st.session_state[_AT] = str(parent if step == _UP else folder / step)
        st.rerun(scope="fragment")


def _choose(key: str, path: str) -> None:
    st.session_state[key] = path
    st.session_state["new_touched"] = key
