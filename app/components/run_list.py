"""The runs of the study in view: what each gave, which is shown, two side by side, and deleting one."""

import streamlit as st

from app.components import view_state
from app.components.chart import chart
from app.components.navigation import go_to
from app.components.plain import plain
from app.components.refusal import refusals_shown
from app.components.server_state import opened
from app.components.table import table
from app.figures.run_differences import run_differences
from app.workflow.catalogue import StudyEntry
from app.workflow.job_list import job_rows
from app.workflow.run_comparison import COMPARABLE, compare, splits_of
from app.workflow.run_list import (
    KINDS,
    RunRow,
    as_table,
    deletion_words,
    dependents,
    refuse_in_use,
    refuse_shipped,
    run_rows,
)

_COLUMNS = {
    "kind": st.column_config.TextColumn(
        "Kind", help="; ".join(f"{kind}: {words}" for kind, words in KINDS.items()) + "."
    ),
    "checkpoint": st.column_config.NumberColumn(
        "Epoch", help="The checkpoint that the run starts from; empty where it trains its own models or takes all."
    ),
    "targets": st.column_config.TextColumn("Targets", help="The classes that the run was to improve."),
    "created": st.column_config.DatetimeColumn("Created (UTC)", format="YYYY-MM-DD HH:mm"),
    "result": st.column_config.TextColumn("Result", width="large"),
    "size": st.column_config.NumberColumn("Size", format="bytes", help="On the disk."),
    "shipped": st.column_config.CheckboxColumn("Shipped", help="Whether it came with the samples; those stay."),
    "run": st.column_config.TextColumn("Run", help="The key of the run; its folder in the store is called so."),
}
_COMPARED_WORDS = {"influence": "Checkpoints as they are", "reweight": "Results of searches"}
_COMPARED_COLUMNS = {
    "class": st.column_config.TextColumn("Class"),
    "first": st.column_config.NumberColumn("First run, accuracy (%)", format="%.1f"),
    "second": st.column_config.NumberColumn("Second run, accuracy (%)", format="%.1f"),
    "change": st.column_config.NumberColumn("Second − first (points)", format="%+.1f"),
    "samples": st.column_config.NumberColumn("Samples", help="Of the class, that both were judged on."),
}
_BETWEEN = "|"


def run_list(entry: StudyEntry | None) -> None:
    """Shows the runs of a study, and what can be done with them.

    Args:
        entry: the study in view; runs are kept under its name, also those of its data as they were before.
    """
    if entry is None or entry.problem is not None:
        st.info("No study that can be read is in view. Choose one in the sidebar.")
        return
    name = entry.name
    store, cache = opened().store, opened().cache
    manifests = cache.runs(study=name)
    rows = run_rows(store, manifests)
    st.caption(
        f"Every stored result of studies that are called '{plain(name)}', the newest first, also of data, checkpoints"
        " and settings as they were before."
    )
    for refusal in cache.refused.values():
        st.warning(f"A stored run is left out: {plain(refusal)}", icon=":material/warning:")
    if not rows:
        st.info("Nothing is stored for this study yet. Its Ceiling page starts the first run.")
        return
    by_key = {row.key: row for row in rows}
    keys = list(by_key)
    table(
        as_table(rows),
        "runs_table",
        "runs",
        _COLUMNS,
        placeholder="–",
        on_select=lambda: _pick(keys),
        selection_mode="single-row",
    )
    chosen = _choice("Chosen run", "run_choice", keys, by_key)
    row = by_key[chosen]
    buttons = st.container(horizontal=True)
    if buttons.button(
        "Show this run",
        key="show_run",
        disabled=row.kind != "influence",
        help="Opens the Ceiling page on it. Only influence runs can be shown by themselves: the pages find the others"
        " by the influence run that they start from.",
    ):
        view_state.put(run=chosen)
        go_to("ceiling")
    if buttons.button("Delete …", key="delete_run", icon=":material/delete:"):
        with refusals_shown():
            refuse_shipped(row)
            refuse_in_use(name, job_rows(store))
            _confirm_deletion(row, name, deletion_words(row, dependents(chosen, cache.runs())))
    _comparison(by_key)


