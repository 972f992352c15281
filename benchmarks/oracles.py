"""How right P is where the truth can be had: exact curvature, the next epoch, retraining on half of the data.

On the shipped digits, whose models are small enough for all three. The tests hold the
identities (exact against dense matrices, scores against finite differences); here are the
agreements that are a matter of degree: what each curvature keeps of the exact one, how
well P_epoch ranks and sizes what the next epoch does, and which damping predicts
retraining best (class-wise linear datamodelling score).
"""

import dataclasses
import statistics
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

from benchmarks.cifar_study import REPOSITORY
from benchmarks.report import Figure, Report
from engine.data import StudyData, load_data
from engine.frontier import pool_folds
from engine.influence import Horizon, prepare_influence
from engine.study import Study, load_study
from engine.training import NextEpoch, evaluate
from engine.training.epoch import TrainingSet, epoch_generator, run_epoch, sgd
from engine.training.schedule import learning_rates, steps_per_epoch
from engine.training.stored_state import untrained_model

Floats = NDArray[np.float64]
STUDIES = ("digits", "digits_noisy")
STRATEGIES = ("exact", "ekfac", "kfac", "diagonal", "identity")
EPOCHS = (3, 10, 20)
DAMPINGS = ("training", "heuristic", 1e-4, 1e-3, 1e-2, 1e-1)
_WEIGHTINGS = 16


def measure(quick: bool) -> Report:
    """Measures the agreements; a quick run takes one study and fewer retrainings."""
    studies = STUDIES[:1] if quick else STUDIES
    subsets, seeds = (12, 1) if quick else (40, 3)
    figures: list[Figure] = []
    for name in studies:
        study = load_study(REPOSITORY / "sample_data" / name)
        data = load_data(study)
        figures += _against_exact(name, study, data)
        figures += _against_the_next_epoch(name, study, data)
        figures += _against_retraining(name, study, data, subsets, seeds)
    described = (
        f"shipped studies {', '.join(studies)}: 900 training and 450 validation samples, MLP of 2,410 parameters;"
        f" {_WEIGHTINGS} random reweightings; {subsets} half subsets x {seeds} seeds"
    )
    return Report(described, quick, figures, {})


def _vectors(
    study: Study, data: StudyData, epoch: int, strategy: str, damping: str | float = "training"
) -> tuple[Floats, Floats, NextEpoch]:
    """Returns P under both operators, ``(N, K)`` each, and the epoch that comes next."""
    chosen = study.with_changes(influence={"strategy": strategy, "damping": damping, "factor_examples": "all"})
    next_epoch = NextEpoch.from_study(chosen, data, epoch)
    horizon = Horizon(next_epoch.horizon, next_epoch.training.weight_decay)
    prepared = prepare_influence(chosen, data, next_epoch.start, horizon)
    parts = prepared.all_parts()
    pooled = [
        pool_folds(np.concatenate([getattr(part, operator) for part in parts]), prepared.fold_counts)
        for operator in ("ceiling", "epoch")
    ]
    return pooled[0], pooled[1], next_epoch


def _against_exact(name: str, study: Study, data: StudyData) -> Iterator[Figure]:
    """Compares each curvature with the exact one under the same damping, at the last epoch."""
    truth, _, _ = _vectors(study, data, EPOCHS[-1], "exact", 1e-2)
    for strategy in STRATEGIES[1:]:
        values, _, _ = _vectors(study, data, EPOCHS[-1], strategy, 1e-2)
        ranks = [float(spearmanr(values[:, k], truth[:, k]).statistic) for k in range(data.num_classes)]
        lines = [float(pearsonr(values[:, k], truth[:, k]).statistic) for k in range(data.num_classes)]
        signs = float((np.sign(values) == np.sign(truth)).mean())
        yield Figure(f"exact_spearman_{strategy}_{name}", min(ranks), "worst class", runs=len(ranks))
        yield Figure(f"exact_pearson_{strategy}_{name}", statistics.median(lines), "median class", runs=len(lines))
        yield Figure(f"exact_signs_{strategy}_{name}", signs, "share equal")


