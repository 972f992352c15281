import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import app.workflow.all_classes
from app.workflow.influence import fold_counts, fold_rows
from app.workflow.options import study_with_options
from app.workflow.outcome_parts import read_outcomes, write_outcomes
from cache import Cache
from cache.fingerprints import reweight_key
from cache.run_folder import RunFolder
from cache.store import Store
from engine.data import load_data
from engine.errors import Cancelled, RefusedInput
from engine.frontier import pool_folds
from engine.frontier.certificate import WeightRange, certificate
from engine.models import load_checkpoint
from engine.reweight.all_classes import CHOOSING_SEEDS, JUDGING_SEEDS, STEPS, Outcomes
from engine.reweight.comparison import PairedChange
from engine.study import load_study
from engine.training import evaluate, trained_from_scratch
from engine.training.stored_state import untrained_model

TRAININGS = CHOOSING_SEEDS * (1 + 4 * len(STEPS)) + 2 * (1 + JUDGING_SEEDS)


def all_classes_run_of(store: Store) -> RunFolder:
    runs = store.finished_runs()
    (folder,) = [run for run in runs if run.manifest().get("setting") == "all_classes"]
    return folder


def without(manifest: dict, *names: str) -> dict:
    return {name: value for name, value in manifest.items() if name not in names}


