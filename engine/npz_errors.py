"""What the readers of zip files and of NumPy's headers raise where a file is damaged, or was made to do harm."""

import tokenize
import zipfile
import zlib

BROKEN_ARCHIVE = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError),
    *(ValueError, KeyError, RuntimeError, NotImplementedError),
)
"""Raised where the archive is not one, or breaks off."""
# A header is an expression of Python's, which NumPy parses before it looks at what it says.
BROKEN_HEADER = (
    *(*BROKEN_ARCHIVE, SyntaxError, tokenize.TokenError, MemoryError),
    *(TypeError, IndexError, AttributeError, ArithmeticError),
)
"""Raised beside those where the header of an array is no description of one."""
