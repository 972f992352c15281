"""The sizes of a few pictures, by the headers of their files: no pixel is decoded."""

import io
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from pyarrow import types

from engine.data.image_folder import SUFFIXES
from engine.data.pictures import FORMATS

MOST_LOOKED_AT = 300
"""Pictures whose headers are read."""
_MOST_PATHS = 20_000


def sides_of_folder(folder: Path, root: Path) -> list[tuple[int, int]]:
    """Returns width and height of a few pictures below a folder, drawn from the first 20,000 that are found.

    Args:
        folder: of class folders.
        root: out of which no link may lead.
    """
    paths = []
    for path in picture_paths(folder):
        paths.append(path)
        if len(paths) == _MOST_PATHS:
            break
    places = np.sort(np.random.default_rng(0).permutation(len(paths))[:MOST_LOOKED_AT])
    chosen = (paths[place] for place in places)
    return _sizes(path for path in chosen if path.is_file() and path.resolve().is_relative_to(root))


def sides_of_parquet(path: Path, column: str) -> list[tuple[int, int]]:
    """Returns width and height of the first pictures of a column; none where they cannot be read."""
    try:
        with pq.ParquetFile(path) as file:
            batch = next(file.iter_batches(batch_size=MOST_LOOKED_AT, columns=[column]), None)
        if batch is None:
            return []
        values = batch.column(0)
        if types.is_struct(values.type):
            values = values.field("bytes")
        return _sizes(io.BytesIO(value) for value in values.to_pylist() if value)
    # The reader tells what is wrong with the file, by its row.
    except (pa.ArrowException, OSError, ValueError):
        return []


def picture_paths(folder: Path) -> Iterator[Path]:
    """Yields the pictures below a folder, by their endings; links to folders are not followed."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield Path(place) / name


def _sizes(sources: Iterable[Path | io.BytesIO]) -> list[tuple[int, int]]:
    sizes = []
    for source in sources:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(source, formats=FORMATS) as picture:
                    sizes.append(picture.size)
        # Decoders answer broken bytes with whatever they trip over; the reader will name the picture.
        except Exception:
            continue
    return sizes
