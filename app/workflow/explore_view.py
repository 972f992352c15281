"""What the Explore page shows of a pair of classes and of a selection of samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.figures.wording import signed
from app.workflow.class_columns import class_columns
from cache.pairs import Box
from engine.judged_by import WORDS, Measurement, percent_of_scale

if TYPE_CHECKING:
    from cache.cache import Cache
    from cache.density import PairPoints
    from cache.selections import Selection

SELECTABLE = 20_000
"""Points drawn at most: a selection of more would not fit into a message to the server."""
SAMPLED_UP_TO = 100_000
"""Of more samples than this a view shows densities, in place of a part of the points."""
EXTREMES = 500
"""Points that are drawn over a picture of densities."""
PAGE = 25
"""Rows of a selection on one page of its table."""
ORDERS = {"harmful": "Most harmful first", "helpful": "Most helpful first", "index": "By number"}


@dataclass(frozen=True)
class PairView:
    """Samples of a pair as they are drawn.

    Attributes:
        frame: the points, with ``index``, ``label``, ``predicted``, ``confidence``, ``source``, ``x``, ``y``.
        counts: samples of the whole run by region.
        view: the part of the plane that is shown; None: as the points need.
        inside: samples of the run in the view.
        density: samples by bin ``(rows, columns)``; None where points alone are drawn.
        above: with a density, trade-offs of the whole run above the line y = x.
    """

    frame: pd.DataFrame
    counts: dict[str, int]
    view: Box | None
    inside: int
    density: NDArray[np.int64] | None
    above: int

    @property
    def is_whole(self) -> bool:
        """Whether every sample in view is drawn as a point."""
        return len(self.frame) == self.inside


def pair_view(
    cache: "Cache", key: str, pair: tuple[int, int], samples: int, points: "PairPoints | None", zoom: Box | None
) -> PairView:
    """Returns what is drawn of a pair: every point, a sample of them, or densities with the extremes over them.

    Args:
        cache: answers the queries.
        key: of the influence run.
        pair: classes of the x and the y axis.
        samples: of the run.
        points: all samples as points; needed where there are more than ``SELECTABLE``.
        zoom: the part of the plane to look at; None: all.
    """
    a, b = pair
    if points is None:
        frame = cache.pair(key, a, b, limit=SELECTABLE, box=zoom)
        return PairView(frame, cache.region_counts(key, a, b), zoom, len(frame), None, 0)
    counts = points.region_counts
    inside = samples if zoom is None else int(points.inside(zoom).sum())
    if inside <= SELECTABLE or samples <= SAMPLED_UP_TO:
        return PairView(cache.pair(key, a, b, limit=SELECTABLE, box=zoom), counts, zoom, inside, None, 0)
    view = zoom or points.whole_view
    frame, vectors = cache.described(key, points.farthest(view, EXTREMES))
    frame = frame.assign(x=vectors[:, a], y=vectors[:, b])
    return PairView(frame, counts, view, inside, points.density(view), points.trade_offs_above)


def page_of(selection: "Selection", order: str, number: int) -> NDArray[np.int32]:
    """Returns the samples on one page of a selection.

    Args:
        selection: of which every sample is on exactly one page.
        order: one of ``ORDERS``.
        number: of the page, from 1.
    """
    samples = selection.samples
    ordered = {"harmful": samples, "helpful": samples[::-1]}.get(order)
    ordered = np.sort(samples) if ordered is None else ordered
    return ordered[(number - 1) * PAGE : number * PAGE]


def pages(selection: "Selection") -> int:
    """Returns how many pages a selection has; at least one."""
    return max(1, -(-len(selection.samples) // PAGE))


def export_table(frame: pd.DataFrame, vectors: NDArray[np.floating], class_names: Sequence[str]) -> pd.DataFrame:
    """Returns samples as they are taken away: what is known of each, and its influence on every class.

    Args:
        frame: with ``index``, ``label``, ``predicted``, ``confidence``, ``source``.
        vectors: their influence, ``(n, K)``.
        class_names: K names.
    """
    names = np.asarray(class_names, dtype=object)
    influence = pd.DataFrame(vectors, columns=[f"influence on {name}" for name in class_columns(class_names)])
    told = pd.DataFrame(
        {
            "index": frame["index"].to_numpy(),
            "source": frame["source"].to_numpy(),
            "label": names[frame["label"].to_numpy(dtype=int)],
            "prediction": names[frame["predicted"].to_numpy(dtype=int)],
            "confidence": frame["confidence"].to_numpy(),
        }
    )
    return pd.concat([told, influence], axis=1)


def gains_without(influence: NDArray[np.float64], samples: int, scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Predicts what each class gains when samples are left out of training to its end, to first order.

    The presence of a sample lowers what class k is judged by, by ``P_k / N``; so without the samples of a selection
    it rises by the sum over them, and the gain is ``-100 sum P_k / (N s_k)``.

    Args:
        influence: sum over the samples left out of their influence on each class, ``(K,)``.
        samples: N, of the whole run.
        scale: what gains are in per cent of, ``(K,)``.

    Returns:
        Gains in per cent of each class's scale, ``(K,)``; above zero: better without the samples.
    """
    return percent_of_scale(-influence / samples, scale)


def without_sentence(
    class_names: Sequence[str], gains: NDArray[np.float64], count: int, measurement: Measurement
) -> str:
    """Says which class gains and which loses most without the samples of a selection.

    Args:
        class_names: K names.
        gains: in per cent of each class's scale, ``(K,)``.
        count: of the samples left out.
        measurement: what the classes are judged by.
    """
    left_out = "this sample" if count == 1 else f"these {count:,} samples"
    scale = WORDS[measurement].scale
    best, worst = int(np.argmax(gains)), int(np.argmin(gains))

    def told(k: int) -> str:
        return f"{class_names[k]} {signed(gains[k], '%', 2)}"

    if gains[best] <= 0:
        return (
            f"Without {left_out}, no class is predicted to gain; {told(worst)} of its {scale} is lost most,"
            f" {told(best)} least."
        )
    if gains[worst] >= 0:
        return f"Without {left_out}, no class is predicted to lose: from {told(worst)} to {told(best)} of its {scale}."
    better = int((gains > 0).sum())
    return (
        f"Without {left_out}, {better} of {len(gains)} classes are predicted to gain: {told(best)} of its {scale} most;"
        f" the worst is {told(worst)}."
    )
