import numpy as np
import pytest

import engine.influence.parts
from app.workflow.catalogue import run_keys
from app.workflow.influence import fold_counts, fold_rows, influence_run
from cache.store import Store
from engine.data import load_data
from engine.errors import Cancelled, RefusedInput
from engine.study import load_study


class Stop:
    """A progress that cancels once a stage has gone so far, and remembers what it was told."""

    def __init__(self, stage: str, done: int) -> None:
        self._stage, self._done = stage, done
        self.told: list[tuple[str, int]] = []

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        self.told.append((stage, done))
        if stage == self._stage and done >= self._done:
            raise Cancelled


@pytest.fixture
def parts_of_64(monkeypatch) -> None:
    monkeypatch.setattr(engine.influence.parts, "PART_SAMPLES", 64)


def test_a_run_tells_every_training_sample_with_its_prediction(trained_digits, finished_store):
    folder, cached = influence_run(load_study(trained_digits), finished_store)

    samples = folder.read_table("samples.parquet").to_pydict()
    assert cached
    assert samples["index"] == list(range(200))
    assert samples["source"][17] == "train.npz#17"
    with np.load(trained_digits / "train.npz") as arrays:
        assert samples["label"] == arrays["label"].tolist()
    right = np.equal(samples["label"], samples["predicted"])
    accuracy = [right[np.equal(samples["label"], k)].mean() for k in range(10)]
    assert folder.manifest()["accuracy"]["train"] == pytest.approx(accuracy)


def test_stored_scores_have_a_column_for_each_fold_and_class(trained_digits, finished_store):
    folder, _ = influence_run(load_study(trained_digits), finished_store)

    counts = fold_counts(folder)
    assert fold_rows(folder, "ceiling").shape == fold_rows(folder, "epoch").shape == (200, 40)
    assert counts.shape == (4, 10)
    assert counts.sum(axis=0).tolist() == [12] * 10


def test_each_validation_sample_is_in_the_fold_that_the_counts_say(trained_digits, finished_store):
    folder, _ = influence_run(load_study(trained_digits), finished_store)

    validation = folder.read_table("validation.parquet").to_pandas()
    counted = validation.groupby(["fold", "label"]).size().unstack().to_numpy()
    assert np.array_equal(counted, fold_counts(folder))
    losses = validation.groupby("label")["loss"].mean()
    assert folder.manifest()["loss"]["validation"] == pytest.approx(losses.tolist(), rel=1e-5)


def test_a_finished_run_is_found_and_left_as_it_is(trained_digits, digits_store, run_use_case, contents):
    before = contents(digits_store.runs_folder)
    steps = Stop("scores", 0)

    result = run_use_case("influence", trained_digits, digits_store, steps)

    assert result["cached"] is True
    assert steps.told == []
    assert contents(digits_store.runs_folder) == before


def test_a_study_that_moved_finds_its_run_again(digits, digits_store, run_use_case, edited):
    edited(digits, 'name = "small digits"', 'name = "renamed"')

    assert run_use_case("influence", digits, digits_store)["cached"] is True


def test_another_epoch_or_seed_is_another_run(trained_digits, influence_store, run_use_case):
    runs = {
        run_use_case("influence", trained_digits, influence_store, **options)["run"]
        for options in ({}, {"epoch": 4}, {"epoch": 2}, {"seed": 1})
    }

    assert len(runs) == 3
    assert {run.key for run in influence_store.finished_runs()} == runs
    assert {run.manifest()["epoch"] for run in influence_store.finished_runs()} == {2, 4}


def test_a_stopped_run_goes_on_after_its_last_part_and_equals_one_that_never_stopped(
    trained_digits, tmp_path, empty_store, run_use_case, parts_of_64
):
    # A curvature with factors, which are fitted anew after a stop.
    study = load_study(trained_digits).with_changes(influence={"strategy": "kfac"})
    whole = Store(tmp_path / "whole")
    run_use_case("influence", study, whole)
    with pytest.raises(Cancelled):
        run_use_case("influence", study, empty_store, Stop("scores", 128))
    (stopped,) = empty_store.unfinished_runs()
    first = stopped.path / "vectors-00000.parquet"
    kept = first.stat().st_mtime_ns, first.read_bytes()
    assert [name for name in stopped.parts if name.startswith("vectors-")] == [first.name]

    steps = Stop("scores", 10_000)
    resumed = run_use_case("influence", study, empty_store, steps)

    assert resumed["cached"] is False
    assert [done for stage, done in steps.told if stage == "scores"] == [128, 192, 200]
    assert (first.stat().st_mtime_ns, first.read_bytes()) == kept
    (finished,), (expected,) = empty_store.finished_runs(), whole.finished_runs()
    assert finished.parts == expected.parts
    tables = [name for name in expected.parts if name.endswith(".parquet")]
    assert len(tables) == 6
    assert all(finished.read_table(name).equals(expected.read_table(name)) for name in tables)
    same = expected.manifest().keys() - {"created", "seconds"}
    assert {key: finished.manifest()[key] for key in same} == {key: expected.manifest()[key] for key in same}


