"""Influence under many operators from one fit and one scoring pass: what a choice between them is made from.

The operator is the last element-wise step before scoring, so C of them are C K rows of the same pass
(:mod:`engine.influence.operators`).
"""

import numpy as np
import torch
from numpy.typing import NDArray

from engine.data import StudyData
from engine.influence.class_gradients import fill_class_gradients
from engine.influence.curvature import precondition_in_place
from engine.influence.linear_maps import matrix_shape
from engine.influence.operators import Operator
from engine.influence.precision import Precision
from engine.influence.rows import allocate_rows
from engine.influence.scores import scoring
from engine.influence.vectors import PreparedInfluence
from engine.judged_by import Measurement
from engine.progress import Progress, silent


def candidate_scores(
    prepared: PreparedInfluence,
    data: StudyData,
    operators: list[Operator],
    measurement: Measurement,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Returns P under each of C operators, ``(C, N, K)``.

    Args:
        prepared: of the same data; holds the model and its curvature.
        data: training and validation samples.
        operators: of which each is a candidate.
        measurement: what validation samples are judged by.
        progress: called after every batch; may raise to stop.
    """
    # As where the curvature was fitted: by default torch lets some products of a GPU be coarser.
    with Precision("fp32").applied(next(prepared.model.parameters()).device):
        return _scores(prepared, data, operators, measurement, progress)


def _scores(
    prepared: PreparedInfluence,
    data: StudyData,
    operators: list[Operator],
    measurement: Measurement,
    progress: Progress,
) -> NDArray[np.float32]:
    model, classes = prepared.model, data.num_classes
    parameter = next(model.parameters())
    shapes = {name: matrix_shape(model.get_submodule(name)) for name in prepared.tracked.names}
    rows = allocate_rows(shapes, len(operators) * classes, parameter.dtype, parameter.device, prepared.budget)
    # One fold that holds every sample: candidates are compared by retraining and not across folds.
    together = np.zeros(len(data.validation), np.int64)
    fill_class_gradients(rows, model, data, together, measurement, prepared.batch_size, progress)
    precondition_in_place(rows, classes, prepared.curvature, operators, prepared.budget // 4)
    scores = torch.empty(len(data.train), len(operators) * classes)
    with scoring(model, rows) as scoring_pass:
        for batch in torch.arange(len(data.train)).split(prepared.batch_size):
            inputs = data.transform.prepare(data.train.inputs[batch]).to(parameter)
            scored = scoring_pass.score(inputs, data.train.labels[batch].to(inputs.device))
            scores[batch] = scored.float().cpu()
            progress("scores of candidates", int(batch[-1]) + 1, len(data.train))
    return scores.unflatten(1, (len(operators), classes)).movedim(1, 0).contiguous().numpy()
