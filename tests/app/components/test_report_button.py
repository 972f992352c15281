"""The report in the head of a page: made when it is asked for."""

import pytest
from streamlit.testing.v1 import AppTest

import app.report
from tests.app.components.contents import labels


@pytest.fixture
def head(digits, page_of):
    """A page of nothing but the button."""
    page_of(digits, "ceiling")(study=str(digits / "study.toml"))

    def script(path: str, is_current: bool) -> None:
        from pathlib import Path

        from app.components.report_button import report_button
        from app.components.server_state import keys_of, opened, study_at
        from app.components.study_in_view import StudyInView

        study, cache = study_at(Path(path)), opened().cache
        keys = keys_of(study)
        manifests = cache.run(keys.influence), cache.run(keys.ceiling)
        options = {"epoch": 4}
        view = StudyInView(Path(path), study, keys.influence, *manifests, cache, options, is_current)
        report_button(view)

    def open_head(is_current: bool = True) -> AppTest:
        arguments = (str(digits / "study.toml"), is_current)
        return AppTest.from_function(script, args=arguments, default_timeout=60).run()

    return open_head


def test_the_report_is_offered_and_not_made_before_it_is_asked_for(head, monkeypatch, digits, digits_store):
    monkeypatch.setattr(app.report, "report_page", lambda findings: pytest.fail("no page waits for the report"))

    page = head()

    assert not page.exception
    (button,) = page.get("download_button")
    assert button.proto.label == "Download the report"
    assert not button.proto.disabled
    (command,) = [code.value for code in page.code]
    assert command == (
        f"python -m app export {digits / 'study.toml'} --epoch 4 --out small-digits-export --cache {digits_store.root}"
    )


def test_a_run_whose_data_have_changed_since_has_no_report(head):
    page = head(is_current=False)

    (button,) = page.get("download_button")
    assert button.proto.disabled
    assert not page.code
    assert labels(page) == []
