"""The removal study on sets of which it is known what happens without some samples, and its stops and refusals."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.workflow import removal
from app.workflow.influence import fold_counts, fold_rows, influence_run
from app.workflow.removal import removal_run
from app.workflow.removal_plan import SETS, RemovalPlan
from app.workflow.retrained_parts import retrained
from app.workflow.validate import validate
from cache.run_folder import RunFolder
from cache.store import Store
from engine.data import load_data
from engine.errors import Cancelled, RefusedInput
from engine.experiments.removal import SIGNS, agreement, cumulative, left_out
from engine.frontier import pool_folds
from engine.progress import Progress, silent
from engine.study import load_study
from engine.training import evaluate, from_scratch, stacked, trained_from_scratch
from engine.training.retraining import ClassMeans
from tests.app.workflow.planted import Planted, train, write_planted, write_rows

ANT, BEE, COW = range(3)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Planted]:
    folder = tmp_path_factory.mktemp("planted")
    known = write_planted(folder)
    return train(folder), known


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    write_rows(folder)
    return train(folder)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    write_rows(folder, "cnn", epochs=1)
    return train(folder)


def run(folder: Path, store: Store, progress: Progress = silent, **options: Any) -> RunFolder:
    """The removal study of a folder's study."""
    study = load_study(folder)
    data = load_data(study)
    influence, _ = influence_run(study, store, silent, data)
    known = influence.manifest()
    plan = RemovalPlan.of(study, known["class_names"], known["accuracy"]["validation"], {"seeds": 2} | options)
    return removal_run(study, store, influence, data, plan, progress)[0]


def sets(folder: RunFolder) -> dict[tuple[str, int], list[int]]:
    return {(row["sign"], row["class"]): row["samples"] for row in folder.read_table(SETS).to_pylist()}


def vectors(folder: Path, store: Store) -> np.ndarray:
    influence, _ = influence_run(load_study(folder), store)
    return pool_folds(fold_rows(influence, "ceiling"), fold_counts(influence))


def test_a_class_that_is_fed_by_known_samples_loses_by_far_the_most_without_them(planted, tmp_path):
    folder, known = planted
    told = validate(load_study(folder), Store(tmp_path), {"what": "removal", "share": 0.2, "seeds": 2})
    study = Store(tmp_path).run(told["run"])

    assert sorted(sets(study)["beneficial", COW]) == known.sources
    maps = told["heatmaps"]["beneficial"]
    for split in ("heatmaps", "heatmaps_test"):
        rise = np.array(told[split]["beneficial"]["loss"])
        assert rise[COW, COW] > 1
        # Nothing else moves half as far through samples that are on axes of their own, and no other class by these.
        others = np.delete(np.abs(rise[COW]), COW)
        assert others.max() < 0.01
        assert rise[COW, COW] > 1.5 * np.abs(np.delete(rise, COW, axis=0)).max()
    # All samples of the class were told right, and hardly any is without the sources.
    assert np.array(maps["accuracy"])[COW, COW] < -0.8
    assert maps["predicted"][COW][COW] > 0
    assert told["diagonal_right"] == {"beneficial": 1.0, "detrimental": 1.0}
    assert told["spearman"]["beneficial"]["loss"] > 0.8


def test_labels_planted_to_harm_a_class_are_what_is_detrimental_to_it_and_it_gains_without_them(planted, tmp_path):
    folder, known = planted
    store = Store(tmp_path)
    share = len(known.flipped) / (vectors(folder, store)[:, BEE] < 0).sum()
    told = validate(load_study(folder), store, {"what": "removal", "classes": ["bee"], "share": share, "seeds": 2})

    assert sorted(sets(store.run(told["run"]))["detrimental", BEE]) == known.flipped
    (change,) = told["heatmaps"]["detrimental"]["loss"]
    assert change[BEE] < -0.2
    assert np.abs(np.delete(change, COW)).max() == -change[BEE]
    assert told["heatmaps"]["detrimental"]["predicted"][0][BEE] < 0
    assert told["classes"] == [BEE]
    # As many random samples do nothing like it.
    random = np.array(told["random"]["loss"])[1]
    assert told["random"]["sizes"][1] == len(known.flipped)
    assert abs(random[BEE]) < -change[BEE] / 2


