"""The classifiers of a study.

``build_model`` makes an untrained network, ``load_checkpoint`` loads trained weights
without trusting the file, ``save_checkpoint`` and ``save_tensors`` write them. Which
checkpoints a study has is told by :mod:`engine.checkpoints`.
"""

from engine.models.build import build_model
from engine.models.loading import load_checkpoint
from engine.models.saving import save_checkpoint, save_tensors
from engine.models.tensor_files import read_tensors

__all__ = [
    "build_model",
    "load_checkpoint",
    "read_tensors",
    "save_checkpoint",
    "save_tensors",
]
