"""How columns of tables are shown: shares as per cent, changes with a sign; the figures behind stay as they are."""

from typing import Any

import streamlit as st


def share(label: str, help: str) -> Any:
    """Returns the look of a share from 0 to 1."""
    return st.column_config.NumberColumn(label, format="percent", help=help)


def points(label: str, help: str) -> Any:
    """Returns the look of a change in points, or in per cent, with its sign."""
    return st.column_config.NumberColumn(label, format="%+.1f", help=help)


def change_with_interval(against: str, help: str) -> dict[str, Any]:
    """Returns the looks of ``change``, ``from`` and ``to``.

    Args:
        against: what the change is against.
        help: over what it is a mean.
    """
    return {
        "change": points(f"change against {against}, points", help),
        "from": points("95% from", "Lower end of the interval of the change."),
        "to": points("95% to", "Upper end of the interval of the change. A class of one sample has none."),
    }
