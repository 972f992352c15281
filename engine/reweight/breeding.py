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
from engine.reweight_settings import Search as SearchSettings

_SLACK = 0.05
"""What the other classes may lose under the informed candidate that gives way."""


class Breeding:
    """Genes and their operators; the one place where the search draws random numbers.

    Args:
        settings: sizes and rates.
        programme: decides the genes' ranges.
        slack: the most that each class may lose, ``(K,)``; an individual has K thresholds and a step.
        seed: of all draws.
        programmes: how many the search has; of several an individual chooses one by a last gene, in equal parts
            of its range 0 to 1.

    Attributes:
        generator: whose state resumes a search.
        ranges: smallest and largest value of each gene, ``(K + 1, 2)`` or ``(K + 2, 2)``.
    """

    def __init__(
        self,
        settings: SearchSettings,
        programme: ProgrammeSettings,
        slack: ArrayLike,
        seed: int,
        programmes: int = 1,
    ) -> None:
        self._programmes = programmes
        self._settings, self._programme, self._classes = settings, programme, np.size(slack)
        self.generator = np.random.Generator(np.random.PCG64(seed))
        self.ranges = gene_ranges(programme.thresholds, programme.targets, slack)
        if programmes > 1:
            self.ranges = np.concatenate([self.ranges, [[0.0, 1.0]]])

    def initial(self) -> tuple[Floats, list[Origin]]:
        """Returns the first population, a row of genes an individual, and where each one comes from.

        Unless the settings say otherwise it begins with what is worth trying before any search: no class worse
        at full and at half step, a small loss granted to the classes that are no targets, and then each target
        pushed by itself.
        """
        informed = self._informed()[: self._settings.population] if self._settings.informed else []
        others = self._settings.population - len(informed)
        origins: list[Origin] = ["informed"] * len(informed) + ["random"] * others  # type: ignore[assignment]
        return np.concatenate([np.array(informed).reshape(-1, len(self.ranges)), self._random(others)]), origins

    def _informed(self) -> list[tuple[float, ...]]:
        form, targets = self._programme.thresholds, self._programme.targets
        strict = np.full(self._classes, neutral(form))
        loose = with_slack(form, targets, self._classes, _SLACK)
        pushed = []
        for target in targets if len(targets) > 1 else ():
            alone = loose.copy()
            # What cannot be met is lowered until it can be.
            alone[target] = self.ranges[target, 1]
            pushed.append((*alone, 1.0))
        guesses: list[tuple[float, ...]] = [(*strict, 1.0), (*strict, 0.5), (*loose, 1.0), *pushed]
        if self._programmes > 1:
            middles = (np.arange(self._programmes) + 0.5) / self._programmes
            guesses = [(*guess, middle) for guess in guesses for middle in middles]
        # Where the step is fixed, full and half step are the same guess.
        return list(dict.fromkeys(tuple(self._clip(np.array(guess)).tolist()) for guess in guesses))

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
