"""Many trainings from scratch: each is what it would be alone, in whatever groups or processes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.data import StudyData
from engine.errors import Cancelled, RefusedInput
from engine.study import Study
from engine.training import evaluate, retraining, stacked, trained_from_scratch
from engine.training.retraining import ClassMeans, Retrainings
from tests.engine.training.cases import Calls, data_of, pictures, study, table, tables

SEEDS = [3, 5, 3, 4, 3]


def without_some(samples: int, models: int = len(SEEDS)) -> np.ndarray:
    """Weights of which each row leaves other samples out, and weighs the others differently."""
    generator = np.random.default_rng(0)
    return (generator.uniform(0.5, 1.5, (models, samples)) * (generator.random((models, samples)) > 0.3)).astype("f4")


def of(weights: np.ndarray):
    return lambda numbers: weights[list(numbers)]


def alone(case: Study, data: StudyData, weights: np.ndarray, seed: int, split: str = "validation") -> ClassMeans:
    (model,) = trained_from_scratch(case, data, weights[None], [seed])
    samples, measurement = getattr(data, split), case.influence.measurement
    return ClassMeans.of([evaluate(model, samples, data.transform, 3, measurement=measurement)])


def assert_equal(first: ClassMeans, second: ClassMeans, tolerance: float = 0.0) -> None:
    np.testing.assert_array_equal(first.accuracy, second.accuracy)
    np.testing.assert_allclose(first.value, second.value, rtol=tolerance)


def numbered(found: Iterator[tuple[int, dict[str, ClassMeans]]]) -> dict[int, dict[str, ClassMeans]]:
    return dict(found)


def small_pictures() -> StudyData:
    return data_of(pictures(14), pictures(9, seed=1), mean=(0.5,) * 3, std=(0.3,) * 3, augmentations=("crop", "flip"))


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small networks at most are trained as one."""
    monkeypatch.setattr(stacked, "TOGETHER", 2)


@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize("measurement", ["loss", "margin"])
def test_each_small_network_is_trained_as_alone_with_its_own_weights_and_seed(tmp_path: Path, measurement: str) -> None:
    case, data = study(tmp_path).with_changes(influence={"measurement": measurement}), tables()
    weights = without_some(22)
    retrainings = Retrainings(case, data, ["validation", "test"], SEEDS, of(weights))
    found = numbered(retrainings.run(range(len(retrainings.groups))))

    assert retrainings.groups == [[0, 1], [2, 3], [4]]
    assert retrainings.workers == 1
    for split in ("validation", "test"):
        for number, group in enumerate(retrainings.groups):
            assert found[number][split].value.shape == (len(group), 3)
            for row, training in enumerate(group):
                means = found[number][split]
                own = ClassMeans(means.accuracy[[row]], means.value[[row]])
                expected = alone(case, data, weights[training], SEEDS[training], split)
                np.testing.assert_array_equal(own.accuracy, expected.accuracy)
                np.testing.assert_allclose(own.value, expected.value, rtol=1e-4, atol=1e-6)
    # Another seed or other weights make another model.
    values = np.concatenate([found[number]["validation"].value for number in range(3)])
    assert len(np.unique(values.round(6), axis=0)) == len(SEEDS)


@pytest.mark.usefixtures("pairs")
def test_some_of_the_groups_come_out_as_they_do_among_all_bit_for_bit(tmp_path: Path) -> None:
    case, data = study(tmp_path), tables()
    retrainings = Retrainings(case, data, ["validation"], SEEDS, of(without_some(22)))
    everything, asked = numbered(retrainings.run([0, 1, 2])), list[Sequence[int]]()

    def weights(numbers: Sequence[int]) -> np.ndarray:
        asked.append(list(numbers))
        return without_some(22)[list(numbers)]

    again = numbered(Retrainings(case, data, ["validation"], SEEDS, weights).run([2, 1]))
    assert list(again) == [2, 1]
    # Weights are made for one group at a time.
    assert asked == [[4], [2, 3]]
    for number in again:
        assert_equal(again[number]["validation"], everything[number]["validation"])