def _against_the_next_epoch(name: str, study: Study, data: StudyData) -> Iterator[Figure]:
    """Compares predicted with measured changes of class losses in the next epoch, against the control."""
    for epoch in EPOCHS[:-1]:
        control: Floats | None = None
        changes: list[Floats] = []
        weightings = list(_weightings(data))
        for strategy in STRATEGIES:
            ceiling, vectors, next_epoch = _vectors(study, data, epoch, strategy)
            if control is None:
                control = _next_losses(next_epoch, data, study, None)
                changes = [control - _next_losses(next_epoch, data, study, weights) for weights in weightings]
            measured = np.ravel(changes)
            for operator, rows in (("", vectors), ("_inverse", ceiling)):
                if operator and strategy != "exact":
                    continue
                predicted = np.ravel([(weights - 1) @ rows / len(rows) for weights in weightings])
                slope = float(predicted @ measured / (predicted @ predicted))
                label = f"{strategy}{operator}_{name}_epoch_{epoch}"
                rank = float(spearmanr(predicted, measured).statistic)
                yield Figure(f"next_epoch_spearman_{label}", rank, "over classes x weights", runs=_WEIGHTINGS)
                yield Figure(f"next_epoch_slope_{label}", slope, "measured / predicted", runs=_WEIGHTINGS)


def _weightings(data: StudyData) -> Iterator[NDArray[np.float32]]:
    generator, labels = np.random.default_rng(0), data.train.labels.numpy()
    for _ in range(_WEIGHTINGS):
        by_class = generator.uniform(0.6, 1.4, data.num_classes)[labels]
        yield (by_class + generator.uniform(-0.1, 0.1, len(labels))).astype(np.float32)


def _next_losses(next_epoch: NextEpoch, data: StudyData, study: Study, weights: NDArray[np.float32] | None) -> Floats:
    model = next_epoch.train(weights, study.seed)
    return evaluate(model, data.validation, data.transform, data.num_classes).loss


def _against_retraining(name: str, study: Study, data: StudyData, subsets: int, seeds: int) -> Iterator[Figure]:
    """Class-wise LDS: Spearman over half subsets S of ``Σ_{j in S} P_jk`` with minus the class's loss."""
    generator = np.random.default_rng(0)
    halves = [generator.permutation(len(data.train))[: len(data.train) // 2] for _ in range(subsets)]
    losses = np.array([[_retrained_losses(study, data, half, seed) for seed in range(seeds)] for half in halves])
    mean = losses.mean(axis=1)
    for strategy in ("exact", "ekfac", "identity"):
        for damping in DAMPINGS if strategy != "identity" else DAMPINGS[:1]:
            vectors, _, _ = _vectors(study, data, EPOCHS[-1], strategy, damping)
            sums = np.array([vectors[half].sum(axis=0) for half in halves])
            scores = [float(spearmanr(sums[:, k], -mean[:, k]).statistic) for k in range(data.num_classes)]
            label = f"{strategy}_{damping}" if strategy != "identity" else strategy
            yield Figure(f"lds_{label}_{name}", statistics.fmean(scores), "mean class", runs=subsets * seeds)


def _retrained_losses(study: Study, data: StudyData, chosen: NDArray[np.int64], seed: int) -> Floats:
    device = torch.device("cpu")
    part = dataclasses.replace(data, train=data.train.take(chosen))
    model = untrained_model(study.with_changes(study={"seed": seed}), data)
    optimizer, samples = sgd(model, study.training), TrainingSet.from_data(part, device)
    steps = steps_per_epoch(len(chosen), study.training.batch_size)
    for epoch in range(1, study.training.epochs + 1):
        rates = learning_rates(study.training, steps, epoch)
        ones = torch.ones(len(chosen))
        run_epoch(model, optimizer, samples, ones, rates, epoch_generator(seed, epoch), lambda step: None)
    return evaluate(model, data.validation, data.transform, data.num_classes).loss
