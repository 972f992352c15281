"""Two runs side by side: the accuracy of every class in both, and what lies between."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import RefusedInput

COMPARABLE = ("influence", "reweight")
"""Kinds of runs that tell the accuracy of every class of one model."""


@dataclass(frozen=True)
class Comparison:
    """The accuracies of two models on one split.

    Attributes:
        class_names: K names.
        first: share of each class's samples that the first model classifies rightly, 0 to 1, ``(K,)``;
            NaN for a class without samples.
        second: the same for the second, ``(K,)``.
        counts: samples of each class that both were judged on, ``(K,)``; ``None`` where the runs do not tell,
            or were judged on different numbers.
    """

    class_names: tuple[str, ...]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    counts: NDArray[np.int64] | None

    @property
    def changes(self) -> NDArray[np.float64]:
        """Second less first, in points, ``(K,)``; positive where the second is better."""
        return 100 * (self.second - self.first)

    @property
    def sentence(self) -> str:
        """How many classes the second run is better and worse at, and on average."""
        known = self.changes[np.isfinite(self.changes)]
        if not known.size:
            return "No class was judged in both runs, so there is nothing to compare."
        better, worse = int((known > 0).sum()), int((known < 0).sum())
        return (
            f"The second run is better at {better} of {len(known)} classes and worse at {worse};"
            f" the mean over classes changes by {known.mean():+.1f} points."
        )

    def as_table(self) -> pd.DataFrame:
        """Returns one row a class, the largest loss first; accuracies in per cent, changes in points."""
        frame = pd.DataFrame(
            {
                "class": self.class_names,
                "first": 100 * self.first,
                "second": 100 * self.second,
                "change": self.changes,
            }
        )
        if self.counts is not None:
            frame["samples"] = self.counts
        return frame.sort_values("change", kind="stable")


def splits_of(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """Returns the splits on which both runs tell accuracies, the unseen one first; there is one at least.

    Raises:
        RefusedInput: if there is none.
    """
    told = [_accuracies(first), _accuracies(second)]
    shared = [split for split in ("test", "validation") if all(split in values for values in told)]
    if not shared:
        raise RefusedInput(
            "the two runs tell no accuracy on the same samples",
            "two runs that were judged on the same split",
            "Choose another run",
        )
    return shared


def compare(first: dict[str, Any], second: dict[str, Any], split: str) -> Comparison:
    """Compares two runs class by class.

    Args:
        first: manifest of an influence or reweight run.
        second: manifest of another.
        split: on which both tell accuracies.

    Raises:
        RefusedInput: if the two are of different classes, or one tells no accuracy on the split.
    """
    names = tuple(first["class_names"])
    if names != tuple(second["class_names"]):
        raise RefusedInput(
            "the two runs are of different classes", "two runs whose classes are the same", "Choose another run"
        )
    values = [_accuracies(manifest).get(split) for manifest in (first, second)]
    if values[0] is None or values[1] is None:
        raise RefusedInput(
            f"one of the two runs tells no accuracy on the {split} samples", "runs that both do", "Choose another run"
        )
    counts = [manifest.get("counts", {}).get(split) for manifest in (first, second)]
    same = counts[0] is not None and counts[0] == counts[1]
    return Comparison(
        names,
        np.array(values[0], dtype=np.float64),
        np.array(values[1], dtype=np.float64),
        np.array(counts[0], dtype=np.int64) if same else None,
    )


def _accuracies(manifest: dict[str, Any]) -> dict[str, Any]:
    """Returns the accuracies of the model that a run is about, by split: of a search, of the model that it gave."""
    told = manifest.get("accuracy" if manifest["kind"] == "influence" else "after") or {}
    return {split: values for split, values in told.items() if values is not None}
