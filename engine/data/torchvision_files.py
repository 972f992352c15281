"""Labels and pictures out of the files of torchvision's data sets, each in its own binary format.

Sizes are compared with what a file says of itself before anything is taken from it, so a
file that is cut off or of another kind is refused. No number of samples is expected: a
part of a set in the same format is as good.
"""

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy import io as matlab

from engine.data.locations import file_bytes
from engine.data.memory import refuse_beyond_memory
from engine.data.plain_pickle import pixel_table, plain_dictionary
from engine.errors import RefusedInput, first_line

_FINE, _COARSE_OR_TEN = "fine_labels", "labels"
_STL_SIDE, _CIFAR_SIDE, _SVHN_SIDE = 96, 32, 32
_MOST_MAT_PICTURES = 1_000_000
_AGAIN = "Fetch the file again, or let torchvision write it"


Content = tuple[np.ndarray, np.ndarray]
"""Pictures ``(N, C, H, W)`` uint8 and labels ``(N,)`` int64."""


def cifar(paths: tuple[Path, ...]) -> Content:
    """Reads files of CIFAR-10, or of CIFAR-100 with its fine labels.

    Raises:
        RefusedInput: if one is no such file; see :mod:`engine.data.plain_pickle`.
    """
    pixels, labels = zip(*(_cifar(path) for path in paths), strict=True)
    return np.concatenate(pixels).reshape(-1, 3, _CIFAR_SIDE, _CIFAR_SIDE), np.concatenate(labels)


def _cifar(path: Path) -> Content:
    found = plain_dictionary(path)
    pixels = pixel_table(found.get("data"), path.name)
    labels = found.get(_FINE, found.get(_COARSE_OR_TEN))
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < 100 for label in labels):
        raise _refused(path, "has no list of labels", f"'{_COARSE_OR_TEN}' or '{_FINE}', whole numbers from 0")
    columns = 3 * _CIFAR_SIDE**2
    if pixels.shape != (len(labels), columns):
        raise _refused(path, f"has data of the shape {pixels.shape} for {len(labels)} labels", f"(N, {columns})")
    return pixels, np.array(labels, dtype=np.int64)


def cifar_names(path: Path) -> tuple[str, ...]:
    """Returns the names of the classes out of ``batches.meta`` or ``meta``.

    Raises:
        RefusedInput: if there are none.
    """
    found = plain_dictionary(path)
    names = found.get("fine_label_names", found.get("label_names"))
    if not isinstance(names, list) or not all(isinstance(name, str | bytes) for name in names):
        raise _refused(path, "has no list of class names", "'label_names' or 'fine_label_names'")
    return tuple(name.decode("latin1") if isinstance(name, bytes) else name for name in names)


def stl(paths: tuple[Path, ...]) -> Content:
    """Reads STL-10, whose pictures lie column by column and whose labels count from 1.

    Args:
        paths: of pictures and labels.

    Raises:
        RefusedInput: if there is not one whole picture for each label, or a label is none of the ten classes.
    """
    path, beside = paths
    labels = np.frombuffer(file_bytes(beside, beside.name), dtype=np.uint8).astype(np.int64) - 1
    if not len(labels) or ((labels < 0) | (labels > 9)).any():
        raise _refused(beside, "has no labels, or bytes that are none", "a byte from 1 to 10 for each picture")
    expected = len(labels) * 3 * _STL_SIDE**2
    if (size := path.stat().st_size) != expected:
        what = f"has {size:,} bytes for {len(labels):,} labels in {beside.name}"
        raise _refused(path, what, f"{expected:,}, 27,648 a picture")
    columns_first = np.frombuffer(file_bytes(path, path.name), dtype=np.uint8).reshape(-1, 3, _STL_SIDE, _STL_SIDE)
    return columns_first.transpose(0, 1, 3, 2), labels