def _pick(keys: list[str]) -> None:
    picked = st.session_state["runs_table"]["selection"]["rows"]
    if picked and picked[0] < len(keys):
        st.session_state["run_choice"] = keys[picked[0]]


def _choice(label: str, key: str, keys: list[str], by_key: dict[str, RunRow]) -> str:
    # What was chosen may have been deleted since, in this session or another.
    if st.session_state.get(key) not in keys:
        st.session_state[key] = keys[0]
    return st.selectbox(label, keys, format_func=lambda run: by_key[run].title, key=key)


@st.dialog("Delete this run?")
def _confirm_deletion(row: RunRow, study: str, words: str) -> None:
    st.markdown(f"**{plain(row.title)}**")
    st.write(plain(words))
    delete, keep = st.columns(2)
    if delete.button("Delete it", key="confirm_delete", type="primary"):
        with refusals_shown():
            # Once more: a job may have been started since the dialog was opened.
            refuse_in_use(study, job_rows(opened().store))
            opened().cache.delete_run(row.key)
            if view_state.get("run") == row.key:
                view_state.put(run=None)
            st.rerun()
    if keep.button("Keep it", key="keep_run"):
        st.rerun()


def _comparison(by_key: dict[str, RunRow]) -> None:
    st.subheader("Compare two runs")
    kinds = [kind for kind in COMPARABLE if sum(row.kind == kind for row in by_key.values()) > 1]
    if not kinds:
        st.caption("Two influence runs, or two searches for weights, are compared here once there are two of a kind.")
        return
    of_kind = {kind: [key for key, row in by_key.items() if row.kind == kind] for kind in kinds}
    # The kind is that of the runs that the view names, so that a link to two searches shows these.
    kind = next((kind for kind, keys in of_kind.items() if _named(keys)), kinds[0])
    if len(kinds) > 1:
        st.session_state["compare_kind"] = kind
        st.segmented_control(
            "Of which kind",
            kinds,
            key="compare_kind",
            required=True,
            format_func=lambda kind: _COMPARED_WORDS[kind],
            on_change=lambda: _put(*_newest(of_kind[st.session_state["compare_kind"]])),
        )
    keys = of_kind[kind]
    first, second = _named(keys) or _newest(keys)
    left, right = st.columns(2)
    with left:
        _side("First run", "compare_first", first, keys, by_key)
    with right:
        _side("Second run", "compare_second", second, keys, by_key)
    if first == second:
        st.info("Choose two different runs.")
        return
    cache = opened().cache
    with refusals_shown():
        manifests = cache.run(first), cache.run(second)
        splits = splits_of(*manifests)
        split = st.segmented_control("Judged on", splits, default=splits[0], required=True, key="compare_split")
        compared = compare(*manifests, split if split in splits else splits[0])
        st.markdown(plain(compared.sentence))
        figure = run_differences(compared.class_names, compared.first, compared.second, compared.counts)
        chart(figure, "run_differences")
        table(compared.as_table(), "comparison", "comparison", _COMPARED_COLUMNS)


def _named(keys: list[str]) -> tuple[str, str] | None:
    """Returns the two runs that the view names, where both are among these."""
    named = (view_state.get("compare") or "").split(_BETWEEN)
    return (named[0], named[1]) if len(named) == 2 and set(named) <= set(keys) else None


def _newest(keys: list[str]) -> tuple[str, str]:
    """Returns the two newest runs, the older one first."""
    return keys[1], keys[0]


def _side(label: str, key: str, run: str, keys: list[str], by_key: dict[str, RunRow]) -> None:
    st.session_state[key] = run
    st.selectbox(
        label,
        keys,
        format_func=lambda run: by_key[run].title,
        key=key,
        on_change=lambda: _put(st.session_state["compare_first"], st.session_state["compare_second"]),
    )


def _put(first: str, second: str) -> None:
    view_state.put(compare=f"{first}{_BETWEEN}{second}")
