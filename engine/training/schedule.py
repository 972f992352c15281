"""The learning rate of every step: a pure function of the settings and the epoch."""

import math

from engine.study import Training

_WARM_UP = 0.3
"""Share of the training in which ``one_cycle`` rises."""
_FINAL = 1e-4
"""What is left of the peak at the end of ``one_cycle``."""


def steps_per_epoch(samples: int, batch_size: int) -> int:
    """Returns the number of batches in which ``samples`` samples are passed."""
    return -(-samples // batch_size)


def learning_rates(training: Training, steps_per_epoch: int, epoch: int) -> list[float]:
    r"""Returns the learning rates of the steps of one epoch.

    With :math:`x \in (0, 1]` the share of all steps of the training that are done after
    the step, and the peak :math:`r`:

    - ``constant``: :math:`r`.
    - ``cosine``: :math:`r (1 + \cos \pi x') / 2`, with :math:`x'` the share before the
      step, so that the first is at :math:`r` and the last above zero.
    - ``one_cycle``: :math:`r x / 0.3` up to :math:`x = 0.3`, then along half a cosine
      down to :math:`r / 10^4`.

    Args:
        training: the study's ``[training]`` table.
        steps_per_epoch: batches of an epoch.
        epoch: 1 for the first. After the last planned epoch its rates are repeated.
    """
    total = training.epochs * steps_per_epoch
    first = (min(epoch, training.epochs) - 1) * steps_per_epoch
    return [_rate(training, step, total) for step in range(first, first + steps_per_epoch)]


def whole_horizon(training: Training, samples: int) -> float:
    r"""Returns how far the whole training goes: :math:`\tau = \sum_t \eta_t / (1 - \mu)`, over all its epochs.

    Args:
        training: the study's ``[training]`` table.
        samples: of the training split.
    """
    steps = steps_per_epoch(samples, training.batch_size)
    rates = (rate for epoch in range(training.epochs) for rate in learning_rates(training, steps, epoch + 1))
    return sum(rates) / (1 - training.momentum)


def _rate(training: Training, step: int, total: int) -> float:
    peak = training.learning_rate
    if training.schedule == "constant":
        return peak
    if training.schedule == "cosine":
        return peak * _half_cosine(step / total)
    done = (step + 1) / total
    if done <= _WARM_UP:
        return peak * done / _WARM_UP
    return peak * (_FINAL + (1 - _FINAL) * _half_cosine((done - _WARM_UP) / (1 - _WARM_UP)))


def _half_cosine(share: float) -> float:
    """Falls from 1 at ``share`` 0 to 0 at ``share`` 1."""
    return (1 + math.cos(math.pi * share)) / 2
