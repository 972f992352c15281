"""That memory does not grow with N: a million training samples and a hundred classes, streamed."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from benchmarks.memory import watched_memory
from engine.data import InputTransform, Samples, StudyData
from engine.influence import Horizon, prepare_influence
from engine.study import load_study

CLASSES, FEATURES = 100, 8
_SMALL = 100_000


@dataclass(frozen=True)
class LargeData:
    """Peak above model and data, and seconds, for a tenth of the samples and for all of them."""

    peak_gb_small: float
    peak_gb: float
    seconds: float


def measure_large(samples: int = 1_000_000) -> LargeData:
    """Computes P of ``samples`` × 100 (4 folds, both operators) and lets the parts go, as a job does.

    All of P would take 3.2 GB in float32 for a million samples.
    """
    small, _ = _streamed(_SMALL)
    large, seconds = _streamed(samples)
    return LargeData(small, large, seconds)


def _streamed(samples: int) -> tuple[float, float]:
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> Samples:
        labels = torch.arange(count) % CLASSES
        return Samples(torch.randn(count, FEATURES, generator=generator), labels, ("",) * count)

    names = tuple(f"class {k}" for k in range(CLASSES))
    data = StudyData(split(samples), split(20 * CLASSES), None, names, InputTransform(), ())
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(FEATURES, 64), nn.ReLU(), nn.Linear(64, CLASSES)).eval()
    with tempfile.TemporaryDirectory() as folder:
        # The files of the study are never read.
        (Path(folder) / "study.toml").write_text(
            'name = "large"\n[data]\nformat = "npz"\nmodality = "tabular"\ntrain = "a.npz"\nvalidation = "b.npz"\n'
            '[model]\narchitecture = "mlp"\n[influence]\nstrategy = "ekfac"\n'
        )
        study = load_study(folder)
    with watched_memory() as peak:
        began = time.perf_counter()
        for _ in prepare_influence(study, data, model, Horizon(1.0, 0.0)).parts():
            pass
        seconds = time.perf_counter() - began
    return peak.gigabytes, seconds
