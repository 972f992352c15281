"""One pass over the training samples: the product of every row with every sample.

``P_jr = <u_r, ∇ℓ_j>`` summed over the tracked modules, with u_r a preconditioned class
gradient and ``∇ℓ_j = Σ_t g_jt a_jtᵀ`` module by module. The backward pass computes output
gradients only: no parameter asks for one. Where a module has one position a sample, the
rows are contracted with its input first and no gradient ``(B, o, i)`` is ever formed;
where it has several, patches are laid out for a few samples at a time, so that they stay in
the processor's cache, and gradients are kept for as many as a stated memory holds.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from engine.errors import RefusedInput
from engine.influence.linear_maps import observed, per_sample_gradients, positions
from engine.influence.rows import Rows
from engine.judged_by import DEFAULT, Measurement
from engine.measurement import per_sample

CHUNK_BYTES = 24 * 2**20
"""What patches and gradients of the samples that are laid out at once may take: a processor's cache."""
GRADIENT_BYTES = 128 * 2**20
"""What the gradients of the samples that are multiplied with the rows at once may take, twice while they are joined."""
BLOCK_BYTES = 256 * 2**20
"""What the rows that are contracted at once may take, beside it."""


@contextmanager
def scoring(model: nn.Module, rows: Rows, measurement: Measurement = DEFAULT) -> Iterator["ScoringPass"]:
    """Observes the tracked modules for as long as the context lasts.

    Args:
        model: in evaluation mode; its parameters ask for no gradient meanwhile.
        rows: preconditioned, by module ``(R, o, i)``; on the model's device, or on the CPU
            from where they are fetched in blocks.
        measurement: of the samples that are scored; training samples have their loss.
    """
    scoring_pass = ScoringPass(model, rows, measurement)
    with observed(model, list(rows), scoring_pass.take):
        yield scoring_pass


class ScoringPass:
    """Scores one batch after the other; made by :func:`scoring`."""

    def __init__(self, model: nn.Module, rows: Rows, measurement: Measurement = DEFAULT) -> None:
        self._model, self._rows, self._measurement = model, rows, measurement
        self._scores: Tensor | None = None
        self._samples, self._seen = 0, set[str]()

    def score(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Returns the scores of a batch, shape ``(B, R)``.

        Args:
            inputs: prepared, shape ``(B, ...)``.
            labels: shape ``(B,)``.
        """
        self._scores, self._samples = None, len(labels)
        self._seen.clear()
        logits = self._model(inputs)
        per_sample(logits, labels, self._measurement).sum().backward()
        return self._taken()

    def _taken(self) -> Tensor:
        # A method of its own: the hooks fill the scores behind the reader's, and the checker's, back.
        assert self._scores is not None, "no tracked module took part in the forward pass"
        return self._scores

    def take(self, name: str, module: nn.Module, inputs: Tensor, gradient: Tensor) -> None:
        """Adds what one module contributes, as soon as its output gradient is known."""
        if name in self._seen or len(inputs) != self._samples:
            # The traced batch was used otherwise; what a model does may depend on what it sees.
            raise RefusedInput(
                f"module '{name}' is used in another way for some samples than for those that were traced",
                "a module that every batch calls once, samples first",
                "Leave it out: name the others under [influence] modules",
            )
        self._seen.add(name)
        # Autocast reaches into the backward pass; the sum over parameters stays in the rows' precision.
        with torch.autocast(gradient.device.type, enabled=False):
            part = contract(self._rows[name], module, inputs, gradient)
        self._scores = part if self._scores is None else self._scores + part


def contract(rows: Tensor, module: nn.Module, inputs: Tensor, gradient: Tensor) -> Tensor:
    """Returns ``<u_r, ∇ℓ_b>`` for one module, shape ``(B, R)``.

    Args:
        rows: shape ``(R, o, i)``; their number type is that of the result.
        module: the ``nn.Linear`` or ``nn.Conv2d``.
        inputs: of the module, detached.
        gradient: of the summed loss by the module's output.
    """
    inputs, gradient = inputs.to(rows.dtype), gradient.to(rows.dtype)
    has_positions = isinstance(module, nn.Conv2d) or inputs.dim() > 2
    contracted = _contracted_gradients if has_positions else _contracted_vectors
    # A GPU fetches rows that do not lie on it once for each such part.
    room = 8 * GRADIENT_BYTES if gradient.device.type == "cuda" else GRADIENT_BYTES
    size = max(1, room // rows[0].nbytes) if has_positions else len(inputs)
    parts = zip(inputs.split(size), gradient.split(size), strict=True)
    return torch.cat([contracted(rows, module, *part) for part in parts])


def _contracted_gradients(rows: Tensor, module: nn.Module, inputs: Tensor, gradient: Tensor) -> Tensor:
    size = _chunk(rows, gradient)
    chunks = zip(inputs.split(size), gradient.split(size), strict=True)
    # Made chunk by chunk, multiplied all at once: each product reads all rows from memory.
    gradients = torch.cat([per_sample_gradients(module, *chunk).flatten(1) for chunk in chunks])
    return torch.cat([gradients @ block.flatten(1).T for block in _blocks(rows, rows[0].nbytes, gradients.device)], 1)


def _contracted_vectors(rows: Tensor, module: nn.Module, inputs: Tensor, gradient: Tensor) -> Tensor:
    activations, outputs = (values[:, 0] for values in positions(module, inputs, gradient))
    parts = []
    # What a row makes of the batch, (B, o), is often larger than the row.
    for block in _blocks(rows, rows[0].nbytes + outputs.nbytes, outputs.device):
        projected = (activations @ block.flatten(0, 1).T).unflatten(1, block.shape[:2])
        parts.append(torch.einsum("bro,bo->br", projected, outputs))
    return torch.cat(parts, dim=1)


def _blocks(rows: Tensor, bytes_each: int, device: torch.device) -> Iterator[Tensor]:
    for block in rows.split(max(1, BLOCK_BYTES // bytes_each)):
        yield block.to(device)


def _chunk(rows: Tensor, gradient: Tensor) -> int:
    """Returns how many samples are contracted at once; a GPU has no such cache to keep to."""
    outputs, inputs = rows.shape[1:]
    count = gradient[0].numel() // outputs
    sample = (count * (inputs + outputs) + outputs * inputs) * rows.itemsize
    budget = BLOCK_BYTES if gradient.device.type == "cuda" else CHUNK_BYTES
    return max(1, budget // sample)