@pytest.mark.usefixtures("pairs")
def test_progress_counts_the_trainings_of_all_and_those_that_were_there(tmp_path: Path) -> None:
    case, data, calls = study(tmp_path), tables(), Calls()
    list(Retrainings(case, data, ["validation"], SEEDS, of(without_some(22))).run([1, 2], calls))

    stages, done, totals, notes = zip(*calls.all, strict=True)
    assert set(stages) == {"training from scratch"}
    assert set(totals) == {len(SEEDS)}
    # Two were there, four epochs of four steps each bring two more and then one.
    assert done == tuple(sorted(done))
    assert (done[0], done[15], done[16], done[-1]) == (2, 4, 4, 5)
    assert notes[-1] == "epoch 4 of 4"


def test_networks_that_are_not_stacked_are_a_group_each_and_bit_for_bit_as_alone(tmp_path: Path) -> None:
    case, data, weights = study(tmp_path, "cnn", training={"epochs": 1}), small_pictures(), without_some(14)
    retrainings = Retrainings(case, data, ["validation"], SEEDS[:3], of(weights))
    found = numbered(retrainings.run([2, 0]))

    assert retrainings.groups == [[0], [1], [2]]
    for number in (2, 0):
        assert_equal(found[number]["validation"], alone(case, data, weights[number], SEEDS[number]))


def test_a_stop_ends_the_training_and_what_was_yielded_stays(tmp_path: Path) -> None:
    case, data = study(tmp_path, "cnn", training={"epochs": 1}), small_pictures()
    steps = Calls(stop_at=4)
    running = Retrainings(case, data, ["validation"], SEEDS[:3], of(without_some(14))).run([0, 1, 2], steps)

    assert next(running)[0] == 0
    with pytest.raises(Cancelled):
        next(running)
    assert len(steps.all) == 4


def test_a_class_without_samples_in_a_split_has_no_figures(tmp_path: Path) -> None:
    data = tables()
    assert data.test is not None
    short = data_of(data.train, data.validation, data.test.take(np.flatnonzero(data.test.labels.numpy() != 1)))
    retrainings = Retrainings(study(tmp_path), short, ["test"], [1], of(np.ones((1, 22))))
    ((_, found),) = retrainings.run([0])

    assert np.isnan(found["test"].value).tolist() == np.isnan(found["test"].accuracy).tolist() == [[False, True, False]]


def test_a_diverging_training_is_refused(tmp_path: Path) -> None:
    weights = np.full((2, 22), 1e30)
    retrainings = Retrainings(study(tmp_path), tables(), ["validation"], [0, 1], of(weights))
    with pytest.raises(RefusedInput, match=r"training diverged.*Lower learning_rate"):
        list(retrainings.run([0]))


def test_no_training_is_asked_for_and_none_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(retraining, "Scratch")
    assert list(Retrainings(study(tmp_path), tables(), ["validation"], SEEDS, of(without_some(22))).run([])) == []


def test_small_networks_use_no_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("engine.tasks.processes.ProcessPoolExecutor")
    case = study(tmp_path).with_changes(compute={"workers": 3})
    retrainings = Retrainings(case, data_of(table(9), table(6)), ["validation"], [0, 1], of(np.ones((2, 9))))
    assert retrainings.workers == 1
    assert len(list(retrainings.run([0]))) == 1


# One story: processes take seconds to start.
def test_several_processes_give_the_same_and_are_begun_again_for_what_is_missing(tmp_path: Path) -> None:
    case, data, weights = study(tmp_path, "cnn", training={"epochs": 1}), small_pictures(), without_some(14)
    side_by_side = case.with_changes(compute={"workers": 2})
    expected = numbered(Retrainings(case, data, ["validation"], SEEDS, of(weights)).run(range(5)))
    retrainings, calls = Retrainings(side_by_side, data, ["validation"], SEEDS, of(weights)), Calls()
    found = numbered(retrainings.run([0, 1, 3], calls))

    assert retrainings.workers == 2
    assert sorted(found) == [0, 1, 3]
    for number, means in found.items():
        assert_equal(means["validation"], expected[number]["validation"])
    # Two of the five were there already.
    assert (calls.all[0][1] >= 2, calls.all[-1][1:3]) == (True, (5, 5))