def test_every_number_is_what_trainings_without_the_sets_come_to(rows, tmp_path):
    store = Store(tmp_path)
    found = run(rows, store, share=0.3, classes=[2, 0], seeds=3).manifest()
    study = load_study(rows)
    data, influences = load_data(study), vectors(rows, store)
    chosen = left_out(influences, [0, 2], 0.3)

    def measured(left: np.ndarray, seed: int, split: str):
        weights = np.ones((1, len(data.train)))
        weights[0, left] = 0
        (model,) = trained_from_scratch(study, data, weights, [seed])
        return evaluate(model, getattr(data, split), data.transform, 3)

    nothing = np.array([], int)
    assert found["classes"] == [0, 2]
    for split, maps in (("validation", found["heatmaps"]), ("test", found["heatmaps_test"])):
        for sign in SIGNS:
            for row, members in enumerate(chosen[sign]):
                pairs = [(measured(members, seed, split), measured(nothing, seed, split)) for seed in (0, 1, 2)]
                rise = np.mean([with_out.loss - plain.loss for with_out, plain in pairs], axis=0)
                gain = np.mean([with_out.accuracy - plain.accuracy for with_out, plain in pairs], axis=0)
                assert maps[sign]["loss"][row] == pytest.approx(rise, abs=1e-5)
                assert maps[sign]["accuracy"][row] == pytest.approx(gain, abs=1e-9)
        plain = np.mean([measured(nothing, seed, split).accuracy for seed in (0, 1, 2)], axis=0)
        assert found["baseline"][split]["accuracy"] == pytest.approx(plain, abs=1e-9)
    assert found["sizes"] == {sign: [len(members) for members in chosen[sign]] for sign in SIGNS}
    # 2 signs x 2 classes x 3 seeds, a random set for each of 4, and the model of all samples with each seed.
    assert found["trainings"] == 12 + 4 + 3


def test_predictions_are_the_mean_over_the_seeds_own_models_and_the_checkpoints_are_told_beside(rows, tmp_path):
    store = Store(tmp_path)
    folder = run(rows, store, seeds=2)
    found, influences = folder.manifest(), vectors(rows, store)

    models = [np.array(folder.read_json(f"seed-{number:03d}.json")["predicted"]) for number in range(2)]
    predicted = np.concatenate([found["heatmaps"][sign]["predicted"] for sign in SIGNS])
    assert predicted == pytest.approx(np.mean(models, axis=0)[:6], abs=1e-12)
    # The study's checkpoint has the seed of the first model, which is trained to it up to rounding.
    chosen = left_out(influences, range(3))
    own = np.concatenate([cumulative(influences, chosen[sign]) for sign in SIGNS])
    assert models[0][:6] == pytest.approx(own, rel=0.01, abs=1e-6)
    alone = found["agreement_checkpoint"]["beneficial"]["loss"]["spearman"]
    changes = np.array(found["heatmaps"]["beneficial"]["loss"])
    assert alone == pytest.approx(agreement(own[:3], changes[None], range(3), 0).spearman)


def test_accuracy_is_compared_with_its_sign_turned(rows, tmp_path):
    found = run(rows, Store(tmp_path), seeds=1).manifest()
    for sign in SIGNS:
        maps = {name: np.array(values) for name, values in found["heatmaps"][sign].items()}
        expected = agreement(maps["predicted"], -maps["accuracy"][None], range(3), 0).spearman
        assert found["agreement"][sign]["accuracy"]["spearman"] == pytest.approx(expected)


class Stop:
    """A progress that cancels when a condition on what it is told holds."""

    def __init__(self, condition: Callable[[str, int, str], bool]) -> None:
        self._condition = condition

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        if self._condition(stage, done, note):
            raise Cancelled


def without_time(manifest: dict) -> dict:
    return {name: value for name, value in manifest.items() if name != "created"}


