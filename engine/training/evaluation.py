"""What a model does on one split: for every sample, and summed up for every class."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engine.data import InputTransform, Samples
from engine.judged_by import DEFAULT, Measurement
from engine.measurement import per_sample
from engine.progress import Progress, silent


@dataclass(frozen=True)
class Evaluation:
    """Per class (K) and per sample (N); a class without samples has NaN for accuracy, loss, value and scale."""

    accuracy: NDArray[np.float64]
    """Share of the samples of each class that are predicted right, ``(K,)``, in 0..1."""
    loss: NDArray[np.float64]
    """Mean cross-entropy over the samples of each class, ``(K,)``, in nats."""
    counts: NDArray[np.int64]
    """Samples of each class, ``(K,)``."""
    predicted: NDArray[np.int64]
    """The class with the largest logit, ``(N,)``."""
    confidence: NDArray[np.float32]
    """Probability of the predicted class, ``(N,)``."""
    correct: NDArray[np.bool_]
    """Whether the prediction is the label, ``(N,)``."""
    losses: NDArray[np.float32]
    """Cross-entropy of each sample, ``(N,)``, in nats."""
    value: NDArray[np.float64]
    """Mean of ``values`` over the samples of each class, ``(K,)``: what the class is judged by; lower is better."""
    scale: NDArray[np.float64]
    """What gains of a class are told in per cent of: ``s_k = (1/n_k) sum |m_v|``, the mean absolute value
    over its samples, ``(K,)``. Only the margin changes sign; for the others it is ``value`` itself."""
    values: NDArray[np.float32]
    """What each sample is judged by, ``(N,)``, in the unit of the measurement."""


_BATCH_NUMBERS = 2**23
"""Aim for the numbers that the inputs of one batch hold: large pictures come in small batches."""
_BATCHES = (16, 1024)
_NUMBERS_OF_A_TOKEN = 256
"""What a transformer makes of the number of a token."""


def evaluate(
    model: nn.Module,
    samples: Samples,
    transform: InputTransform,
    num_classes: int,
    device: torch.device | str = "cpu",
    batch_size: int = 0,
    measurement: Measurement = DEFAULT,
    progress: Progress = silent,
) -> Evaluation:
    """Evaluates a model in evaluation mode, without augmentation and without gradients.

    Args:
        model: on ``device``; the mode of each of its modules is restored.
        samples: the split.
        transform: from stored to prepared inputs.
        num_classes: K.
        device: where the model is.
        batch_size: samples a forward pass, 0: chosen by their size; changes nothing but memory,
            speed and last bits.
        measurement: what ``value``, ``scale`` and ``values`` are of; the loss is told in any case.
        progress: called after every batch.
    """
    if not batch_size:
        numbers = transform.prepare(samples.inputs[:1]).numel() or 1
        if samples.inputs.dtype == torch.int32:
            numbers *= _NUMBERS_OF_A_TOKEN
        batch_size = min(max(_BATCH_NUMBERS // numbers, _BATCHES[0]), _BATCHES[1])
    predicted = np.empty(len(samples), np.int64)
    confidence = np.empty(len(samples), np.float32)
    losses = np.empty(len(samples), np.float32)
    values = np.empty(len(samples), np.float32)
    with _evaluation_mode(model), torch.no_grad():
        for start in range(0, len(samples), batch_size):
            rows = slice(start, start + batch_size)
            logits = model(transform.prepare(samples.inputs[rows]).to(device)).float().cpu()
            best = logits.softmax(dim=1).max(dim=1)
            predicted[rows], confidence[rows] = best.indices.numpy(), best.values.numpy()
            losses[rows] = per_sample(logits, samples.labels[rows], "loss").numpy()
            values[rows] = per_sample(logits, samples.labels[rows], measurement).numpy()
            progress("evaluating", min(rows.stop, len(samples)), len(samples))
    labels = samples.labels.numpy()
    correct = predicted == labels
    counts = np.bincount(labels, minlength=num_classes)
    return Evaluation(
        accuracy=_class_means(correct, labels, counts),
        loss=_class_means(losses, labels, counts),
        counts=counts,
        predicted=predicted,
        confidence=confidence,
        correct=correct,
        losses=losses,
        value=_class_means(values, labels, counts),
        scale=_class_means(np.abs(values), labels, counts),
        values=values,
    )


def _class_means(values: NDArray, labels: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    sums = np.bincount(labels, weights=values.astype(np.float64), minlength=len(counts))
    return np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)


@contextmanager
def _evaluation_mode(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
