"""The checkpoints on the Epochs page: accuracy over epochs, what a detrimental one cost, and its correction."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app.components import view_state
from app.components.chart import chart
from app.components.columns import points, share
from app.components.command_line import command_line
from app.components.job_panel import begin, job_in_view, job_panel
from app.components.plain import plain
from app.components.search_result import downloads, improvement
from app.components.server_state import epochs_key_of, keys_of, opened
from app.components.table import table
from app.components.work_place import work_place
from app.figures import accuracy_over_epochs, before_after
from app.workflow.epochs_view import correction_options, cost_sentence
from app.workflow.options import options_of_result, study_with_options
from app.workflow.result_tables import epoch_table
from cache.fingerprints import reweight_key
from engine.study import Study

_ACTIVE = ("waiting", "running")
_NAMED = 5
"""Classes that the button names; the others are counted."""


def epochs_panel(path: Path, study: Study) -> None:
    """Shows the evaluation of a study's checkpoints, or the button that starts it.

    Args:
        path: of the study file.
        study: its settings.

    Raises:
        RefusedInput: if a file is missing, or no two checkpoints are of consecutive epochs.
    """
    key, cache = epochs_key_of(study), opened().cache
    if key in cache.refused:
        st.warning(f"A stored result is left out: {plain(cache.refused[key])}")
    job = job_in_view("epochs", path)
    running = job is not None and job_panel(job).state in _ACTIVE
    if cache.has_run(key):
        _result(path, study, cache.run(key))
    elif not running:
        st.info(
            "The checkpoints of this study have not been evaluated as they are now. No influence is needed: each one"
            " classifies the validation samples once."
        )
        if st.button("Evaluate all checkpoints", type="primary"):
            begin("epochs", path, {})
            st.rerun()


def _result(path: Path, study: Study, result: dict[str, Any]) -> None:
    names, detrimental, counts = result["class_names"], result["detrimental"], result["counts"]
    split = "validation"
    if result["accuracy"]["test"] is not None:
        # What is detrimental was found on validation, so that is what is shown first.
        split = st.segmented_control("Accuracy on", ["validation", "test"], default=split, key="epochs_split") or split
    accuracy = np.array(result["accuracy"][split], dtype=float)
    figure = accuracy_over_epochs(names, result["epochs"], accuracy, detrimental, split)
    chart(figure, "epochs_chart", on_select=_clicked)
    st.caption(
        f"Each class of each epoch is tested for a drop on its own samples of {sum(counts['validation']):,} validation"
        " samples (exact McNemar test, 5% for all of them together, by Holm). This is one training with one seed:"
        " another may drop at other epochs."
    )
    for notice in result["notices"]:
        st.caption(f"Note: {plain(notice)}")
    command_line("epochs", path, {})
    if not detrimental:
        st.info("No epoch cost a class more than noise, so there is nothing to correct.")
        return
    entry = _chosen(names, detrimental)
    _costs(result, entry["epoch"])
    _correction(path, study, names, entry)


def _chosen(names: Sequence[str], detrimental: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Lets one detrimental epoch be chosen; a click on the figure chooses it as well."""
    by_epoch = {entry["epoch"]: entry for entry in detrimental}
    asked = view_state.get("epoch") or ""
    chosen = int(asked) if view_state.is_number(asked) else None
    st.session_state["epoch_choice"] = chosen if chosen in by_epoch else detrimental[0]["epoch"]
    epoch = st.selectbox(
        "Detrimental epoch",
        list(by_epoch),
        format_func=lambda epoch: _capital(cost_sentence(names, by_epoch[epoch])),
        key="epoch_choice",
        on_change=lambda: view_state.put(epoch=str(st.session_state["epoch_choice"])),
        help="The one that cost most comes first. A click on a triangle of the figure chooses as well.",
    )
    return by_epoch[epoch]


def _clicked() -> None:
    clicked = [point for point in st.session_state["epochs_chart"]["selection"]["points"] if point.get("customdata")]
    if clicked:
        view_state.put(epoch=str(int(clicked[0]["customdata"][0])))


def _costs(result: dict[str, Any], epoch: int) -> None:
    """Shows what an epoch did to each class."""
    table(
        epoch_table(result, epoch),
        f"costs_{epoch}",
        f"epoch-{epoch}",
        {
            "before": share(f"before (epoch {epoch - 1})", "Accuracy on validation samples after the epoch before."),
            "after": share(f"after (epoch {epoch})", "Accuracy on validation samples after this epoch."),
            "change": points("change, points", "After minus before."),
            "p_value": st.column_config.NumberColumn(
                "p of a drop, corrected", format="%.2g", help="For all classes and epochs that were tested, by Holm."
            ),
            "is_cost": st.column_config.CheckboxColumn("more than noise", help="Whether p is at most 5%."),
            "on_test": points("change on test, points", "On samples that did not decide which epoch is detrimental."),
        },
    )


def _correction(path: Path, study: Study, names: Sequence[str], entry: dict[str, Any]) -> None:
    """Shows the start of an epoch's correction, how far it is, and what it gave."""
    options = correction_options(names, entry)
    job = job_in_view("reweight", path)
    ours = job is not None and options_of_result(job.request().options) == options
    running = job is not None and ours and job_panel(job).state in _ACTIVE
    changed = study_with_options(study, options)
    key, cache = reweight_key(keys_of(changed).influence, changed), opened().cache
    if cache.has_run(key):
        _corrected(names, cache.run(key))
        command_line("reweight", path, options)
    elif not running:
        targets = options["targets"]
        more = f" and {len(targets) - _NAMED} more" if len(targets) > _NAMED else ""
        work_place("correction")
        if st.button(
            f"Correct epoch {entry['epoch']} for {plain(', '.join(targets[:_NAMED]))}{more}",
            type="primary",
            help=f"Computes influence at epoch {options['epoch']} where it is not stored, searches weights of the"
            f" training samples, and trains epoch {entry['epoch']} again with them.",
        ):
            begin("reweight", path, options)
            st.rerun()


def _corrected(names: Sequence[str], result: dict[str, Any]) -> None:
    st.header(f"Epoch {result['epoch'] + 1} corrected")
    st.markdown(plain(result["sentence"]))
    split = "test" if "test" in result["after"] else "validation"
    before, after, control, interval, change = (
        np.array(result[name][split], dtype=float) for name in ("before", "after", "control", "interval", "change")
    )
    chart(before_after(names, before, after, control, interval, result["targets"], change), "correction")
    st.caption(
        f"On {split} samples. Left: the epoch trained again in its own batch order, beside the original (the control)."
        f" Right: changes against the same epoch unweighted, the mean over {result['seeds']} other batch orders, which"
        " no search has seen."
    )
    for notice in result["notices"]:
        st.caption(f"Note: {plain(notice)}")
    improvement(result, split, "correction_table")
    downloads(opened().store.run(result["key"]).path, "correction")


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
