import numpy as np
import pandas as pd
import pytest

from app.workflow import explore_view
from app.workflow.explore_view import (
    export_table,
    gains_without,
    page_of,
    pages,
    pair_view,
    without_sentence,
)
from cache.cache import Cache
from cache.selections import Selection
from cache.store import Store


@pytest.fixture
def run(finished_store: Store, digits_store: Store):
    """A cache with the influence run of the small study, its key, and its vectors."""
    with Cache.open(digits_store) as cache:
        cache.ingest()
        (manifest,) = cache.runs("influence")
        yield cache, manifest["key"], cache.vectors(manifest["key"])


def of_scale(cache: Cache, key: str, zoom=None):
    return pair_view(cache, key, (1, 8), 200, cache.pair_points(key, 1, 8), zoom)


def test_few_samples_are_all_points(run):
    cache, key, vectors = run
    shown = pair_view(cache, key, (1, 8), len(vectors), None, None)

    assert shown.density is None
    assert shown.is_whole
    assert len(shown.frame) == shown.inside == len(vectors) == sum(shown.counts.values())


def test_more_samples_are_a_part_of_the_points_with_the_counts_of_all(run, monkeypatch):
    cache, key, vectors = run
    monkeypatch.setattr(explore_view, "SELECTABLE", 60)
    shown = of_scale(cache, key)

    assert shown.density is None
    assert not shown.is_whole
    assert len(shown.frame) <= 60 < shown.inside == len(vectors)
    assert sum(shown.counts.values()) == len(vectors)


def test_many_samples_are_densities_with_the_farthest_over_them(run, monkeypatch):
    cache, key, vectors = run
    monkeypatch.setattr(explore_view, "SELECTABLE", 60)
    monkeypatch.setattr(explore_view, "SAMPLED_UP_TO", 100)
    monkeypatch.setattr(explore_view, "EXTREMES", 15)
    shown = of_scale(cache, key)
    inside = np.abs(vectors[:, [1, 8]]).max(axis=1) <= shown.view[1]

    assert shown.density.sum() == inside.sum() >= len(vectors) - 2
    assert len(shown.frame) == 15
    np.testing.assert_array_equal(shown.frame[["x", "y"]], vectors[shown.frame["index"]][:, [1, 8]])
    assert shown.above == np.sum((vectors[:, 1] <= 0) & (vectors[:, 8] >= 0) & (vectors[:, 8] > vectors[:, 1]))


def test_a_view_zoomed_to_few_samples_draws_each_of_them(run, monkeypatch):
    cache, key, vectors = run
    monkeypatch.setattr(explore_view, "SELECTABLE", 60)
    monkeypatch.setattr(explore_view, "SAMPLED_UP_TO", 100)
    x, y = vectors[:, 1], vectors[:, 8]
    zoom = (0.0, float(np.quantile(x, 0.8)), 0.0, float(y.max()))
    expected = np.flatnonzero((x >= zoom[0]) & (x <= zoom[1]) & (y >= 0))
    shown = of_scale(cache, key, zoom)

    assert shown.density is None
    assert 0 < len(expected) <= 60
    assert shown.frame["index"].tolist() == expected.tolist()
    assert (shown.inside, shown.view) == (len(expected), zoom)


def selection(count: int) -> Selection:
    samples = np.random.default_rng(0).permutation(count).astype(np.int32)
    return Selection(samples, {}, np.zeros(3, dtype=np.int64), np.zeros(3))


@pytest.mark.parametrize("count", [0, 1, 25, 26, 140])
@pytest.mark.parametrize("order", ["harmful", "helpful", "index"])
def test_the_pages_hold_every_sample_once_in_the_order_asked_for(count, order):
    chosen = selection(count)
    rows = np.concatenate([page_of(chosen, order, number) for number in range(1, pages(chosen) + 1)])
    expected = {"harmful": chosen.samples, "helpful": chosen.samples[::-1], "index": np.arange(count)}[order]

    assert rows.tolist() == expected.tolist()
    assert len(page_of(chosen, order, 1)) <= 25


def test_what_is_exported_holds_names_and_the_influence_on_every_class():
    frame = pd.DataFrame(
        {"index": [4, 2], "label": [0, 1], "predicted": [1, 1], "confidence": [0.5, 0.75], "source": ["a#4", "a#2"]}
    )
    table = export_table(frame, np.arange(6.0).reshape(2, 3), ["cat", "dog", "dog"])

    assert list(table) == [
        *("index", "source", "label", "prediction", "confidence"),
        *("influence on cat", "influence on dog_1", "influence on dog_2"),
    ]
    assert table.iloc[1].tolist() == [2, "a#2", "dog", "dog", 0.75, 3, 4, 5]


def test_leaving_out_what_helps_costs_and_what_harms_gains():
    gains = gains_without(np.array([30.0, -10.0]), 100, np.array([2.0, 0.5]))

    np.testing.assert_allclose(gains, [-15.0, 20.0])


@pytest.mark.parametrize(
    ("gains", "words"),
    [
        (
            [1.0, -2.0, 0.5],
            "2 of 3 classes are predicted to gain: cat +1.00% of its loss most; the worst is dog −2.00%",
        ),
        ([-1.0, -2.0, -0.5], "no class is predicted to gain; dog −2.00% of its loss is lost most, bird −0.50% least"),
        ([1.0, 2.0, 0.5], "no class is predicted to lose: from bird +0.50% to dog +2.00% of its loss"),
    ],
)
def test_the_sentence_names_the_best_and_the_worst_class(gains, words):
    names = ["cat", "dog", "bird"]

    assert without_sentence(names, np.array(gains), 1_200, "loss") == f"Without these 1,200 samples, {words}."
    assert without_sentence(names, np.array(gains), 1, "loss").startswith("Without this sample, ")
