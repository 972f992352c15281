"""Influence vectors of three classes, of which each is helped by its own samples, and their programme."""

import numpy as np
import pytest

from engine.reweight.programme import ProgrammeSettings, ReweightProgramme


@pytest.fixture
def labels():
    return np.repeat(np.arange(3), 20)


@pytest.fixture
def vectors(labels):
    own = np.where(labels[:, None] == np.arange(3), 1.0, -0.4)
    return own + 0.8 * np.random.default_rng(1).standard_normal((60, 3))


@pytest.fixture
def programme(vectors):
    return ReweightProgramme(vectors, ProgrammeSettings(targets=(0, 1)))
