"""The Trust page: marks, predictions beside measurements, the stability of the ranking."""

import pytest

from app.workflow.sentences import probe_sentence
from tests.app.components.contents import labels


@pytest.fixture
def trust(trained_digits, digits_store, run_use_case, page_of):
    run_use_case("ceiling", trained_digits, digits_store)
    return page_of(trained_digits, "trust")


def alts(page) -> list[str]:
    return [chart.proto.alt for chart in page.get("plotly_chart")]


def test_predictions_stand_beside_what_probe_epochs_measured(trust, trained_digits, digits_store, run_use_case):
    probe = run_use_case("probe", trained_digits, digits_store)

    page = trust()

    assert any("Predicted against measured gains in 6 pairs of epochs" in alt for alt in alts(page))
    assert probe_sentence(probe) in [text.value for text in page.markdown]
    assert "Calibrate with 12 epochs" not in labels(page)


def test_without_probe_epochs_they_can_be_started(trust, trained_digits, digits_store, monkeypatch, tmp_path):
    import app.components.trust_panel

    asked = []
    monkeypatch.setattr(app.components.trust_panel, "probes", lambda key: None)
    monkeypatch.setattr("app.components.calibration.begin", lambda *arguments: asked.append(arguments))

    page = trust()
    [button] = [button for button in page.button if button.label == "Calibrate with 12 epochs"]
    button.click().run()

    assert asked == [("probe", trained_digits / "study.toml", {})]


def test_the_marks_say_how_far_to_trust(trust):
    page = trust()

    words = [text.value for text in page.markdown]
    assert any("Parameters seen: good" in text for text in words)
    assert any("Convergence" in text for text in words)
