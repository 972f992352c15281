"""How the genetic search makes new individuals: the paper's mix, as PyGAD's operators.

A generation lies in the population in the order of PyGAD: the elites, then what
:meth:`Breeding.offspring` returns: copies of the elites (which are mutated next), random
individuals, and children of two elites.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.reweight.candidates import Origin
from engine.reweight.programme import ProgrammeSettings
from engine.reweight.thresholds import Floats, gene_ranges, neutral, with_slack
from engine.study import Search as SearchSettings

_SLACK = 0.05
"""What the other classes may lose under the informed candidate that gives way."""


class Breeding:
    """Genes and their operators; the one place where the search draws random numbers.

    Args:
        settings: sizes and rates.
        programme: decides the genes' ranges.
        slack: the most that each class may lose, ``(K,)``; an individual has K thresholds and a step.
        seed: of all draws.

    Attributes:
        generator: whose state resumes a search.
        ranges: smallest and largest value of each gene, ``(K + 1, 2)``.
    """

    def __init__(self, settings: SearchSettings, programme: ProgrammeSettings, slack: ArrayLike, seed: int) -> None:
        self._settings, self._programme, self._classes = settings, programme, np.size(slack)
        self.generator = np.random.Generator(np.random.PCG64(seed))
        self.ranges = gene_ranges(programme.thresholds, programme.targets, slack)

    def initial(self) -> tuple[Floats, list[Origin]]:
        """Returns the first population ``(population, K + 1)`` and where each one comes from.

        It begins with what is worth trying before any search: no class worse at full and at
        half step, and a small loss granted to the classes that are no targets.
        """
        form, targets = self._programme.thresholds, self._programme.targets
        strict = np.full(self._classes, neutral(form))
        loose = with_slack(form, targets, self._classes, _SLACK)
        guesses = [(*strict, 1.0), (*strict, 0.5), (*loose, 1.0)]
        # Where the step is fixed, full and half step are the same guess.
        informed = list(dict.fromkeys(tuple(self._clip(np.array(guess)).tolist()) for guess in guesses))
        informed = informed[: self._settings.population]
        others = self._settings.population - len(informed)
        made_by: tuple[Origin, Origin] = ("informed", "random")
        origins = [made_by[position >= len(informed)] for position in range(self._settings.population)]
        return np.concatenate([np.array(informed), self._random(others)]), origins

    def origin_at(self, position: int) -> Origin:
        """Returns how the individual at a position of a bred population was made.

        Args:
            position: in the population, behind the elites.
        """
        settings = self._settings
        if position < settings.elites + settings.mutated_elites:
            return "elite_mutation"
        return "random" if position < settings.population - settings.crossover_children else "crossover"

    def offspring(self, elites: NDArray[np.floating], shape: tuple[int, int], ga: Any) -> Floats:
        """PyGAD's crossover: returns copies of elites, random individuals and children.

        Args:
            elites: the best individuals, best first.
            shape: of the offspring.
            ga: unused; PyGAD passes itself.
        """
        settings = self._settings
        elites = np.asarray(elites, dtype=np.float64)
        copies = elites[np.arange(settings.mutated_elites) % len(elites)]
        children = np.empty((settings.crossover_children, shape[1]))
        for child in children:
            mother, father = elites[self.generator.choice(len(elites), size=2, replace=len(elites) < 2)]
            child[:] = np.where(self.generator.random(shape[1]) < 0.5, mother, father)
        return np.concatenate([copies, self._random(settings.randoms), children])

    def mutate_copies(self, offspring: NDArray[np.floating], ga: Any) -> Floats:
        """PyGAD's mutation: moves some genes of the elites' copies and leaves the others alone.

        A gene moves with the mutation rate, evenly by up to the mutation strength times the
        width of its range, and stays in its range.

        Args:
            offspring: what :meth:`offspring` returned.
            ga: unused; PyGAD passes itself.
        """
        settings = self._settings
        mutated = np.array(offspring, dtype=np.float64)
        shape = (settings.mutated_elites, mutated.shape[1])
        moves = self.generator.uniform(-1, 1, shape) * settings.mutation_strength * np.ptp(self.ranges, axis=1)
        moves[self.generator.random(shape) >= settings.mutation_rate] = 0.0
        mutated[: settings.mutated_elites] = self._clip(mutated[: settings.mutated_elites] + moves)
        return mutated

    def _random(self, number: int) -> Floats:
        return self.generator.uniform(self.ranges[:, 0], self.ranges[:, 1], (number, len(self.ranges)))

    def _clip(self, genes: Floats) -> Floats:
        return np.clip(genes, self.ranges[:, 0], self.ranges[:, 1])
