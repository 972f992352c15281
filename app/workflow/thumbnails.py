"""Training samples as small pictures that travel inside a page."""

import base64
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 64
"""Pixels that a thumbnail's longer side has at most."""


def upright(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns a stored picture ``(C, H, W)`` as pictures are shown: ``(H, W)`` in grey, ``(H, W, C)`` in colour."""
    return pixels.transpose(1, 2, 0).squeeze(axis=2) if pixels.shape[0] == 1 else pixels.transpose(1, 2, 0)


def enlarged(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Returns a small picture enlarged by whole pixels, not blurred, as far as it stays within a side.

    Args:
        pixels: ``(H, W)`` or ``(H, W, C)``.
        side: of the longer side, in pixels; a larger picture is left as it is.
    """
    scale = max(1, side // max(pixels.shape[:2]))
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def shown_width(pixels: NDArray[np.uint8], side: int) -> int:
    """Returns the width in pixels at which a picture's longer side is as long as ``side``.

    Args:
        pixels: ``(H, W)`` or ``(H, W, C)``.
        side: of the place that it is shown in, in pixels.
    """
    height, width = pixels.shape[:2]
    return max(1, round(side * width / max(height, width)))


def thumbnail(pixels: NDArray[np.uint8]) -> str:
    """Returns a picture as a PNG in a data address, its longer side at most ``SIDE`` pixels.

    Args:
        pixels: as stored, ``(C, H, W)`` uint8.
    """
    return f"data:image/png;base64,{encoded(pixels, SIDE)}"


def encoded(pixels: NDArray[np.uint8], side: int) -> str:
    """Returns a picture as a PNG in base64: a small one enlarged by whole pixels, a large one made smaller.

    Args:
        pixels: as stored, ``(C, H, W)`` uint8.
        side: that its longer side has at most, in pixels.
    """
    picture = Image.fromarray(enlarged(upright(pixels), side))
    picture.thumbnail((side, side))
    written = BytesIO()
    picture.save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode()
