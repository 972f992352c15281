r"""Sifting: a linear programme of few rows and many columns, solved on the columns that prices leave open.

.. math::
    \min_x c^T x \quad A x \in [r_l, r_u], \quad l \le x \le u

Prices y of the rows decide nearly every column: where its reduced cost :math:`z_j = c_j - y^T A_j`
is positive it lies at its lower bound, where negative at its upper one. So prices are estimated
first, as those of the programme with :math:`\frac{1}{2} \sum_j \varepsilon_j x_j^2` added, whose dual is
smooth and has one variable a row (Newton's method; first for a sample of the columns, then for
all, with falling ε). The columns that are cheap to move under them make a small programme for
HiGHS, the others stay where they are. By weak duality no x is better than the answer by more than
:math:`\sum_j \max_x z_j (x_j - x)` over the others, so the answer is checked and not believed: columns
that fail join, and it is solved again.

The answer depends on the bounds alone and not on what was solved before.
"""

from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

Floats = NDArray[np.float64]

GAP = 1e-7
"""The most that an answer may be worse than the optimum, in units of the objective."""

_SAMPLE = 4000
"""Columns that the first prices are estimated from."""
_SAMPLE_SMOOTHING = (1.0, 0.2, 0.05)
_SMOOTHING = (0.05, 0.01)
"""What ε becomes in turn, in shares of what a column weighs under the prices."""
_OTHERS_SMOOTHING = 1e-3
_STEPS = 30
_SMALL_GAIN = 1e-7
"""Newton's method ends where a step would gain less than this, in units of the objective."""
_EASY = 2
"""Columns stay open whose reduced cost is below this many of the last ε."""
_FEWEST = 600
_WIDER = 4
"""How many times as many are open where the others left no solution."""
_ROUNDS = 5


