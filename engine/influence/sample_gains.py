r"""What a reweighting does to every single validation sample, to first order.

With weights ``w_j + δ_j`` the optimum moves by :math:`-\frac{1}{N} u`, with
:math:`u = H^{-1} \sum_j \delta_j \nabla \ell_j`, and what validation sample v is judged by falls by

.. math:: \frac{1}{N} u^\top \nabla m_v ,

the directional derivative of :math:`m_v` along u. Its mean over the samples of a class is
:math:`\frac{1}{N} \sum_j \delta_j P_{jk}`; its spread over them is what the class's interval rests on. Many
reweightings share two passes: one over the training samples for the sums, the mirror image of the scoring
pass, and a scoring pass over the validation samples with u as rows.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.data import InputTransform, Samples, StudyData
from engine.influence.curvature import precondition_in_place
from engine.influence.linear_maps import matrix_shape, observed, per_sample_gradients, positions
from engine.influence.rows import Rows, allocate_rows
from engine.influence.scores import scoring
from engine.influence.vectors import PreparedInfluence
from engine.judged_by import Measurement
from engine.progress import Progress, silent

_CHUNK_BYTES = 64 * 2**20
"""What gradients, or weighted output gradients, of the samples that are summed at once may take."""


def sample_gains(
    prepared: PreparedInfluence,
    data: StudyData,
    changes: NDArray[np.floating],
    measurement: Measurement,
    progress: Progress = silent,
) -> NDArray[np.float64]:
    """Returns the gain of every validation sample under each of some reweightings.

    Args:
        prepared: of the same data; holds the model and its curvature.
        data: training and validation samples.
        changes: δ, shape ``(R, N)``.
        measurement: what validation samples are judged by.
        progress: called after every batch; may raise to stop.

    Returns:
        Decrease of each sample's value, shape ``(R, V)``, in its unit; positive = better.
    """
    model = prepared.model
    parameter = next(model.parameters())
    shapes = {name: matrix_shape(model.get_submodule(name)) for name in prepared.tracked.names}
    # They take part in sums of thousands: float32 rows would do, but the model's type is what the curvature has.
    rows = allocate_rows(shapes, len(changes), parameter.dtype, parameter.device, prepared.budget)
    fill_weighted_gradients(rows, model, data.train, data.transform, changes, prepared.batch_size, progress)
    precondition_in_place(rows, len(changes), prepared.curvature, [prepared.ceiling], prepared.budget // 4)
    samples = data.validation
    gains = torch.empty(len(changes), len(samples), dtype=torch.float64)
    with scoring(model, rows, measurement) as scoring_pass:
        for batch in torch.arange(len(samples)).split(prepared.batch_size):
            inputs = data.transform.prepare(samples.inputs[batch]).to(parameter)
            gains[:, batch] = scoring_pass.score(inputs, samples.labels[batch].to(inputs.device)).T.double().cpu()
            progress("gains of samples", int(batch[-1]) + 1, len(samples))
    return gains.numpy() / len(data.train)


def fill_weighted_gradients(
    rows: Rows,
    model: nn.Module,
    samples: Samples,
    transform: InputTransform,
    changes: NDArray[np.floating],
    batch_size: int,
    progress: Progress = silent,
) -> None:
    r"""Adds :math:`\sum_j \delta_{rj} \nabla \ell_j` to the rows, for R vectors δ in one pass.

    Args:
        rows: zeroed, by module ``(R, o, i)``.
        model: in evaluation mode, on its device.
        samples: the N training samples.
        transform: from stored to prepared inputs.
        changes: δ, shape ``(R, N)``.
        batch_size: samples a backward pass.
        progress: called after every batch.
    """
    parameter = next(model.parameters())
    weights = torch.from_numpy(np.ascontiguousarray(changes))
    present: Tensor = torch.zeros(0)

    def take(name: str, module: nn.Module, inputs: Tensor, gradient: Tensor) -> None:
        for start, stop, sums in _weighted(module, present, inputs.to(parameter), gradient.to(parameter)):
            rows[name][start:stop] += sums.to(rows[name].device)

    with observed(model, list(rows), take):
        for batch in torch.arange(len(samples)).split(batch_size):
            present = weights[:, batch].to(parameter)
            inputs = transform.prepare(samples.inputs[batch]).to(parameter)
            labels = samples.labels[batch].to(inputs.device)
            functional.cross_entropy(model(inputs), labels, reduction="sum").backward()
            progress("weighted gradients", int(batch[-1]) + 1, len(samples))


def _weighted(module: nn.Module, weights: Tensor, inputs: Tensor, gradient: Tensor) -> list[tuple[int, int, Tensor]]:
    """Returns ``Σ_b weights_rb G_b`` of one module as blocks: first row, one after the last, ``(r, o, i)``."""
    outputs, width = matrix_shape(module)
    count = gradient[0].numel() // outputs
    if count > 1:
        # Several positions a sample: its gradient is formed once and serves all rows.
        size = max(1, _CHUNK_BYTES // (outputs * width * gradient.itemsize))
        total: Tensor | float = 0.0
        for part, ins, outs in zip(weights.split(size, 1), inputs.split(size), gradient.split(size), strict=True):
            total = total + part @ per_sample_gradients(module, ins, outs).flatten(1)
        assert isinstance(total, Tensor)
        return [(0, len(weights), total.unflatten(1, (outputs, width)))]
    activations, signals = (values[:, 0] for values in positions(module, inputs, gradient))
    size = max(1, _CHUNK_BYTES // max(1, signals.nbytes))
    return [
        (start, start + len(part), (part[:, :, None] * signals).transpose(1, 2) @ activations)
        for start, part in zip(range(0, len(weights), size), weights.split(size), strict=True)
    ]
