"""The linear model of gains: PuLP states it once, HiGHS keeps it and solves it again.

Variables are the shifts ``delta = w - 1`` (one a sample or a group), one relative gain a
class (gain divided by the largest that is attainable alone, so every row is of order one
and the solver's absolute tolerances mean the same for every class), the smallest target
gain ``t``, and one slack a class that is fixed at 0 unless a relaxation is asked for::

    gain_k = sum_j relative_jk delta_j + slack_k      sum_j size_j delta_j = 0 (if balanced)
    gain_k >= required_k                              gain_k >= t for targets (max-min)

With a budget each shift is the difference of a rise and a fall, both at least 0, and
``sum_j size_j (rise_j + fall_j) <= budget N``.

Requirements are bounds of the gain variables, so moving them changes no matrix.
"""

import functools
import os
from collections.abc import Sequence
from typing import Any

import highspy
import numpy as np
import pulp
from numpy.typing import NDArray

from engine.reweight.sifting import Sifting

Floats = NDArray[np.float64]

TIE_BREAK = 1e-4
"""Weight of the mean target gain beside the smallest one in max-min. Among the many optima
of the smallest gain it prefers those that give the other targets more; in exchange the
smallest may lie below its optimum by at most this share of what is attainable."""

# HiGHS drops coefficients below 1e-9 by default. Confident samples have such ones, and
# a hundred thousand of them together would be seen in the gains.
_SMALLEST_COEFFICIENT = 1e-12

_SIFTED_FROM = 5_000
"""Variables from which programmes are sifted, which takes 1/20 of the time for 50,000. What sifting
cannot answer, as thresholds that cannot be met, the whole programme does."""

_SEEN = 1e-6
"""What the solver tells from nothing: ten times its absolute tolerance."""

_INFEASIBLE = (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible)


class SolverFailed(RuntimeError):
    """The solver ended with neither an optimum nor a proof that there is none."""


