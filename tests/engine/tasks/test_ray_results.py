"""What is computed on a Ray cluster is what is computed here, bit for bit on the CPU."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import RefusedInput
from engine.influence import parts, prepare_influence
from engine.influence.kronecker import KroneckerFit, _in_order
from engine.influence.operators import Horizon
from engine.tasks import LocalTasks, tasks_on
from engine.training import NextEpoch, train, trained_from_scratch
from engine.training.retraining import Retrainings
from engine.training.side_by_side import Judged, SideBySide
from tests.engine.influence.cases import digits, study, trained
from tests.engine.training import cases
from tests.engine.training.test_retraining import SEEDS, numbered, of, small_pictures, without_some

HORIZON = Horizon(tau=0.5, weight_decay=0.0)


def cnn() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))


class Stages:
    """A progress that remembers the notes of each stage."""

    def __init__(self) -> None:
        self.notes: dict[str, set[str]] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        self.notes.setdefault(stage, set()).add(note)


@pytest.fixture
def here():
    with tasks_on(LocalTasks()):
        yield


@pytest.mark.parametrize("strategy", ["exact", "ekfac", "kfac", "diagonal"])
def test_factors_and_scores(strategy: str, on_ray: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_SAMPLES", 100)
    # Factors on more samples than are taken at once.
    monkeypatch.setattr("engine.influence.kronecker.PART_SAMPLES", 60)
    data = digits(count=250, validation=120)
    model = trained(cnn(), data.train.inputs, data.train.labels, steps=10)
    settings = study(tmp_path, f'strategy = "{strategy}"\nfactor_examples = 200')
    told = Stages()

    def computed() -> list[parts.InfluencePart]:
        prepared = prepare_influence(settings, data, model, HORIZON, told)
        return sorted(prepared.parts(progress=told), key=lambda part: part.number)

    far = computed()
    assert told.notes["scores"] == {"2 at once on Ray"}
    assert strategy == "exact" or "2 at once on Ray" in told.notes["factors"]
    with tasks_on(LocalTasks()):
        near = computed()
    assert [(part.number, part.start, len(part.ceiling)) for part in far] == [(0, 0, 100), (1, 100, 100), (2, 200, 50)]
    for one, other in zip(far, near, strict=True):
        np.testing.assert_array_equal(one.ceiling, other.ceiling)
        np.testing.assert_array_equal(one.epoch, other.epoch)


def candidates(folder: Path, architecture: str) -> tuple[NextEpoch, Judged, np.ndarray]:
    case, data = cases.study(folder, architecture, training={"epochs": 2}), small_pictures()
    train(case, data)
    judged = Judged({"validation": data.validation}, data.transform, 3, case.influence.measurement)
    return NextEpoch.from_study(case, data, 1), judged, without_some(14, 4)


def test_candidates_of_a_search(on_ray: Path, tmp_path: Path) -> None:
    following, judged, weights = candidates(tmp_path, "cnn")

    def measured(told: Stages) -> list:
        with SideBySide(following, judged) as side:
            return side.measure(weights, [1, 2, 3, 3], told)

    far_told, near_told = Stages(), Stages()
    far = measured(far_told)
    with tasks_on(LocalTasks()):
        near = measured(near_told)
    assert (far_told.notes, near_told.notes) == ({"next epoch": {"2 at once on Ray"}}, {"next epoch": {"epoch 2"}})
    for one, other in zip(far, near, strict=True):
        np.testing.assert_array_equal(one["validation"].losses, other["validation"].losses)
    assert not np.array_equal(far[2]["validation"].losses, far[3]["validation"].losses)


def test_candidates_of_small_networks_stay_here(on_ray: Path, tmp_path: Path) -> None:
    following, judged, weights = candidates(tmp_path, "mlp")
    told = Stages()
    with SideBySide(following, judged) as side:
        side.measure(weights, [1, 2, 3, 3], told)
    assert told.notes == {"next epoch": {"epoch 2"}}


def test_retrainings_whose_weights_are_made_when_they_are_sent(on_ray: Path, tmp_path: Path) -> None:
    case, data, weights = cases.study(tmp_path, "cnn", training={"epochs": 1}), small_pictures(), without_some(14)
    retrainings = Retrainings(case, data, ["validation"], SEEDS, of(weights))
    far = numbered(retrainings.run([0, 1, 2, 4]))
    with tasks_on(LocalTasks()):
        near = numbered(retrainings.run([0, 1, 2, 4]))
    assert sorted(far) == sorted(near) == [0, 1, 2, 4]
    for number in near:
        np.testing.assert_array_equal(far[number]["validation"].value, near[number]["validation"].value)


@pytest.mark.parametrize("architecture", ["cnn", "mlp"])
def test_models_from_scratch(architecture: str, on_ray: Path, tmp_path: Path) -> None:
    case, data, weights = (
        cases.study(tmp_path, architecture, training={"epochs": 1}),
        small_pictures(),
        without_some(14),
    )
    far = trained_from_scratch(case, data, weights[:3], SEEDS[:3])
    with tasks_on(LocalTasks()):
        near = trained_from_scratch(case, data, weights[:3], SEEDS[:3])
    assert all(map(cases.equal, far, near))
    assert not cases.equal(far[0], far[1])


class Picky(nn.Sequential):
    """Fails on a sample that begins with 7."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if bool((inputs.flatten(1)[:, 0] == 7).any()):
            raise RuntimeError("there is a 7\nand more")
        return super().forward(inputs)


@pytest.mark.parametrize("where", ["on a cluster", "here"])
def test_a_sample_on_which_the_model_fails_ends_the_map_and_is_named(
    where: str, on_ray: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if where == "here":
        request.getfixturevalue("here")
    monkeypatch.setattr(parts, "PART_SAMPLES", 100)
    data = digits(count=250, validation=120)
    model = Picky(nn.Flatten(), nn.Linear(data.train.inputs[0].numel(), 10))
    prepared = prepare_influence(study(tmp_path, 'strategy = "identity"'), data, model, HORIZON)
    data.train.inputs[133].flatten()[0] = 7
    expected = r"the model fails on training sample 133: there is a 7\. Expected a model that takes every sample"
    with pytest.raises(RefusedInput, match=expected):
        list(prepared.parts())


def test_statistics_are_added_in_the_order_of_the_parts_in_whatever_order_they_come() -> None:
    # Numbers of which another order makes another sum.
    parts = [{"kind": {"module": torch.tensor([value])}} for value in (1.0, 2.0**-24, -1.0, 2.0**-25)]
    expected = ((parts[0]["kind"]["module"] + parts[1]["kind"]["module"]) + -1.0) + 2.0**-25
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        (total,) = _in_order(iter([(position, parts[position]) for position in order]))["kind"].values()
        assert torch.equal(total, expected)


def test_statistics_of_parts_are_those_of_their_samples_added(monkeypatch: pytest.MonkeyPatch) -> None:
    data = digits(count=250, validation=120)
    model = trained(cnn(), data.train.inputs, data.train.labels, steps=10)
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    fit = KroneckerFit(model, data.train, data.transform, names, 3, 64)
    indices = torch.arange(150)
    monkeypatch.setattr("engine.influence.kronecker.PART_SAMPLES", 60)
    whole = fit.covariances(indices)
    for kind, by_name in whole.items():
        for name, tensor in by_name.items():
            separate = [fit.covariances(part)[kind][name] for part in indices.split(60)]
            assert torch.equal(tensor, separate[0] + separate[1] + separate[2])
