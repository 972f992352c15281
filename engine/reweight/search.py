"""The genetic search over thresholds: the paper's scheme, run by PyGAD, with a race for the elites' places.

An individual is K thresholds and a step, and a choice where there are several programmes. It is
judged by solving the programme, training the next epoch with ``w = 1 + eta (w_LP - 1)`` and
comparing with the control. A generation keeps its elites and replaces the others by mutated
copies of the elites, random individuals and children of two elites; only what is new is
evaluated, and no weights twice in one batch order.

One training says little: another order of the batches moves a class by points, and the best of
hundreds is then the luckiest. So every candidate is trained in one order first, and one that would
be among the elites is trained in the others before it may be.
"""

import functools
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
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
from engine.reweight_settings import Search as SearchSettings

Evaluate = Callable[[NDArray[np.float32], Sequence[int]], Sequence[Measured]]
"""Trains the next epoch with weights ``(M, N)``, each row in the batch order of its number, and measures it."""

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


@dataclass(frozen=True)
class _Proposal:
    """Weights that are to be judged, and the genes they come from."""

    origin: Origin
    genes: tuple[float, ...] | None
    alpha: tuple[float, ...] | None
    step: float | None
    predicted: Floats
    weights: NDArray[np.float32]
    variables: str | None = None
    feasible: bool = True

    @functools.cached_property
    def key(self) -> str:
        return _fingerprint(self.weights)


