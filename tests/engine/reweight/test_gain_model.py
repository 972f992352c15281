import subprocess
import sys

import highspy
import numpy as np
import pytest

from engine.reweight.gain_model import GainModel, SolverFailed

STATEMENT = """
import numpy as np
from engine.reweight.gain_model import GainModel
model = GainModel(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.ones(2), (0.5, 1.5), True, (0,), None)
model.maximise(np.array([0.0, -1.0]))
print("answer")
"""


def model():
    relative = np.random.default_rng(0).standard_normal((30, 3)) / 10
    return GainModel(relative, np.ones(30), (0.5, 1.5), True, (0, 1), None)


def test_the_solver_writes_nothing_to_standard_output():
    done = subprocess.run([sys.executable, "-c", STATEMENT], capture_output=True, text=True, check=True)
    assert done.stdout == "answer\n"


def test_a_relaxation_leaves_the_programme_as_it_was():
    one, other = model(), model()
    amounts = one.smallest_relaxation(np.array([5.0, 0.0, -1.0]))

    assert amounts[0] > 0
    np.testing.assert_allclose(amounts[1:], 0)
    required = np.array([0.1, 0.0, -1.0])
    assert np.array_equal(one.maximise(required), other.maximise(required))
    assert one.maximise(np.array([5.0, 0.0, -1.0])) is None


def test_a_solver_that_gives_up_is_not_believed(monkeypatch):
    limited = model()
    limited._highs.setOptionValue("simplex_iteration_limit", 1)
    with pytest.raises(SolverFailed, match=r"[Ii]teration"):
        limited.maximise(np.array([0.3, 0.2, 0.2]))

    monkeypatch.setattr(highspy.Highs, "getModelStatus", lambda self: highspy.HighsModelStatus.kTimeLimit)
    with pytest.raises(SolverFailed, match="first solve"):
        model()
