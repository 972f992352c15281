import csv
import os

import numpy as np
import pytest

from app.workflow.influence import fold_counts, fold_rows, influence_run
from app.workflow.synthetic import make_synthetic
from cache.store import Store
from engine.data import load_data
from engine.errors import Cancelled, RefusedInput
from engine.experiments.synthetic import CLASS_NAMES, synthetic_set
from engine.frontier import correlation, pool_folds
from engine.study import load_study


def vectors(folder, store: Store) -> tuple[np.ndarray, dict]:
    """Returns the exact influence vectors ``(N, 2)`` of a study and the manifest of their run."""
    run, _ = influence_run(load_study(folder), store)
    return pool_folds(fold_rows(run, "ceiling"), fold_counts(run)), run.manifest()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Makes each set once, with and without an intercept, and returns its influence."""
    told = {}

    def make(kind: str, seed: int, intercept: bool = False):
        if (kind, seed, intercept) not in told:
            folder = tmp_path_factory.mktemp("made") / "study"
            result = make_synthetic(kind, folder, seed, intercept)
            told[kind, seed, intercept] = (result, *vectors(folder, Store(folder.parent / "store")))
        return told[kind, seed, intercept]

    return make


@pytest.mark.parametrize("kind", ["separable", "frontier"])
def test_the_written_study_holds_the_set_bit_for_bit(made, kind):
    result, _, _ = made(kind, 0)
    study, drawn = load_study(result["study"]), synthetic_set(kind, 0)
    data = load_data(study)

    for split, points in drawn.splits.items():
        stored = getattr(data, split)
        assert stored.inputs.numpy().tobytes() == points.inputs.tobytes()
        assert stored.labels.tolist() == points.labels.tolist()
        assert result["samples"][split] == len(points)
    assert data.class_names == tuple(result["class_names"]) == CLASS_NAMES
    assert result["flipped"] == drawn.flipped.tolist()
    assert data.notices == ()


def test_the_flipped_flag_is_a_column_of_the_training_file_and_no_input(made):
    result, _, _ = made("separable", 0)
    study = load_study(result["study"])

    with study.path("train.csv").open() as file:
        rows = list(csv.DictReader(file))
    with study.path("validation.csv").open() as file:
        assert next(csv.reader(file)) == ["x", "y", "label"]
    assert [index for index, row in enumerate(rows) if row["flipped"] == "1"] == result["flipped"]
    assert study.data.input == ("x", "y")
    assert load_data(study).train.inputs.shape[1] == 2


@pytest.mark.parametrize("seed", range(4))
def test_every_flipped_sample_harms_both_classes_and_no_other_does(made, seed):
    result, influence, _ = made("separable", seed)

    harmful = np.flatnonzero((influence < 0).all(axis=1))
    assert harmful.tolist() == result["flipped"]


@pytest.mark.parametrize("seed", range(2))
def test_an_intercept_turns_about_half_of_the_flipped_samples_into_trade_offs(made, seed):
    result, influence, _ = made("separable", seed, intercept=True)
    flipped = influence[result["flipped"]]

    share = (flipped < 0).all(axis=1).mean()
    assert 0.3 < share < 0.7
    assert not (flipped > 0).all(axis=1).any()
    assert load_study(result["study"]).model.bias is True


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_what_helps_one_class_of_the_frontier_set_harms_the_other(made, seed, intercept):
    _, influence, _ = made("frontier", seed, intercept)

    assert -1 <= correlation(influence)[0, 1] <= -0.95
    assert not (influence < 0).all(axis=1).any()


@pytest.mark.parametrize(("kind", "least"), [("separable", 1.0), ("frontier", 0.7)])
@pytest.mark.parametrize("intercept", [False, True])
def test_the_model_is_trained_to_convergence(made, kind, least, intercept):
    result, _, manifest = made(kind, 0, intercept)

    assert max(manifest["stationarity"]) < 0.01
    assert manifest["strategy"] == "exact"
    assert min(*result["accuracy"]["validation"], *result["accuracy"]["test"]) >= least


@pytest.mark.parametrize(("kind", "verdict"), [("separable", "improvable"), ("frontier", "at_ceiling")])
def test_the_verdict_is_the_one_that_the_set_was_made_for(made, run_use_case, kind, verdict):
    result, _, _ = made(kind, 0)
    study = load_study(result["study"])

    told = run_use_case("ceiling", study, Store(study.folder.parent / "store"))

    assert told["verdict"] == verdict


def test_a_folder_that_is_empty_is_as_good_as_none(tmp_path):
    make_synthetic("frontier", tmp_path / "new" / "deep")
    (tmp_path / "empty").mkdir()
    make_synthetic("frontier", tmp_path / "empty")

    for folder in (tmp_path / "new" / "deep", tmp_path / "empty"):
        assert load_study(folder).name == "frontier"
        assert folder.stat().st_mode & 0o777 == 0o777 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("place", ["folder", "folder/file"])
def test_what_is_there_is_not_written_over(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("kept")

    with pytest.raises(RefusedInput, match="is there already"):
        make_synthetic("separable", tmp_path / place)

    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "file"]
    assert (tmp_path / "folder" / "file").read_text() == "kept"


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(RefusedInput, match="cannot be written"):
        make_synthetic("separable", tmp_path / "file" / "below")


def test_a_stopped_command_leaves_nothing_half_made(tmp_path):
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "training" and done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        make_synthetic("separable", tmp_path / "study", progress=stop)

    assert list(tmp_path.iterdir()) == []
