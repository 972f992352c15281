"""The form of a new study: data, model, training and place; what is wrong is told as it is filled in."""

from dataclasses import fields
from pathlib import Path
from stat import S_ISREG

import streamlit as st

from app.components.path_field import roots
from app.components.plain import plain
from app.components.reading import read_in_view
from app.components.server_state import opened
from app.components.study_creation import check_and_create
from app.components.study_fields import (
    Draft,
    data_fields,
    model_fields,
    place_fields,
    set_field,
    training_fields,
)
from app.components.study_folder import look_at_folder
from app.jobs.read_apart import ReaderStopped
from app.serving import UPLOAD_MEGABYTES
from app.workflow.data_columns import READ_HERE, Columns, columns_of, format_of
from app.workflow.folder_browser import Roots
from app.workflow.new_study import Answers, answered, in_full, problems, proposed_folder
from app.workflow.uploads import ENDINGS, field_of, keep_upload
from engine.architecture_names import OURS, SKLEARN, SKLEARN_SUFFIX
from engine.errors import RefusedInput

_DRAFT = "new_study"


def study_form() -> None:
    """Shows the form, and beside it the study file that comes of it."""
    draft: Draft = st.session_state.setdefault(_DRAFT, {field.name: field.default for field in fields(Answers)})
    allowed = roots()
    _take_browsed(draft)
    _propose_from_paths(draft)
    look_at_folder(draft, allowed)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _upload(draft)
        st.subheader("1. Data")
        data = st.container()
        st.subheader("2. Model")
        model = st.container()
        st.subheader("3. Training")
        training = st.container()
        st.subheader("4. Name and place")
        place = st.container()
    columns, unread = _looked_at(draft, allowed)
    # What is wrong is known before the fields are drawn, from what they hold since the last change.
    found = problems(in_full(answered(draft), allowed), allowed)
    if unread is not None:
        found.setdefault("data.train", unread)
    with data:
        data_fields(draft, columns, found)
    with model:
        model_fields(draft, found)
    with training:
        training_fields(draft, found)
    with place:
        place_fields(draft, found)
    with right:
        answers = in_full(answered(draft), allowed)
        left_over = problems(answers, allowed)
        check_and_create(answers, allowed, left_over | ({"data.train": unread} if unread is not None else {}))


def _take_browsed(draft: Draft) -> None:
    touched = st.session_state.pop("new_touched", None)
    if touched is not None:
        draft[touched.removeprefix("new_")] = st.session_state[touched]


def _propose_from_paths(draft: Draft) -> None:
    """Fills in what a path leaves no choice about, and name and place of a set of torchvision."""
    if draft["checkpoints"].lower().endswith(SKLEARN_SUFFIX) and draft["architecture"] in OURS:
        set_field(draft, "architecture", SKLEARN)
    if draft["format"] == "torchvision" and draft["root"]:
        if not draft["name"]:
            set_field(draft, "name", draft["dataset"])
        if not draft["folder"]:
            set_field(draft, "folder", proposed_folder(str(Path(draft["root"]) / draft["dataset"]), draft["name"]))


def _upload(draft: Draft) -> None:
    with st.expander("Upload files from your own machine", icon=":material/upload:"):
        files = st.file_uploader(
            f"Tables, arrays and checkpoints of up to {UPLOAD_MEGABYTES} MB each",
            type=[ending.removeprefix(".") for ending in ENDINGS],
            accept_multiple_files=True,
            key="new_uploads",
            help="They are kept in the store. Larger files, and folders of pictures, are found by 'Browse'.",
        )
        for file in files:
            # A file stays in the uploader: it fills its field once, and what is changed there afterwards stays.
            taken = st.session_state.setdefault("new_taken", set())
            if file.file_id in taken:
                continue
            taken.add(file.file_id)
            try:
                path = keep_upload(opened().store, file.name, file.getvalue())
            except RefusedInput as refusal:
                st.error(plain(refusal), icon=":material/block:")
                continue
            set_field(draft, field_of(path), str(path))


def _looked_at(draft: Draft, allowed: Roots) -> tuple[Columns | None, RefusedInput | None]:
    """Looks at the head of the training data; proposes what follows from it when another file is named."""
    if not draft["train"] or draft["format"] == "torchvision":
        return None, None
    last_path, last_read = st.session_state.get("new_looked_at", (None, None))
    try:
        path = allowed.existing(draft["train"], folder=None)
        is_new = path != last_path
        chosen = (format_of(path) if is_new else None) or draft["format"]
        delimiter = None if is_new else draft["delimiter"] or None
        columns = _columns(path, chosen, delimiter)
        proposed = proposed_folder(str(path), draft["name"] or path.parent.name)
    except RefusedInput as refusal:
        return None, refusal
    # Also when another format or delimiter is chosen: the columns are others then.
    if is_new or last_read != (chosen, delimiter):
        _propose(draft, chosen, columns)
    if is_new:
        if not draft["name"]:
            set_field(draft, "name", path.parent.name)
        set_field(draft, "folder", proposed)
    st.session_state["new_looked_at"] = path, (chosen, draft["delimiter"] or None)
    return columns, None


def _columns(path: Path, data_format: str, delimiter: str | None) -> Columns:
    """Returns what a data file holds by its head.

    Raises:
        RefusedInput: if that cannot be read.
    """
    if data_format in READ_HERE:
        return columns_of(path, data_format, delimiter)
    try:
        found = path.stat()
    except OSError:
        found = None
    if found is None or not S_ISREG(found.st_mode):
        return columns_of(path, data_format, delimiter)  # which refuses it, unopened
    # A form asks at every change, and a process takes a second: one a state of the file.
    state = (path, data_format, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    last, told = st.session_state.get("new_head", (None, None))
    if state != last:
        asked = {"path": str(path), "format": data_format, "delimiter": delimiter}
        try:
            told = Columns.told(read_in_view("head", asked, "Looking at the file"))
        except ReaderStopped:
            raise
        except RefusedInput as refusal:
            told = refusal
        st.session_state["new_head"] = state, told
    if isinstance(told, RefusedInput):
        raise told
    return told


def _propose(draft: Draft, data_format: str, columns: Columns) -> None:
    set_field(draft, "format", data_format)
    set_field(draft, "modality", columns.modality)
    set_field(draft, "label", columns.label or "")
    set_field(draft, "input", [columns.input] if columns.input else [])
    set_field(draft, "delimiter", columns.delimiter or "")
    set_field(draft, "architecture", "cnn" if columns.modality == "image" else "mlp")
