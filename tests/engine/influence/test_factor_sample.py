"""The sample of the factors grows until its halves agree, and not further."""

from typing import Any, cast

import numpy as np
import pytest
import torch

from engine.influence import factor_sample
from engine.influence.factor_sample import random_order, sampled_factors
from engine.influence.kronecker import KroneckerFit


class CountingFit:
    """Stands for the fit: a covariance is the list of its samples, so nothing is fitted twice unseen."""

    def __init__(self) -> None:
        self.fitted: list[int] = []

    def covariances(self, indices: torch.Tensor) -> Any:
        self.fitted += indices.tolist()
        counts = torch.zeros(100_000)
        counts[indices] += 1
        return {"counts": {"module": counts}}

    def kfac(self, covariances: Any, samples: int) -> Any:
        assert int(covariances["counts"]["module"].sum()) == samples
        return samples


def sampled(count: int, needed: int):
    """Grows over ``count`` samples where halves of ``needed`` samples agree."""
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(200, 3))

    def score(samples: Any) -> np.ndarray:
        noise = 0.01 if samples >= needed else 3.0
        return truth + noise * generator.normal(size=truth.shape)

    fit = CountingFit()
    result = sampled_factors(cast(KroneckerFit, fit), random_order(count, seed=0), score)
    return result, fit


@pytest.mark.parametrize(("needed", "used"), [(1, 500), (500, 1000), (501, 2000), (2000, 4000)])
def test_each_round_doubles_both_halves_until_they_agree(needed: int, used: int) -> None:
    result, fit = sampled(10_000, needed)
    assert len(result.indices) == used
    assert result.agreement is not None
    assert result.agreement > 0.99
    assert len(fit.fitted) == len(set(fit.fitted)) == used
    assert torch.equal(result.covariances["counts"]["module"].nonzero()[:, 0], result.indices.sort().values)


def test_growing_ends_with_the_data_and_at_the_largest_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    result, fit = sampled(777, needed=10**9)
    assert len(result.indices) == len(fit.fitted) == 777
    assert result.agreement is not None
    assert result.agreement < 0.5
    monkeypatch.setattr(factor_sample, "LARGEST_SAMPLE", 2000)
    assert len(sampled(10_000, needed=10**9)[0].indices) == 2000


@pytest.mark.parametrize("count", [1, 499, 500])
def test_few_samples_are_all_taken_and_nothing_is_compared(count: int) -> None:
    result, _ = sampled(count, needed=10**9)
    assert (len(result.indices), result.agreement) == (count, None)


@pytest.mark.parametrize("count", [501, 502, 1001])
def test_a_last_sample_that_cannot_be_shared_is_let_go(count: int) -> None:
    result, _ = sampled(count, needed=10**9)
    assert count - 1 <= len(result.indices) <= count


def test_the_order_depends_on_the_seed_only() -> None:
    assert torch.equal(random_order(50, 3), random_order(50, 3))
    assert not torch.equal(random_order(50, 3), random_order(50, 4))
    assert sorted(random_order(50, 3).tolist()) == list(range(50))
