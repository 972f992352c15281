"""A table on a page, and its rows to take away."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pandas as pd
import streamlit as st


def table(
    frame: pd.DataFrame,
    key: str,
    name: str,
    column_config: dict[str, Any] | None = None,
    whole: Callable[[], pd.DataFrame] | None = None,
    **options: Any,
) -> Any:
    """Shows rows, and offers them as CSV and as Parquet.

    Args:
        frame: the rows; figures stay figures, so that they can be sorted and taken away.
        key: of the widgets.
        name: of the files, without its ending.
        column_config: how columns are shown.
        whole: makes the rows to take away, where only a page of them is shown.
        options: of ``st.dataframe``, such as ``on_select``.

    Returns:
        What ``st.dataframe`` returns: the selection where ``on_select`` is given.
    """
    shown = st.dataframe(frame, key=key, hide_index=True, width="stretch", column_config=column_config or {}, **options)
    with st.popover("Download table", icon=":material/download:", type="tertiary"):
        # Made when they are pressed, and not at every look at the page.
        rows = whole or (lambda: frame)
        st.download_button(
            "CSV", lambda: rows().to_csv(index=False), f"{name}.csv", "text/csv", key=f"{key}_csv", on_click="ignore"
        )
        st.download_button(
            "Parquet",
            lambda: _parquet(rows()),
            f"{name}.parquet",
            "application/vnd.apache.parquet",
            key=f"{key}_parquet",
            on_click="ignore",
        )
    return shown


def _parquet(frame: pd.DataFrame) -> bytes:
    written = BytesIO()
    frame.to_parquet(written, index=False)
    return written.getvalue()