def test_parts_of_any_size_hold_the_same_scores(
    trained_digits, finished_store, empty_store, run_use_case, monkeypatch, parts_of_64
):
    run_use_case("influence", trained_digits, empty_store)

    (small,) = empty_store.finished_runs()
    assert small.read_table("vectors-*.parquet").column("index").to_pylist() == list(range(200))
    large, _ = influence_run(load_study(trained_digits), finished_store)
    for operator in ("ceiling", "epoch"):
        expected = fold_rows(large, operator)
        assert np.abs(fold_rows(small, operator) - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_run_that_is_being_computed_is_refused_to_a_second_process(trained_digits, empty_store, run_use_case):
    study = load_study(trained_digits)
    with empty_store.run(run_keys(study).influence).lock(), pytest.raises(RefusedInput, match="is being computed by"):
        run_use_case("influence", study, empty_store)


def test_notices_of_data_and_checkpoint_come_with_the_result(digits, empty_store, run_use_case):
    for momentum in (digits / "checkpoints" / "optimizer").iterdir():
        momentum.unlink()

    result = run_use_case("influence", digits, empty_store)

    assert load_data(load_study(digits)).notices == ()
    (notice,) = result["notices"]
    assert "no momentum is stored" in notice


@pytest.mark.parametrize(
    ("table", "damping", "told"),
    [
        ("", '"training"', "[training] does not tell epochs and learning_rate: influence predicts 20 epochs at a"),
        ("[training]\nbatch_size = 20\nlearning_rate = 0.3\n", '"training"', "[training] does not tell epochs: "),
        ("", '"heuristic"', None),
        ("", "0.01", None),
    ],
)
def test_a_training_that_the_study_does_not_tell_is_said_to_be_assumed(
    table, damping, told, digits, empty_store, run_use_case, edited
):
    edited(digits, "[training]\nlearning_rate = 0.15\nbatch_size = 20\nepochs = 4\n", table)
    edited(digits, "[influence]\n", f"[influence]\ndamping = {damping}\n")
    for command in ("influence", "ceiling"):
        notices = run_use_case(command, digits, empty_store)["notices"]
        assert [notice for notice in notices if "[training]" in notice and notice.startswith(told or "[training]")] == (
            notices[-1:] if told else []
        )


def test_what_was_assumed_is_no_longer_said_once_the_study_tells_it(digits, empty_store, run_use_case, edited):
    edited(digits, "[training]\nlearning_rate = 0.15\nbatch_size = 20\nepochs = 4\n", "")
    assert "does not tell" in run_use_case("influence", digits, empty_store)["notices"][-1]
    edited(digits, "[influence]\n", "[training]\nlearning_rate = 0.05\nepochs = 20\n\n[influence]\n")
    again = run_use_case("influence", digits, empty_store)
    assert again["cached"], "the settings are those that were assumed"
    assert not any("does not tell" in notice for notice in again["notices"])


def test_data_that_change_meanwhile_leave_nothing_stored(digits, empty_store, run_use_case):
    def change_at_the_end(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "scores" and done == total:
            (digits / "test.npz").write_bytes((digits / "validation.npz").read_bytes())

    with pytest.raises(RefusedInput, match="changed while influence was computed"):
        run_use_case("influence", digits, empty_store, progress=change_at_the_end)
    assert empty_store.finished_runs() == []
    assert all(not folder.parts for folder in empty_store.unfinished_runs())


def test_parts_that_were_computed_in_another_arithmetic_are_not_gone_on_from(
    trained_digits, empty_store, run_use_case, parts_of_64
):
    with pytest.raises(Cancelled):
        run_use_case("influence", trained_digits, empty_store, Stop("scores", 100))
    (stopped,) = empty_store.unfinished_runs()
    stopped.write_json(
        "arithmetic.json", {"device": "cuda", "precision": "bf16", "strategy": "ekfac", "factor_examples": 60}
    )
    steps = Stop("nothing", 0)
    run_use_case("influence", trained_digits, empty_store, steps)

    scored = [done for stage, done in steps.told if stage == "scores"]
    assert min(scored) <= 64
    told = stopped.read_json("arithmetic.json")
    assert told == {"device": "cpu", "precision": "fp32", "strategy": "diagonal", "factor_examples": 60}


def test_a_result_tells_what_it_rests_on(trained_digits, finished_store, run_use_case):
    told = run_use_case("influence", trained_digits, finished_store)

    assert (told["strategy"], told["precision"]) == ("diagonal", {"name": "fp32", "agreement": None})
    assert told["factor_examples"] == 60
    assert told["stability"]["classes"] == list(range(10))
    assert all(-1 <= rank <= 1 for rank in told["stability"]["tenth"] + told["stability"]["tenfold"])
