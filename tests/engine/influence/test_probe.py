"""The probe: pooled gradients, ranks, and what it says of the damping."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.frontier import pool_folds
from engine.influence import prepare_influence
from engine.influence.operators import Horizon
from engine.influence.probe import Stability, pooled_gradients, probed_classes, rank_agreements
from tests.engine.influence.cases import digits, mlp, study, trained

HORIZON = Horizon(tau=0.5, weight_decay=0.0)


def test_pooled_gradients_are_the_mean_over_all_validation_samples_of_a_class() -> None:
    counts = np.array([[3, 0], [1, 2], [0, 0], [0, 6]])
    rows = {"a": torch.arange(8.0).view(8, 1, 1)}
    pooled = pooled_gradients(rows, counts, (0, 1), torch.device("cpu"))["a"]
    torch.testing.assert_close(pooled[:, 0, 0], torch.tensor([(3 * 0 + 1 * 2) / 4, (2 * 3 + 6 * 7) / 8]))


def test_probed_classes_are_spread_and_no_more_than_can_be_afforded() -> None:
    assert probed_classes(4, 100) == (0, 1, 2, 3)
    assert probed_classes(100, 100) == (0, 11, 22, 33, 44, 55, 66, 77, 88, 99)
    assert probed_classes(100, 2) == (0, 99)
    assert probed_classes(10, 0) == (0,)


def test_agreement_is_spearman_class_by_class_and_defined_for_constant_scores() -> None:
    first = np.array([[1.0, 5.0, 0.0], [2.0, 4.0, 0.0], [30.0, 3.0, 0.0]])
    second = np.array([[10.0, 1.0, 0.0], [20.0, 2.0, 0.0], [21.0, 3.0, 0.0]])
    assert rank_agreements(first, second) == pytest.approx([1.0, -1.0, 1.0])
    assert rank_agreements(first[:, 2:], first[:, :1]) == [0.0]


def test_stability_compares_the_damping_with_a_tenth_and_ten_times_of_it(tmp_path: Path) -> None:
    data = digits(count=300, validation=150)
    model = trained(mlp(), data.train.inputs, data.train.labels, steps=40)

    def vectors(damping: float) -> tuple[np.ndarray, Stability | None]:
        prepared = prepare_influence(study(tmp_path, f"damping = {damping}"), data, model, HORIZON)
        scores = np.concatenate([part.ceiling for part in prepared.parts()])
        return pool_folds(scores, prepared.fold_counts), prepared.stability

    (as_is, stability), (tenth, _), (tenfold, _) = vectors(0.01), vectors(0.001), vectors(0.1)
    assert stability is not None
    assert stability.classes == tuple(range(10))
    # All 300 samples are in the probe, so the report is that of the whole P.
    np.testing.assert_allclose(stability.tenth, rank_agreements(as_is, tenth), atol=0.01)
    np.testing.assert_allclose(stability.tenfold, rank_agreements(as_is, tenfold), atol=0.01)
    assert min(stability.tenth) < 0.999


def test_without_curvature_there_is_no_damping_to_report_on(tmp_path: Path) -> None:
    data = digits(count=100, validation=80)
    assert prepare_influence(study(tmp_path, 'strategy = "identity"'), data, mlp().eval(), HORIZON).stability is None
