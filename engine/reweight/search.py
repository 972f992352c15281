"""The genetic search over thresholds: the paper's scheme, run by PyGAD.

An individual is K thresholds and a step. It is judged by solving the programme, training
the next epoch with ``w = 1 + eta (w_LP - 1)`` and comparing with the control. A generation
keeps its elites and replaces the others by mutated copies of the elites, random individuals
and children of two elites; only what is new is evaluated.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pygad
from numpy.typing import NDArray

from engine.progress import Progress, silent
from engine.reweight.breeding import Breeding
from engine.reweight.candidates import Candidate, Measured, Origin, SearchState
from engine.reweight.fitness import CONTROL, REJECTED, fitness
from engine.reweight.gain_model import SolverFailed
from engine.reweight.programme import ReweightProgramme
from engine.reweight.thresholds import Floats
from engine.study import Search as SearchSettings

# PyGAD logs what passes through it as an error with its traceback; a cancellation is none.
_LOGGER = logging.Logger(__name__, level=logging.CRITICAL + 1)


@dataclass(frozen=True)
class SearchResult:
    """What a finished search found."""

    best: int | None
    """Number of the best candidate of the whole search, also before a resumption; ``None`` if
    none was better than the control, whose fitness is 0."""
    candidates: tuple[Candidate, ...]
    """Those that were evaluated in this call."""
    state: SearchState


class Search:
    """One search. It stores nothing: its callbacks do.

    Args:
        programme: turns thresholds into weights.
        control: the same next epoch, unweighted; what candidates are judged against.
        settings: sizes and rates of the search.
        breeding: makes the individuals; its generator goes on from a resumed state.
        evaluate: trains the next epoch with weights ``(N,)`` and measures it; the same
            weights must give the same measurement, or a resumed search differs.
        on_candidate: called with each candidate as soon as it is evaluated.
        on_generation: called with the state after each generation, the initial one included.
        progress: called after each candidate; may raise to cancel.
    """

    def __init__(
        self,
        programme: ReweightProgramme,
        control: Measured,
        settings: SearchSettings,
        breeding: Breeding,
        evaluate: Callable[[NDArray[np.float32]], Measured],
        on_candidate: Callable[[Candidate], None] = lambda candidate: None,
        on_generation: Callable[[SearchState], None] = lambda state: None,
        progress: Progress = silent,
    ) -> None:
        self._programme, self._control, self._settings = programme, control, settings
        self._evaluate, self._on_candidate, self._on_generation = evaluate, on_candidate, on_generation
        self._progress = progress
        self._breeding = breeding
        self._candidates: list[Candidate] = []
        self._baselines: Sequence[Floats] = ()
        self._count = 0
        self._best: int | None = None
        self._best_fitness = CONTROL
        # Weights that are all 1 are the control, which is measured already.
        self._seen = {_fingerprint(np.ones(programme.samples, np.float32)): control}
        # The individuals of the current population only: a resumed search knows no others.
        self._numbers: dict[tuple[float, ...], int] = {}

    def run(self, state: SearchState | None = None, baselines: Sequence[Floats] = ()) -> SearchResult:
        """Runs the search to its end, from the start or from a stored state.

        Args:
            state: what ``on_generation`` was last given; a search that goes on from it
                proposes, numbers and finds exactly what it would have without the stop.
            baselines: weights ``(N,)`` that a new search evaluates before all else, for
                comparison; give a resumed one the same.
        """
        self._candidates, self._baselines = [], baselines
        state = self._begin() if state is None else self._restore(state)
        settings = self._settings
        remaining = settings.iterations - state.generation
        if remaining > 0 and state.stale < settings.patience and settings.elites < settings.population:
            state = self._evolve(state, remaining)
        self._progress("search", self._total, self._total, f"generation {state.generation}")
        return SearchResult(self._best, tuple(self._candidates), state)

    @property
    def _total(self) -> int:
        settings = self._settings
        bred = settings.iterations * (settings.population - settings.elites)
        return len(self._baselines) + settings.population + bred

    def _begin(self) -> SearchState:
        for weights in self._baselines:
            self._measure("baseline", 0, None, None, weights.astype(np.float32), self._programme.predicted(weights))
        population, origins = self._breeding.initial()
        scores = [self._judge(genes, origin, 0) for genes, origin in zip(population, origins, strict=True)]
        state = self._state(0, population, np.array(scores), stale=0)
        self._on_generation(state)
        return state

    def _restore(self, state: SearchState) -> SearchState:
        self._breeding.generator.bit_generator.state = state.generator
        self._count, self._best, self._best_fitness = state.candidates, state.best, state.best_fitness
        self._numbers = dict(zip(state.population, state.numbers, strict=True))
        self._seen = {key: Measured(*map(np.array, item)) for key, item in state.seen.items()}
        return state

    def _evolve(self, start: SearchState, generations: int) -> SearchState:
        state = start

        def judge(ga: pygad.GA, genes: NDArray[np.floating], position: int) -> float:
            if ga.generations_completed == 0:
                return start.fitness[position]
            return self._judge(genes, self._breeding.origin_at(position), state.generation + 1)

        def finish(ga: pygad.GA) -> str | None:
            nonlocal state
            # PyGAD's own saturation counter would begin anew after a resumption.
            stale = 0 if self._best_fitness > state.best_fitness else state.stale + 1
            state = self._state(state.generation + 1, ga.population, ga.last_generation_fitness, stale)
            self._on_generation(state)
            return "stop" if stale >= self._settings.patience else None

        pygad.GA(
            num_generations=generations,
            initial_population=[list(genes) for genes in start.population],
            fitness_func=judge,
            num_parents_mating=self._settings.elites,
            keep_elitism=self._settings.elites,
            parent_selection_type="sss",
            crossover_type=self._breeding.offspring,
            mutation_type=self._breeding.mutate_copies,
            mutation_probability=self._settings.mutation_rate,
            on_generation=finish,
            logger=_LOGGER,
        ).run()
        return state

    def _judge(self, genes: NDArray[np.floating], origin: Origin, generation: int) -> float:
        key = tuple(float(gene) for gene in genes)
        alpha, step = np.array(key[:-1]), key[-1]
        self._numbers[key] = self._count
        try:
            found = self._programme.repaired(alpha)
        except SolverFailed:
            # One candidate that the solver cannot do must not end hours of search.
            found = None
        if found is None:
            nothing = np.zeros(len(alpha))
            ones = np.ones(self._programme.samples, np.float32)
            return self._record(
                Candidate(self._count, generation, origin, key[:-1], step, False, REJECTED, nothing, ones, None)
            )
        met, solution = found
        weights = (1 + step * (solution.weights - 1)).astype(np.float32)
        return self._measure(origin, generation, tuple(met.tolist()), step, weights, step * solution.gains)

    def _measure(
        self,
        origin: Origin,
        generation: int,
        alpha: tuple[float, ...] | None,
        step: float | None,
        weights: NDArray[np.float32],
        predicted: Floats,
    ) -> float:
        key = _fingerprint(weights)
        if key not in self._seen:
            self._seen[key] = self._evaluate(weights)
        measured = self._seen[key]
        score = fitness(measured.accuracy - self._control.accuracy, self._programme.settings.targets)
        return self._record(
            Candidate(self._count, generation, origin, alpha, step, True, score, predicted, weights, measured)
        )

    def _record(self, candidate: Candidate) -> float:
        if candidate.origin != "baseline" and candidate.fitness > self._best_fitness:
            self._best, self._best_fitness = candidate.number, candidate.fitness
        self._candidates.append(candidate)
        self._count += 1
        self._on_candidate(candidate)
        best = "no candidate yet" if self._best is None else f"best fitness {self._best_fitness:+.4f}"
        self._progress("search", self._count, self._total, f"generation {candidate.generation}, {best}")
        return candidate.fitness

    def _state(self, generation: int, population: NDArray[np.floating], scores: Floats, stale: int) -> SearchState:
        individuals = tuple(tuple(float(gene) for gene in genes) for genes in population)
        self._numbers = {genes: self._numbers[genes] for genes in individuals}
        return SearchState(
            generation=generation,
            population=individuals,
            fitness=tuple(float(score) for score in scores),
            numbers=tuple(self._numbers[genes] for genes in individuals),
            generator=dict(self._breeding.generator.bit_generator.state),
            candidates=self._count,
            stale=stale,
            best=self._best,
            best_fitness=self._best_fitness,
            seen={key: _plain(item) for key, item in self._seen.items()},
        )


def _plain(measured: Measured) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    return tuple(measured.accuracy.tolist()), tuple(measured.loss.tolist()), tuple(measured.value.tolist())


def _fingerprint(weights: NDArray[np.float32]) -> str:
    return hashlib.sha256(weights.tobytes()).hexdigest()
