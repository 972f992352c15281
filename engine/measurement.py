"""What a class is judged by: one value a sample, and **lower is better** for each of the three.

With z the logits of a sample, y its label and p the softmax of z::

    loss           -log p_y                                   cross-entropy, in nats
    margin         log Σ_{c≠y} exp z_c - z_y                  = -log(p_y / (1 - p_y)), in nats
    soft_accuracy  1 - p_y                                    = sigmoid(margin), in 0..1

A class is judged by the mean over its samples, and its gradient is what influence is of. The
loss is ruled by the samples that are furthest from right, the margin counts every sample
nearly alike, and the soft error counts those that are still open: its slope is p_y (1 - p_y).
"""

import torch
from torch import Tensor
from torch.nn import functional

from engine.judged_by import DEFAULT, Measurement


def per_sample(logits: Tensor, labels: Tensor, measurement: Measurement = DEFAULT) -> Tensor:
    """Measures each sample; differentiable in the logits.

    Args:
        logits: shape ``(B, K)``, K >= 2.
        labels: shape ``(B,)``, int64.
        measurement: one of the three.

    Returns:
        The values, shape ``(B,)``, in the logits' type; lower is better.
    """
    if measurement == "loss":
        return functional.cross_entropy(logits, labels, reduction="none")
    own = labels[:, None]
    rivals = logits.scatter(1, own, float("-inf"))
    margin = torch.logsumexp(rivals, dim=1) - logits.gather(1, own)[:, 0]
    # Not 1 - p_y: rounding leaves nothing of it for a sample that is classified with certainty.
    return margin if measurement == "margin" else torch.sigmoid(margin)