class Sifting:
    """One programme, to be solved for many lower bounds of its few columns.

    Args:
        programme: as the solver holds it, a minimum; its many columns cost nothing and may be 0.
        many: indices of the many columns, ``(G,)``.
        smallest_coefficient: below which the solver drops coefficients.
    """

    def __init__(self, programme: Any, many: NDArray[np.integer], smallest_coefficient: float) -> None:
        shape = programme.num_row_, programme.num_col_
        matrix = programme.a_matrix_
        columns = csc_matrix((matrix.value_, matrix.index_, matrix.start_), shape=shape)
        self._few = np.setdiff1d(np.arange(shape[1]), many)
        self._many = np.asarray(many)
        rows = columns[:, self._many].toarray()
        size = np.abs(rows).mean(axis=1)
        # Every row of the many columns in the units of the smallest: prices are then alike.
        self._unit = float(size[size > 0].min())
        scale = np.where(size > 0, size / self._unit, 1.0)
        # By column as well as by row: a few rows are summed as fast as a few columns are taken out.
        self._rows = np.ascontiguousarray(rows / scale[:, None])
        self._columns = np.ascontiguousarray(self._rows.T)
        self._sizes = np.abs(self._rows)
        self._few_columns = columns[:, self._few].toarray() / scale[:, None]
        # A row within bounds is an equation with one more column.
        self._others = np.hstack([self._few_columns, -np.eye(shape[0])])
        self._lowest = np.array(programme.row_lower_) / scale
        self._highest = np.array(programme.row_upper_) / scale
        self._cost = np.array(programme.col_cost_)[self._few]
        lower, upper = np.array(programme.col_lower_), np.array(programme.col_upper_)
        self._lower, self._upper = lower[self._many], upper[self._many]
        self._few_lower, self._few_upper = lower[self._few], upper[self._few]
        sample = np.sort(np.random.default_rng(0).permutation(len(self._many))[:_SAMPLE])
        self._sample_rows = np.ascontiguousarray(self._rows[:, sample])
        self._sample_bounds = self._lower[sample], self._upper[sample]
        self._smallest_coefficient = smallest_coefficient
        self._prices: Floats | None = None

    def minimise(self, moved: NDArray[np.integer], least: Floats, go_on: bool = False) -> Floats | None:
        """Returns the best values of the many columns ``(G,)``, or ``None`` where they are not found this way.

        Args:
            moved: which of the few columns have another lower bound than the programme says.
            least: those bounds.
            go_on: start from the last prices: faster along a path.
        """
        lower = self._few_lower.copy()
        lower[np.searchsorted(self._few, moved)] = least
        prices, sizes = self._estimated(lower, self._prices if go_on else None)
        reduced = -(prices @ self._rows)
        ease = np.abs(reduced) / np.maximum(sizes, np.finfo(np.float64).tiny)
        count = max(_FEWEST, int(np.count_nonzero(ease < _EASY * _SMOOTHING[-1])))
        found = None
        while found is None:
            if count >= len(ease) / 2:
                return None
            open_ = np.zeros(len(ease), dtype=bool)
            open_[np.argpartition(ease, count)[:count]] = True
            values = np.where(reduced > 0, self._lower, self._upper)
            found = self._solved(np.flatnonzero(open_), values, lower)
            # The others ask for more than these can give.
            count *= _WIDER
        for _ in range(_ROUNDS):
            self._prices = found
            reduced = -(found @ self._rows)
            excess = reduced * (values - np.where(reduced > 0, self._lower, self._upper))
            excess[open_] = 0.0
            if excess.sum() <= GAP:
                return values
            open_ |= excess > GAP / len(excess) / 10
            found = self._solved(np.flatnonzero(open_), values, lower)
            if found is None:
                return None
        return None

    def _estimated(self, lower: Floats, prices: Floats | None) -> tuple[Floats, Floats]:
        """Returns prices ``(R,)`` and what each of the many columns weighs under them, ``(G,)``."""
        if prices is None:
            prices = np.zeros(len(self._lowest))
            rows = self._sample_rows
            share = len(self._many) / rows.shape[1]
            weight = np.abs(rows).mean(axis=0)
            for smoothing in _SAMPLE_SMOOTHING:
                prices = self._newton(rows, share, smoothing * weight, self._sample_bounds, lower, prices)
        for smoothing in _SMOOTHING:
            weight = np.abs(prices) @ self._sizes
            bounds = self._lower, self._upper
            prices = self._newton(self._rows, 1.0, smoothing * weight, bounds, lower, prices)
        return prices, weight

    def _newton(
        self,
        rows: Floats,
        share: float,
        smoothing: Floats,
        bounds: tuple[Floats, Floats],
        lower: Floats,
        prices: Floats,
    ) -> Floats:
        """Returns prices that maximise the smoothed dual; each column of ``rows`` counts ``share`` times."""
        smoothing = np.maximum(smoothing, self._unit * 1e-9)
        others = np.concatenate([lower, self._lowest]), np.concatenate([self._few_upper, self._highest])
        cost = np.concatenate([self._cost, np.zeros(len(prices))])

        def at(prices: Floats) -> tuple[float, Floats, Floats]:
            reduced = -(prices @ rows)
            values = np.clip(-reduced / smoothing, *bounds)
            few = cost - prices @ self._others
            chosen = np.clip(-few / _OTHERS_SMOOTHING, *others)
            dual = share * (values @ (reduced + smoothing * values / 2)) + chosen @ (
                few + _OTHERS_SMOOTHING * chosen / 2
            )
            return float(dual), values, chosen

        dual, values, chosen = at(prices)
        for _ in range(_STEPS):
            slope = -(share * (rows @ values) + self._others @ chosen)
            moving = np.flatnonzero((values > bounds[0]) & (values < bounds[1]))
            moved = rows[:, moving]
            free = self._others[:, (chosen > others[0]) & (chosen < others[1])]
            curvature = share * (moved / smoothing[moving]) @ moved.T + free @ free.T / _OTHERS_SMOOTHING
            curvature[np.diag_indices(len(prices))] += 1e-9 * np.trace(curvature) / len(prices) + self._unit
            step = np.linalg.solve(curvature, slope)
            gain = float(slope @ step)
            if gain < _SMALL_GAIN:
                break
            size, best = 1.0, at(prices + step)
            while best[0] < dual + 1e-4 * size * gain and size > 1e-4:
                size /= 2
                best = at(prices + size * step)
            prices = prices + size * step
            dual, values, chosen = best
        return prices

    def _solved(self, open_: NDArray[np.intp], values: Floats, lower: Floats) -> Floats | None:
        """Writes the best values of the open columns into ``values``; returns prices ``(R,)``, or ``None``."""
        values[open_] = 0.0
        settled = self._rows @ values
        count, few = len(open_), len(self._few)
        rows = len(settled)
        # In units in which reduced costs are of order 1, as the solver's tolerance of them is absolute.
        unit = 1 / self._unit
        small = highspy.HighsLp()
        small.num_col_, small.num_row_ = count + few, rows
        small.col_cost_ = np.concatenate([np.zeros(count), self._cost * unit])
        small.col_lower_ = np.concatenate([self._lower[open_], lower])
        small.col_upper_ = np.concatenate([self._upper[open_], self._few_upper])
        small.row_lower_, small.row_upper_ = self._lowest - settled, self._highest - settled
        small.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        small.a_matrix_.start_ = np.arange(0, (count + few) * rows + 1, rows, dtype=np.int32)
        small.a_matrix_.index_ = np.tile(np.arange(rows, dtype=np.int32), count + few)
        small.a_matrix_.value_ = np.concatenate([self._columns[open_].ravel(), self._few_columns.T.ravel()])
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("presolve", "off")
        solver.setOptionValue("dual_feasibility_tolerance", 1e-10)
        solver.setOptionValue("small_matrix_value", self._smallest_coefficient)
        solver.passModel(small)
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        solution = solver.getSolution()
        values[open_] = np.array(solution.col_value)[:count]
        return np.array(solution.row_dual) / unit
