"""Which training labels are known to be wrong: read where the file says so, and refused where it contradicts itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.data import known_label_errors, load_data
from engine.errors import RefusedInput
from engine.study import Study, load_study

SAMPLES = Path(__file__).parents[3] / "sample_data"
ROWS = 6


@pytest.fixture
def study(make_study: Callable[..., Study], tmp_path: Path) -> Callable[..., Study]:
    """Returns a function from the arrays of the training file, and keys of ``[data]``, to a study."""

    def made(data: dict[str, Any] | None = None, **arrays: Any) -> Study:
        content: dict[str, Any] = {"x": np.ones((ROWS, 2)), "label": np.arange(ROWS) % 2}
        np.savez(tmp_path / "validation.npz", **content)
        np.savez(tmp_path / "train.npz", **content, **arrays)
        given = {"format": "npz", "train": "train.npz", "validation": "validation.npz", "modality": "tabular"}
        return make_study(**(given | (data or {})))

    return made


def test_the_rows_that_the_file_names_are_the_samples(study):
    errors = known_label_errors(study(flipped=np.array([4, 1], np.uint8)))
    assert errors is not None
    assert errors.tolist() == [1, 4]


def test_no_wrong_label_is_an_answer_too(study):
    errors = known_label_errors(study(flipped=np.empty(0, np.int64)))
    assert errors is not None
    assert not len(errors)


def test_of_the_shipped_noisy_digits_every_planted_error_is_known():
    study = load_study(SAMPLES / "digits_noisy")
    errors = known_label_errors(study)
    assert errors is not None
    assert len(errors) == 135
    assert errors.max() < len(load_data(study).train)
    assert known_label_errors(load_study(SAMPLES / "digits")) is None


def test_nothing_is_known_without_the_array_or_where_it_is_the_label(study):
    assert known_label_errors(study()) is None
    assert known_label_errors(study({"label": "flipped"}, flipped=np.arange(ROWS) % 2)) is None


@pytest.mark.parametrize("part", [{"validation": 0.5}, {"limit": {"train": 2}}])
def test_nothing_is_known_of_a_study_of_a_part_of_the_rows(study, part):
    assert known_label_errors(study(part, flipped=np.array([1]))) is None


def test_nothing_is_known_of_other_formats():
    assert known_label_errors(load_study(SAMPLES / "separable")) is None


@pytest.mark.parametrize(
    ("flipped", "problem"),
    [
        (np.array([0.0, 1.0]), "has the type float64"),
        (np.zeros(ROWS, bool), "has the type bool"),
        (np.array([[0], [1]]), r"the shape \(2, 1\)"),
        (np.array([2, 6]), "names row 6 of 6 rows"),
        (np.array([-1, 2]), "names row -1 of 6 rows"),
        (np.array([2, 2, 3]), "names 1 rows twice"),
        (np.array(3), "is a single value"),
        (np.array([1, None]), "array of objects"),
    ],
)
def test_an_array_that_is_not_one_of_distinct_rows_is_refused(study, flipped, problem):
    with pytest.raises(RefusedInput, match=problem):
        known_label_errors(study(flipped=flipped))
