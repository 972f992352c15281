"""What a search chooses from: programmes over samples and over groups, and weights that are tried beside theirs.

Single samples leave more to choose, groups of them average the noise of single influences. Which serves better
cannot be told from influence alone, since what is left out of it is what a whole epoch adds to first order: on
digits single samples do, on CIFAR-10 groups. So both are searched, and real epochs decide.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.reweight.candidates import Origin
from engine.reweight.gain_model import SolverFailed
from engine.reweight.groups import class_weight_baselines, influence_groups
from engine.reweight.programme import ProgrammeSettings, ReweightProgramme
from engine.reweight.thresholds import Floats, slack_by_class, with_slack
from engine.reweight_settings import Reweight

BUDGETS, SLACKS = (0.05, 0.15), (0.05, 0.2)
"""Of the informed weights that move little: how far in all, and what other classes may lose of what they could gain."""


@dataclass(frozen=True)
class SearchSpace:
    """The programmes of one influence run and choice of targets.

    Attributes:
        programmes: turn thresholds into weights, by their variables: ``groups``, ``samples`` or both.
        others: weights ``(N,)`` that come from no thresholds, and where they come from: plain class weights,
            with which every search is compared; where the search is informed also weights that help every
            class, and weights that move few samples.
    """

    programmes: dict[str, ReweightProgramme]
    others: tuple[tuple[Origin, Floats], ...]


def search_space(
    reweight: Reweight,
    targets: tuple[int, ...],
    vectors: NDArray[np.floating],
    labels: NDArray[np.integer],
    class_names: Sequence[str],
    seed: int,
) -> SearchSpace:
    """Returns what a search chooses from.

    Args:
        reweight: variables, objective, thresholds and bounds; ``auto`` is both of them.
        targets: class indices.
        vectors: influence on the next epoch, ``(N, K)``.
        labels: classes of the training samples, ``(N,)``.
        class_names: K names.
        seed: of the grouping.

    Raises:
        RefusedInput: as :class:`ReweightProgramme` does.
    """
    settings, names = ProgrammeSettings.from_study(reweight, targets), tuple(class_names)
    # The paper's thresholds range over what they do whatever the slack.
    slack = np.full(len(names), np.inf) if settings.thresholds == "paper" else slack_by_class(reweight.slack, names)
    groupings: dict[str, NDArray[np.integer] | None] = {}
    if reweight.variables != "samples":
        groupings["groups"] = influence_groups(vectors, labels, seed=seed)
    if reweight.variables != "groups":
        groupings["samples"] = None
    programmes = {
        variables: ReweightProgramme(vectors, settings, groups, names) for variables, groups in groupings.items()
    }
    others: list[tuple[Origin, Floats]] = [("baseline", one) for one in class_weight_baselines(labels, settings)]
    if reweight.search.informed:
        for programme in programmes.values():
            everyone = programme.changed(targets=tuple(range(len(names))), objective="max_min", thresholds="attainable")
            # What the solver cannot do is not tried; it is one of many.
            with suppress(SolverFailed):
                others.append(("certificate", everyone.solve(np.zeros(len(names))).weights))
            others.extend(("informed", weights) for weights in _sparse(programme, slack))
    return SearchSpace(programmes, tuple(others))


def _sparse(programme: ReweightProgramme, most: Floats) -> list[Floats]:
    """Returns weights that move few samples: at its bounds the programme moves nearly all, which costs by itself.

    Args:
        programme: of the search.
        most: what each class may lose, a share of what it could gain alone, ``(K,)``.
    """
    settings, found = programme.settings, []
    for budget in BUDGETS:
        if settings.budget is None or budget < settings.budget:
            small = programme.changed(budget=budget, objective="max_min", thresholds="attainable")
            for slack in SLACKS:
                alpha = with_slack("attainable", settings.targets, len(most), slack)
                # No class may lose more than the study lets it.
                with suppress(SolverFailed):
                    found.append(small.solve(np.maximum(alpha, -most)).weights)
    return found
