"""The dashboard as a web application: Streamlit's, with what none of its options does.

Streamlit answers at ``/_stcore/metrics`` before any login: how many sessions there are and were, and how much each
cached function holds. And what fails in a widget's callback, before a page begins, passes by the pages' own handling of
faults.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.components.faults import show_uncaught

_METRICS = "/_stcore/metrics"


class WithoutMetrics:
    """Answers to whoever asks for statistics that there are none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on every other request."""
        is_closed = scope["type"] == "http" and scope["path"].rstrip("/").endswith(_METRICS)
        await (PlainTextResponse("Not Found", 404) if is_closed else self._app)(scope, receive, send)


# Streamlit finds it by this very form: a name that is given an App.
app = st.App(
    Path(__file__).with_name("main.py"), middleware=[Middleware(WithoutMetrics)], on_script_error=show_uncaught
)
