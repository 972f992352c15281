"""From the bytes of pictures to one uint8 tensor, refusing what is broken or made to hurt.

Greyscale pictures keep one channel; when a set mixes the two, and for every other kind,
three. Only formats that are decoded without another program are opened.
"""

import io
import warnings
from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from engine.data.memory import refuse_beyond_memory
from engine.data.reader import Pictures, RowsDone
from engine.data.transform import resized
from engine.errors import RefusedInput

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
_GREY = ("1", "L", "LA")
_DEEP = ("I", "F")
_BATCH = 256


def decoded_pictures(contents: Iterable[tuple[str, bytes | None]], resize: int | None, done: RowsDone) -> Pictures:
    """Decodes pictures one after another.

    Args:
        contents: of each picture where it comes from and its bytes.
        resize: side in pixels that they are brought to at once, so that large pictures never pile up.
        done: called every few hundred pictures.

    Raises:
        RefusedInput: if one cannot be decoded, if sizes differ and there is no ``resize``, or if they are too large
            to be held together.
    """
    pictures: list[Tensor] = []
    sizes: list[tuple[int, int]] = []
    reported = size = 0
    for source, content in contents:
        stored = _decoded(content, source)
        sizes.append((stored.shape[2], stored.shape[1]))
        picture = resized(stored, resize)
        if pictures and picture.shape[1:] != pictures[0].shape[1:]:
            raise _sizes_differ(source, picture, pictures[0])
        pictures.append(picture)
        size += picture.numel()
        refuse_beyond_memory(size, f"the pictures up to {source}")
        if len(pictures) - reported == _BATCH:
            done(_BATCH)
            reported += _BATCH
    done(len(pictures) - reported)
    channels = max(len(picture) for picture in pictures)
    pixels = torch.stack([picture.expand(channels, -1, -1) for picture in pictures])
    return Pictures(pixels, np.array(sizes, np.int32))


def _decoded(content: bytes | None, source: str) -> Tensor:
    if content is None:
        # A path beside missing bytes is never followed: it may name any file of this machine.
        raise RefusedInput(
            f"{source} holds no picture", "the bytes of a picture in every row", "Store the pictures in the file"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                if image.mode.split(";")[0] in _DEEP:
                    raise ValueError("it has more than 8 bits a channel")
                pixels = np.array(_plain(image), dtype=np.uint8)
    # Decoders answer broken bytes with whatever they happen to trip over.
    except Exception as error:
        raise RefusedInput(
            f"{source} is not a readable picture: {_reason(error)}",
            f"a whole {', '.join(FORMATS[:-1])} or {FORMATS[-1]} picture of 8 bits a channel",
            "Replace the picture or take its row out",
        ) from None
    return torch.from_numpy(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1).copy())


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in _GREY:
        return image.convert("L")
    # Pillow takes a palette with degrees of transparency to RGB only by way of RGBA.
    return image.convert("RGBA").convert("RGB") if image.mode == "P" else image.convert("RGB")


def _reason(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombWarning | Image.DecompressionBombError):
        return "it unpacks to more pixels than a picture should have"
    return "its format is unknown" if isinstance(error, UnidentifiedImageError) else str(error).rstrip(".")


def _sizes_differ(source: str, picture: Tensor, first: Tensor) -> RefusedInput:
    return RefusedInput(
        f"{source} has {_size(picture)} pixels and the first picture {_size(first)}",
        "pictures of one size",
        "Set resize in [data.transform] to the side in pixels that the model was trained on",
    )


def _size(picture: Tensor) -> str:
    return f"{picture.shape[2]} x {picture.shape[1]}"
