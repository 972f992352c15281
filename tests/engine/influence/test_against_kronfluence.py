"""Our one pass for all rows equals kronfluence's own scores, one call a class."""

from pathlib import Path

import numpy as np
import pytest
import torch
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments, ScoreArguments
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from engine.data import StudyData
from engine.frontier import pool_folds
from engine.influence import prepare_influence
from engine.influence.operators import Horizon
from engine.influence.strategies import FACTOR_BATCH
from engine.influence.wrapping import ClassificationTask
from tests.engine.influence.cases import digits, mlp, study, trained

HORIZON = Horizon(tau=0.5, weight_decay=0.0)
pytestmark = pytest.mark.filterwarnings("ignore:.*GradScaler:FutureWarning")


def kronfluence_scores(
    model: nn.Module, data: StudyData, strategy: str, damping: float | None, folder: Path
) -> np.ndarray:
    """K passes, one a class, as kronfluence's documentation does them; shape (N, K)."""
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    task = ClassificationTask(names)
    train = TensorDataset(data.transform.prepare(data.train.inputs), data.train.labels)
    validation = TensorDataset(data.transform.prepare(data.validation.inputs), data.validation.labels)
    analyzer = Analyzer("peer", prepare_model(model, task), task, cpu=True, output_dir=str(folder), disable_tqdm=True)
    analyzer.fit_all_factors(
        "f", train, per_device_batch_size=FACTOR_BATCH, factor_args=FactorArguments(strategy=strategy)
    )
    columns = []
    for k in range(data.num_classes):
        members = torch.nonzero(data.validation.labels == k)[:, 0].tolist()
        analyzer.compute_pairwise_scores(
            f"class-{k}",
            "f",
            validation,
            train,
            per_device_query_batch_size=64,
            per_device_train_batch_size=256,
            query_indices=members,
            score_args=ScoreArguments(damping_factor=damping, aggregate_query_gradients=True),
        )
        columns.append(analyzer.load_pairwise_scores(f"class-{k}")["all_modules"][0].numpy() / len(members))
    return np.stack(columns, axis=1)


def ours(model: nn.Module, data: StudyData, influence: str, folder: Path) -> np.ndarray:
    settings = study(folder, f'factor_examples = "all"\n{influence}')
    prepared = prepare_influence(settings, data, model, horizon=HORIZON)
    rows = np.concatenate([part.ceiling for part in prepared.parts()])
    return pool_folds(rows, prepared.fold_counts)


@pytest.fixture(autouse=True)
def drawn_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Fisher's labels without chance: kronfluence's loaders take from the generator what ours do not."""

    def median(probabilities: Tensor, num_samples: int) -> Tensor:
        assert num_samples == 1
        return (probabilities.cumsum(1) > 0.5).int().argmax(1, keepdim=True)

    monkeypatch.setattr(torch, "multinomial", median)


def relative_error(values: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(values - truth).max(axis=0).max() / np.abs(truth).max(axis=0).min())


@pytest.mark.parametrize("strategy", ["ekfac", "kfac", "diagonal", "identity"])
def test_digits_scores_equal_kronfluences_k_passes(strategy: str, tmp_path: Path) -> None:
    data = digits(count=300, validation=200)
    model = trained(mlp(), data.train.inputs, data.train.labels, steps=40)
    # kronfluence has the inverse alone; its damping is a tenth of the mean eigenvalue.
    values = ours(model, data, f'strategy = "{strategy}"\ndamping = "heuristic"', tmp_path)
    truth = kronfluence_scores(model, data, strategy, None, tmp_path)
    for k in range(10):
        assert np.abs(values[:, k] - truth[:, k]).max() <= 1e-4 * np.abs(truth[:, k]).max()


def test_convolution_scores_equal_kronfluences_k_passes(tmp_path: Path) -> None:
    data = digits(count=120, validation=80)
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 6, 3, stride=2, padding="valid"),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(54, 10),
    )
    trained(model, data.train.inputs, data.train.labels, steps=20)
    values = ours(model, data, 'strategy = "ekfac"\ndamping = 0.01', tmp_path)
    truth = kronfluence_scores(model, data, "ekfac", 0.01, tmp_path)
    assert relative_error(values, truth) <= 1e-4
