"""The Harmful page's composition: counts per class, and the samples behind a bar."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cache.cache import Cache
from tests.app.components.contents import pictures, told


@pytest.fixture
def harmful(trained_digits, page_of):
    """The Harmful page on the small study."""
    return page_of(trained_digits, "harmful")


@pytest.fixture
def stored(digits_store) -> tuple[np.ndarray, np.ndarray]:
    """The study's vectors and the labels of its samples."""
    with Cache.open(digits_store) as cache:
        cache.ingest()
        (run,) = cache.runs("influence")
        return cache.vectors(run["key"]), cache.labels(run["key"])


def select(page: AppTest, label: str):
    (found,) = [box for box in page.selectbox if box.label == label]
    return found


def behind(page: AppTest, whom: str):
    (table,) = [frame.value for frame in page.dataframe if f"influence on {whom}" in frame.value]
    return table


def test_the_bars_count_all_samples_by_effect_and_own_class(harmful, stored):
    vectors, labels = stored
    page = harmful()

    figure = pictures(page)["composition_all"]
    names = [trace["name"] for trace in figure["data"]]
    assert names[0] == "beneficial, of the class itself"
    for bar in figure["data"]:
        for length, (k, effect, own) in zip(bar["x"], bar["customdata"], strict=True):
            column = vectors[:, k] if effect == 0 else -vectors[:, k]
            expected = ((column > 0) & ((labels == k) == bool(own))).sum()
            assert abs(length) == expected
    assert "composition_of_bar" not in pictures(page)


def test_a_bar_of_the_address_lists_its_samples_the_strongest_first(harmful, stored):
    vectors, labels = stored
    page = harmful(bar="detrimental|other|eight")

    chosen = np.flatnonzero((vectors[:, 8] < 0) & (labels != 8))
    expected = chosen[np.argsort(vectors[chosen, 8], kind="stable")]
    table = behind(page, "eight")
    assert table["sample"].tolist() == expected[:25].tolist()
    assert table["influence on eight"].tolist() == pytest.approx(vectors[expected[:25], 8].tolist())
    assert table["picture"].str.startswith("data:image/png").all()
    heads = [heading.value for heading in page.subheader]
    assert f"{len(chosen)} samples that harm eight, of other classes" in heads
    (bars,) = pictures(page)["composition_of_bar"]["data"]
    by_own = np.bincount(labels[vectors[:, 8] < 0], minlength=10)
    assert bars["x"] == sorted(by_own.tolist(), reverse=True)
    assert select(page, "Class").value == "eight"


def test_lists_pick_a_bar_as_a_click_does_and_the_address_keeps_it(harmful, stored):
    vectors, labels = stored
    page = harmful()
    assert select(page, "Samples that").disabled
    page = select(page, "Class").set_value("three").run()
    page = select(page, "Samples that").set_value((0, True)).run()

    assert not page.exception
    assert page.query_params["bar"] == "beneficial|own|three"
    assert behind(page, "three")["label"].eq("three").all()
    assert len(behind(page, "three")) == ((vectors[:, 3] > 0) & (labels == 3)).sum()


def test_the_strongest_tenth_is_counted_and_listed_on_request(harmful, stored):
    vectors, labels = stored
    page = harmful(bar="beneficial|own|eight")
    (choice,) = [group for group in page.segmented_control if group.label == "Counted"]
    page = choice.set_value("strongest").run()

    assert page.query_params["counted"] == "strongest"
    strongest = np.argsort(-np.abs(vectors[:, 8]))[:20]
    expected = [j for j in strongest if vectors[j, 8] > 0 and labels[j] == 8]
    assert behind(page, "eight")["sample"].tolist() == expected
    assert "composition_strongest" in pictures(page)


@pytest.mark.parametrize("bar", ["nonsense", "beneficial|own|eleven", "good|own|eight", "beneficial|mine|eight", "||"])
def test_an_address_that_names_no_bar_shows_none(harmful, bar):
    page = harmful(bar=bar)

    assert "composition_of_bar" not in pictures(page)
    assert "A click on a bar lists its samples." in told(page)


def test_a_bar_without_samples_says_so(harmful, stored, monkeypatch):
    import app.components.composition_panel as panel

    monkeypatch.setattr(panel, "samples_of_bar", lambda *_: np.zeros(0, np.int32))
    page = harmful(bar="detrimental|own|eight")

    assert "No sample is behind this bar" in told(page)
