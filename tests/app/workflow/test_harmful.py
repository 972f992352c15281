"""The search for label errors: what is stored, what is ranked from it, and what a stop leaves."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import app.workflow.harmful
from app.serving import SAMPLES
from app.workflow.influence import fold_counts, fold_rows
from cache.fingerprints import harmful_key
from cache.parts import OPINIONS, read_opinions
from cache.store import Store
from engine.data import load_data
from engine.errors import Cancelled, RefusedInput
from engine.experiments import label_quality
from engine.experiments.harm_ranking import RANKINGS, suspects
from engine.frontier import pool_folds
from engine.influence import Horizon, prepare_influence, self_influence
from engine.study import load_study
from engine.training import NextEpoch

PARTS = {"arithmetic.json", "folds-00000.parquet", "self-influence.parquet", OPINIONS, "run.json"}


@pytest.fixture(scope="module")
def judged_store(tmp_path_factory, finished_store, trained_digits, run_use_case) -> Store:
    """A store with the run of the small digits; not to be changed."""
    store = Store(Path(shutil.copytree(finished_store.root, tmp_path_factory.mktemp("judged") / "store")))
    run_use_case("harmful", trained_digits, store)
    return store


def parts_of(folder) -> dict[str, bytes]:
    """The parts but for the time that the manifest tells."""
    return {name: (folder.path / name).read_bytes() for name in folder.parts if name != "run.json"}


def test_every_sample_has_a_quality_a_suggestion_or_none_and_its_self_influence(trained_digits, judged_store):
    (influence,) = [run for run in judged_store.finished_runs() if run.manifest()["kind"] == "influence"]
    folder = judged_store.run(harmful_key(influence.key))
    manifest, found = folder.manifest(), read_opinions(folder)

    study = load_study(trained_digits)
    data = load_data(study)
    next_epoch = NextEpoch.from_study(study, data, 4)
    horizon = Horizon(next_epoch.horizon, next_epoch.training.weight_decay)
    prepared = prepare_influence(study, data, next_epoch.start, horizon)
    assert set(folder.parts) == PARTS
    assert manifest["samples"] == len(found.label) == 200
    assert manifest["suggested"] == (found.suggested >= 0).sum()
    np.testing.assert_array_equal(found.label, data.train.labels.numpy())
    np.testing.assert_array_equal(found.self_influence, self_influence(prepared, data))
    trainings = label_quality.FoldTrainings(study, data)
    for _, part in trainings.run(range(len(trainings.groups))):
        given = part.probabilities[np.arange(len(part.index)), found.label[part.index]]
        np.testing.assert_allclose(found.quality[part.index], given, rtol=1e-6)
        named = found.suggested[part.index] >= 0
        likeliest = part.probabilities.argmax(axis=1)
        np.testing.assert_array_equal(found.suggested[part.index][named], likeliest[named])
        np.testing.assert_array_equal(
            found.suggested_probability[part.index][named], part.probabilities.max(axis=1)[named]
        )
        assert np.isnan(found.suggested_probability[part.index][~named]).all()


@pytest.mark.parametrize("ranking", RANKINGS)
def test_a_ranking_for_chosen_classes_is_made_of_what_is_stored(
    trained_digits, judged_store, run_use_case, monkeypatch, contents, ranking
):
    monkeypatch.setattr(app.workflow.harmful, "FoldTrainings", None)
    before = contents(judged_store.runs_folder)

    result = run_use_case("harmful", trained_digits, judged_store, classes=["8", "one"], ranking=ranking, limit=7)

    assert contents(judged_store.runs_folder) == before
    assert (result["cached"], result["ranking"], result["classes"]) == (True, ranking, [1, 8])
    folder = judged_store.run(result["run"])
    opinions = read_opinions(folder)
    influence = judged_store.run(folder.manifest()["influence"])
    vectors = pool_folds(fold_rows(influence, "ceiling"), fold_counts(influence)).astype(np.float32)
    expected = suspects(vectors, opinions.quality, [1, 8], ranking)
    samples = result["samples"]
    assert [one["index"] for one in samples] == expected.order[:7].tolist()
    for one in samples:
        j = one["index"]
        assert one["source"] == f"train.npz#{j}"
        assert one["label"] == result["class_names"][opinions.label[j]]
        assert one["quality"] == pytest.approx(float(opinions.quality[j]))
        assert one["harm"] == pytest.approx(expected.harm[j])
        assert one["joint"] is bool((vectors[j, [1, 8]] < 0).all())
        assert one["influence"] == pytest.approx(vectors[j, [1, 8]].tolist())
        assert one["self_influence"] == opinions.self_influence[j]
        named = opinions.suggested[j]
        assert one["suggested"] == (None if named < 0 else result["class_names"][named])
        assert (one["suggested_probability"] is None) == (named < 0)


def test_by_default_all_classes_count_and_twenty_samples_are_told(trained_digits, judged_store, run_use_case):
    result = run_use_case("harmful", trained_digits, judged_store)

    assert result["ranking"] == "combined"
    assert result["classes"] == list(range(10))
    assert len(result["samples"]) == 20
    assert result["precision"] is None
    assert result["trainings"] == 5


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"ranking": "worst"}, "--ranking is 'worst'"),
        ({"limit": 0}, "--limit is 0"),
        ({"classes": ["eleven"]}, "'eleven' is no class"),
    ],
)
def test_options_that_cannot_be_used_are_refused_before_any_work(
    trained_digits, influence_store, run_use_case, contents, options, problem
):
    before = contents(influence_store.root)
    with pytest.raises(RefusedInput, match=problem):
        run_use_case("harmful", trained_digits, influence_store, **options)
    assert contents(influence_store.root) == before


@pytest.mark.parametrize("stage", ["training from scratch", "self-influence", "scores"])
def test_a_stopped_search_goes_on_and_ends_as_one_that_was_not(
    trained_digits, empty_store, judged_store, run_use_case, stage
):
    def stop(now: str, done: int, total: int, note: str = "") -> None:
        if now == stage:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_use_case("harmful", trained_digits, empty_store, stop)
    result = run_use_case("harmful", trained_digits, empty_store)

    assert result["cached"] is False
    assert parts_of(empty_store.run(result["run"])) == parts_of(judged_store.run(result["run"]))


def test_trainings_that_ended_are_not_repeated(
    trained_digits, influence_store, run_use_case, monkeypatch, judged_store
):
    def each_alone(models, *_) -> list[list[int]]:
        return [[m] for m in range(len(models))]

    monkeypatch.setattr(label_quality, "trained_as_one", each_alone)
    told = []

    def stop_in_the_fourth(stage: str, done: int, total: int, note: str = "") -> None:
        if note.startswith("training 4"):
            raise Cancelled

    def watch(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "training from scratch":
            told.append(note.partition(",")[0])

    with pytest.raises(Cancelled):
        run_use_case("harmful", trained_digits, influence_store, stop_in_the_fourth)
    (folder,) = influence_store.unfinished_runs()
    assert [name for name in folder.parts if name.startswith("folds")] == [f"folds-0000{n}.parquet" for n in range(3)]
    result = run_use_case("harmful", trained_digits, influence_store, watch)

    assert set(told) == {"training 4 of 5", "training 5 of 5"}
    folder = influence_store.run(result["run"])
    stored = folder.read_table("folds-*.parquet")
    assert sorted(stored["index"].to_pylist()) == list(range(200))
    # One after the other they are trained as together, up to rounding.
    other = judged_store.run(result["run"])
    first, second = (read_opinions(run).quality for run in (folder, other))
    np.testing.assert_allclose(first, second, atol=1e-3)


def test_data_that_change_meanwhile_are_refused(digits, influence_store, run_use_case):
    def change(stage: str, done: int, total: int, note: str = "") -> None:
        file = digits / "validation.npz"
        if stage == "self-influence":
            with np.load(file) as arrays:
                told = dict(arrays)
            told["label"] = (told["label"] + 1) % 10
            np.savez(file, **told)

    with pytest.raises(RefusedInput, match="changed while the labels were judged"):
        run_use_case("harmful", digits, influence_store, change)
    assert {run.manifest()["kind"] for run in influence_store.finished_runs()} == {"influence"}


def test_the_csv_has_every_sample_in_its_order(trained_digits, judged_store, run_use_case, tmp_path):
    file = tmp_path / "new" / "suspects.csv"
    result = run_use_case("harmful", trained_digits, judged_store, out=str(file), limit=5)

    rows = pd.read_csv(file)
    assert result["file"] == str(file)
    assert rows["rank"].tolist() == list(range(1, 201))
    assert sorted(rows["index"]) == list(range(200))
    assert rows["index"].tolist()[:5] == [one["index"] for one in result["samples"]]
    assert rows["harm"].tolist()[:5] == pytest.approx([one["harm"] for one in result["samples"]])
    assert rows["label"].tolist()[:5] == [one["label"] for one in result["samples"]]
    assert rows["influence on three"][0] == pytest.approx(result["samples"][0]["influence"][3])


def test_a_file_that_is_there_is_replaced_only_when_asked(trained_digits, judged_store, run_use_case, tmp_path):
    file = tmp_path / "suspects.csv"
    file.write_text("mine")
    with pytest.raises(RefusedInput, match="is there already"):
        run_use_case("harmful", trained_digits, judged_store, out=str(file))
    assert file.read_text() == "mine"
    run_use_case("harmful", trained_digits, judged_store, out=str(file), overwrite=True)
    assert file.read_text().startswith("rank,index,source,label")
    with pytest.raises(RefusedInput, match="is a folder"):
        run_use_case("harmful", trained_digits, judged_store, out=str(tmp_path), overwrite=True)


def test_classes_of_few_samples_are_told(digits, empty_store, run_use_case):
    with np.load(digits / "train.npz") as arrays:
        kept = np.flatnonzero((arrays["label"] != 3) | (np.cumsum(arrays["label"] == 3) <= 2))
        np.savez(digits / "train.npz", **{name: array[kept] for name, array in arrays.items()})

    result = run_use_case("harmful", digits, empty_store)

    assert any("'three' has 2 training samples" in notice for notice in result["notices"])


def test_on_the_shipped_noisy_digits_the_planted_errors_come_first_and_both_together_find_most(
    tmp_path, run_use_case, monkeypatch
):
    # Nothing is ranked by self-influence, and its curvature takes most of the time.
    monkeypatch.setattr(app.workflow.harmful, "prepare_influence", lambda *_: None)
    monkeypatch.setattr(app.workflow.harmful, "self_influence", lambda *_: np.zeros(900))
    store = Store(tmp_path / "store", SAMPLES)
    result = run_use_case("harmful", SAMPLES / "digits_noisy", store, limit=100)

    known = result["precision"]
    assert (known["limit"], known["known_errors"]) == (100, 135)
    combined, influence, alone = (known["rankings"][ranking] for ranking in RANKINGS)
    with np.load(SAMPLES / "digits_noisy" / "train.npz") as arrays:
        flipped = arrays["flipped"]
    first = [one["index"] for one in result["samples"]]
    assert combined["precision"] == np.isin(first, flipped).mean() > 0.95
    assert combined["auc"] > max(alone["auc"], influence["auc"], 0.99)
    assert combined["average_precision"] > max(alone["average_precision"], influence["average_precision"])
    assert influence["auc"] > 0.9
    # Most suggestions are of wrong labels, and name another one than the given.
    suggested = [one for one in result["samples"] if one["suggested"] is not None]
    assert len(suggested) > 50
    assert all(one["suggested"] != one["label"] for one in suggested)