def stl_names(path: Path) -> tuple[str, ...]:
    """Returns the names of the classes, one a line.

    Raises:
        RefusedInput: if the file is no text.
    """
    try:
        return tuple(line.strip() for line in file_bytes(path, path.name).decode().splitlines() if line.strip())
    except UnicodeDecodeError:
        raise _refused(path, "is no text", "the name of a class a line") from None


def idx(paths: tuple[Path, ...]) -> Content:
    """Reads a set like MNIST.

    Args:
        paths: of pictures and labels.

    Raises:
        RefusedInput: if a file is not of the format IDX, or cut off.
    """
    return _idx(paths[0], 3)[:, None], _idx(paths[1], 1).astype(np.int64)


def _idx(path: Path, axes: int) -> np.ndarray:
    content = file_bytes(path, path.name)
    head = 4 * (1 + axes)
    if len(content) < head or content[:4] != bytes((0, 0, 8, axes)):
        raise _refused(path, "is not of the format IDX", f"bytes 0, 0, 8, {axes}, then sizes and unsigned bytes")
    shape: tuple[int, ...] = struct.unpack(f">{axes}I", content[4:head])
    size = 1
    for side in shape:
        size *= side
    if len(content) - head != size or not size:
        raise _refused(path, f"has {len(content) - head:,} bytes of data", f"{size:,}, which its header says")
    return np.frombuffer(content, dtype=np.uint8, offset=head).reshape(shape)


def mat(paths: tuple[Path, ...]) -> Content:
    """Reads SVHN, which calls the digit 0 a 10.

    Raises:
        RefusedInput: if it is no such file.
    """
    (path,) = paths
    pictures, found = _mat(path)
    found = found.reshape(-1)
    whole = found.astype(np.int64) if np.isfinite(found).all() else np.full(len(found), -1)
    if ((whole < 0) | (whole > 10) | (whole != found)).any():
        raise _refused(path, "has labels in 'y' that are no digits", "whole numbers from 1 to 10, 10 for the digit 0")
    return pictures.transpose(3, 2, 0, 1), whole % 10


def _mat(path: Path) -> Content:
    """Returns ``X`` and ``y`` of a MATLAB file, whose shapes and types are looked at before they are unpacked."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            heads: dict[str, tuple[tuple[int, ...], str]] = {
                head[0]: (head[1], head[2]) for head in matlab.whosmat(path, appendmat=False)
            }
            _check_mat(path, heads)
            held: dict[str, Any] = matlab.loadmat(path, appendmat=False, variable_names=["X", "y"])
    except RefusedInput:
        raise
    # Broken files make the reader fail in any way.
    except Exception as error:
        raise _refused(path, f"cannot be read: {first_line(error).rstrip('.')}", "a MATLAB 5 file") from None
    for name in ("X", "y"):
        found = held.get(name)
        if not isinstance(found, np.ndarray) or found.shape != heads[name][0] or found.dtype.kind not in "uif":
            raise _refused(path, f"says another shape or type of '{name}' than it holds", "a MATLAB 5 file")
    return held["X"], held["y"]


def _check_mat(path: Path, heads: dict[str, tuple[tuple[int, ...], str]]) -> None:
    pictures, kind = heads.get("X", ((), "missing"))
    labels, _ = heads.get("y", ((), "missing"))
    count = pictures[3] if len(pictures) == 4 else 0
    if pictures[:3] != (_SVHN_SIDE, _SVHN_SIDE, 3) or kind != "uint8" or not 0 < count <= _MOST_MAT_PICTURES:
        raise _refused(path, f"has 'X' of the shape {pictures} ({kind})", "(32, 32, 3, N) uint8")
    if labels not in ((count, 1), (1, count)):
        raise _refused(path, f"has 'y' of the shape {labels} for {count:,} pictures", f"({count}, 1)")
    refuse_beyond_memory(count * 3 * _SVHN_SIDE**2, path.name)


def _refused(path: Path, what: str, expected: str) -> RefusedInput:
    return RefusedInput(f"{path.name} {what}", expected, _AGAIN)
