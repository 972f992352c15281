"""The pickles of CIFAR, read without anything of theirs being run.

A pickle is a programme: loading one from a stranger with ``pickle.load`` does whatever it
says. CIFAR's hold a dictionary of lists, text and one array of bytes, and no more. So its
instructions are looked at first, what could fill the memory is refused, and the few names
that such a file needs lead to stand-ins that only keep what they are given. NumPy itself
never sees the file's idea of an array: its bytes are taken as ``uint8`` or not at all.
"""

import io
import math
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.locations import file_bytes
from engine.errors import RefusedInput, first_line

_EXPECTED = "a file of the set as its authors published it"
_REMEDY = "Fetch the archive again and unpack it, or write the file as torchvision's documentation says"
_MOST_BYTES = 1 << 30
# These reach beyond the file.
_REFUSED = frozenset(("NEXT_BUFFER", "READONLY_BUFFER", "PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4"))


class _Array:
    """Stands in for an array while the file is read: keeps its state."""

    state: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, tuple) else ()

    def pixels(self) -> np.ndarray:
        """Returns ``(rows, columns)`` uint8.

        Raises:
            ValueError: if the state is not that of such an array.
        """
        _, shape, kind, columns_first, raw = self.state
        content = raw.encode("latin1") if isinstance(raw, str) else raw
        is_bytes = isinstance(kind, _Kind) and kind.name in ("u1", "|u1") and isinstance(content, bytes)
        is_shape = isinstance(shape, tuple) and all(isinstance(side, int) and side >= 0 for side in shape)
        if not is_bytes or not is_shape or len(shape) != 2 or math.prod(shape) != len(content):
            raise ValueError("its data are no table of bytes")
        return np.frombuffer(content, dtype=np.uint8).reshape(shape, order="F" if columns_first is True else "C")


class _Kind:
    """Stands in for an array's type: keeps its name."""

    def __init__(self, name: object = None, *_: object) -> None:
        self.name = name

    def __setstate__(self, state: object) -> None:
        pass


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _encode(text: object, encoding: object = None) -> bytes:
    """Stands in for ``codecs.encode``, by which Python 3 writes bytes for Python 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("it holds text in an encoding of its own")
    return text.encode("latin1")


def _from_buffer(content: object = b"", kind: object = None, shape: object = None, order: object = "C") -> _Array:
    """Stands in for NumPy's function by which arrays are written since protocol 5."""
    array = _Array()
    raw = bytes(content) if isinstance(content, bytes | bytearray) else content
    array.__setstate__((None, shape, kind, order == "F", raw))
    return array


_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which could run code")
        return _STAND_INS[module, name]


def plain_dictionary(path: Path) -> dict[str, Any]:
    """Returns the dictionary that a pickled file holds; arrays in it are read by :func:`pixel_table`.

    Args:
        path: an existing file.

    Raises:
        RefusedInput: if it is no pickle of such a dictionary, is cut off, or asks for anything that could run code.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise RefusedInput(f"{path.name} is larger than {_MOST_BYTES >> 30} GB", _EXPECTED, _REMEDY)
    content = file_bytes(path, path.name)
    try:
        _check_instructions(content)
        # The files were written by Python 2, whose text is bytes of Latin-1 to Python 3.
        found = _Unpickler(io.BytesIO(content), encoding="latin1").load()
    # A broken pickle can fail in any way; none of them is a fault of ours.
    except Exception as error:
        why = first_line(error).rstrip(".")
        raise RefusedInput(f"{path.name} cannot be read safely: {why}", _EXPECTED, _REMEDY) from None
    if not isinstance(found, dict):
        raise RefusedInput(f"{path.name} holds no dictionary", _EXPECTED, _REMEDY)
    # Those that were written with bytes for names are as good.
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): value for key, value in found.items()}


def pixel_table(value: object, name: str) -> np.ndarray:
    """Returns an array of a file as ``(rows, columns)`` uint8.

    Args:
        value: as :func:`plain_dictionary` found it.
        name: of the file, for messages.

    Raises:
        RefusedInput: if it is no array of bytes, or says another shape than it has bytes for.
    """
    try:
        if not isinstance(value, _Array):
            raise ValueError("it has no array under 'data'")
        return value.pixels()
    except (ValueError, UnicodeEncodeError) as error:
        raise RefusedInput(f"{name} cannot be read: {first_line(error)}", _EXPECTED, _REMEDY) from None


def _check_instructions(content: bytes) -> None:
    # This also finds the file cut off where a text or an array is longer than what is left.
    for instruction, argument, _ in pickletools.genops(content):
        if instruction.name in _REFUSED:
            raise pickle.UnpicklingError("it refers to what is not in the file")
        # The unpickler makes a table as long as the largest number under which something is kept.
        if instruction.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > len(content):
            raise pickle.UnpicklingError("it would take more memory than it has data")
