"""What a removal study is asked for: for which classes, how much is left out, over how many trainings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.classes import class_indices
from engine.errors import RefusedInput
from engine.experiments.removal import SHARE
from engine.study import Study

SEEDS, QUICK_SEEDS = 5, 2
QUICK_CLASSES = 4
MOST_SEEDS = 50
SETS = "sets.parquet"
"""Part of a study that says which samples were left out: class and sign of each set, its samples, strongest first."""
LARGEST_SHARE = 0.5


@dataclass(frozen=True)
class RemovalPlan:
    """What is left out and how often it is tried.

    Attributes:
        classes: indices of those that samples are left out for.
        share: of the beneficial, or detrimental, samples of a class.
        seeds: trainings of every set.
        epochs: of each training.
        quick: whether it was made small.
    """

    classes: tuple[int, ...]
    share: float
    seeds: int
    epochs: int
    quick: bool = False

    @classmethod
    def of(
        cls, study: Study, names: Sequence[str], accuracy: Sequence[float | None], options: Mapping[str, Any]
    ) -> "RemovalPlan":
        """Returns the plan of some options.

        Args:
            study: whose epochs are trained.
            names: of the classes.
            accuracy: of each on validation samples.
            options: ``classes``, ``share``, ``seeds``, ``epochs``, and ``quick``, which sets those that are not given.

        Raises:
            RefusedInput: if an option is out of its range or a class is none of the study.
        """
        quick, given = bool(options.get("quick")), {name: value for name, value in options.items() if value is not None}
        share = given.get("share", SHARE)
        if not 0 < share <= LARGEST_SHARE:
            raise RefusedInput(
                f"--share is {share:g}",
                f"a number above 0 and up to {LARGEST_SHARE:g}: the share of a class's samples of one sign",
                "Leave it out for a tenth",
            )
        seeds = _whole(given, "seeds", QUICK_SEEDS if quick else SEEDS, MOST_SEEDS)
        whole = study.training.epochs
        epochs = _whole(given, "epochs", -(-whole // 2) if quick else whole, 100_000)
        if given.get("classes"):
            chosen = tuple(sorted(class_indices(given["classes"], names)))
        else:
            chosen = tuple(range(len(names)))
            if quick and len(names) > QUICK_CLASSES:
                worst = np.argsort([np.inf if value is None else value for value in accuracy], kind="stable")
                chosen = tuple(sorted(int(k) for k in worst[:QUICK_CLASSES]))
        return cls(chosen, float(share), seeds, epochs, quick)

    @property
    def settings(self) -> dict[str, Any]:
        """What a result depends on."""
        return {"classes": list(self.classes), "share": self.share, "seeds": self.seeds, "epochs": self.epochs}

    @property
    def trainings(self) -> int:
        """How many models are trained: every set with every seed, a random one for each set, and all samples."""
        sets = 2 * len(self.classes)
        return sets * self.seeds + sets + self.seeds

    def notices(self, study: Study, names: Sequence[str]) -> list[str]:
        """Returns what a study of this size gives up against a whole one."""
        given_up = []
        if len(self.classes) < len(names):
            given_up.append(f"samples are left out for {len(self.classes)} of {len(names)} classes only")
        if self.seeds < SEEDS:
            trainings = "1 training" if self.seeds == 1 else f"{self.seeds} trainings"
            given_up.append(f"{trainings} of each set in place of {SEEDS}, so chance weighs more")
        if self.epochs < study.training.epochs:
            epochs = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
            given_up.append(f"{epochs} in place of {study.training.epochs}, so these models are not yet yours")
        return [f"A smaller study than the usual one: {'; '.join(given_up)}."] if given_up else []


def _whole(given: Mapping[str, Any], name: str, default: int, most: int) -> int:
    value = given.get(name, default)
    if type(value) is not int or not 1 <= value <= most:
        raise RefusedInput(f"--{name} is {value}", f"a whole number from 1 to {most:,}", f"Leave it out for {default}")
    return value