class GainModel:
    """One linear programme in relative gains, kept in the solver between solves.

    Args:
        relative: relative gain of each class for a unit shift of each variable, ``(G, K)``.
        sizes: how many samples share each variable, ``(G,)``.
        bounds: smallest and largest weight.
        balanced: whether the mean weight stays 1.
        targets: class indices whose gains are maximised.
        importance: coefficients ``(K,)`` of a weighted sum of gains, or ``None`` for max-min.
        budget: the most that the mean of ``|delta|`` over all samples may be, or ``None``.

    Raises:
        SolverFailed: if the solver gave up on the first solve.
    """

    def __init__(
        self,
        relative: Floats,
        sizes: Floats,
        bounds: tuple[float, float],
        balanced: bool,
        targets: Sequence[int],
        importance: Floats | None,
        budget: float | None = None,
    ) -> None:
        variables, classes = relative.shape
        low, high = bounds
        # To a mean coefficient of 1, whatever the groups' sizes.
        scaled = sizes / sizes.mean()
        problem = pulp.LpProblem("reweight", pulp.LpMaximize)
        if budget is None:
            shifts = [problem.add_variable(f"shift_{j}", low - 1, high - 1) for j in range(variables)]
            falls = []
        else:
            shifts = [problem.add_variable(f"rise_{j}", 0, high - 1) for j in range(variables)]
            falls = [problem.add_variable(f"fall_{j}", 0, 1 - low) for j in range(variables)]
        gains = [problem.add_variable(f"gain_{k}", lowBound=0) for k in range(classes)]
        slacks = [problem.add_variable(f"slack_{k}", 0, 0) for k in range(classes)]
        if importance is None:
            smallest = problem.add_variable("smallest")
            terms = [(smallest, 1.0), *((gains[k], TIE_BREAK / len(targets)) for k in targets)]
            problem.setObjective(pulp.LpAffineExpression(terms))
            for k in targets:
                problem.addConstraint(gains[k] - smallest >= 0, f"smallest_{k}")
        else:
            problem.setObjective(pulp.LpAffineExpression([(gains[k], float(importance[k])) for k in targets]))
        for k in range(classes):
            row = _sum_of_shifts(relative[:, k], shifts, falls)
            problem.addConstraint(row - gains[k] + slacks[k] == 0, f"gain_of_{k}")
        if balanced:
            problem.addConstraint(_sum_of_shifts(scaled, shifts, falls) == 0, "balance")
        if budget is not None:
            moved = pulp.LpAffineExpression(zip([*shifts, *falls], [*scaled.tolist()] * 2, strict=True))
            problem.addConstraint(moved <= budget * variables, "budget")

        _greet_on_standard_error()
        # All requirements 0 is met by plain training, so this first solve always ends.
        problem.solve(pulp.HiGHS(msg=False, small_matrix_value=_SMALLEST_COEFFICIENT))
        if (problem.status, problem.sol_status) != (pulp.LpStatusOptimal, pulp.LpSolutionOptimal):
            raise SolverFailed(f"the first solve ended as '{pulp.LpStatus[problem.status]}'")
        self._highs: Any = problem.solverModel
        self._basis = self._highs.getBasis()
        self._shift_columns, self._fall_columns = _columns(shifts), _columns(falls)
        self._gain_columns = _columns(gains)
        self._slack_columns = _columns(slacks)
        self._costs = np.array(self._highs.getLp().col_cost_, dtype=np.float64)
        self._sifting: Sifting | None = None
        if variables >= _SIFTED_FROM:
            many = np.concatenate([self._shift_columns, self._fall_columns])
            self._sifting = Sifting(self._highs.getLp(), many, _SMALLEST_COEFFICIENT)

    def maximise(self, required: Floats, go_on: bool = False) -> Floats | None:
        """Returns the best shifts ``(G,)``, or ``None`` if no shifts meet the requirements.

        The answer depends on ``required`` alone and not on what was solved before: sifting
        remembers nothing, and every solve of the whole programme starts from the basis of the
        first one, with the solver's memory cleared. So a slider gives the same weights whichever
        way it came, and a resumed search repeats.

        Args:
            required: smallest relative gain of each class, ``(K,)``.
            go_on: start from the last optimum instead: faster along a path, but among equally
                good optima the answer then depends on the path.

        Raises:
            SolverFailed: if the solver gave up.
        """
        if self._sifting is not None:
            sifted = self._sifting.minimise(self._gain_columns, required, go_on)
            if sifted is not None:
                return self._shifts(sifted)
            # The whole programme's last optimum is of some other path.
            go_on = False
        if not go_on:
            self._highs.clearSolver()
            self._highs.setBasis(self._basis)
        values = self._solve(required)
        if values is None:
            return None
        return self._shifts(values[np.concatenate([self._shift_columns, self._fall_columns])])

    def smallest_relaxation(self, required: Floats) -> Floats:
        """Returns by how much each requirement must fall so that all can be met.

        Only positive requirements are lowered, since those of at most 0 are met by plain
        training: ``min sum_k slack_k`` with ``0 <= slack_k <= max(required_k, 0)``.

        Args:
            required: smallest relative gain of each class, ``(K,)``.

        Returns:
            Amounts ``(K,)``, at least 0, exact to about 1e-6.

        Raises:
            SolverFailed: if the solver gave up.
        """
        count = len(required)
        most = np.maximum(required, 0.0)
        costs = np.zeros_like(self._costs)
        costs[self._slack_columns] = 1.0
        everything = np.arange(len(costs), dtype=np.int32)
        # A demand below the solver's tolerance would otherwise be given up by less than it can see.
        self._highs.changeColsBounds(count, self._slack_columns, np.zeros(count), most + _SEEN * (most > 0))
        self._highs.changeColsCost(len(costs), everything, costs)
        try:
            values = self._relaxed(required)
        finally:
            self._highs.setOptionValue("solver", "choose")
            self._highs.setOptionValue("run_crossover", "on")
            self._highs.changeColsBounds(count, self._slack_columns, np.zeros(count), np.zeros(count))
            self._highs.changeColsCost(len(costs), everything, self._costs)
        if values is None:
            raise SolverFailed("requirements that plain training meets were found infeasible")
        return np.clip(values[self._slack_columns], 0.0, most)

    def _relaxed(self, required: Floats) -> Floats | None:
        # The kept basis is far from this optimum: the simplex method takes half a minute
        # for 50,000 samples, the interior point method two seconds. It is less exact, though,
        # and gives up where a demand is hardly above 0.
        if self._sifting is not None:
            self._highs.setOptionValue("solver", "ipm")
            self._highs.setOptionValue("run_crossover", "off")
            self._highs.clearSolver()
            try:
                return self._solve(required)
            except SolverFailed:
                pass
        self._highs.setOptionValue("solver", "simplex")
        self._highs.clearSolver()
        return self._solve(required)

    def _shifts(self, values: Floats) -> Floats:
        """Returns shifts ``(G,)`` from the values of their own columns, or of rises and then falls."""
        if not len(self._fall_columns):
            return values
        rises, falls = np.split(values, 2)
        return rises - falls

    def _solve(self, required: Floats) -> Floats | None:
        above = np.full(len(required), highspy.kHighsInf)
        self._highs.changeColsBounds(len(required), self._gain_columns, required, above)
        self._highs.run()
        status = self._highs.getModelStatus()
        if status == highspy.HighsModelStatus.kUnknown:
            # On the very boundary of what can be met a start may mislead: once more without one.
            self._highs.clearSolver()
            self._highs.run()
            status = self._highs.getModelStatus()
        if status in _INFEASIBLE:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverFailed(f"the solver ended as '{self._highs.modelStatusToString(status)}'")
        return np.array(self._highs.getSolution().col_value)


def _sum_of_shifts(
    coefficients: Floats, shifts: Sequence[pulp.LpVariable], falls: Sequence[pulp.LpVariable]
) -> pulp.LpAffineExpression:
    terms = list(zip(shifts, coefficients.tolist(), strict=True))
    return pulp.LpAffineExpression([*terms, *zip(falls, (-coefficients).tolist(), strict=bool(falls))])


def _columns(variables: Sequence[pulp.LpVariable]) -> NDArray[np.int32]:
    return np.array([variable.index for variable in variables], dtype=np.int32)


@functools.cache
def _greet_on_standard_error() -> None:
    # HiGHS prints its licence once a process, past sys.stdout and whatever its options
    # say; standard output belongs to the JSON of the command line.
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        highspy.Highs()
    finally:
        os.dup2(kept, 1)
        os.close(kept)