@pytest.mark.parametrize("kind", ["rows", "pictures"])
def test_a_study_that_was_stopped_again_and_again_equals_one_that_was_not(request, tmp_path, monkeypatch, kind):
    folder = request.getfixturevalue(kind)
    monkeypatch.setattr(stacked, "TOGETHER", 2)
    classes = [0, 2] if kind == "rows" else [0]
    whole, store = run(folder, Store(tmp_path / "whole"), classes=classes), Store(tmp_path / "stopped")
    influence_run(load_study(folder), store)
    begun, train = list[int](), from_scratch.Scratch.trained

    def counting(scratch, weights, seeds, progress):
        begun.extend(seeds)
        return train(scratch, weights, seeds, progress)

    monkeypatch.setattr(from_scratch.Scratch, "trained", counting)
    in_turn = Stop(lambda stage, done, note: stage == "scores of candidates" and note.startswith("model 2"))
    in_trainings = Stop(lambda stage, done, note: unfinished() and stage == "training from scratch" and done >= 5)

    def parts() -> set[str]:
        (stopped,) = store.unfinished_runs()
        return set(stopped.parts) - {"arithmetic.json", SETS}

    def unfinished() -> bool:
        return "seed-001.json" in parts()

    with pytest.raises(Cancelled):
        run(folder, store, in_turn, classes=classes)
    assert parts() == {"seed-000.json"}
    with pytest.raises(Cancelled):
        run(folder, store, in_trainings, classes=classes)
    kept = parts()
    assert {"seed-000.json", "seed-001.json", "trained-00000.parquet"} < kept < set(whole.parts)
    begun.clear()
    resumed = run(folder, store, classes=classes)

    assert without_time(resumed.manifest()) == without_time(whole.manifest())
    assert resumed.parts == whole.parts
    if kind == "pictures":
        trained = len([part for part in whole.parts if part.startswith("trained")])
        assert len(begun) == trained - len([part for part in kept if part.startswith("trained")])


def test_a_model_that_is_trained_by_itself_is_not_trained_again_after_a_stop(pictures, tmp_path, monkeypatch):
    store, begun = Store(tmp_path), list[int]()

    def counting(study, data, weights, seeds, progress):
        begun.extend(seeds)
        return from_scratch.trained_from_scratch(study, data, weights, seeds, progress)

    monkeypatch.setattr(removal, "trained_from_scratch", counting)
    with pytest.raises(Cancelled):
        run(pictures, store, Stop(lambda stage, done, note: note.startswith("model 2")), classes=[0], seeds=3)
    assert begun == [0, 1]
    begun.clear()
    run(pictures, store, classes=[0], seeds=3)
    assert begun == [1, 2]


def test_a_finished_study_is_found_and_other_settings_are_another(rows, tmp_path):
    store = Store(tmp_path)
    first = run(rows, store)
    before = (first.path / "run.json").stat().st_mtime_ns
    again = run(rows, store, Stop(lambda *_: True))

    assert again.key == first.key
    assert (first.path / "run.json").stat().st_mtime_ns == before
    options = ({"seeds": 1}, {"share": 0.2}, {"epochs": 1}, {"classes": [1]})
    assert len({run(rows, store, **{"epochs": 2} | one).key for one in options} | {first.key}) == 5


def test_classes_of_a_split_without_samples_have_no_figures_and_cost_nothing_else(rows, tmp_path):
    folder = Path(shutil.copytree(rows, tmp_path / "study"))
    with np.load(folder / "test.npz") as arrays:
        kept = arrays["y"] != COW
        np.savez(folder / "test.npz", x=arrays["x"][kept], y=arrays["y"][kept])
    told = validate(load_study(folder), Store(tmp_path / "store"), {"what": "removal", "seeds": 2})

    json.dumps(told, allow_nan=False)
    for sign in SIGNS:
        assert [row[COW] for row in told["heatmaps_test"][sign]["loss"]] == [None] * 3
        assert None not in [value for row in told["heatmaps_test"][sign]["loss"] for value in row[:COW]]
        assert told["agreement_test"][sign]["loss"]["spearman"] is not None
        assert None not in told["heatmaps"][sign]["loss"][COW]


def test_a_study_without_test_samples_is_told_on_validation_alone(tmp_path):
    write_rows(tmp_path, test=False)
    told = validate(load_study(train(tmp_path)), Store(tmp_path / "store"), {"what": "removal", "seeds": 1})

    assert told["heatmaps_test"] is told["agreement_test"] is None
    assert told["heatmaps"]["beneficial"]["loss"][0][0] is not None


