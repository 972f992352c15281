"""The times of the reweighting programme, measured at a tiny size."""

import numpy as np

from benchmarks import programme_time
from benchmarks.programme_time import MOVES, STEP, drawn_vectors, programme_figures, programme_seconds
from engine.reweight.programme import ReweightProgramme


def test_every_figure_is_measured_with_what_it_must_reach() -> None:
    figures, details = programme_figures(samples=400)
    assert {figure.name: (figure.must, figure.hoped) for figure in figures} == {
        "slider_solve_ms": ("<= 50", "<= 15"),
        "random_solve_p95_ms": ("<= 1500", "<= 300"),
        "sweep_s": ("<= 3", "<= 1"),
    }
    assert all(figure.value is not None and figure.value > 0 for figure in figures)
    assert [figure.runs for figure in figures] == [40, 40, 1]
    for variables in ("samples", "groups"):
        assert details[variables]["slider_ms"]["median"] <= details[variables]["slider_ms"]["p95"]
        assert details[variables]["build_s"] > 0


def test_a_slider_moves_one_threshold_by_one_step_within_its_range(monkeypatch) -> None:
    asked = []
    solve = ReweightProgramme.solve

    def noted(self, alpha):
        asked.append(alpha)
        return solve(self, alpha)

    monkeypatch.setattr(ReweightProgramme, "solve", noted)
    programme_seconds(drawn_vectors(300, 4)[0], None)

    path = np.array(asked[:MOVES])
    moves = np.diff(np.vstack([np.zeros(4), path]), axis=0)
    np.testing.assert_allclose(np.abs(moves).max(axis=1), STEP)
    assert ((moves != 0).sum(axis=1) == 1).all()
    assert path[:, :2].min() >= 0
    assert path[:, 2:].max() <= 0
    assert len(asked) == MOVES + programme_time.JUMPS


def test_the_vectors_are_the_same_each_time_and_samples_help_their_own_class() -> None:
    vectors, labels = drawn_vectors(500, 5)
    assert np.array_equal(vectors, drawn_vectors(500, 5)[0])
    for k in range(5):
        assert vectors[labels == k, k].mean() > max(
            vectors[labels == k, other].mean() for other in range(5) if other != k
        )
