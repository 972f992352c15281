"""How much faster candidates are side by side: small networks as one, others in processes."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reweight_cases import Stopped, digits, stopped
from benchmarks.verdict_bank import Case
from engine.training.side_by_side import Judged, SideBySide

_CANDIDATES = 24
_RUNS = 3


def candidates_times(pictures: bool) -> dict[str, Any]:
    """Returns medians of seconds a candidate, and their ratios within a run.

    Args:
        pictures: whether a convolutional network on CIFAR-10 (200 a class, 12 pixels) is measured as well, by one
            process and by two; it needs the data.
    """
    told: dict[str, Any] = {"perceptron": _as_one(digits(0))}
    if pictures:
        told["convolutional, processes"] = _in_processes(_pictures())
    return told


def _as_one(case: Stopped) -> dict[str, float]:
    rows = np.ones((_CANDIDATES, len(case.labels)), np.float32)
    seeds = list(range(_CANDIDATES))
    together, alone = [], []
    for _ in range(_RUNS):
        began = time.perf_counter()
        list(case.next_epoch.train_each(rows, seeds))
        together.append((time.perf_counter() - began) / _CANDIDATES)
        began = time.perf_counter()
        for row, seed in zip(rows, seeds, strict=True):
            case.next_epoch.train(row, seed)
        alone.append((time.perf_counter() - began) / _CANDIDATES)
    return _told("as_one", together, "one_by_one", alone)


def _in_processes(case: Stopped) -> dict[str, float]:
    rows = np.ones((_CANDIDATES // 3, len(case.labels)), np.float32)
    judged = Judged({"validation": case.data.validation}, case.data.transform, case.data.num_classes, "loss")
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with SideBySide(case.next_epoch, judged) as one, SideBySide(case.next_epoch, judged, workers=2) as two:
        two.measure(rows[:2], [0, 1])  # Processes take seconds to start, once a search.
        for _ in range(_RUNS):
            for workers, side in ((1, one), (2, two)):
                began = time.perf_counter()
                side.measure(rows, list(range(len(rows))))
                seconds[workers].append((time.perf_counter() - began) / len(rows))
    return _told("two_processes", seconds[2], "one_process", seconds[1])


def _told(name: str, seconds: list[float], other: str, others: list[float]) -> dict[str, float]:
    ratios = [b / a for a, b in zip(seconds, others, strict=True)]
    return {name: float(np.median(seconds)), other: float(np.median(others)), "speedup": float(np.median(ratios))}


def _pictures() -> Stopped:
    training = {"learning_rate": 0.05, "weight_decay": 0.001, "batch_size": 64, "epochs": 2}
    case = Case("cifar10", "none", 0, 0.0, "cnn", {}, training)
    with tempfile.TemporaryDirectory(prefix="paretoscope-benchmark-") as name:
        return stopped(case.study(Path(name)), case.data(), 1)
