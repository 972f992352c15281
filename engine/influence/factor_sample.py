"""On how many samples the Kronecker factors are fitted: until two halves agree.

Two disjoint halves of the sample are fitted each by itself, a few hundred training
samples are scored with either, and the halves grow until the scores rank those samples
alike for every class. Both halves then make the factors, so these are closer to the
truth than either: with independent errors, a correlation r between the halves means
√(2r / (1 + r)) between the whole and what infinitely many samples would give.

The halves are compared as K-FAC, whose spectrum needs no further pass; the bases that it
shares with EKFAC are what few samples get wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.influence.curvature import Curvature
from engine.influence.kronecker import Factors, KroneckerFit, added
from engine.influence.probe import rank_agreements

FIRST_HALF = 250
"""Samples of each half at first; each round doubles them."""
LARGEST_SAMPLE = 8_000
"""At which growing ends, however much the halves differ."""
AGREEMENT = 0.95
"""Spearman between the halves, of the class that agrees least, at which growing ends."""
MOMENT_SAMPLES = 500
"""Samples that EKFAC's second moments are taken over at most; they settle sooner than the bases."""
DIAGONAL_SAMPLES = 2_000
"""Samples that the diagonal's second moments are taken over at most."""

Score = Callable[[Curvature], NDArray[np.floating]]
"""Scores the probe under a curvature, shape ``(n, k)``, one column a class."""


@dataclass(frozen=True)
class SampledFactors:
    """Covariances of the samples that sufficed.

    Attributes:
        covariances: over all of ``indices``.
        indices: of the samples, shape ``(n,)``, in random order.
        agreement: Spearman between the halves, of the class that agrees least; ``None``
            where nothing was compared.
    """

    covariances: Factors
    indices: Tensor
    agreement: float | None


def sampled_factors(fit: KroneckerFit, order: Tensor, score: Score) -> SampledFactors:
    """Fits covariances on as many samples as the ranking needs.

    Args:
        fit: of the model.
        order: the training samples in random order, shape ``(N,)``; the first ones are used.
        score: of the probe.
    """
    if len(order) <= 2 * FIRST_HALF:
        return SampledFactors(fit.covariances(order), order, None)
    sizes = [FIRST_HALF, FIRST_HALF]
    halves = [fit.covariances(part) for part in order[: 2 * FIRST_HALF].split(FIRST_HALF)]
    while True:
        used = sum(sizes)
        told = [score(fit.kfac(factors, size)) for factors, size in zip(halves, sizes, strict=True)]
        agreement = min(rank_agreements(*told))
        # A last single sample could not go to both halves.
        if agreement >= AGREEMENT or used >= min(len(order) - 1, LARGEST_SAMPLE):
            return SampledFactors(added(*halves), order[:used], agreement)
        # Each half doubles, with samples of its own.
        more = order[used : 2 * used].tensor_split(2)
        halves = [added(half, fit.covariances(part)) for half, part in zip(halves, more, strict=True)]
        sizes = [size + len(part) for size, part in zip(sizes, more, strict=True)]


def random_order(count: int, seed: int) -> Tensor:
    """Returns the indices of ``count`` samples in an order that depends on the seed only."""
    return torch.from_numpy(np.random.default_rng(seed).permutation(count))
