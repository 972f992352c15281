"""Training samples as small pictures that travel inside a page."""

import base64
from io import BytesIO

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

SIDE = 64
"""Pixels that a thumbnail's longer side has at most."""


def upright(pixels: NDArray[np.uint8], size: ArrayLike | None = None) -> NDArray[np.uint8]:
    """Returns a stored picture as pictures are shown: ``(H, W)`` in grey, ``(H, W, C)`` in colour.

    Args:
        pixels: ``(C, H, W)``, where ``resize`` made it a square.
        size: width and height that it had; its proportions are given back to it, and its longer side stays as long.
    """
    shown = pixels.transpose(1, 2, 0).squeeze(axis=2) if pixels.shape[0] == 1 else pixels.transpose(1, 2, 0)
    if size is None:
        return shown
    own, longest = np.asarray(size, float), max(shown.shape[:2])
    width, height = (max(1, round(side)) for side in longest * own / own.max())
    if (height, width) == shown.shape[:2]:
        return shown
    return np.asarray(Image.fromarray(shown).resize((width, height), Image.Resampling.BILINEAR))


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


def thumbnail(pixels: NDArray[np.uint8], size: ArrayLike | None = None) -> str:
    """Returns a picture as a PNG in a data address, its longer side at most ``SIDE`` pixels.

    Args:
        pixels: as stored, ``(C, H, W)`` uint8.
        size: width and height that it had, see :func:`upright`.
    """
    return f"data:image/png;base64,{encoded(pixels, SIDE, size)}"


def encoded(pixels: NDArray[np.uint8], side: int, size: ArrayLike | None = None) -> str:
    """Returns a picture as a PNG in base64: a small one enlarged by whole pixels, a large one made smaller.

    Args:
        pixels: as stored, ``(C, H, W)`` uint8.
        side: that its longer side has at most, in pixels.
        size: width and height that it had, see :func:`upright`.
    """
    picture = Image.fromarray(enlarged(upright(pixels, size), side))
    picture.thumbnail((side, side))
    written = BytesIO()
    picture.save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode()
