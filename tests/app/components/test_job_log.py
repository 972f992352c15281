"""Who reads the log of a job on a page."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import app.components.server_state
from app.jobs import JobFolder


def _page(folder: str) -> None:
    from pathlib import Path

    from app.components.job_log import job_log
    from app.jobs import JobFolder

    job_log(JobFolder(Path(folder)))


@pytest.mark.parametrize(
    ("address", "user", "is_shown"),
    [
        ("127.0.0.1", {}, True),
        ("0.0.0.0", {}, False),
        (None, {}, False),
        ("0.0.0.0", {"is_logged_in": False}, False),
        ("0.0.0.0", {"is_logged_in": True}, True),
    ],
)
def test_a_log_is_read_on_this_machine_and_by_those_who_logged_in(tmp_path, monkeypatch, address, user, is_shown):
    monkeypatch.setattr(app.components.server_state, "bound_to", lambda: address)
    monkeypatch.setattr(st, "user", user)
    folder: Path = tmp_path / "jobs" / "some-job"
    folder.mkdir(parents=True)
    JobFolder(folder).log_path.write_text("Traceback of the work")

    page = AppTest.from_function(_page, args=(str(folder),)).run()

    assert not page.exception
    assert [code.value for code in page.code] == (["Traceback of the work"] if is_shown else [])
    assert ["`jobs/some-job/log.txt`" in caption.value for caption in page.caption] == ([] if is_shown else [True])
