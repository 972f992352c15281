"""The shell command that does what stands beside it."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import streamlit as st

from app.components.server_state import opened
from app.components.study_in_view import StudyInView
from app.workflow.command_text import command_text


def command_line(command: str, study: Path, options: Mapping[str, Any]) -> None:
    """Shows the command behind a small button; it can be copied.

    Args:
        command: a command of ``python -m app``.
        study: the study file.
        options: of the command, as a job takes them.
    """
    with st.popover("Same on the command line", icon=":material/terminal:", type="tertiary"):
        st.code(shown_command(command, study, options), language="bash", wrap_lines=True)


def command_of_run(command: str, view: StudyInView, options: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Shows the command that comes to a result of the run in view; nothing where none does any more.

    Args:
        command: a command of ``python -m app``.
        view: the study in view.
        options: of the command, beside those that lead to the run.
    """
    if view.is_current:
        command_line(command, view.path, {**view.options, **options})


def shown_command(command: str, study: Path, options: Mapping[str, Any]) -> str:
    """Returns the command for the store that this server holds."""
    root = opened().store.root
    # The command finds this one by itself where it is started in the folder that the server was started in.
    is_default = root == Path(".paretoscope").absolute()
    return command_text(command, study, options, None if is_default else root)
