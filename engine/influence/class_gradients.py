"""Gradients of what each class is judged by, fold by fold: the rows of the one pass.

``g_fk = (1/n_fk) Σ_{v ∈ V_fk} ∇m(v; θ)`` for fold f and class k, with m the study's
measurement (:mod:`engine.measurement`), by default the loss. Row ``r = f K + k``. One
plain backward pass per group gives it, so the whole of V is passed through once.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engine.data import StudyData
from engine.influence.folds import FOLDS
from engine.influence.linear_maps import parameter_gradients
from engine.influence.rows import Rows
from engine.judged_by import Measurement
from engine.measurement import per_sample
from engine.progress import Progress, silent


def fill_class_gradients(
    rows: Rows,
    model: nn.Module,
    data: StudyData,
    fold_of: NDArray[np.int64],
    measurement: Measurement,
    batch_size: int,
    progress: Progress = silent,
) -> None:
    """Writes the class gradients of the tracked modules into the first F K rows.

    Args:
        rows: zeroed, by module ``(R, o, i)``, with a row for every fold of ``fold_of`` and class; a row whose
            fold has no sample of its class stays zero. Their number type is the model's.
        model: in evaluation mode, on its device.
        data: whose validation samples are V.
        fold_of: fold of each validation sample, shape ``(V,)``.
        measurement: what a class is judged by.
        batch_size: samples a backward pass.
        progress: called after every batch.
    """
    layers = {name: model.get_submodule(name) for name in rows}
    parameter = next(model.parameters())
    validation, total, done = data.validation, len(data.validation), 0
    folds = torch.from_numpy(fold_of)
    for row in range(FOLDS * data.num_classes):
        fold, k = divmod(row, data.num_classes)
        members = torch.nonzero((folds == fold) & (validation.labels == k))[:, 0]
        if not len(members):
            continue
        for batch in members.split(batch_size):
            inputs = data.transform.prepare(validation.inputs[batch]).to(parameter)
            values = per_sample(model(inputs), validation.labels[batch].to(inputs.device), measurement)
            for name, matrix in parameter_gradients(values.sum() / len(members), layers).items():
                rows[name][row] += matrix.to(rows[name].device)
            done += len(batch)
            progress("class gradients", done, total)