class Search:
    """One search. It stores nothing: its callbacks do.

    Args:
        programmes: turn thresholds into weights, by the name of their variables; of several, which serves better
            is left to the search, that is to real trainings.
        controls: the same next epoch, unweighted, in each of ``settings.orders`` batch orders; what
            candidates are judged against, order by order.
        settings: sizes and rates of the search.
        breeding: makes the individuals; its generator goes on from a resumed state.
        evaluate: the same weights in the same orders must give the same measurements, or a
            resumed search differs.
        on_candidate: called with each candidate when its generation is judged.
        on_generation: called with the state after each generation, the initial one included.
        progress: called after each candidate; may raise to cancel.
    """

    def __init__(
        self,
        programmes: Mapping[str, ReweightProgramme],
        controls: Sequence[Measured],
        settings: SearchSettings,
        breeding: Breeding,
        evaluate: Evaluate,
        on_candidate: Callable[[Candidate], None] = lambda candidate: None,
        on_generation: Callable[[SearchState], None] = lambda state: None,
        progress: Progress = silent,
    ) -> None:
        self._programmes, self._settings = programmes, settings
        self._first = next(iter(programmes.values()))
        # Candidates are compared with the mean of the control over the orders that they were trained in.
        self._controls = [Measured.mean(controls[: count + 1]) for count in range(settings.orders)]
        self._evaluate, self._on_candidate, self._on_generation = evaluate, on_candidate, on_generation
        self._progress = progress
        self._breeding = breeding
        self._candidates: list[Candidate] = []
        self._others = 0
        self._count, self._trainings = 0, 0
        self._best: int | None = None
        self._best_fitness = CONTROL
        # Weights that are all 1 are the control, which is measured already.
        self._seen = {_fingerprint(np.ones(self._first.samples, np.float32)): self._controls[-1]}
        # Number and fitness of the individuals of the current population: a resumed search knows no others.
        self._known: dict[tuple[float, ...], tuple[int, float]] = {}

    def run(self, state: SearchState | None = None, others: Sequence[tuple[Origin, Floats]] = ()) -> SearchResult:
        """Runs the search to its end, from the start or from a stored state.

        Args:
            state: what ``on_generation`` was last given; a search that goes on from it
                proposes, numbers and finds exactly what it would have without the stop.
            others: weights ``(N,)`` that come from no genes, and where they come from; a new search evaluates
                them with the first population, baselines in every order, and may choose them, but breeds nothing
                from them.
        """
        self._candidates, self._others = [], len(others)
        state = self._begin(others) if state is None else self._restore(state)
        settings = self._settings
        remaining = settings.iterations - state.generation
        if remaining > 0 and state.stale < settings.patience and settings.elites < settings.population:
            state = self._evolve(state, remaining)
        self._progress("search", self._total, self._total, f"generation {state.generation}")
        return SearchResult(self._best, tuple(self._candidates), state)

    @property
    def _total(self) -> int:
        settings = self._settings
        return self._others + settings.population + settings.iterations * (settings.population - settings.elites)

    def _begin(self, others: Sequence[tuple[Origin, Floats]]) -> SearchState:
        given = [
            _Proposal(origin, None, None, None, self._first.predicted(weights), weights.astype(np.float32))
            for origin, weights in others
        ]
        baselines = [proposal for proposal in given if proposal.origin == "baseline"]
        new = {proposal.key: proposal for proposal in baselines if proposal.key not in self._seen}
        self._train(new, range(self._settings.orders))
        self._record(baselines, 0)
        population, origins = self._breeding.initial()
        bred = [self._proposal(genes, origin) for genes, origin in zip(population, origins, strict=True)]
        self._judge([*(proposal for proposal in given if proposal.origin != "baseline"), *bred], 0, [])
        state = self._state(0, population, stale=0)
        self._on_generation(state)
        return state

    def _restore(self, state: SearchState) -> SearchState:
        self._breeding.generator.bit_generator.state = state.generator
        self._count, self._trainings = state.candidates, state.trainings
        self._best, self._best_fitness = state.best, state.best_fitness
        self._known = dict(zip(state.population, zip(state.numbers, state.fitness, strict=True), strict=True))
        self._seen = {
            key: Measured(np.array(accuracy), np.array(loss), np.array(value), orders)
            for key, (accuracy, loss, value, orders) in state.seen.items()
        }
        return state

    def _evolve(self, start: SearchState, generations: int) -> SearchState:
        state = start

        def judge(ga: pygad.GA, offspring: NDArray[np.floating]) -> None:
            # All of a generation at once, as PyGAD asks for the fitness of one after the other.
            origins = [self._breeding.origin_at(self._settings.elites + row) for row in range(len(offspring))]
            new: dict[tuple[float, ...], Origin] = {}
            for genes, origin in zip(offspring.tolist(), origins, strict=True):
                # A copy of an elite that no gene of was moved is not new, and neither is the second of equal children.
                if tuple(genes) not in self._known:
                    new.setdefault(tuple(genes), origin)
            proposals = [self._proposal(np.array(genes), origin) for genes, origin in new.items()]
            kept = sorted(state.fitness, reverse=True)[: self._settings.elites]
            self._judge(proposals, state.generation + 1, kept)

        def finish(ga: pygad.GA) -> str | None:
            nonlocal state
            # PyGAD's own saturation counter would begin anew after a resumption.
            stale = 0 if self._best_fitness > state.best_fitness else state.stale + 1
            state = self._state(state.generation + 1, ga.population, stale)
            self._on_generation(state)
            return "stop" if stale >= self._settings.patience else None

        pygad.GA(
            num_generations=generations,
            initial_population=[list(genes) for genes in start.population],
            fitness_func=lambda ga, genes, position: self._known[tuple(map(float, genes))][1],
            num_parents_mating=self._settings.elites,
            keep_elitism=self._settings.elites,
            parent_selection_type="sss",
            crossover_type=self._breeding.offspring,
            mutation_type=self._breeding.mutate_copies,
            mutation_probability=self._settings.mutation_rate,
            on_mutation=judge,
            on_generation=finish,
            logger=_LOGGER,
        ).run()
        return state

    def _proposal(self, genes: NDArray[np.floating], origin: Origin) -> _Proposal:
        key, classes = tuple(map(float, genes)), len(self._first.attainable)
        alpha, step = np.array(key[:classes]), key[classes]
        chosen = min(int(key[-1] * len(self._programmes)), len(self._programmes) - 1)
        variables, programme = list(self._programmes.items())[chosen if len(self._programmes) > 1 else 0]
        try:
            found = programme.repaired(alpha)
        except SolverFailed:
            # One candidate that the solver cannot do must not end hours of search.
            found = None
        if found is None:
            nothing, ones = np.zeros(len(alpha)), np.ones(self._first.samples, np.float32)
            return _Proposal(origin, key, tuple(alpha.tolist()), step, nothing, ones, variables, feasible=False)
        met, solution = found
        weights = (1 + step * (solution.weights - 1)).astype(np.float32)
        return _Proposal(origin, key, tuple(met.tolist()), step, step * solution.gains, weights, variables)

    def _judge(self, proposals: Sequence[_Proposal], generation: int, kept: Sequence[float]) -> None:
        """Races new individuals for the places of the elites, of whom ``kept`` have their fitness already."""
        to_train = {proposal.key: proposal for proposal in proposals if proposal.feasible}
        self._train({key: proposal for key, proposal in to_train.items() if key not in self._seen}, range(1))
        while contenders := self._contenders(proposals, kept):
            # One more order at a time: most of those who led by luck fall behind after the next.
            for orders in sorted({self._seen[key].orders for key in contenders}):
                alike = {key: proposal for key, proposal in contenders.items() if self._seen[key].orders == orders}
                self._train(alike, range(orders, orders + 1))
        self._record(proposals, generation)

    def _contenders(self, proposals: Sequence[_Proposal], kept: Sequence[float]) -> dict[str, _Proposal]:
        """Returns those who would be among the elites but were not trained in every order yet."""
        scores = [self._fitness(proposal) for proposal in proposals]
        # What has no genes takes no elite's place: counted, it would let one be an elite by its first order alone.
        bred = [score for proposal, score in zip(proposals, scores, strict=True) if proposal.genes is not None]
        standing = sorted([*kept, *bred], reverse=True)
        bar = standing[min(self._settings.elites, len(standing)) - 1] if standing else REJECTED
        return {
            proposal.key: proposal
            for proposal, score in zip(proposals, scores, strict=True)
            if score > CONTROL
            and score >= bar
            and proposal.feasible
            and self._seen[proposal.key].orders < self._settings.orders
        }

    def _train(self, proposals: dict[str, _Proposal], orders: range) -> None:
        jobs = [(key, order) for key in proposals for order in orders]
        if not jobs:
            return
        rows = np.stack([proposals[key].weights for key, _ in jobs])
        results = self._evaluate(rows, [order for _, order in jobs])
        self._trainings += len(jobs)
        for at, key in enumerate(proposals):
            new = results[at * len(orders) : (at + 1) * len(orders)]
            self._seen[key] = Measured.mean([*([self._seen[key]] if key in self._seen else []), *new])

    def _fitness(self, proposal: _Proposal) -> float:
        if not proposal.feasible:
            return REJECTED
        measured, settings = self._seen[proposal.key], self._settings
        changes = measured.accuracy - self._controls[measured.orders - 1].accuracy
        return fitness(changes, self._first.settings.targets, settings.tolerance, settings.loss_weight)

    def _record(self, proposals: Sequence[_Proposal], generation: int) -> None:
        for proposal in proposals:
            score, measured = self._fitness(proposal), self._seen[proposal.key] if proposal.feasible else None
            if measured is not None and measured.orders == self._settings.orders and score > self._best_fitness:
                self._best, self._best_fitness = self._count, score
            if proposal.genes is not None:
                self._known[proposal.genes] = (self._count, score)
            candidate = Candidate(
                number=self._count,
                generation=generation,
                origin=proposal.origin,
                alpha=proposal.alpha,
                step=proposal.step,
                feasible=proposal.feasible,
                fitness=score,
                predicted=proposal.predicted,
                weights=proposal.weights,
                measured=measured,
                variables=proposal.variables,
                trainings=self._trainings,
            )
            self._candidates.append(candidate)
            self._count += 1
            self._on_candidate(candidate)
            best = "no candidate yet" if self._best is None else f"best fitness {self._best_fitness:+.4f}"
            self._progress("search", self._count, self._total, f"generation {generation}, {best}")

    def _state(self, generation: int, population: NDArray[np.floating], stale: int) -> SearchState:
        individuals = tuple(tuple(map(float, genes)) for genes in population)
        self._known = {genes: self._known[genes] for genes in individuals}
        return SearchState(
            generation=generation,
            population=individuals,
            fitness=tuple(self._known[genes][1] for genes in individuals),
            numbers=tuple(self._known[genes][0] for genes in individuals),
            generator=dict(self._breeding.generator.bit_generator.state),
            candidates=self._count,
            stale=stale,
            best=self._best,
            best_fitness=self._best_fitness,
            trainings=self._trainings,
            seen={key: _plain(item) for key, item in self._seen.items()},
        )


def _plain(measured: Measured) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...], int]:
    lists = (tuple(values.tolist()) for values in (measured.accuracy, measured.loss, measured.value))
    return (*lists, measured.orders)  # type: ignore[return-value]


def _fingerprint(weights: NDArray[np.float32]) -> str:
    return hashlib.sha256(weights.tobytes()).hexdigest()
