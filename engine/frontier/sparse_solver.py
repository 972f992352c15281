"""The programme of :mod:`engine.frontier.interior_point` solved by HiGHS, ten times slower and made for everything.

It is asked where the own method leaves a gap, and it is what the tests compare with.
"""

import highspy
import numpy as np

from engine.frontier.interior_point import Floats, Optimum


def maximise(
    rows: Floats, lower: Floats, upper: Floats, balanced: bool, objective: Floats | None = None, solver: str = "ipm"
) -> Optimum:
    """Solves the programme; arguments and result as of :func:`engine.frontier.interior_point.maximise`.

    Args:
        rows: ``(K, N)``.
        lower: ``(N,)``.
        upper: ``(N,)``.
        balanced: whether Σδ = 0.
        objective: ``(N,)``; by default the smallest row.
        solver: ``ipm`` (without crossover, which takes minutes where many solutions are optimal) or ``simplex``.
    """
    count, samples = rows.shape
    # The last column is t, which only takes part where no objective is given.
    costs = np.append(np.zeros(samples) if objective is None else objective, float(objective is None))
    matrix = np.zeros((count + balanced, samples + 1))
    matrix[:count, :samples], matrix[:count, samples] = rows, -costs[-1]
    matrix[count:, :samples] = 1.0
    programme = highspy.HighsLp()
    programme.num_col_, programme.num_row_ = samples + 1, len(matrix)
    programme.sense_ = highspy.ObjSense.kMaximize
    programme.col_cost_ = costs
    reach = np.inf if objective is None else 0.0
    programme.col_lower_, programme.col_upper_ = np.append(lower, -reach), np.append(upper, reach)
    programme.row_lower_ = np.zeros(len(matrix))
    programme.row_upper_ = np.append(np.full(count, np.inf), np.zeros(int(balanced)))
    programme.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    programme.a_matrix_.start_ = np.arange(0, matrix.size + 1, samples + 1, dtype=np.int32)
    programme.a_matrix_.index_ = np.tile(np.arange(samples + 1, dtype=np.int32), len(matrix))
    programme.a_matrix_.value_ = matrix.ravel()
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("solver", solver)
    highs.setOptionValue("run_crossover", "off")
    highs.passModel(programme)
    highs.run()
    solution = highs.getSolution()
    # The sign of a multiplier follows HiGHS's own convention, here negative for a lower bound that binds.
    prices = np.maximum(-np.array(solution.row_dual[:count]), 0.0)
    if objective is None and prices.sum() == 0:
        prices = np.full(count, 1 / count)
    return Optimum(np.array(solution.col_value[:samples]), prices, int(highs.getInfo().ipm_iteration_count))
