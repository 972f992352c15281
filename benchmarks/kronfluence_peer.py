"""The peer: kronfluence as its documentation has it, one call a class."""

import copy
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments, ScoreArguments
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import Subset, TensorDataset

from engine.data import StudyData
from engine.influence.wrapping import ClassificationTask

BATCH = 64
"""Samples a batch for either side: on two cores it is the fastest for kronfluence too."""


class KronfluencePeer:
    """Factors and class-wise scores with kronfluence's defaults; each method returns its seconds.

    Args:
        model: the classifier.
        data: its samples.
        modules: names of the tracked modules.
        folder: where kronfluence keeps its files.
    """

    def __init__(self, model: nn.Module, data: StudyData, modules: tuple[str, ...], folder: Path) -> None:
        task = ClassificationTask(modules)
        self._train = TensorDataset(data.transform.prepare(data.train.inputs), data.train.labels)
        self._validation = TensorDataset(data.transform.prepare(data.validation.inputs), data.validation.labels)
        self._members = [torch.nonzero(data.validation.labels == k)[:, 0].tolist() for k in range(data.num_classes)]
        with _quiet():
            self._analyzer = Analyzer(
                "peer",
                prepare_model(copy.deepcopy(model), task),
                task,
                cpu=not torch.cuda.is_available(),
                output_dir=str(folder),
                disable_tqdm=True,
            )

    def fit(self, name: str, count: int) -> float:
        """Fits EKFAC factors on the first ``count`` training samples."""
        began = time.perf_counter()
        with _quiet():
            self._analyzer.fit_all_factors(
                name, Subset(self._train, range(count)), per_device_batch_size=BATCH, factor_args=FactorArguments()
            )
        return time.perf_counter() - began

    def score(self, name: str, k: int, count: int | None = None) -> tuple[float, NDArray[np.float32]]:
        """Scores training samples for one class, all of them or the first ``count``; returns seconds and scores."""
        train = self._train if count is None else Subset(self._train, range(count))
        began = time.perf_counter()
        with _quiet():
            self._analyzer.compute_pairwise_scores(
                f"{name}-{k}-{count}",
                name,
                self._validation,
                train,
                per_device_query_batch_size=BATCH,
                per_device_train_batch_size=BATCH,
                query_indices=self._members[k],
                # Its default damping, 1e-8, gives other scores in the same time; ours is the heuristic.
                score_args=ScoreArguments(damping_factor=None, aggregate_query_gradients=True),
            )
        seconds = time.perf_counter() - began
        return seconds, self._analyzer.load_pairwise_scores(f"{name}-{k}-{count}")["all_modules"][0].numpy()


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*GradScaler", category=FutureWarning)
        yield
