"""The time of one certificate at N = 50,000, for vectors with room, without, and nearly without."""

import statistics
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.frontier import WeightRange
from engine.frontier.certificate import certificate

SAMPLES = 50_000
KINDS = ("random", "near", "zero")
_NOISE = 0.01


@dataclass(frozen=True)
class CertificateTime:
    """Medians of several runs.

    Attributes:
        seconds: by kind of vectors.
        gap: the largest difference of the two sides of any of them, in units of t*.
        runs: how many runs each is the median of.
    """

    seconds: dict[str, float]
    gap: float
    runs: int

    @property
    def worst(self) -> float:
        """Seconds of the slowest kind."""
        return max(self.seconds.values())


def certificate_seconds(classes: int, runs: int = 3) -> CertificateTime:
    """Times certificates over vectors of K classes."""
    seconds, gap = {}, 0.0
    for kind in KINDS:
        vectors = drawn_vectors(kind, SAMPLES, classes)
        times = []
        for _ in range(runs):
            began = time.perf_counter()
            found = certificate(vectors, WeightRange())
            times.append(time.perf_counter() - began)
        seconds[kind], gap = statistics.median(times), max(gap, found.bound - found.value)
    return CertificateTime(seconds, gap, runs)


def drawn_vectors(kind: str, samples: int, classes: int) -> NDArray[np.float64]:
    """Draws influence vectors ``(N, K)``.

    Args:
        kind: ``random`` are independent; ``zero`` are those on a hyperplane of positive normal, so
            that no reweighting improves all classes; ``near`` have a little noise off it.
        samples: N.
        classes: K.
    """
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((samples, classes))
    if kind == "random":
        return vectors
    normal = generator.uniform(0.5, 1.5, classes)
    vectors -= np.outer(vectors @ normal, normal) / (normal @ normal)
    return vectors if kind == "zero" else vectors + _NOISE * generator.standard_normal(vectors.shape)
