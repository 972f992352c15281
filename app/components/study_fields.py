"""The fields of the form of a new study; each keeps what it holds, and tells what is wrong with it."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

import streamlit as st

from app.components.path_field import browse_button
from app.components.plain import plain
from app.workflow.data_columns import Columns
from app.workflow.new_study import formats
from engine.architecture_names import OURS, SKLEARN
from engine.data_settings import Transform
from engine.errors import RefusedInput
from engine.study import Data, Training
from engine.torchvision_sets import SETS

Draft = dict[str, Any]
Found = Mapping[str, RefusedInput]
_FORMAT_WORDS = {
    "csv": "CSV table",
    "npz": "NumPy archive (npz)",
    "parquet": "Parquet",
    "image_folder": "Folder of pictures, one folder a class",
    "torchvision": "Data set of torchvision, by its name",
}
_REQUIRED = {"data.train": "train", "data.root": "root", "name": "name", "folder": "folder"}
"""Keys of the study file that have no default, and their fields."""
_AUGMENT = get_args(get_args(Transform.model_fields["augment"].annotation)[0])
_SCHEDULES = get_args(Training.model_fields["schedule"].annotation)
_MODALITIES = get_args(Data.model_fields["modality"].annotation)


def _field(draft: Draft, name: str, widget: Callable[..., Any], label: str, **options: Any) -> Any:
    """Shows a field; the draft is the truth, since a widget whose run was cut short begins at its least value."""
    key = f"new_{name}"
    st.session_state[key] = draft[name]
    widget(label, key=key, on_change=_take, args=(draft, name), **options)
    return draft[name]


def _take(draft: Draft, name: str) -> None:
    draft[name] = st.session_state[f"new_{name}"]


def set_field(draft: Draft, name: str, value: Any) -> None:
    """Fills a field in for the user; only before it is drawn, or in a callback."""
    draft[name] = value
    st.session_state[f"new_{name}"] = value


def _complaint(found: Found, *keys: str) -> None:
    for key in keys:
        if key in found:
            # What is only still open is no mistake of anybody's.
            still_open = key in _REQUIRED and not st.session_state.get(f"new_{_REQUIRED[key]}")
            colour, icon = ("gray", "edit") if still_open else ("red", "error")
            st.markdown(f":{colour}[:material/{icon}: {plain(found[key])}]")


def _path(draft: Draft, name: str, label: str, folder: bool, **options: Any) -> None:
    text, button = st.columns([4, 1], vertical_alignment="bottom")
    with text:
        _field(draft, name, st.text_input, label, **options)
    with button:
        browse_button(label, "Browse", f"new_{name}", folder)


def data_fields(draft: Draft, columns: Columns | None, found: Found) -> None:
    """Shows what is asked about the data.

    Args:
        draft: the answers.
        columns: what the training file holds, where it could be looked at.
        found: what is wrong, by the key of the study file.
    """
    folder, of_torchvision = draft["format"] == "image_folder", draft["format"] == "torchvision"
    if not of_torchvision:
        _path(draft, "train", "Training data", folder, placeholder="path of a file, or of a folder of pictures")
        _complaint(found, "data.train")
    _field(
        draft,
        "format",
        st.selectbox,
        "Format",
        options=formats(),
        format_func=lambda name: _FORMAT_WORDS[name],
        help="Proposed from the file's ending.",
    )
    _complaint(found, "data.format", "data")
    if of_torchvision:
        _torchvision_set(draft, found)
    else:
        _path(draft, "validation", "Validation data", folder, placeholder="empty: a share of the training data")
        _complaint(found, "data.validation")
    if of_torchvision or not draft["validation"]:
        _field(
            draft,
            "fraction",
            st.slider,
            "Share of the training data set aside for validation",
            min_value=0.05,
            max_value=0.5,
            step=0.05,
            help="Of each class, drawn by the seed.",
        )
    if of_torchvision:
        _pictures(draft, found)
        return
    _path(draft, "test", "Test data (optional)", folder, placeholder="never seen by influence or search")
    _complaint(found, "data.test")
    names = () if columns is None or draft["format"] == "image_folder" else columns.names
    if draft["header"] and draft["format"] == "csv":
        names = tuple(draft["header"])
    if draft["format"] != "image_folder":
        _columns(draft, names, found)
    _field(
        draft,
        "class_names",
        st.multiselect,
        "Names of the classes",
        options=tuple(draft["class_names"]),
        accept_new_options=True,
        placeholder="those of the data, in the order of the alphabet",
        help="All of them, in the order of the model's outputs; needed where that is not the order of the alphabet.",
    )
    _complaint(found, "data.class_names")
    if draft["modality"] == "text":
        _texts(draft, found)
    elif draft["modality"] == "image":
        _pictures(draft, found)
    else:
        _normalisation(draft, "column", found)


def _torchvision_set(draft: Draft, found: Found) -> None:
    _field(
        draft,
        "dataset",
        st.selectbox,
        "Data set",
        options=tuple(SETS),
        help="It has its own training and test split.",
    )
    _path(draft, "root", "Folder of its files", True, placeholder="the root that torchvision was given")
    _field(
        draft,
        "download",
        st.checkbox,
        "Let torchvision fetch what is missing",
        help="By the first job. Nothing is fetched without it.",
    )
    _complaint(found, "data.root", "data.dataset")


def _columns(draft: Draft, names: tuple[str, ...], found: Found) -> None:
    left, right = st.columns(2)
    with left:
        # What the study file names stays a choice, also where the file at hand does not have it.
        known = tuple(dict.fromkeys([*names, *filter(None, [draft["label"]])]))
        _field(
            draft,
            "label",
            st.selectbox,
            "Label",
            options=("", *known),
            format_func=lambda name: name or "choose a column",
            help="The column or array of the classes.",
        )
        _complaint(found, "data.label")
    with right:
        inputs = tuple(name for name in dict.fromkeys([*names, *draft["input"]]) if name != draft["label"])
        _field(
            draft,
            "input",
            st.multiselect,
            "Input",
            options=inputs,
            placeholder="all the rest",
            help="The column or array of the inputs; of tables any number of columns, none stands for all the rest.",
        )
        _complaint(found, "data.input")
    if draft["format"] in ("npz", "parquet", "csv"):
        words = {"image": "Pictures", "tabular": "Rows of numbers", "text": "Texts"}
        never = {"npz": "text", "csv": "image"}.get(draft["format"])
        _field(
            draft,
            "modality",
            st.segmented_control,
            "What a sample is",
            options=tuple(name for name in _MODALITIES if name != never or name == draft["modality"]),
            required=True,
            format_func=lambda name: words.get(name, name),
        )
        _complaint(found, "data.modality")
    if draft["format"] == "csv":
        _field(
            draft,
            "delimiter",
            st.text_input,
            "Delimiter",
            placeholder="comma",
            max_chars=1,
            help="Between the columns, where it is not a comma.",
        )
        _complaint(found, "data.delimiter")
        _field(
            draft,
            "header",
            st.multiselect,
            "Names of the columns, where the first line is a sample already",
            options=tuple(draft["header"]),
            accept_new_options=True,
            placeholder="none: the first line names them",
            help="All of them, in their order. Of texts with their labels: text and label.",
        )
        _complaint(found, "data.header")


def _texts(draft: Draft, found: Found) -> None:
    words = {
        "tfidf": "Words (TF-IDF): an answer in a minute",
        "encoder": "A frozen encoder's embeddings: the fast choice on a CPU for good accuracy",
        "none": "The transformer itself is trained and analysed: better with a GPU",
    }
    _field(
        draft,
        "features",
        st.radio,
        "How texts become numbers",
        options=tuple(words),
        format_func=words.__getitem__,
        help="The first two give rows of numbers for a logistic regression or an mlp.",
    )
    if draft["features"] == "encoder":
        _path(
            draft,
            "encoder",
            "Folder of the encoder",
            True,
            placeholder="with config.json, tokenizer.json and model.safetensors",
            help="Each text is embedded once, and the embeddings are kept in the store.",
        )
    if draft["features"] == "none":
        _path(
            draft,
            "transformer",
            "Folder of the transformer",
            True,
            placeholder="with config.json and tokenizer.json, and model.safetensors where it was trained",
            help="It is the model: no other architecture is asked for.",
        )
        _complaint(found, "model.architecture", "model")
    _complaint(found, "data.features.kind", "data.features")


def _pictures(draft: Draft, found: Found) -> None:
    left, right = st.columns(2)
    with left:
        _field(
            draft, "resize", st.number_input, "Resize to (pixels, 0: as they are)", min_value=0, max_value=1024, step=1
        )
        _complaint(found, "data.transform.resize")
    with right:
        _field(
            draft,
            "augment",
            st.multiselect,
            "Random changes while training",
            options=_AUGMENT,
            placeholder="none",
            help="Of training pictures; never used for influence.",
        )
        _complaint(found, "data.transform.augment")
    _normalisation(draft, "channel, on the scale 0 to 1", found)


def _normalisation(draft: Draft, each: str, found: Found) -> None:
    left, right = st.columns(2)
    with left:
        _field(draft, "mean", st.text_input, "Mean", placeholder="e.g. 0.5, 0.5, 0.5", help=f"One a {each}.")
        _complaint(found, "data.transform.mean")
    with right:
        _field(draft, "std", st.text_input, "Standard deviation", placeholder="none", help=f"One a {each}.")
        _complaint(found, "data.transform.std")
    _complaint(found, "data.transform")


def model_fields(draft: Draft, found: Found) -> None:
    """Shows what is asked about the model."""
    if draft["modality"] != "text" or draft["features"] != "none" or draft["format"] == "torchvision":
        _architecture(draft, found)
    _path(
        draft,
        "checkpoints",
        "Checkpoints (a file, or a folder of one file an epoch)",
        False,
        placeholder="empty: checkpoints, beside the study file",
        help="Safetensors, state dicts of torch.save, or a skops file of scikit-learn. Leave it empty to train the"
        " model here.",
    )
    _complaint(found, "model.checkpoints")


def _architecture(draft: Draft, found: Found) -> None:
    known = tuple(dict.fromkeys([*OURS, SKLEARN, draft["architecture"]]))
    _field(
        draft,
        "architecture",
        st.selectbox,
        "Architecture",
        options=known,
        accept_new_options=True,
        help="One of ours, a model of torchvision (torchvision:resnet18), or a function in a file of yours"
        " (file:model.py:build); write it in. For a fitted model of scikit-learn: sklearn.",
    )
    _complaint(found, "model.architecture", "model")
    if draft["architecture"] == "mlp":
        _field(draft, "hidden", st.text_input, "Hidden layers", help="Their widths, with commas: 64, 32.")
        _complaint(found, "model.hidden")
    if draft["architecture"] in ("mlp", "logistic_regression"):
        _field(draft, "bias", st.checkbox, "Linear layers have an intercept")


def training_fields(draft: Draft, found: Found) -> None:
    """Shows what is asked about the training."""
    st.caption("How the model was, or is to be, trained: influence and predictions follow the same recipe.")
    left, middle, right = st.columns(3)
    with left:
        _field(draft, "epochs", st.number_input, "Epochs", min_value=1, max_value=100_000, step=1)
        _field(draft, "schedule", st.selectbox, "Schedule", options=_SCHEDULES)
    with middle:
        _field(draft, "learning_rate", st.number_input, "Learning rate", min_value=0.0, step=0.01, format="%.5g")
        _field(draft, "momentum", st.number_input, "Momentum", min_value=0.0, step=0.1, format="%.5g")
    with right:
        _field(draft, "batch_size", st.number_input, "Batch size", min_value=1, step=1)
        _field(draft, "weight_decay", st.number_input, "Weight decay", min_value=0.0, step=0.0001, format="%.5g")
    _complaint(found, *(f"training.{name}" for name in Training.model_fields), "training")


def place_fields(draft: Draft, found: Found) -> None:
    """Shows what the study is called and where its file is to lie."""
    left, right = st.columns([3, 1])
    with left:
        _field(draft, "name", st.text_input, "Name of the study")
        _complaint(found, "name")
    with right:
        _field(draft, "seed", st.number_input, "Seed", min_value=0, max_value=2**31 - 1, step=1)
    _path(draft, "folder", "Folder of the study file", True, help="It is made where it does not exist yet.")
    _complaint(found, "folder")
