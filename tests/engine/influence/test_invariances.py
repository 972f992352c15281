"""What must not change the scores: batch size, order of the samples, a stop in the middle."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import Cancelled
from engine.influence import parts, prepare_influence, vectors
from engine.influence.operators import Horizon
from engine.influence.scores import scoring
from engine.progress import silent
from engine.tasks import InProcess
from tests.engine.influence.cases import digits, mlp, samples, study, trained

HORIZON = Horizon(tau=0.5, weight_decay=0.0)


@pytest.fixture(scope="module")
def case():
    data = digits(count=250, validation=120)
    return data, trained(mlp(), data.train.inputs, data.train.labels, steps=30)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_SAMPLES", 100)


def test_all_parts_come_in_the_order_of_the_samples_in_whatever_order_they_are_scored(
    case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Backwards(InProcess):
        def completed(self, items, told, progress=silent):
            yield from reversed(list(super().completed(items, told, progress)))

    data, model = case
    prepared = prepare_influence(study(tmp_path, 'strategy = "identity"'), data, model, HORIZON)
    expected = scores(prepared)
    monkeypatch.setattr(vectors, "task_pool", lambda work, shared, **_: Backwards(work, shared))
    assert [part.start for part in prepared.parts()] == [200, 100, 0]
    found = prepared.all_parts()
    assert [part.start for part in found] == [0, 100, 200]
    np.testing.assert_array_equal(np.concatenate([part.ceiling for part in found]), np.concatenate(expected)[:, :40])


def scores(prepared, finished=()):
    return [np.concatenate([part.ceiling, part.epoch], axis=1) for part in prepared.parts(finished)]


@pytest.mark.parametrize("strategy", ["exact", "ekfac"])
def test_batch_size_does_not_change_the_scores(strategy: str, case, tmp_path: Path) -> None:
    data, model = case
    settings = study(tmp_path, f'strategy = "{strategy}"')
    whole = np.concatenate(scores(prepare_influence(settings, data, model, HORIZON)))
    small = np.concatenate(
        scores(prepare_influence(settings.with_changes(compute={"batch_size": 7}), data, model, HORIZON))
    )
    np.testing.assert_allclose(small, whole, rtol=0, atol=1e-5 * np.abs(whole).max())


def test_the_order_of_the_training_samples_only_reorders_the_scores(case, tmp_path: Path) -> None:
    data, model = case
    # Exact: the labels that a sampled Fisher draws follow the order.
    settings = study(tmp_path, 'strategy = "exact"')
    whole = np.concatenate(scores(prepare_influence(settings, data, model, HORIZON)))
    order = torch.randperm(250, generator=torch.Generator().manual_seed(3))
    shuffled = type(data)(
        samples(data.train.inputs[order], data.train.labels[order]),
        data.validation,
        None,
        data.class_names,
        data.transform,
        (),
    )
    moved = np.concatenate(scores(prepare_influence(settings, shuffled, model, HORIZON)))
    np.testing.assert_allclose(moved, whole[order.numpy()], rtol=0, atol=1e-6 * np.abs(whole).max())


@pytest.mark.parametrize("strategy", ["exact", "ekfac"])
def test_a_resumed_pass_equals_an_uninterrupted_one_bit_for_bit(strategy: str, case, tmp_path: Path) -> None:
    data, model = case
    settings = study(tmp_path, f'strategy = "{strategy}"')
    whole = scores(prepare_influence(settings, data, model, HORIZON))
    kept: list[parts.InfluencePart] = []

    def stop_in_the_second_part(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "scores" and done > 100:
            raise Cancelled

    with pytest.raises(Cancelled):
        kept.extend(prepare_influence(settings, data, model, HORIZON).parts(progress=stop_in_the_second_part))
    first = next(iter(prepare_influence(settings, data, model, HORIZON).parts()))
    resumed = scores(prepare_influence(settings, data, model, HORIZON), finished={first.number})
    assert len(resumed) == 2
    for mine, theirs in zip(resumed, whole[1:], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_row_has_the_same_scores_whatever_other_rows_are_in_its_pass(case) -> None:
    data, model = case
    generator = torch.Generator().manual_seed(0)
    rows = {"0": torch.randn(60, 16, 65, generator=generator), "2": torch.randn(60, 10, 17, generator=generator)}

    def pass_of(chosen: slice) -> torch.Tensor:
        with scoring(model, {name: values[chosen] for name, values in rows.items()}) as scoring_pass:
            return scoring_pass.score(data.train.inputs, data.train.labels)

    whole = pass_of(slice(None))
    for chosen in (slice(0, 1), slice(7, 31), slice(59, 60)):
        torch.testing.assert_close(pass_of(chosen), whole[:, chosen], rtol=0, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize("strategy", ["exact", "ekfac", "diagonal"])
@pytest.mark.parametrize("stopped", ["class gradients", "factors", "comparing", "scores"])
def test_every_stage_stops_within_one_batch(stopped: str, strategy: str, case, tmp_path: Path) -> None:
    data, model = case
    calls: list[str] = []

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        assert 0 < done <= total
        calls.append(stage)
        if stage == stopped:
            raise Cancelled

    settings = study(tmp_path, f'strategy = "{strategy}"').with_changes(compute={"batch_size": 50})
    with pytest.raises(Cancelled):
        list(prepare_influence(settings, data, model, HORIZON, stop).parts(progress=stop))
    assert calls.count(stopped) == 1
    assert all(not module._forward_hooks for module in model.modules())


def test_the_model_and_the_global_generator_are_left_as_they_were(case, tmp_path: Path) -> None:
    data, model = case
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    scores(prepare_influence(study(tmp_path), data, model, HORIZON))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert torch.equal(state, torch.get_rng_state())


def test_every_validation_sample_is_in_one_fold_and_classes_are_spread_evenly(case, tmp_path: Path) -> None:
    data, model = case
    prepared = prepare_influence(study(tmp_path), data, model, HORIZON)
    assert prepared.fold_counts.sum() == 120
    assert (prepared.fold_counts.max(axis=0) - prepared.fold_counts.min(axis=0) <= 1).all()


def test_bf16_scores_rank_the_samples_alike(case, tmp_path: Path) -> None:
    data, model = case
    settings = study(tmp_path, 'strategy = "ekfac"')
    exact = np.concatenate(scores(prepare_influence(settings, data, model, HORIZON)))
    half = settings.with_changes(compute={"precision": "bf16"})
    rounded = np.concatenate(scores(prepare_influence(half, data, model, HORIZON)))
    assert not np.array_equal(exact, rounded)
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > 0.99