class StopInTheMiddle:
    """A progress that cancels in the middle of what is being trained."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "training from scratch" and note == f"{self._what}, epoch 2 of 12":
            raise Cancelled


@pytest.fixture(scope="module")
def noisy_digits(tmp_path_factory, trained_digits, run_use_case, edited) -> Path:
    """The digits with two fifths of the training labels flipped: every class can gain. Not to be changed."""
    folder = Path(shutil.copytree(trained_digits, tmp_path_factory.mktemp("noisy") / "digits"))
    generator = np.random.default_rng(0)
    with np.load(folder / "train.npz") as arrays:
        image, label = arrays["image"], arrays["label"]
    flipped = generator.choice(len(label), 2 * len(label) // 5, replace=False)
    label[flipped] = (label[flipped] + generator.integers(1, 10, len(flipped))) % 10
    np.savez(folder / "train.npz", image=image, label=label)
    edited(folder, 'strategy = "diagonal"\nfactor_examples = 60', 'strategy = "exact"')
    edited(folder, "epochs = 4", "epochs = 12")
    run_use_case("train", folder, Store(folder / "unused"), overwrite=True)
    return folder


@pytest.fixture(scope="module")
def improved_store(tmp_path_factory, noisy_digits, run_use_case) -> Store:
    """A store with the finished run; not to be changed."""
    store = Store(tmp_path_factory.mktemp("improved"))
    run_use_case("reweight", noisy_digits, store, setting="all_classes")
    return store


@pytest.fixture
def influence_store(tmp_path, improved_store) -> Store:
    """A copy of it in which the influence run alone is finished."""
    store = Store(shutil.copytree(improved_store.root, tmp_path / "store"))
    shutil.rmtree(all_classes_run_of(store).path)
    return store


@pytest.fixture
def result(noisy_digits, improved_store, run_use_case) -> dict:
    return run_use_case("reweight", noisy_digits, improved_store, setting="all_classes")


def test_the_result_has_the_keys_of_every_reweighting_and_those_of_losses(result):
    assert result["cached"] is True
    assert result["setting"] == "all_classes"
    assert result["targets"] == list(range(10))
    for name in ("before", "after", "control", "change", "interval"):
        for key in (name, f"loss_{name}"):
            assert [len(result[key][split]) for split in ("validation", "test")] == [10, 10], key
    assert result["seeds"] == JUDGING_SEEDS
    assert result["trainings"] == TRAININGS
    assert result["notices"] == []
    assert "on unseen test data" in result["sentence"]
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_every_step_is_a_candidate_and_the_chosen_one_improves_most_classes(result):
    candidates = result["candidates"]

    assert [candidate["step"] for candidate in candidates] == list(STEPS)
    assert [candidate["number"] for candidate in candidates] == [0, 1, 2, 3]
    assert result["step"] == candidates[result["chosen"]]["step"]
    most = max(candidate["classes_improved"] for candidate in candidates)
    assert candidates[result["chosen"]]["classes_improved"] == most > 5
    assert candidates[-1]["classes_improved"] == sum(value < 0 for value in candidates[-1]["value_change"])


def test_how_many_classes_improved_is_told_by_the_loss_on_the_judged_split(
    noisy_digits, influence_store, run_use_case, monkeypatch
):
    def compared(weighted, control, labels, classes, seed):
        falls = np.where(np.arange(10) < (3 if len(labels) == 120 else 7), -1.0, 1.0)
        of_losses = weighted.dtype == np.float32
        return PairedChange(falls if of_losses else np.zeros(10), np.zeros((10, 2)))

    monkeypatch.setattr(app.workflow.all_classes, "paired_change", compared)

    assert run_use_case("reweight", noisy_digits, influence_store, setting="all_classes")["classes_improved"] == 7


def test_changes_are_means_over_the_seeds_that_chose_nothing(noisy_digits, improved_store, result):
    folder = all_classes_run_of(improved_store)
    after, control = (read_outcomes(folder, f"judged-{name}-test.parquet") for name in ("after", "control"))
    with np.load(noisy_digits / "test.npz") as arrays:
        labels = arrays["label"]

    losses, right = after.losses - control.losses, after.correct.astype(int) - control.correct
    assert len(losses) == 1 + JUDGING_SEEDS
    assert result["loss_change"]["test"] == pytest.approx([losses[1:, labels == k].mean() for k in range(10)], rel=1e-4)
    assert result["change"]["test"] == pytest.approx([right[1:, labels == k].mean() for k in range(10)])
    assert result["loss_change"]["test"] != pytest.approx([losses[:, labels == k].mean() for k in range(10)], rel=1e-2)


def test_the_weights_are_a_step_towards_the_certificates(improved_store, result):
    folder = all_classes_run_of(improved_store)
    influence = improved_store.run(folder.manifest()["influence"])
    vectors = pool_folds(fold_rows(influence, "ceiling"), fold_counts(influence))
    expected = 1 + result["step"] * (certificate(vectors, WeightRange(0.5, 1.5)).weights - 1)

    table = folder.read_table("weights.parquet")
    assert table.column_names == ["index", "label", "weight"]
    assert table.column("weight").to_numpy() == pytest.approx(expected, abs=1e-6)
    assert result["weights"] == str(folder.path / "weights.parquet")


def test_the_checkpoint_is_trained_from_scratch_with_them_and_has_the_figures_told_after(
    noisy_digits, improved_store, result
):
    study, folder = load_study(noisy_digits), all_classes_run_of(improved_store)
    data = load_data(study)
    model = untrained_model(study, data)
    load_checkpoint(folder.path / "improved.safetensors", model)
    weights = folder.read_table("weights.parquet").column("weight").to_numpy()

    (again,) = trained_from_scratch(study, data, weights[None], [study.seed])
    for name, tensor in model.state_dict().items():
        assert again.state_dict()[name].numpy() == pytest.approx(tensor.numpy(), abs=1e-5)
    assert data.test is not None
    for split, samples in (("validation", data.validation), ("test", data.test)):
        found = evaluate(model.eval(), samples, data.transform, 10)
        assert result["after"][split] == pytest.approx(found.accuracy.tolist())
        assert result["loss_after"][split] == pytest.approx(found.loss.tolist())


def test_the_control_is_the_studys_own_training(noisy_digits, result):
    last = json.loads((noisy_digits / "checkpoints" / "history.json").read_text())["epochs"][-1]

    for split in ("validation", "test"):
        assert result["before"][split] == last[split]
        assert result["control"][split] == pytest.approx(last[split])
    assert result["loss_control"]["test"] == pytest.approx(result["loss_before"]["test"], rel=1e-4)


def test_a_step_is_chosen_on_samples_that_its_weights_were_not_computed_on(noisy_digits, improved_store, result):
    study, folder = load_study(noisy_digits), all_classes_run_of(improved_store)
    data, influence = load_data(study), improved_store.run(folder.manifest()["influence"])
    rows, counts = fold_rows(influence, "ceiling"), fold_counts(influence)
    fold_of = influence.read_table("validation.parquet").column("fold").to_numpy()
    kept = counts.copy()
    kept[2] = 0
    weights = 1 + 0.25 * (certificate(pool_folds(rows, kept), WeightRange(0.5, 1.5)).weights - 1)

    seeds = list(range(CHOOSING_SEEDS))
    models = trained_from_scratch(study, data, np.repeat(weights[None], len(seeds), axis=0), seeds)
    expected = np.stack([evaluate(model, data.validation, data.transform, 10).losses for model in models])
    stored = read_outcomes(folder, "step-001.parquet")
    assert stored.losses[:, fold_of == 2] == pytest.approx(expected[:, fold_of == 2], abs=1e-4)
    assert np.abs(stored.losses[:, fold_of != 2] - expected[:, fold_of != 2]).max() > 1e-3


def test_the_judging_seeds_chose_nothing(noisy_digits, influence_store, run_use_case, monkeypatch):
    asked: list[tuple[int, ...]] = []

    def noted(study, data, weights, seeds, progress):
        asked.append(tuple(seeds))
        return trained_from_scratch(study, data, weights, seeds, progress)

    monkeypatch.setattr(app.workflow.all_classes, "trained_from_scratch", noted)
    run_use_case("reweight", noisy_digits, influence_store, setting="all_classes")

    *choosing, control, after = asked
    assert {seed for seeds in choosing for seed in seeds} == {0, 1, 2}
    assert control == after == (0, *range(3, 11))


def test_where_no_step_helps_the_result_is_the_control(noisy_digits, influence_store, run_use_case, monkeypatch):
    monkeypatch.setattr(app.workflow.all_classes, "choose_step", lambda changes: None)

    result = run_use_case("reweight", noisy_digits, influence_store, setting="all_classes")

    assert result["step"] is result["chosen"] is None
    assert result["after"] == result["control"]
    assert result["loss_change"]["test"] == [0.0] * 10
    assert result["classes_improved"] == 0
    assert result["trainings"] == TRAININGS - 1 - JUDGING_SEEDS
    assert "the result is plain training" in result["sentence"]
    assert any("the result is the control itself" in notice for notice in result["notices"])
    folder = all_classes_run_of(influence_store)
    assert folder.read_table("weights.parquet").column("weight").to_pylist() == [1.0] * 200
    assert "improved.safetensors" in folder.parts


def test_without_a_test_split_the_result_says_what_it_was_judged_on(
    tmp_path, noisy_digits, empty_store, run_use_case, edited
):
    study = edited(Path(shutil.copytree(noisy_digits, tmp_path / "digits")), 'test = "test.npz"\n', "")

    result = run_use_case("reweight", study, empty_store, setting="all_classes")

    assert [result[name].keys() for name in ("before", "after", "loss_change")] == [{"validation"}] * 3
    assert result["notices"] == ["No test split: the result is judged on the validation data that was searched on."]
    assert "on the validation data that was searched on" in result["sentence"]


def test_an_earlier_checkpoint_is_told_apart_from_trainings_of_all_epochs(noisy_digits, empty_store, run_use_case):
    result = run_use_case("reweight", noisy_digits, empty_store, setting="all_classes", epoch=11)

    assert result["notices"] == ["Before is after epoch 11; control and after are trained for 12 epochs."]


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("the control", ()),
        ("step 0.1", ("control.parquet",)),
        ("step 1", ("control.parquet", "step-000.parquet", "step-001.parquet", "step-002.parquet")),
        (
            "the chosen weights",
            (
                *("control.parquet", "judged-control-test.parquet", "judged-control-validation.parquet"),
                *(f"step-00{number}.parquet" for number in range(4)),
            ),
        ),
    ],
)
def test_a_stopped_run_goes_on_and_equals_one_that_never_stopped(
    noisy_digits, improved_store, influence_store, run_use_case, contents, what, parts
):
    with pytest.raises(Cancelled):
        run_use_case("reweight", noisy_digits, influence_store, StopInTheMiddle(what), setting="all_classes")
    (stopped,) = influence_store.unfinished_runs()
    kept = contents(stopped.path)
    assert stopped.parts == parts

    result = run_use_case("reweight", noisy_digits, influence_store, setting="all_classes")

    finished, expected = all_classes_run_of(influence_store), all_classes_run_of(improved_store)
    assert result["cached"] is False
    assert finished.parts == expected.parts
    assert {name: contents(finished.path)[name] for name in kept} == kept
    for name in expected.parts:
        if name != "run.json":
            assert (finished.path / name).read_bytes() == (expected.path / name).read_bytes(), name
    assert without(finished.manifest(), "created") == without(expected.manifest(), "created")


def test_progress_counts_the_trainings_to_the_last(noisy_digits, influence_store, run_use_case):
    calls: list[tuple[int, int]] = []

    def note(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "training from scratch":
            calls.append((done, total))

    run_use_case("reweight", noisy_digits, influence_store, note, setting="all_classes")

    assert {total for _, total in calls} == {TRAININGS}
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert calls[-1][0] == TRAININGS


@pytest.mark.parametrize("changes", [{"weight_bounds": (0.0, 2.0)}, {"mean_preserving": False}])
def test_other_bounds_are_another_run(noisy_digits, improved_store, changes):
    study = study_with_options(load_study(noisy_digits), {"setting": "all_classes"})

    key = all_classes_run_of(improved_store).key
    assert key == reweight_key(all_classes_run_of(improved_store).manifest()["influence"], study)
    assert key != reweight_key(
        all_classes_run_of(improved_store).manifest()["influence"], study.with_changes(reweight=changes)
    )


def test_what_only_a_search_uses_makes_no_other_run(noisy_digits, improved_store, run_use_case):
    result = run_use_case("reweight", noisy_digits, improved_store, setting="all_classes", slack=0.1, iterations=1)

    assert result["cached"] is True


def test_targets_with_it_are_refused_before_anything_is_computed(noisy_digits, empty_store, run_use_case):
    with pytest.raises(RefusedInput, match="target classes are named for setting = 'all_classes'"):
        run_use_case("reweight", noisy_digits, empty_store, setting="all_classes", targets=("one",))
    study = load_study(noisy_digits).with_changes(reweight={"setting": "all_classes"})
    with pytest.raises(RefusedInput, match="target classes are named"):
        run_use_case("reweight", study, empty_store)

    assert empty_store.finished_runs() == empty_store.unfinished_runs() == []


def test_the_files_targets_are_left_behind_where_an_option_turns_to_all_classes(noisy_digits):
    study = load_study(noisy_digits)

    assert study_with_options(study, {"setting": "all_classes"}).reweight.targets == ()
    assert study_with_options(study, {"setting": "all_classes", "targets": ("one",)}).reweight.targets == ("one",)
    assert study_with_options(study, {"setting": "direct_improvement"}).reweight.targets == ("one", "eight")


def test_the_cache_takes_the_run_in(improved_store):
    with Cache.open(improved_store) as cache:
        cache.ingest()
        assert cache.refused == {}
        (run,) = cache.runs("reweight")

    assert run["setting"] == "all_classes"


def test_outcomes_are_stored_without_rounding(tmp_path):
    generator = np.random.default_rng(0)
    outcomes = Outcomes(
        values=generator.normal(size=(3, 5)).astype(np.float32),
        losses=generator.normal(size=(3, 5)).astype(np.float32),
        correct=generator.random((3, 5)) < 0.5,
    )
    folder = RunFolder(tmp_path / "run")

    write_outcomes(folder, "part.parquet", outcomes)

    stored = read_outcomes(folder, "part.parquet")
    for name in ("values", "losses", "correct"):
        assert np.array_equal(getattr(stored, name), getattr(outcomes, name))
        assert getattr(stored, name).dtype == getattr(outcomes, name).dtype
