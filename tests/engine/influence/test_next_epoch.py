"""P_epoch against what it predicts: the next epoch, really trained, under random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.datasets import load_digits

from engine.data import load_data
from engine.frontier import pool_folds
from engine.influence import Horizon, prepare_influence
from engine.study import load_study
from engine.training import NextEpoch, evaluate, train

WEIGHTINGS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("next-epoch")
    digits = load_digits()
    np.savez(folder / "a.npz", image=(digits.images[:700] * 15.9).astype(np.uint8), label=digits.target[:700])
    np.savez(folder / "b.npz", image=(digits.images[700:1400] * 15.9).astype(np.uint8), label=digits.target[700:1400])
    (folder / "study.toml").write_text(
        'name = "digits"\n[data]\nformat = "npz"\ntrain = "a.npz"\nvalidation = "b.npz"\ninput = "image"\n'
        '[model]\narchitecture = "mlp"\nhidden = [24]\n'
        "[training]\nlearning_rate = 0.05\nmomentum = 0.0\nbatch_size = 64\nepochs = 4\n"
    )
    study = load_study(folder)
    train(study, load_data(study))
    return folder


@pytest.mark.parametrize("strategy", ["exact", "ekfac"])
def test_predicted_changes_rank_like_the_measured_ones(strategy: str, folder: Path) -> None:
    study = load_study(folder).with_changes(influence={"strategy": strategy})
    data = load_data(study)
    next_epoch = NextEpoch.from_study(study, data, epoch=4)
    horizon = Horizon(next_epoch.horizon, next_epoch.training.weight_decay)
    prepared = prepare_influence(study, data, next_epoch.start, horizon)
    vectors = pool_folds(np.concatenate([part.epoch for part in prepared.parts()]), prepared.fold_counts)

    def losses(weights: np.ndarray | None) -> np.ndarray:
        model = next_epoch.train(weights, study.seed)
        return evaluate(model, data.validation, data.transform, data.num_classes).loss

    generator, control = np.random.default_rng(0), losses(None)
    predicted, measured = [], []
    labels = data.train.labels.numpy()
    for _ in range(WEIGHTINGS):
        # Structured, as reweightings are: each class has its weight, each sample a little of its own.
        weights = generator.uniform(0.6, 1.4, 10)[labels] + generator.uniform(-0.1, 0.1, len(labels))
        predicted.append((weights - 1) @ vectors / len(labels))
        measured.append(control - losses(weights.astype(np.float32)))
    agreement = spearmanr(np.ravel(predicted), np.ravel(measured)).statistic
    assert agreement > 0.7
    # And of the right size: the slope of measured over predicted is near one.
    slope = np.ravel(predicted) @ np.ravel(measured) / (np.ravel(predicted) @ np.ravel(predicted))
    assert 0.5 < slope < 1.5
    assert torch.is_grad_enabled()
