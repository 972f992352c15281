"""The bank of the benchmark ``verdict``: enough cases of every kind, always the same."""

import numpy as np
import pytest
import torch

from benchmarks.verdict_bank import Case, bank, flipped, kept_for_the_end, out_of_balance
from engine.data import Samples


def samples(count: int, classes: int) -> Samples:
    return Samples(torch.zeros(count, 2), torch.arange(count) % classes, ("",) * count)


def test_the_bank_has_enough_of_every_kind_and_no_case_twice() -> None:
    cases = bank(quick=False)
    small = [case for case in cases if case.family != "cifar10"]
    clean = [case for case in small if case.fault == "none"]
    assert len({case.name for case in cases}) == len(cases) >= 40
    assert len(small) >= 30
    assert len(cases) - len(small) >= 4
    assert len(clean) >= 12
    assert {case.fault for case in small} == {"none", "flipped", "under_trained", "over_regularised", "imbalanced"}


def test_a_quick_run_has_24_cases_without_convolutions() -> None:
    quick = bank(quick=True)
    assert len(quick) == 24
    assert {case.family for case in quick} >= {"digits", "separable", "frontier", "gaussians", "ag_news"}
    assert all(case.architecture != "cnn" for case in quick)
    every = bank(quick=False)
    assert {case.name for case in quick} <= {case.name for case in every}
    kept = {case.name for case, held in zip(every, kept_for_the_end(every), strict=True) if held}
    assert not kept & {case.name for case in quick}, "whoever tunes by quick runs must not see them"


def test_a_third_is_kept_and_always_the_same_third() -> None:
    cases = bank(quick=False)
    kept = kept_for_the_end(cases)
    assert kept.sum() == len(cases) // 3
    assert np.array_equal(kept, kept_for_the_end(cases))
    assert 0 < kept[: len(cases) // 2].sum() < kept.sum(), "drawn, not the first ones"


def test_flips_change_so_many_labels_and_none_into_itself() -> None:
    before = samples(1000, 4)
    after = flipped(before, 0.3, 4, np.random.default_rng(0))
    changed = before.labels != after.labels
    assert changed.sum() == 300
    assert set(after.labels.tolist()) == {0, 1, 2, 3}
    assert torch.equal(before.labels, torch.arange(1000) % 4), "what was given stays as it is"


def test_out_of_balance_takes_most_of_every_other_class() -> None:
    counts = torch.bincount(out_of_balance(samples(4000, 4), np.random.default_rng(0)).labels)
    assert counts[0] == counts[2] == 1000
    assert 100 < counts[1] < 200
    assert 100 < counts[3] < 200


@pytest.mark.parametrize("family", ["digits", "separable", "discs", "frontier", "gaussians"])
def test_data_depends_on_the_seed_alone_and_has_all_splits(family) -> None:
    first, again, other = (Case(family, seed=seed).data() for seed in (0, 0, 1))
    assert torch.equal(first.train.inputs, again.train.inputs)
    assert not torch.equal(first.train.inputs, other.train.inputs)
    assert first.test is not None
    for split in (first.train, first.validation, first.test):
        assert len(split.labels.unique()) == first.num_classes


def test_the_discs_are_the_separable_set_without_its_flips() -> None:
    with_flips, without = Case("separable", "flipped").data().train, Case("discs").data().train
    assert torch.equal(with_flips.inputs, without.inputs)
    assert (with_flips.labels != without.labels).sum() == 70
    assert torch.equal(without.labels, (without.inputs[:, 0] > 0).long())


def test_news_are_vectors_of_words_and_splits_do_not_overlap(external_data, monkeypatch) -> None:
    monkeypatch.setenv("PARETOSCOPE_DATA", str(external_data))
    data = Case("ag_news").data()
    assert data.class_names == ("Business", "Sci/Tech", "Sports", "World")
    assert (len(data.train), len(data.validation), data.train.inputs.shape[1]) == (2000, 2500, 500)
    assert data.test is not None
    assert len(data.train) + len(data.validation) + len(data.test) == 7600


def test_pictures_are_two_hundred_a_class(external_data, monkeypatch) -> None:
    monkeypatch.setenv("PARETOSCOPE_DATA", str(external_data))
    data = Case("cifar10", architecture="cnn").data()
    assert torch.bincount(data.train.labels).tolist() == [200] * 10
    assert data.transform.resize == 12


def test_the_study_of_a_case_has_its_settings(tmp_path) -> None:
    for case in bank(quick=False):
        study = case.study(tmp_path)
        assert study.model.architecture == case.architecture
        assert study.training.epochs == case.training["epochs"]
        assert study.training.weight_decay == case.training["weight_decay"]
