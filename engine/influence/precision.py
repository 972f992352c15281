"""The arithmetic of the scoring pass: as coarse as the ranking of samples allows.

bfloat16 and TF32 keep 8 and 10 bits of each factor, and a GPU multiplies them many times
faster than float32. Whether that is enough is a question of the model, so it is tried on
the probe: a precision is taken if it ranks the samples as float32 does. A processor has
nothing to gain and stays with float32.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from engine.influence.curvature import Curvature
from engine.influence.operators import Operator
from engine.influence.probe import Probe, rank_agreements

ENOUGH = 0.99
"""Spearman with float32, of the class that agrees least, from which a precision is taken."""
_ON_GPU = ("bf16", "tf32")


@dataclass(frozen=True)
class Precision:
    """What the pass computes in.

    Attributes:
        name: ``fp64`` (exact curvature), ``fp32``, ``tf32`` or ``bf16``.
        agreement: Spearman with float32 on the probe, of the class that agrees least;
            ``None`` where nothing coarser than float32 is used.
    """

    name: str
    agreement: float | None = None

    @contextmanager
    def applied(self, device: torch.device) -> Iterator[None]:
        """Computes in this precision for as long as the context lasts."""
        with (
            _tf32(self.name == "tf32", device),
            torch.autocast(device.type, torch.bfloat16, enabled=self.name == "bf16"),
        ):
            yield


def chosen_precision(asked: str, probe: Probe, curvature: Curvature, operator: Operator) -> Precision:
    """Returns the precision of the scoring pass.

    Args:
        asked: ``auto``, ``fp32``, ``tf32`` or ``bf16``; ``auto`` tries what a GPU is fastest in
            first, and each precision that is named is taken whatever its agreement.
        probe: the samples that it is tried on.
        curvature: of the model.
        operator: that the rows are under.
    """
    device = probe.inputs.device
    if probe.inputs.dtype == torch.float64:
        return Precision("fp64")
    if asked == "fp32" or (asked == "auto" and device.type != "cuda"):
        return Precision("fp32")
    with Precision("fp32").applied(device):
        (reference,) = probe.scores(curvature, [operator])
    for name in _ON_GPU if asked == "auto" else (asked,):
        with Precision(name).applied(device):
            (scores,) = probe.scores(curvature, [operator])
        agreement = min(rank_agreements(reference, scores))
        if asked != "auto" or agreement >= ENOUGH:
            return Precision(name, agreement)
    return Precision("fp32")


@contextmanager
def _tf32(allowed: bool, device: torch.device) -> Iterator[None]:
    """Allows or forbids TF32 in products and convolutions of a GPU; by default torch allows it in some."""
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=allowed):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
