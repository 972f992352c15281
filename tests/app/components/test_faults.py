"""What a page shows of an error that nobody foresaw."""

import logging

import pytest
from streamlit import config
from streamlit.error_util import handle_user_script_exception
from streamlit.testing.v1 import AppTest

from app.components.faults import show_uncaught

SECRET = "the value of a variable"


def _page() -> None:
    import streamlit as st

    from app.components.faults import faults_logged

    with faults_logged():
        st.write("before")
        raise KeyError("the value of a variable")


def _stopping_page() -> None:
    import streamlit as st

    from app.components.faults import faults_logged

    with faults_logged():
        st.stop()


@pytest.fixture
def details(monkeypatch):
    def put(value: str) -> None:
        before = config.get_option
        name = "client.showErrorDetails"
        monkeypatch.setattr("streamlit.get_option", lambda asked: value if asked == name else before(asked))

    return put


def test_the_log_has_the_details_under_the_number_that_the_page_shows(details, caplog):
    details("none")
    with caplog.at_level(logging.ERROR):
        page = AppTest.from_function(_page).run()
    (error,) = page.error
    (record,) = caplog.records
    number = record.getMessage().split()[1]
    assert f"error {number}." in error.value
    assert SECRET not in error.value
    assert not page.exception
    assert record.exc_info is not None
    assert SECRET in str(record.exc_info[1])


def test_where_details_are_shown_the_error_passes(details):
    details("full")
    page = AppTest.from_function(_page).run()
    assert page.exception
    assert not page.error


def test_the_end_of_a_page_is_no_error(details, caplog):
    details("none")
    page = AppTest.from_function(_stopping_page).run()
    assert not page.error
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def _page_with_a_callback() -> None:
    import streamlit as st

    from engine.errors import RefusedInput

    def fail() -> None:
        raise KeyError("the value of a variable")

    def refuse() -> None:
        raise RefusedInput("it is taken", "a name that is free", "Choose another")

    st.button("fail", on_click=fail, key="fail")
    st.button("refuse", on_click=refuse, key="refuse")


def test_what_fails_in_a_callback_is_shown_like_what_fails_on_a_page(details, caplog, monkeypatch):
    details("none")
    # As the server does it; Streamlit's tests of pages know no handler.
    monkeypatch.setattr(
        "streamlit.runtime.scriptrunner.exec_code.handle_user_script_exception",
        lambda error, _: handle_user_script_exception(error, show_uncaught),
    )
    page = AppTest.from_function(_page_with_a_callback).run()
    with caplog.at_level(logging.ERROR):
        failed = page.button(key="fail").click().run()
    (error,) = failed.error
    (record,) = [record for record in caplog.records if record.getMessage().startswith("Error ")]
    assert f"error {record.getMessage().split()[1]}." in error.value
    assert SECRET not in error.value
    assert not failed.exception
    refused = AppTest.from_function(_page_with_a_callback).run().button(key="refuse").click().run()
    (error,) = refused.error
    assert "it is taken" in error.value
    assert not refused.exception
