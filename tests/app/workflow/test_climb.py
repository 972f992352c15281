"""The climb on two studies: the separable set, by removal, and digits with three in ten labels flipped, by weights."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import app.workflow.climb
from app.workflow.synthetic import make_synthetic
from cache import Cache
from cache.fingerprints import climb_key
from cache.run_folder import RunFolder
from cache.store import Store
from engine.data import load_data
from engine.errors import Cancelled, RefusedInput
from engine.experiments.climb import Weighted, divided
from engine.experiments.paired import class_changes
from engine.experiments.synthetic import synthetic_set
from engine.frontier import judge_together
from engine.frontier.certificate import WeightRange, certificate
from engine.models import load_checkpoint
from engine.study import load_study
from engine.training import evaluate, trained_from_scratch
from engine.training.stored_state import untrained_model

STUDY = """
name = "noisy digits"
[data]
format = "npz"
train = "train.npz"
validation = "validation.npz"
test = "test.npz"
input = "image"
[model]
architecture = "logistic_regression"
[training]
learning_rate = 0.2
weight_decay = 0.001
batch_size = 50
epochs = 20
[influence]
strategy = "exact"
[compute]
device = "cpu"
threads = 1
"""


def write_digits(folder: Path, flipped: float = 0.3, classes: int = 5) -> Path:
    """Writes 300 + 300 + 300 digits of the first classes, with some of the training labels flipped."""
    from sklearn.datasets import load_digits

    folder.mkdir(parents=True, exist_ok=True)
    digits = load_digits(n_class=classes)
    generator = np.random.default_rng(1)
    order = generator.permutation(len(digits.target))
    for number, split in enumerate(("train", "validation", "test")):
        rows = order[300 * number : 300 * (number + 1)]
        labels = digits.target[rows].astype(np.int64)
        if split == "train":
            wrong = generator.choice(300, round(flipped * 300), replace=False)
            labels[wrong] = (labels[wrong] + generator.integers(1, classes, len(wrong))) % classes
        np.savez(folder / f"{split}.npz", image=(digits.images[rows] * 15).astype(np.uint8), label=labels)
    (folder / "study.toml").write_text(STUDY)
    return folder


def only_run(store: Store) -> RunFolder:
    (folder,) = store.finished_runs()
    return folder


def without(manifest: dict, *names: str) -> dict:
    return {name: value for name, value in manifest.items() if name not in names}


@pytest.fixture(scope="module")
def noisy(tmp_path_factory) -> Path:
    return write_digits(tmp_path_factory.mktemp("noisy") / "digits")


@pytest.fixture(scope="module")
def climbed(tmp_path_factory, noisy, run_use_case) -> tuple[Store, dict]:
    """Three rounds of reweighting and their store; not to be changed."""
    store = Store(tmp_path_factory.mktemp("climbed"))
    return store, run_use_case("climb", noisy, store, rounds=3)


@pytest.fixture(scope="module", params=[False, True], ids=["through the origin", "intercept"])
def removal(request, tmp_path_factory, run_use_case) -> tuple[bool, Store, dict]:
    folder = tmp_path_factory.mktemp("removal")
    make_synthetic("separable", folder / "separable", intercept=request.param)
    store = Store(folder / "store")
    return request.param, store, run_use_case("climb", folder / "separable", store, how="remove", rounds=3)


def test_removal_takes_the_flipped_samples_and_ends_where_none_harms_both(removal):
    intercept, store, result = removal
    flipped = set(synthetic_set("separable", 0).flipped.tolist())
    rounds, folder = result["rounds"], only_run(store)
    gone = [set(range(600)) - set(folder.read_table("round-001.parquet").column("index").to_pylist())]

    assert rounds[0]["removed"] == rounds[0]["regions"]["joint_negative"] == 600 - rounds[1]["samples"]
    assert gone[0] <= flipped
    losses = [np.mean(entry["loss"]["test"]) for entry in rounds]
    assert losses == sorted(losses, reverse=True)
    assert result["best_round"] == len(rounds) - 1
    assert rounds[-1]["removed"] == 0
    weights = folder.read_table("weights.parquet").column("weight").to_numpy()
    assert set(np.flatnonzero(weights == 0)) >= gone[0]
    if intercept:
        # About half of the flips are trade-offs at first: one round does not find them all.
        assert 20 <= len(gone[0]) < 70
        assert 0 < rounds[1]["removed"] < rounds[0]["removed"]
    else:
        assert gone[0] == flipped
        assert [entry["samples"] for entry in rounds] == [600, 530]
        assert rounds[1]["regions"]["joint_negative"] == 0
        assert result["stopped"] == "After round 1 no training sample harms every class any more."
        assert losses[1] < 0.1 * losses[0]


def test_reweighting_raises_accuracy_on_unseen_data(climbed):
    _, result = climbed
    mean = [np.mean(entry["accuracy"]["test"]) for entry in result["rounds"]]

    assert result["how"] == "reweight"
    assert result["best_round"] > 0
    assert mean[result["best_round"]] > mean[0] + 0.01
    assert np.mean(result["change"]["test"]) == pytest.approx(mean[result["best_round"]] - mean[0])
    assert np.mean(result["loss_change"]["test"]) < 0
    assert result["ceiling"] == result["rounds"][result["best_round"]]["accuracy"]


def test_the_result_says_what_a_page_needs(climbed):
    _, result = climbed
    first, *_ = result["rounds"]

    assert first.keys() >= {"round", "samples", "removed", "verdict", "held_out", "accuracy", "loss", "regions"}
    assert [entry["round"] for entry in result["rounds"]] == list(range(len(result["rounds"])))
    for name in ("ceiling", "change", "interval", "loss_change", "loss_interval"):
        assert [len(result[name][split]) for split in ("validation", "test")] == [5, 5], name
    assert len(first["held_out"]) == 5
    assert sum(first["regions"].values()) == first["samples"] == 300
    assert result["choosing_samples"] + result["judging_samples"] == 300
    assert result["notices"] == []
    assert "Estimated ceiling: " in result["sentence"]
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_weights_of_a_round_go_half_of_the_way_from_those_before(climbed):
    store, _ = climbed
    folder = only_run(store)
    first, second = (folder.read_table(f"round-00{number}.parquet") for number in (0, 1))
    influence = first.column("influence").combine_chunks().flatten().to_numpy().reshape(300, 5)

    assert first.column("weight").to_pylist() == [1.0] * 300
    expected = (1 + certificate(influence, WeightRange(0.5, 1.5)).weights) / 2
    assert second.column("weight").to_numpy() == pytest.approx(expected, abs=1e-6)


def test_the_delivered_model_is_the_best_rounds_and_so_are_the_weights(noisy, climbed):
    store, result = climbed
    study, folder = load_study(noisy), only_run(store)
    data = load_data(study)
    model = untrained_model(study, data)
    load_checkpoint(folder.path / "improved.safetensors", model)
    weights = folder.read_table("weights.parquet").column("weight").to_numpy()
    best = folder.read_table(f"round-00{result['best_round']}.parquet").column("weight").to_numpy()

    assert weights.tolist() == best.tolist()
    assert result["weights"] == str(folder.path / "weights.parquet")
    assert result["checkpoint"] == str(folder.path / "improved.safetensors")
    (again,) = trained_from_scratch(study, data, weights[None], [study.seed])
    for name, tensor in model.state_dict().items():
        assert again.state_dict()[name].numpy() == pytest.approx(tensor.numpy(), abs=1e-5)


def test_figures_are_means_over_three_seeds_of_the_third_that_judges(noisy, climbed):
    _, result = climbed
    study = load_study(noisy)
    data = load_data(study)
    choosing, judging = divided(data.validation.labels.numpy(), data.class_names, study.seed)
    models = trained_from_scratch(study, data, np.ones((3, 300)), [0, 1, 2])
    found = [evaluate(model, data.validation.take(judging), data.transform, 5) for model in models]

    told = result["rounds"][0]
    assert told["accuracy"]["validation"] == pytest.approx(np.mean([one.accuracy for one in found], axis=0))
    assert told["loss"]["validation"] == pytest.approx(np.mean([one.loss for one in found], axis=0), rel=1e-4)
    assert len(judging) == result["judging_samples"] == pytest.approx(100, abs=3)
    assert not set(choosing) & set(judging)


def test_the_change_is_paired_with_plain_training_over_seeds_and_samples(noisy, climbed):
    store, result = climbed
    best, plain = (
        np.stack([row.values.to_numpy(zero_copy_only=False) for row in table.column("correct")])
        for table in (
            only_run(store).read_table(f"round-00{number}-test.parquet") for number in (result["best_round"], 0)
        )
    )
    with np.load(noisy / "test.npz") as arrays:
        expected = class_changes(best, plain, arrays["label"], 5)

    assert result["change"]["test"] == pytest.approx(expected.mean)
    assert np.array(result["interval"]["test"]) == pytest.approx(expected.interval)


def stop_in_round(number: int, stage: str) -> Callable[..., None]:
    def progress(reported: str, done: int, total: int, note: str = "") -> None:
        if reported == stage and note.startswith(f"round {number} "):
            raise Cancelled

    return progress


@pytest.mark.parametrize(
    ("number", "stage", "kept"),
    [(0, "training from scratch", []), (1, "training from scratch", [0]), (2, "scores", [0, 1])],
)
def test_a_stopped_climb_goes_on_and_equals_one_that_never_stopped(
    noisy, climbed, tmp_path, run_use_case, contents, number, stage, kept
):
    store, expected = Store(tmp_path / "store"), only_run(climbed[0])
    with pytest.raises(Cancelled):
        run_use_case("climb", noisy, store, stop_in_round(number, stage), rounds=3)
    (stopped,) = store.unfinished_runs()
    assert [name for name in stopped.parts if name.endswith(".json")] == [
        "arithmetic.json",
        *(f"round-00{one}.json" for one in kept),
    ]
    before = contents(stopped.path)

    result = run_use_case("climb", noisy, store, rounds=3)

    assert result["cached"] is False
    finished = only_run(store)
    assert finished.parts == expected.parts
    assert {name: contents(finished.path)[name] for name in before if name.startswith("round")} == {
        name: told for name, told in before.items() if name.startswith("round")
    }
    for name in expected.parts:
        if name != "run.json":
            assert (finished.path / name).read_bytes() == (expected.path / name).read_bytes(), name
    assert without(finished.manifest(), "created") == without(expected.manifest(), "created")
    assert run_use_case("climb", noisy, store, rounds=3)["cached"] is True


def test_a_round_is_finished_when_all_its_parts_are_there(noisy, tmp_path, run_use_case, monkeypatch):
    written: list[str] = []
    write = RunFolder._write

    def noted(folder: RunFolder, name: str, save: Callable[[Path], object]) -> None:
        written.append(name)
        write(folder, name, save)

    monkeypatch.setattr(RunFolder, "_write", noted)
    run_use_case("climb", noisy, Store(tmp_path / "store"), rounds=2)

    first, second = written.index("round-000.json"), written.index("round-001.json")
    assert set(written[: first + 1]) == {
        *("round-000-test.parquet", "round-000-validation.parquet", "round-000.parquet"),
        *("arithmetic.json", "round-000.safetensors", "round-000.json"),
    }
    assert {name for name in written[first + 1 : second] if name.startswith("round")} == {
        *("round-001-test.parquet", "round-001-validation.parquet", "round-001.parquet"),
        "round-001.safetensors",
    }
    assert written[-1] == "run.json"


def test_later_verdicts_start_from_the_weights_that_were_trained_with(noisy, tmp_path, run_use_case, monkeypatch):
    starts: list[np.ndarray] = []

    def noted(*arguments):
        starts.append(arguments[-1])
        return judge_together(*arguments)

    monkeypatch.setattr(app.workflow.climb, "judge_together", noted)
    store = Store(tmp_path / "store")
    run_use_case("climb", noisy, store, rounds=2)

    for number, start in enumerate(starts):
        table = only_run(store).read_table(f"round-00{number}.parquet")
        assert start.tolist() == table.column("weight").to_pylist()
    assert len(starts) == 2


def test_a_round_whose_parts_are_not_all_there_is_computed_again(noisy, climbed, tmp_path, run_use_case):
    store = Store(shutil.copytree(climbed[0].root, tmp_path / "store"))
    folder = only_run(store)
    # As a process leaves it that was killed while it wrote round 2, whose model is there already.
    for name in ("run.json", "round-002.json", "round-002-test.parquet", "weights.parquet"):
        (folder.path / name).unlink(missing_ok=True)
    (folder.path / "improved.safetensors").unlink()
    (folder.path / "round-002.safetensors").write_bytes(b"half")

    again = run_use_case("climb", noisy, store, rounds=3)

    assert without(again, "created", "cached", "weights", "checkpoint") == without(
        climbed[1], "created", "cached", "weights", "checkpoint"
    )


def test_nothing_depends_on_the_labels_of_test(noisy, climbed, tmp_path, run_use_case):
    folder = Path(shutil.copytree(noisy, tmp_path / "digits"))
    with np.load(folder / "test.npz") as arrays:
        image, label = arrays["image"], arrays["label"]
    np.savez(folder / "test.npz", image=image, label=np.random.default_rng(0).permutation(label))

    result, expected = run_use_case("climb", folder, Store(tmp_path / "store"), rounds=3), climbed[1]

    assert result["run"] != expected["run"]
    assert result["best_round"] == expected["best_round"]
    assert result["stopped"] == expected["stopped"]
    for mine, theirs in zip(result["rounds"], expected["rounds"], strict=True):
        assert without(mine, "accuracy", "loss") == without(theirs, "accuracy", "loss")
        assert mine["accuracy"]["validation"] == theirs["accuracy"]["validation"]
        assert mine["accuracy"]["test"] != theirs["accuracy"]["test"]


def test_no_weights_see_the_samples_that_judge(noisy, climbed, tmp_path, run_use_case):
    folder = Path(shutil.copytree(noisy, tmp_path / "digits"))
    with np.load(folder / "validation.npz") as arrays:
        image, label = arrays["image"], arrays["label"]
    _, judging = divided(label, tuple("01234"), 0)
    image[judging] = 255 - image[judging]
    np.savez(folder / "validation.npz", image=image, label=label)

    result = run_use_case("climb", folder, Store(tmp_path / "store"), rounds=2)

    assert len(result["rounds"]) == 2
    for mine, theirs in zip(result["rounds"], climbed[1]["rounds"][:2], strict=True):
        assert mine["held_out"] == theirs["held_out"]
        assert mine["regions"] == theirs["regions"]
        assert mine["accuracy"]["test"] == theirs["accuracy"]["test"]
        assert mine["accuracy"]["validation"] != theirs["accuracy"]["validation"]


def test_removal_among_many_classes_says_that_nothing_harms_all(tmp_path, run_use_case):
    # Without a wrong label no sample harms all ten classes.
    folder = write_digits(tmp_path / "digits", flipped=0.0, classes=10)

    result = run_use_case("climb", folder, Store(tmp_path / "store"), how="remove")

    assert result["rounds"][0]["regions"]["joint_negative"] == result["rounds"][0]["removed"] == 0
    assert result["change"]["test"] == [0.0] * 10
    assert result["stopped"].startswith("No training sample harms all 10 classes at once")
    assert "--how reweight" in result["stopped"]
    assert "that of plain training; the lowest class is" in result["sentence"]


def test_where_the_verdict_says_stop_the_climb_stops(noisy, tmp_path, run_use_case, monkeypatch):

    def at_ceiling(*arguments):
        judged = judge_together(*arguments)
        object.__setattr__(judged, "verdict", "at_ceiling")
        return judged

    monkeypatch.setattr(app.workflow.climb, "judge_together", at_ceiling)
    result = run_use_case("climb", noisy, Store(tmp_path / "store"))

    assert len(result["rounds"]) == 1
    assert "'at the ceiling'" in result["stopped"]


def test_where_judging_sees_no_gain_the_climb_stops_and_plain_training_is_the_best(
    noisy, tmp_path, run_use_case, monkeypatch
):
    # Weights that turn the certificate round make every round worse.
    def worse(how, now, influence, weight_range):
        found = certificate(-influence, weight_range).weights
        return Weighted(now.kept, (1 + 0.9 * (found - 1)).astype(np.float32))

    monkeypatch.setattr(app.workflow.climb, "next_weighted", worse)
    result = run_use_case("climb", noisy, Store(tmp_path / "store"))

    assert (len(result["rounds"]), result["best_round"]) == (3, 0)
    assert "No round after round 0 was better" in result["stopped"]
    assert "none of the 2 further rounds was better" in result["sentence"]
    assert only_run(Store(tmp_path / "store")).read_table("weights.parquet").column("weight").to_pylist() == [1.0] * 300


def test_bad_options_are_refused_before_anything_is_read(noisy, empty_store, run_use_case, monkeypatch):
    monkeypatch.setattr(app.workflow.climb, "load_data", lambda *_: pytest.fail("the data were read"))
    for options, told in (
        ({"how": "remov"}, "Write 'remove' if that is what was meant"),
        ({"how": ""}, "--how is ''"),
        ({"rounds": 0}, "--rounds is 0"),
        ({"rounds": 101}, "--rounds is 101"),
        ({"seed": -1}, "seed"),
    ):
        with pytest.raises(RefusedInput, match=told):
            run_use_case("climb", noisy, empty_store, **options)

    assert empty_store.unfinished_runs() == []


def test_too_few_validation_samples_leave_nothing_behind(noisy, tmp_path, empty_store, run_use_case, edited):
    folder = edited(
        Path(shutil.copytree(noisy, tmp_path / "digits")), "[model]", "[data.limit]\nvalidation = 5\n[model]"
    )

    with pytest.raises(RefusedInput, match="6 validation samples of each class"):
        run_use_case("climb", folder, empty_store)

    assert empty_store.unfinished_runs() == []


def test_data_that_change_meanwhile_are_refused(noisy, tmp_path, empty_store, run_use_case):
    folder = Path(shutil.copytree(noisy, tmp_path / "digits"))

    def change(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "scores":
            write_digits(folder, flipped=0.1)

    with pytest.raises(RefusedInput, match="the data changed during the climb"):
        run_use_case("climb", folder, empty_store, change, rounds=1)

    assert empty_store.finished_runs() == []
    assert [run.parts for run in empty_store.unfinished_runs()] in ([], [()])


def test_without_a_test_split_the_result_says_what_it_was_judged_on(noisy, tmp_path, run_use_case, edited):
    folder = edited(Path(shutil.copytree(noisy, tmp_path / "digits")), 'test = "test.npz"\n', "")

    result = run_use_case("climb", folder, Store(tmp_path / "store"), rounds=2)

    assert [result[name].keys() for name in ("ceiling", "change", "loss_interval")] == [{"validation"}] * 3
    (notice,) = result["notices"]
    assert notice.startswith("No test split")
    assert "the validation data that chose the best round" in result["sentence"]


def test_the_key_is_of_the_study_the_way_and_the_rounds_and_of_no_checkpoint(noisy, climbed, run_use_case):
    study = load_study(noisy)
    assert not study.checkpoints_path.exists()

    assert climbed[1]["run"] == climb_key(study, "reweight", 3)
    assert run_use_case("climb", noisy, climbed[0], rounds=3, how=None)["cached"] is True


def test_the_cache_takes_the_run_in(climbed):
    with Cache.open(climbed[0]) as cache:
        cache.ingest()
        assert cache.refused == {}
        (run,) = cache.runs("climb", "noisy digits")
        assert run["key"] == climbed[1]["run"]
        with pytest.raises(RefusedInput, match="no run"):
            cache.vectors(run["key"])


def parts_of_rounds(contents: dict, rounds: int) -> dict:
    wanted = tuple(f"round-{number:03d}" for number in range(rounds))
    return {name: told for name, (_, told) in contents.items() if name.startswith(wanted)}


def no_training(stage: str, done: int, total: int, note: str = "") -> None:
    assert stage != "training from scratch"


@pytest.mark.parametrize("finished", [True, False])
def test_a_climb_of_fewer_rounds_takes_those_of_a_longer_one_over(
    noisy, climbed, tmp_path, run_use_case, contents, finished
):
    store = Store(shutil.copytree(climbed[0].root, tmp_path / "store"))
    longer = only_run(store)
    if not finished:
        (longer.path / "run.json").unlink()

    result = run_use_case("climb", noisy, store, no_training, rounds=2)

    mine = store.run(result["run"])
    assert parts_of_rounds(contents(mine.path), 3) == parts_of_rounds(contents(longer.path), 2)
    alone = Store(tmp_path / "alone")
    expected = run_use_case("climb", noisy, alone, rounds=2)
    assert without(mine.manifest(), "created") == without(only_run(alone).manifest(), "created")
    for name in ("improved.safetensors", "weights.parquet"):
        assert (mine.path / name).read_bytes() == (alone.run(expected["run"]).path / name).read_bytes()


def test_a_climb_goes_on_from_a_shipped_one_of_fewer_rounds(noisy, climbed, tmp_path, run_use_case, contents):
    trained: set[str] = set()

    def noted(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "training from scratch":
            trained.add(note.partition(",")[0])

    alone = Store(tmp_path / "alone")
    shorter = run_use_case("climb", noisy, alone, rounds=2)
    shipped = tmp_path / "samples" / "noisy" / "runs" / shorter["run"]
    shutil.copytree(alone.run(shorter["run"]).path, shipped)
    before = contents(shipped)

    result = run_use_case("climb", noisy, Store(tmp_path / "store", tmp_path / "samples"), noted, rounds=3)

    assert trained == {"round 2 of at most 2"}
    assert contents(shipped) == before
    changing = ("created", "cached", "weights", "checkpoint")
    assert without(result, *changing) == without(climbed[1], *changing)


def test_rounds_that_are_being_computed_or_of_another_way_are_not_taken_over(noisy, climbed, tmp_path, run_use_case):
    store = Store(shutil.copytree(climbed[0].root, tmp_path / "store"))
    other = only_run(store)

    with pytest.raises(AssertionError):
        run_use_case("climb", noisy, store, no_training, rounds=2, how="remove")
    (other.path / "run.json").unlink()
    with other.lock(), pytest.raises(AssertionError):
        run_use_case("climb", noisy, store, no_training, rounds=2)


def test_rounds_of_another_device_are_neither_gone_on_from_nor_taken_over(noisy, climbed, tmp_path, run_use_case):
    store = Store(shutil.copytree(climbed[0].root, tmp_path / "store"))
    folder = only_run(store)
    assert folder.read_json("arithmetic.json") == {"device": "cpu"}
    folder.write_json("arithmetic.json", {"device": "cuda"})

    with pytest.raises(AssertionError):
        run_use_case("climb", noisy, store, no_training, rounds=2)
    (folder.path / "run.json").unlink()
    with pytest.raises(AssertionError):
        run_use_case("climb", noisy, store, no_training, rounds=3)
    assert folder.parts == ("arithmetic.json",)
    assert folder.read_json("arithmetic.json") == {"device": "cpu"}


def test_the_result_says_by_what_it_was_computed(climbed):
    assert climbed[1]["environment"] == {"threads": 1, "torch": torch.__version__, "device": "cpu"}


def test_progress_is_told_while_the_outcomes_are_looked_at(noisy, tmp_path, run_use_case):
    evaluated: list[tuple[int, str]] = []

    def noted(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "evaluating":
            evaluated.append((total, note))

    run_use_case("climb", noisy, Store(tmp_path / "store"), noted, rounds=1)

    # Three models each look at the samples of test.
    assert [total for total, _ in evaluated].count(300) == 3
    assert {note for _, note in evaluated} == {"round 0"}


def test_few_samples_that_choose_are_told_as_such(noisy, tmp_path, run_use_case, edited):
    folder = edited(
        Path(shutil.copytree(noisy, tmp_path / "digits")), "[model]", "[data.limit]\nvalidation = 14\n[model]"
    )

    result = run_use_case("climb", folder, Store(tmp_path / "store"), rounds=1)

    assert "fewer than 10 validation samples that choose" in result["rounds"][0]["sentence"]
    assert result["rounds"][0]["verdict"] == "inconclusive"
    assert result["notices"][0].startswith("Fewer than 10 of the validation samples that choose are of 0 (")
