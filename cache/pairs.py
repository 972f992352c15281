"""Pairs of classes over all samples: regions, shares, correlation, and the points of a scatter.

A sample is joint positive for some classes if its influence on each is above zero,
joint negative if below, and a trade-off otherwise (zeros included).
"""

import math

import duckdb
import numpy as np
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


def region_shares(cursor: duckdb.DuckDBPyConnection, source: Vectors) -> dict[str, np.ndarray]:
    """Returns for every pair of classes the share of samples in each region.

    The signs of a class are one string of N bits, so that a pair costs one bitwise and.

    Returns:
        By region a symmetric matrix ``(K, K)`` of shares 0..1; on the diagonal, a class with itself.
    """
    last = source.samples - 1
    pairs = cursor.execute(
        f"""
        WITH cells AS (
            SELECT idx, unnest(range({source.classes})) AS class, unnest({source.column}::FLOAT[]) AS value
            FROM {source.table} WHERE run = ?
        ), signs AS MATERIALIZED (
            SELECT class,
                bitstring_agg(idx, 0, {last}) FILTER (value > 0) AS positive,
                bitstring_agg(idx, 0, {last}) FILTER (value < 0) AS negative
            FROM cells GROUP BY class
        )
        SELECT a.class AS a, b.class AS b,
            coalesce(bit_count(a.positive & b.positive), 0) AS positive,
            coalesce(bit_count(a.negative & b.negative), 0) AS negative
        FROM signs AS a, signs AS b WHERE a.class <= b.class
        """,
        [source.run],
    ).fetchnumpy()
    positive, negative = (
        _symmetric(source.classes, pairs["a"], pairs["b"], np.asarray(pairs[name]) / source.samples)
        for name in ("positive", "negative")
    )
    return {_JOINT_POSITIVE: positive, _JOINT_NEGATIVE: negative, _TRADE_OFF: 1.0 - positive - negative}


def correlation(cursor: duckdb.DuckDBPyConnection, source: Vectors) -> np.ndarray:
    """Returns Pearson's correlation of the influence on every pair of classes.

    Returns:
        A symmetric matrix ``(K, K)``; a class on which no sample differs from another correlates 0 with the others.
    """
    rows, columns = np.triu_indices(source.classes, 1)
    values = ", ".join(f"{source.value(index)}::DOUBLE AS v{index}" for index in range(source.classes))
    pairs = ", ".join(f"corr(v{a}, v{b})" for a, b in zip(rows, columns, strict=True))
    row = cursor.execute(
        f"SELECT {pairs} FROM (SELECT {values} FROM {source.table} WHERE run = ?)", [source.run]
    ).fetchone()
    matrix = _symmetric(source.classes, rows, columns, np.nan_to_num(np.array(row, dtype=np.float64)))
    np.fill_diagonal(matrix, 1.0)
    return matrix


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


def _symmetric(size: int, rows: np.ndarray, columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the matrix whose upper triangle is given; cells that are not given are 0."""
    matrix = np.zeros((size, size))
    matrix[rows, columns] = values
    matrix[columns, rows] = values
    return matrix
