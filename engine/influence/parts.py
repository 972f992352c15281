"""Parts of the training set, and the scores of one: what is done, stored and, where a run stops, kept at a time.

A part carries its own samples, so that on a cluster each sample moves once, to the machine that scores it; what all
parts need, the model and the rows, goes to each machine once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.data import InputTransform, Samples
from engine.errors import RefusedInput, first_line
from engine.influence.precision import Precision
from engine.influence.rows import Rows
from engine.influence.scores import ScoringPass, scoring
from engine.progress import Progress
from engine.training.inputs import PreparedInputs

PART_SAMPLES = 4096
"""Training samples a part: small enough to lose little at a stop, large enough to store well."""


def count_parts(samples: int) -> int:
    """Returns how many parts so many samples make."""
    return -(-samples // PART_SAMPLES)


@dataclass(frozen=True)
class InfluencePart:
    """Scores of some consecutive training samples.

    Attributes:
        number: of the part, from 0.
        start: index of its first training sample.
        ceiling: under H⁻¹, shape ``(n, F K)``, column ``f K + k``, float32.
        epoch: under the epoch operator, likewise.
    """

    number: int
    start: int
    ceiling: NDArray[np.float32]
    epoch: NDArray[np.float32]


@dataclass(frozen=True)
class PartSamples:
    """The training samples of a part.

    Attributes:
        number: of the part, from 0.
        start: index of its first training sample.
        samples: n of them, without their sources.
    """

    number: int
    start: int
    samples: Samples


class PartsOf(Sequence[PartSamples]):
    """Some parts of the training samples; the samples of one are copied when it is asked for.

    Args:
        train: all training samples.
        numbers: of the parts.
    """

    def __init__(self, train: Samples, numbers: Sequence[int]) -> None:
        self._train, self._numbers = train, numbers
        self.sizes = [min(PART_SAMPLES, len(train) - number * PART_SAMPLES) for number in numbers]
        """Samples of each."""

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, position: Any) -> Any:
        number = self._numbers[position]
        start = number * PART_SAMPLES
        # Copied, since a view would be sent with all that it looks at.
        wanted = torch.arange(start, start + self.sizes[position])
        return PartSamples(number, start, self._train.numbers.take(wanted))

    def name(self, position: int) -> str:
        """Returns what a part is called in messages."""
        start = self._numbers[position] * PART_SAMPLES
        return f"the scoring of training samples {start} to {start + self.sizes[position] - 1}"


@dataclass(frozen=True)
class Scorer:
    """What scores parts.

    Attributes:
        model: in evaluation mode, on its device.
        rows: preconditioned class gradients, ceiling then epoch, ``(2 R, o, i)`` by module.
        precision: of the pass.
        batch_size: samples a pass.
        count: R = F K.
        transform: from stored to prepared inputs.
    """

    model: nn.Module
    rows: Rows
    precision: Precision
    batch_size: int
    count: int
    transform: InputTransform


def scored(scorer: Scorer, part: PartSamples, progress: Progress) -> InfluencePart:
    """Scores the samples of a part.

    Args:
        scorer: what scores.
        part: its samples.
        progress: called after every batch with the samples of the part that are done; may raise to stop.

    Raises:
        RefusedInput: if the influence of a sample is not finite, or the model fails on it; the sample is named.
    """
    samples, count = part.samples, len(part.samples)
    parameter = next(scorer.model.parameters())
    inputs = PreparedInputs(samples, scorer.transform, parameter.device, kept_bytes=0)
    scores = torch.empty(count, 2 * scorer.count)
    with scoring(scorer.model, scorer.rows) as scoring_pass:
        for first in range(0, count, scorer.batch_size):
            chosen = torch.arange(first, min(first + scorer.batch_size, count))
            scores[chosen] = _batch(scorer, scoring_pass, part, inputs, chosen)
            progress("scores", int(chosen[-1]) + 1, count)
    _check_finite(scores, part.start)
    return InfluencePart(part.number, part.start, *(half.numpy() for half in scores.split(scorer.count, dim=1)))


def _batch(
    scorer: Scorer, scoring_pass: ScoringPass, part: PartSamples, inputs: PreparedInputs, chosen: Tensor
) -> Tensor:
    parameter = next(scorer.model.parameters())

    def score(indices: Tensor) -> Tensor:
        batch, labels = inputs.batch(indices).to(parameter), part.samples.labels[indices].to(parameter.device)
        # Within the loop: who takes the parts must not compute in this precision.
        with scorer.precision.applied(parameter.device):
            return scoring_pass.score(batch, labels).float().cpu()

    try:
        return score(chosen)
    except (ArithmeticError, IndexError, RuntimeError, TypeError, ValueError) as error:
        # After an error of a GPU everything fails, and no sample is to blame.
        if isinstance(error, RefusedInput | torch.AcceleratorError):
            raise
        for index in chosen if len(chosen) > 1 else ():
            try:
                score(index[None])
            except type(error) as alone:
                raise _fails(part.start + int(index), alone) from alone
        if len(chosen) == 1:
            raise _fails(part.start + int(chosen[0]), error) from error
        raise


def _fails(index: int, error: Exception) -> RefusedInput:
    return RefusedInput(
        f"the model fails on training sample {index}: {first_line(error)}",
        "a model that takes every sample",
        "Look at that sample, and leave it out or mend it",
    )


def _check_finite(scores: Tensor, start: int) -> None:
    if not bool(scores.isfinite().all()):
        bad = start + int((~scores.isfinite()).any(dim=1).nonzero()[0])
        raise RefusedInput(
            f"the influence of training sample {bad} is not finite",
            "gradients that float32 can hold",
            "Check the sample, normalise the inputs with mean and std in [data.transform], set [influence] damping "
            "to a number, or use an earlier checkpoint",
        )
