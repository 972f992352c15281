"""What the tests of the search share: a pretended training, and a search of it with all that it reports."""

import json
import zlib

import numpy as np

from engine.errors import Cancelled
from engine.reweight.breeding import Breeding
from engine.reweight.candidates import Candidate, Measured, SearchState
from engine.reweight.search import Search
from engine.reweight_settings import Search as SearchSettings

ORDERS = 3


def sizes(**changes):
    return SearchSettings(**({"iterations": 6, "patience": 6, "orders": ORDERS} | changes))


SETTINGS = sizes()


def breeding(settings, programme):
    return Breeding(settings, programme.settings, np.full(3, 0.5), seed=3)


def control(order):
    """Plain training; the order of the batches moves each class by what every training in it shares."""
    shift = 0.03 * order * np.array([1.0, -1.0, 0.5])
    return Measured(0.7 + shift, 1.0 - shift, -2.0 - 3 * shift)


CONTROLS = [control(order) for order in range(ORDERS)]


class World:
    """A pretended training: accuracy moves with the gain, a little bent by the weights, and by noise if any."""

    def __init__(self, vectors, noise=lambda weights, order: 0.0):
        self.vectors, self.noise, self.trained = vectors, noise, []

    def __call__(self, weights, orders):
        assert weights.dtype == np.float32
        return [self.one(row, order) for row, order in zip(weights, orders, strict=True)]

    def one(self, weights, order):
        self.trained.append((weights.tobytes(), order))
        gain = (weights.astype(np.float64) - 1) @ self.vectors / len(weights)
        better = gain - 0.3 * np.mean((weights - 1) ** 2) + self.noise(weights, order)
        plain = control(order)
        return Measured(plain.accuracy + better, plain.loss - better, plain.value - 3 * better)


def noise(weights, order):
    """Noise of single trainings, as large as gains are, that training the same again repeats."""
    return 0.05 * np.random.default_rng([zlib.crc32(weights.tobytes()), order]).standard_normal(3)


def run(programme, vectors, state=None, settings=SETTINGS, stop_after=None, others=(), noise=None, **options):
    """Runs a search and returns its result with all that it reported."""
    world = World(vectors, noise) if noise else World(vectors)
    candidates: list[Candidate] = []
    states: list[SearchState] = []

    def keep(state):
        states.append(SearchState.from_json(json.loads(json.dumps(state.to_json()))))
        if state.generation == stop_after:
            raise Cancelled

    bred = breeding(settings, programme)
    controls = CONTROLS[: settings.orders]
    search = Search({"samples": programme}, controls, settings, bred, world, candidates.append, keep, **options)
    result = None
    try:
        result = search.run(state, others)
    except Cancelled:
        assert stop_after is not None
    return result, candidates, states, world
