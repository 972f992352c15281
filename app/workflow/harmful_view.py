"""The suspects among the training samples as the page, the command line and a table to take away tell them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.figures.wording import counted
from app.workflow.class_columns import class_columns
from cache.parts import Opinions
from engine.errors import RefusedInput
from engine.experiments.harm_ranking import RANKINGS, Precision, Ranking, Suspects, precision_of, suspects

RANKING_WORDS: Mapping[Ranking, str] = {
    "combined": "Label and harm",
    "influence": "Harm alone",
    "label_quality": "Label alone",
}
"""The rankings on screen."""


def checked_ranking(text: str) -> Ranking:
    """Returns the ranking of this name.

    Raises:
        RefusedInput: if there is none.
    """
    for ranking in RANKINGS:
        if ranking == text:
            return ranking
    raise RefusedInput(f"--ranking is '{text}'", " or ".join(RANKINGS), "Choose one of them")


def judged_rankings(
    vectors: NDArray[np.floating], opinions: Opinions, classes: Sequence[int], limit: int
) -> dict[Ranking, Precision] | None:
    """Returns how well each ranking finds the labels that are known to be wrong; ``None`` where that is not known.

    Args:
        vectors: influence, ``(N, K)``.
        opinions: of the same samples.
        classes: that harm is told for.
        limit: how many of the first samples are looked at.
    """
    errors = opinions.errors
    if errors is None:
        return None
    return {
        ranking: precision_of(suspects(vectors, opinions.quality, classes, ranking).order, errors, limit)
        for ranking in RANKINGS
    }


def precision_told(judged: Mapping[Ranking, Precision], errors: int, limit: int) -> dict[str, Any]:
    """Returns the judged rankings as the command prints them."""
    return {
        "limit": limit,
        "known_errors": errors,
        "rankings": {
            ranking: {"precision": one.found, **{k: v for k, v in asdict(one).items() if k != "found"}}
            for ranking, one in judged.items()
        },
    }


def precision_table(judged: Mapping[Ranking, Precision]) -> pd.DataFrame:
    """Returns the judged rankings as rows: shares and areas from 0 to 1."""
    return pd.DataFrame(
        {
            "ranking": [RANKING_WORDS[ranking] for ranking in judged],
            "found": [one.found for one in judged.values()],
            "auc": [one.auc for one in judged.values()],
            "average_precision": [one.average_precision for one in judged.values()],
        }
    )


def precision_sentence(judged: Mapping[Ranking, Precision], ranking: Ranking, errors: int, limit: int) -> str:
    """Says how many of the first samples have a label that is known to be wrong."""
    found = round(judged[ranking].found * limit)
    return f"{found} of the first {limit:,} are among the {counted(errors, 'label', 'labels')} known to be wrong."


def rows_of(told: pd.DataFrame, found: Suspects, opinions: Opinions | None, class_names: Sequence[str]) -> pd.DataFrame:
    """Returns what is known of some samples, one row each, in the order of ``told``.

    Args:
        told: with ``index``, ``label``, ``source``, ``predicted`` and ``confidence``.
        found: all samples in their order, with harm and joint negative mark.
        opinions: on their labels, or ``None`` where these were not judged.
        class_names: K names.

    Returns:
        Columns ``index``, ``source``, ``label``, ``predicted``, ``confidence``, ``suggested``, ``label_quality``,
        ``harm``, ``self_influence``, ``joint_negative``; those of ``opinions`` only where there are any.
    """
    names = np.array([*class_names, ""], dtype=object)
    index = told["index"].to_numpy(dtype=int)
    columns: dict[str, Any] = {
        "index": index,
        "source": told["source"].to_numpy(),
        "label": names[told["label"].to_numpy(dtype=int)],
        "predicted": names[told["predicted"].to_numpy(dtype=int)],
        "confidence": told["confidence"].to_numpy(),
    }
    if opinions is not None:
        columns["suggested"] = names[opinions.suggested[index]]
        columns["label_quality"] = opinions.quality[index].astype(np.float64)
    columns["harm"] = found.harm[index]
    if opinions is not None:
        columns["self_influence"] = opinions.self_influence[index]
    columns["joint_negative"] = found.joint[index]
    return pd.DataFrame(columns)


def all_rows(
    told: pd.DataFrame,
    vectors: NDArray[np.floating],
    found: Suspects,
    opinions: Opinions | None,
    class_names: Sequence[str],
) -> pd.DataFrame:
    """Returns every sample in its order, with its rank and its influence on every class, to take away.

    Args:
        told: of all samples, by index; as :func:`rows_of` takes them.
        vectors: influence, ``(N, K)``.
        found: their order.
        opinions: on their labels.
        class_names: K names.
    """
    rows = rows_of(told.iloc[found.order], found, opinions, class_names)
    rows.insert(0, "rank", np.arange(1, len(rows) + 1))
    influence = pd.DataFrame(
        np.asarray(vectors)[found.order], columns=[f"influence on {name}" for name in class_columns(class_names)]
    )
    return pd.concat([rows, influence], axis=1)
