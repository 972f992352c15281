"""What a page shows of an error that nobody foresaw."""

import logging

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

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
