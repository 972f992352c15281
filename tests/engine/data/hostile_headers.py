"""Headers of NumPy arrays that make its reader fail in every way that was found."""

import struct

HOSTILE_HEADERS = {
    "a list as a key": "{[]: 1}",
    "keys that cannot be sorted": "{1: 2, 'descr': 3, None: 4}",
    "an open bracket": "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), ",
    "many open brackets": "(" * 300,
    "very deep nesting": "-" * 9000 + "1",
    "wrong indentation": "  {'a':\n 1\n  ",
    "no expression": "a = ",
    "a type of one part": "{'descr': ('<f8',), 'fortran_order': False, 'shape': (3,)}",
    "a type that is too large": "{'descr': ('<f8', 10**40), 'fortran_order': False, 'shape': (3,)}",
    "a type that is endless": "{'descr': ('<f8', 9" + "0" * 40 + "), 'fortran_order': False, 'shape': (3,)}",
}
"""By what is wrong with each."""


def npy_of(header: str) -> bytes:
    """Returns the start of an ``.npy`` file with a header as it is given."""
    raw = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(raw)) + raw
