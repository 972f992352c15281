"""Factors and scores of all of CIFAR-10 and ResNet-9 on a GPU, in float32 and as ``precision = "auto"`` chooses."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.cifar_study import write_study
from engine.data import load_data
from engine.influence import Horizon, prepare_influence
from engine.models import build_model


@dataclass(frozen=True)
class GpuSeconds:
    """Seconds in float32, and all that was measured by precision."""

    factors: float
    scores: float
    described: dict[str, Any]


def gpu_seconds() -> GpuSeconds | None:
    """Measures 50,000 training against 10,000 validation pictures; ``None`` without a GPU."""
    if not torch.cuda.is_available():
        return None
    with tempfile.TemporaryDirectory(prefix="paretoscope-benchmark-") as folder:
        study = write_study(Path(folder), "resnet9", epochs=1)
        data = load_data(study)
        model = build_model(study.model, (3, 32, 32), data.num_classes, study.seed).cuda()
        told: dict[str, Any] = {"card": torch.cuda.get_device_name()}
        for asked in ("fp32", "auto"):
            chosen = study.with_changes(compute={"precision": asked, "memory_gb": 16.0})
            prepared = prepare_influence(chosen, data, model, Horizon(1.0, 0.0))
            began = time.perf_counter()
            for _ in prepared.parts():
                pass
            told[asked] = {
                "precision": prepared.precision.name,
                "agreement": prepared.precision.agreement,
                "factors": prepared.factor_seconds,
                "scores": prepared.gradient_seconds + time.perf_counter() - began,
            }
    return GpuSeconds(told["fp32"]["factors"], told["fp32"]["scores"], told)
