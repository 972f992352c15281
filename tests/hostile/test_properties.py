"""Whatever is drawn in the place of a file, a study, a run or thresholds: a sound result, or a refusal."""

import os
from collections.abc import Iterator

import pytest

from tests.hostile import properties
from tests.hostile.properties import PROPERTIES, Grounds, Property


@pytest.fixture(scope="module")
def made() -> Iterator[Grounds]:
    with properties.grounds() as grounds:
        yield grounds


@pytest.mark.parametrize("known", PROPERTIES, ids=lambda known: known.name)
def test_drawn_inputs_are_answered(made: Grounds, known: Property) -> None:
    cases = known.cases(properties.asked_cases())
    # The same cases each time, but for whoever asks for more of them.
    same = properties.VARIABLE not in os.environ

    properties.run_property(known.draw(made), cases, properties.answered, derandomize=same)
