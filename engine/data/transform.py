"""From stored inputs to the model's inputs, and the random changes of training pictures.

Pictures: ``x = (resized / 255 - mean) / std`` by channel. Tables: ``x = (stored - mean) / std``
by column. Both are deterministic; only :meth:`InputTransform.augment` draws, from the
generator that it is given.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from engine.data_settings import Transform
from engine.errors import RefusedInput


@dataclass(frozen=True)
class InputTransform:
    """What is done to inputs before the model sees them.

    Args:
        resize: side in pixels of the model's pictures, or None to keep theirs.
        mean: subtracted from each channel (on the scale 0..1) or column.
        std: divides each channel or column afterwards.
        augmentations: which random changes training pictures undergo: ``"crop"``, ``"flip"``.
    """

    resize: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    augmentations: tuple[str, ...] = ()

    @classmethod
    def from_study(cls, transform: Transform) -> "InputTransform":
        """Returns the transform that ``[data.transform]`` describes."""
        return cls(transform.resize, transform.mean, transform.std, transform.augment)

    def check(self, inputs: Tensor) -> None:
        """Checks that ``mean`` and ``std`` fit inputs ``(N, C, H, W)`` or ``(N, D)``.

        Raises:
            RefusedInput: if there is not one value for each channel or column, or ``mean`` is of pictures on the
                scale 0..255.
        """
        if self.mean is not None and len(self.mean) != inputs.shape[1]:
            what = "channel" if inputs.ndim > 2 else "column"
            raise RefusedInput(
                f"[data.transform] mean and std have {len(self.mean)} values, the inputs {inputs.shape[1]} {what}(s)",
                f"one value for each {what}",
                "Mend mean and std in the study file",
            )
        if self.mean is not None and inputs.dtype == torch.uint8 and max(map(abs, self.mean)) > 1:
            divided = [round(value / 255, 4) for value in self.mean]
            raise RefusedInput(
                f"[data.transform] mean is {list(self.mean)} for pictures, whose values are of the scale 0 to 1",
                "mean and std of that scale",
                f"Divide both by 255: mean = {divided}",
            )

    def prepare(self, inputs: Tensor) -> Tensor:
        """Returns the model's inputs, float32, on the device of ``inputs``.

        Args:
            inputs: pictures ``(N, C, H, W)`` uint8, table rows ``(N, D)`` float32, or tokens and mask
                ``(N, 2, L)`` int32, whose numbers float32 holds exactly.
        """
        if inputs.dtype == torch.int32:
            return inputs.float()
        if inputs.dtype == torch.uint8:
            inputs = resized(inputs, self.resize).float() / 255
        if self.mean is None:
            return inputs
        shape = (1, -1) + (1,) * (inputs.ndim - 2)
        mean, std = (torch.tensor(values, device=inputs.device).reshape(shape) for values in (self.mean, self.std))
        return (inputs - mean) / std

    def augment(self, prepared: Tensor, generator: torch.Generator) -> Tensor:
        """Returns pictures that were cropped and mirrored at random, each on its own.

        ``crop`` pads every side by an eighth of the shorter one (4 pixels of 32) with
        its reflection and cuts the old size out at a random place; ``flip`` mirrors
        left and right for half of the pictures.

        Args:
            prepared: ``(N, C, H, W)`` from :meth:`prepare`.
            generator: on the CPU; the same state gives the same changes on every device.
        """
        if "crop" in self.augmentations:
            prepared = _cropped(prepared, generator)
        if "flip" in self.augmentations:
            mirrored = torch.rand(len(prepared), generator=generator) < 0.5
            prepared = torch.where(mirrored.to(prepared.device)[:, None, None, None], prepared.flip(3), prepared)
        return prepared


def resized(pictures: Tensor, side: int | None) -> Tensor:
    """Returns uint8 pictures ``(..., H, W)`` as ``(..., side, side)``; unchanged without a side."""
    if side is None or pictures.shape[-2:] == (side, side):
        return pictures
    batch = pictures.reshape(-1, 1, *pictures.shape[-2:]).float()
    batch = functional.interpolate(batch, (side, side), mode="bilinear", antialias=True)
    return batch.round().clamp(0, 255).to(torch.uint8).reshape(*pictures.shape[:-2], side, side)


def _cropped(pictures: Tensor, generator: torch.Generator) -> Tensor:
    count, channels, height, width = pictures.shape
    margin = max(1, min(height, width) // 8)
    offsets = torch.randint(0, 2 * margin + 1, (2, count), generator=generator).to(pictures.device)
    padded = functional.pad(pictures, (margin,) * 4, mode="reflect")

    def places(offset: Tensor, length: int) -> Tensor:
        return offset[:, None] + torch.arange(length, device=pictures.device)

    return padded[
        torch.arange(count, device=pictures.device)[:, None, None, None],
        torch.arange(channels, device=pictures.device)[None, :, None, None],
        places(offsets[0], height)[:, None, :, None],
        places(offsets[1], width)[:, None, None, :],
    ]