def test_another_measurement_is_what_changes_are_of(tmp_path):
    write_rows(tmp_path, influence='measurement = "margin"')
    store = Store(tmp_path / "store")
    found = run(train(tmp_path), store, seeds=1).manifest()
    study = load_study(tmp_path)
    data = load_data(study)
    (model,) = trained_from_scratch(study, data, np.ones((1, len(data.train))), [0])

    expected = evaluate(model, data.validation, data.transform, 3, measurement="margin")
    assert found["measurement"] == "margin"
    assert found["baseline"]["validation"]["value"] == pytest.approx(expected.value, abs=1e-5)
    assert "its log odds of error rose for" in found["sentence"]


def test_where_a_class_has_no_samples_of_a_sign_nothing_is_left_out_and_nothing_is_counted(rows, tmp_path, monkeypatch):
    def nothing_for_the_first(influences, classes, share):
        chosen = left_out(influences, classes, share)
        chosen["detrimental"][0] = chosen["detrimental"][0][:0]
        return chosen

    def rounded_otherwise(*arguments):
        means = retrained(*arguments)
        return {split: ClassMeans(one.accuracy + 1e-9, one.value - 1e-9) for split, one in means.items()}

    monkeypatch.setattr(removal, "left_out", nothing_for_the_first)
    monkeypatch.setattr(removal, "retrained", rounded_otherwise)
    found = run(rows, Store(tmp_path)).manifest()

    assert found["sizes"]["detrimental"][0] == 0
    assert found["heatmaps"]["detrimental"]["predicted"][0] == [0, 0, 0]
    # Exactly, also where models that are trained as one are themselves up to rounding only.
    assert found["heatmaps"]["detrimental"]["loss"][0] == found["heatmaps"]["detrimental"]["accuracy"][0] == [0, 0, 0]
    own = [found["heatmaps"]["detrimental"]["loss"][k][k] for k in (1, 2)]
    assert found["diagonal_right"]["detrimental"] == sum(value < 0 for value in own) / 2
    assert "of 2 classes" in found["sentence"].partition("detrimental")[2]


def test_where_no_class_has_samples_of_a_sign_the_sentence_says_so(rows, tmp_path, monkeypatch):
    def none_detrimental(influences, classes, share):
        return left_out(influences, classes, share) | {"detrimental": [np.array([], np.int64)] * len(classes)}

    monkeypatch.setattr(removal, "left_out", none_detrimental)
    found = run(rows, Store(tmp_path)).manifest()

    assert found["diagonal_right"]["detrimental"] is None
    assert found["agreement"]["detrimental"]["loss"]["spearman"] is None
    assert "no class has any detrimental samples." in found["sentence"]


def test_a_quick_study_says_what_it_gives_up(rows, tmp_path):
    told = validate(load_study(rows), Store(tmp_path), {"what": "removal", "quick": True})

    (notice,) = told["notices"]
    assert "2 trainings of each set in place of 5" in notice
    assert "1 epoch in place of 2" in notice
    assert (told["seeds"], told["epochs"]) == (2, 1)


@pytest.mark.parametrize("changed", ["train.npz", "checkpoints"])
def test_files_that_change_meanwhile_leave_no_result_under_the_old_key(rows, tmp_path, changed):
    folder, store = Path(shutil.copytree(rows, tmp_path / "study")), Store(tmp_path / "store")
    influence, _ = influence_run(load_study(folder), store)

    def changing(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "scores of candidates":
            if changed == "train.npz":
                np.savez(folder / "train.npz", **(dict(np.load(rows / "train.npz")) | {"more": np.zeros(1)}))
            else:
                epochs = folder / "checkpoints"
                shutil.copy(epochs / "epoch-001.safetensors", epochs / "epoch-002.safetensors")

    with pytest.raises(RefusedInput, match=r"changed during the removal study.*Start again"):
        run(folder, store, changing)
    assert [one.key for one in store.finished_runs()] == [influence.key]
    assert [one.parts for one in store.unfinished_runs()] == [()]
