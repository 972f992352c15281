"""One pair of classes over all samples: its regions, and the points of its scatter.

A sample is joint positive for some classes if its influence on each is above zero,
joint negative if below, and a trade-off otherwise (zeros included).
"""

import math

import duckdb
import pandas as pd

from cache.queries import Vectors
from engine.errors import RefusedInput
from engine.frontier import REGIONS

Box = tuple[float, float, float, float]
"""A rectangle ``(x_low, x_high, y_low, y_high)``, its edges included."""

_JOINT_POSITIVE, _JOINT_NEGATIVE, _TRADE_OFF = REGIONS
_EXTREME_SHARE = 0.1
"""Of a sample of points, the part that goes to the farthest from the origin whatever their region."""
_FLOOR_SHARE = 0.1
"""Of the rest, the part that each region gets even where it holds few of the points."""
_HASHES = 2**64


def region_counts(cursor: duckdb.DuckDBPyConnection, source: Vectors, classes: tuple[int, ...]) -> dict[str, int]:
    """Returns how many samples lie in each region of two or more classes."""
    values = source.values(classes)
    row = cursor.execute(
        f"""
        SELECT count(*) FILTER (least({values}) > 0), count(*) FILTER (greatest({values}) < 0), count(*)
        FROM {source.table} WHERE run = ?
        """,
        [source.run],
    ).fetchone()
    positive, negative, total = row or (0, 0, 0)
    return {_JOINT_POSITIVE: positive, _JOINT_NEGATIVE: negative, _TRADE_OFF: total - positive - negative}


def pair(
    cursor: duckdb.DuckDBPyConnection,
    source: Vectors,
    a: int,
    b: int,
    limit: int,
    region: str | None = None,
    box: Box | None = None,
) -> pd.DataFrame:
    """Returns samples as points: x is the influence on class ``a``, y that on class ``b``.

    Where more than ``limit`` samples match, a tenth of the limit goes to the points
    farthest from the origin (each axis in its own spread), and the rest is drawn from
    each region in proportion, with a floor for small regions. The draw is by a hash of
    the index: the same question has the same answer.

    Args:
        cursor: to the cache.
        source: the run's vectors.
        a: class of the x axis.
        b: class of the y axis.
        limit: the most rows that are returned.
        region: one of REGIONS; None: all.
        box: only points inside this rectangle; None: all.

    Returns:
        Columns ``index``, ``label``, ``predicted``, ``confidence``, ``source``, ``x``, ``y``, by index.

    Raises:
        RefusedInput: if a class, the region, the box or the limit is not one.
    """
    if limit < 1:
        raise RefusedInput(f"the limit is {limit} samples", "at least 1", "Ask for more samples")
    parameters: dict[str, str | float] = {"run": source.run}
    points = f"""
        SELECT idx, x, y, region FROM (
            SELECT idx, x, y, CASE WHEN least(x, y) > 0 THEN 0 WHEN greatest(x, y) < 0 THEN 1 ELSE 2 END AS region
            FROM (SELECT idx, {source.value(a)} AS x, {source.value(b)} AS y FROM {source.table} WHERE run = $run)
        ) WHERE {_conditions(region, box, parameters)}"""
    counts, spreads = _overview(cursor, points, parameters)
    chosen = points if sum(counts.values()) <= limit else _draw(points, counts, spreads, limit)
    return cursor.execute(
        f"""
        SELECT idx AS index, label, predicted, confidence, source, x, y
        FROM ({chosen}) JOIN (SELECT * FROM samples WHERE run = $run) USING (idx) ORDER BY idx
        """,
        parameters,
    ).df()


def _conditions(region: str | None, box: Box | None, parameters: dict[str, str | float]) -> str:
    conditions = ["true"]
    if region is not None:
        if region not in REGIONS:
            raise RefusedInput(f"there is no region {region!r}", f"one of {', '.join(REGIONS)}", "Choose one of them")
        parameters["region"] = REGIONS.index(region)
        conditions.append("region = $region")
    if box is not None:
        if not (len(box) == 4 and box[0] <= box[1] and box[2] <= box[3]):
            raise RefusedInput(f"the box is {box}", "x_low <= x_high and y_low <= y_high", "Draw the box again")
        parameters |= dict(zip(("x_low", "x_high", "y_low", "y_high"), map(float, box), strict=True))
        conditions.append("x BETWEEN $x_low AND $x_high AND y BETWEEN $y_low AND $y_high")
    return " AND ".join(conditions)


def _overview(
    cursor: duckdb.DuckDBPyConnection, points: str, parameters: dict[str, str | float]
) -> tuple[dict[int, int], tuple[float, float]]:
    """Returns how many points each region has, by its place in REGIONS, and the root mean square of x and of y."""
    rows = cursor.execute(
        f"SELECT region, count(*), sum(x::DOUBLE * x), sum(y::DOUBLE * y) FROM ({points}) GROUP BY region", parameters
    ).fetchall()
    counts = {region: count for region, count, _, _ in rows}
    total = max(sum(counts.values()), 1)
    x_spread, y_spread = (math.sqrt(sum(row[column] for row in rows) / total) or 1.0 for column in (2, 3))
    return counts, (x_spread, y_spread)


def _draw(points: str, counts: dict[int, int], spreads: tuple[float, float], limit: int) -> str:
    """Returns the SQL of at most ``limit`` of the points."""
    extremes = max(1, round(limit * _EXTREME_SHARE))
    rest = limit - extremes
    floor = int(rest * _FLOOR_SHARE)
    spare, total = rest - floor * len(counts), sum(counts.values())
    quotas = {region: floor + spare * count // total for region, count in counts.items()}
    # Only points with a small hash are ranked: some more than the quota, so that ranking trims and does not search.
    highest = {
        region: min(_HASHES - 1, int(_HASHES * (quota + 6 * math.sqrt(quota) + 6) / counts[region]))
        for region, quota in quotas.items()
    }
    return f"""
        WITH farthest AS MATERIALIZED (
            SELECT idx, x, y FROM ({points})
            ORDER BY greatest(abs(x) / {spreads[0]!r}, abs(y) / {spreads[1]!r}) DESC, idx LIMIT {extremes}
        ), drawn AS (
            SELECT idx, x, y, region FROM ({points})
            WHERE hash(idx) <= {max(highest.values())}::UBIGINT AND hash(idx) <= {_by_region(highest)}
                AND idx NOT IN (SELECT idx FROM farthest)
            QUALIFY row_number() OVER (PARTITION BY region ORDER BY hash(idx), idx) <= {_by_region(quotas)}
        )
        SELECT idx, x, y FROM farthest UNION ALL SELECT idx, x, y FROM drawn"""


def _by_region(values: dict[int, int]) -> str:
    return (
        "CASE region " + " ".join(f"WHEN {region} THEN {value}::UBIGINT" for region, value in values.items()) + " END"
    )
