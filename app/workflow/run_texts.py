"""The beginnings of the training texts, stored with an influence run: reports and lists need not read the data."""

from typing import Any

import pyarrow as pa

from app.workflow.text_lines import shortened
from cache.run_folder import RunFolder

TEXTS = "texts.parquet"
"""The part of a run on texts; runs on other samples have none."""
_KEPT = 300


def texts_table(texts: Any) -> pa.Table:
    """Returns what is stored of the training texts, in their order.

    Args:
        texts: of :class:`engine.data.texts.Texts`.

    Returns:
        ``text``, the beginning on one line, ``length`` before anything is cut, ``unit``, what the length counts, and
        ``most``, how many of these the model sees, null for all.
    """
    return pa.table(
        {
            "text": pa.array([shortened(text, _KEPT) for text in texts.values], pa.string()),
            "length": pa.array(texts.lengths, pa.int32()),
            "unit": pa.array([texts.unit] * len(texts), pa.string()),
            "most": pa.array([texts.most] * len(texts), pa.int32()),
        }
    )


def stored_texts(folder: RunFolder) -> list[dict[str, Any]] | None:
    """Returns what is stored of every training text; None for a run on other samples.

    Raises:
        RefusedInput: if the part is damaged.
    """
    return folder.read_table(TEXTS).to_pylist() if TEXTS in folder.parts else None
