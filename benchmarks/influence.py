"""The cost of P against its peers, in one process, and how near it comes to full factors.

Ours is always timed whole: tracing, class gradients of 4 folds, both operators, the
choice of the factors' sample, the fit, and the pass over 10,000 training samples. The
peers: (a) kronfluence, one call a class, its defaults, factors on all samples; (b) the
same with as many samples for the factors as ours took; (c) one training epoch.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import nn

from benchmarks.cifar_study import artificial_classes, loaded, trained_study
from benchmarks.kronfluence_peer import KronfluencePeer
from benchmarks.large_data import measure_large
from benchmarks.memory import watched_memory
from benchmarks.on_gpu import gpu_seconds
from benchmarks.report import Figure, Report, say
from engine.data import StudyData
from engine.frontier import pool_folds
from engine.influence import Horizon, PreparedInfluence, prepare_influence
from engine.study import Study
from engine.training import NextEpoch

_CALLS = 3
"""Class calls of the peer whose median stands for each of them in a quick run."""
_FEW = 500
"""Samples for the factors of K = 100, of which only the scores are timed."""
_PART = 2_000
"""Training samples that a peer is timed on where it is scaled."""


@dataclass(frozen=True)
class Ours:
    """One whole computation of P."""

    total: float
    factors: float
    scores: float
    peak_gb: float
    vectors: NDArray[np.float32]
    prepared: PreparedInfluence


def measure(quick: bool) -> Report:
    """Measures the figures of ``influence``; a quick run scales the peers and leaves Spearman out."""
    with tempfile.TemporaryDirectory(prefix="paretoscope-benchmark-") as name:
        folder = Path(name)
        say("training the model")
        study = trained_study(folder, epochs=1 if quick else 10)
        data, next_epoch = loaded(study)
        # kronfluence knows no weight decay, and it would be another curvature.
        # Nor has it a horizon: both take the heuristic damping.
        study = study.with_changes(training={"weight_decay": 0.0}, influence={"damping": "heuristic"})
        say("ours, K = 10")
        k10 = _ours(study, data, next_epoch.start, next_epoch)
        epochs = [_epoch(next_epoch, seed) for seed in range(1 if quick else 3)]
        say("ours, K = 100")
        many, model = artificial_classes(data, 100)
        # Of its figures none is of the factors: some samples do.
        few = study.with_changes(influence={"factor_examples": _FEW})
        k100 = _ours(few, many, model, next_epoch)

        modules, count = k10.prepared.tracked.names, len(data.train)
        peer = KronfluencePeer(next_epoch.start, data, modules, folder / "k10")
        say("kronfluence: factors")
        fitted = _PART if quick else count
        fit = peer.fit("full", fitted) * count / fitted
        fit_same = (
            fit * k10.prepared.factor_examples / count if quick else peer.fit("same", k10.prepared.factor_examples)
        )
        say("kronfluence: class by class")
        calls = [peer.score("full", k) for k in range(_CALLS if quick else data.num_classes)]
        call_seconds = [seconds for seconds, _ in calls]
        ten = statistics.median(call_seconds) * 10 if quick else sum(call_seconds)
        say("kronfluence: K = 100")
        of_many = KronfluencePeer(model, many, modules, folder / "k100")
        of_many.fit("few", _FEW)
        hundred = statistics.median(of_many.score("few", k, _PART)[0] * count / _PART for k in range(_CALLS)) * 100
        spearman = None if quick else _spearman(k10.vectors, [scores for _, scores in calls])
        epochs += [_epoch(next_epoch, 9 + seed) for seed in range(1 if quick else 2)]
        epoch = statistics.median(epochs)
    large = None if quick else measure_large()
    gpu = gpu_seconds()
    figures = [
        Figure("speedup_total_k10", (fit + ten) / k10.total, "times (a)", ">= 6", ">= 12"),
        Figure("speedup_same_factors_k10", (fit_same + ten) / k10.total, "times (b)"),
        Figure("speedup_scores_k10", ten / k10.scores, "times (a)", ">= 7", ">= 9", len(calls)),
        Figure("speedup_scores_k100", hundred / k100.scores, "times (a)", ">= 40", ">= 70", _CALLS),
        Figure("epochs_k10", k10.total / epoch, "training epochs (c)", "<= 4.5", "<= 2.5", len(epochs)),
        Figure("spearman_full_k10", spearman, "Spearman, worst class", ">= 0.97", ">= 0.99"),
        Figure("peak_memory_gb_k10", k10.peak_gb, "GB above model and data", "<= 1.5", "<= 0.8"),
        Figure("peak_memory_gb_1m_k100", None if large is None else large.peak_gb, "GB above model and data"),
        Figure("gpu_seconds_factors", None if gpu is None else gpu.factors, "s"),
        Figure("gpu_seconds_scores", None if gpu is None else gpu.scores, "s"),
    ]
    scaled = (
        f" Peers scaled: factors from {_PART} samples, K = 10 from the median of {_CALLS} class calls;"
        " the model trained for 1 epoch."
        if quick
        else " The model trained for 10 epochs."
    )
    described = (
        f"CIFAR-10, {count:,} training and {len(data.validation):,} validation pictures, residual net of"
        f" {k10.prepared.tracked.parameters:,} tracked parameters; K = 100 artificial classes, the peer's from"
        f" {_CALLS} calls on {_PART} samples." + scaled
    )
    details = {
        "seconds": {
            "ours": {"total": k10.total, "factors": k10.factors, "scores": k10.scores, "scores_k100": k100.scores},
            "kronfluence": {"factors": fit, "factors_on_our_sample": fit_same, "ten_classes": ten, "hundred": hundred},
            "training_epoch": epoch,
        },
        "factor_examples": k10.prepared.factor_examples,
        "factor_agreement": k10.prepared.factor_agreement,
        "peak_memory_gb_k100": k100.peak_gb,
        "large_data": None if large is None else asdict(large),
        "gpu": None if gpu is None else gpu.described,
    }
    return Report(described, quick, figures, details)


def _ours(study: Study, data: StudyData, model: nn.Module, next_epoch: NextEpoch) -> Ours:
    horizon = Horizon(next_epoch.horizon, 0.0)
    began = time.perf_counter()
    with watched_memory() as peak:
        prepared = prepare_influence(study, data, model, horizon)
        before_pass = time.perf_counter()
        # Parts are let go as a job does when it has written them; what is kept is the pooled P.
        vectors = [pool_folds(part.ceiling, prepared.fold_counts) for part in prepared.all_parts()]
        ended = time.perf_counter()
    return Ours(
        total=ended - began,
        factors=prepared.factor_seconds,
        scores=prepared.gradient_seconds + ended - before_pass,
        peak_gb=peak.gigabytes,
        vectors=np.concatenate(vectors),
        prepared=prepared,
    )


def _epoch(next_epoch: NextEpoch, seed: int) -> float:
    began = time.perf_counter()
    next_epoch.train(None, seed)
    return time.perf_counter() - began


def _spearman(vectors: NDArray[np.float32], truth: Sequence[NDArray[np.float32]]) -> float:
    return min(float(spearmanr(vectors[:, k], scores).statistic) for k, scores in enumerate(truth))
