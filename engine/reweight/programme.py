"""The reweighting programme: thresholds in, sample weights and predicted gains out.

``max`` over ``lo <= w <= hi`` of the targets' relative gains (the smallest, or their sum)
subject to one threshold a class and, if asked for, a mean weight of 1 and a budget: the most
that the mean of ``|w_j - 1|`` may be. The gain of class k
is ``Delta_k(w) = (1/N) sum_j (w_j - 1) P_jk``, the predicted decrease of what the class
is judged by (its mean loss, unless the study says otherwise); the relative gain divides it
by the most that is attainable for the class alone.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import RefusedInput
from engine.reweight.gain_model import Floats, GainModel, SolverFailed
from engine.reweight.thresholds import Form, attainable_gains, eased, required_gains, with_slack
from engine.reweight_settings import LARGEST_WEIGHT, Reweight

_TOLERANCE = 1e-6
"""Largest shortfall of a relative gain, of the mean weight, or of the budget, that a solution may have."""


@dataclass(frozen=True)
class ProgrammeSettings:
    """What is maximised and within which limits.

    A mean weight of 1 leaves nothing to choose when weights may only fall (hi = 1) or only
    rise (lo = 1), so there ``mean_preserving`` has no effect.
    """

    targets: tuple[int, ...]
    bounds: tuple[float, float] = (0.5, 1.5)
    objective: Literal["max_min", "sum"] = "max_min"
    thresholds: Form = "attainable"
    mean_preserving: bool = True
    budget: float | None = None

    @classmethod
    def from_study(cls, reweight: Reweight, targets: tuple[int, ...]) -> "ProgrammeSettings":
        """Returns the settings of a study; the paper's thresholds have no mean constraint."""
        return cls(
            targets=targets,
            bounds=reweight.weight_bounds,
            objective=reweight.objective,
            thresholds=reweight.thresholds,
            mean_preserving=reweight.mean_preserving and reweight.thresholds != "paper",
            budget=reweight.budget,
        )

    @property
    def balanced(self) -> bool:
        """Whether the mean weight is held at 1."""
        return self.mean_preserving and self.bounds[0] < 1 < self.bounds[1]


@dataclass(frozen=True)
class Solution:
    """Weights and what they promise to first order."""

    weights: Floats
    """``(N,)``, equal within a group."""
    gains: Floats
    """Predicted decrease of what each class is judged by, ``(K,)``."""
    relative: Floats
    """Gains over the attainable ones, ``(K,)``; at most 1."""
    objective: float
    """max_min: the smallest relative target gain. sum: the sum of the relative target gains;
    with the paper's thresholds the paper's ``sum_{k in T} sum_j w_j P_jk``."""


class Infeasible(RefusedInput):
    """No weights meet the thresholds; ``amounts`` says which to give way, and by how much.

    Attributes:
        alpha: the thresholds that were asked for, ``(K,)``.
        amounts: by how much each required relative gain must fall, ``(K,)``, mostly 0.
        eased: thresholds that can be met, ``(K,)``.
    """

    def __init__(self, alpha: Floats, amounts: Floats, feasible: Floats, class_names: tuple[str, ...]) -> None:
        self.alpha, self.amounts, self.eased = alpha, amounts, feasible
        named = [k for k in range(len(alpha)) if amounts[k] > _TOLERANCE] or [int(np.argmax(amounts))]
        changes = " and ".join(f"{class_names[k]} from {alpha[k]:.3g} to {feasible[k]:.3g}" for k in named)
        super().__init__(
            "no weights meet all thresholds at once",
            "thresholds that can be met together",
            f"Change the threshold of {changes}",
        )


class ReweightProgramme:
    """The linear programme of one set of influence vectors, built once and solved often.

    Args:
        vectors: influence vectors ``(N, K)``; higher = its presence helps class k.
        settings: what is maximised and within which limits.
        groups: group number of each sample ``(N,)`` to share one weight a group, or ``None``
            for one weight a sample.
        class_names: how refusals name the classes; ``class 0`` and so on by default.

    Raises:
        RefusedInput: if a value is not finite, a target is unknown, the bounds leave out 1,
            or some class cannot gain from any weights.
    """

    def __init__(
        self,
        vectors: NDArray[np.floating],
        settings: ProgrammeSettings,
        groups: NDArray[np.integer] | None = None,
        class_names: tuple[str, ...] | None = None,
    ) -> None:
        _check(vectors, settings, groups)
        samples, classes = vectors.shape
        self._vectors, self._groups = vectors, groups
        self.settings = settings
        self.class_names = class_names or tuple(f"class {k}" for k in range(classes))
        if groups is None:
            self._member, self._sizes = np.arange(samples), np.ones(samples)
            sums = np.asarray(vectors, dtype=np.float64)
        else:
            self._member = np.unique(groups, return_inverse=True)[1]
            self._sizes = np.bincount(self._member).astype(np.float64)
            sums = np.stack([np.bincount(self._member, weights=vectors[:, k]) for k in range(classes)], axis=1)
        self.attainable: Floats = attainable_gains(
            sums, self._sizes, settings.bounds, settings.balanced, settings.budget
        )
        """The largest gain of each class alone, ``(K,)``, over the programme's variables."""
        self._totals = sums.sum(axis=0) / samples
        # What is below the rounding of the sums themselves is no gain.
        noise = np.abs(sums).sum(axis=0) / samples * 1e-12
        stuck = [self.class_names[k] for k in np.flatnonzero(self.attainable <= noise)]
        if stuck:
            raise RefusedInput(
                f"no weights in [{settings.bounds[0]:g}, {settings.bounds[1]:g}] improve {', '.join(stuck)}",
                "influence on every class that differs between samples",
                "Widen the weight bounds, use more groups, or check the influence vectors of the class",
            )
        self._relative = sums / (samples * self.attainable)
        self._model = GainModel(
            self._relative,
            self._sizes,
            settings.bounds,
            settings.balanced,
            settings.targets,
            self._importance(),
            settings.budget,
        )

    def solve(self, alpha: ArrayLike) -> Solution:
        """Returns the best weights under the thresholds ``alpha (K,)``.

        The same thresholds give the same weights, whatever was solved before.

        Raises:
            Infeasible: if no weights meet the thresholds.
            RefusedInput: if a threshold is not finite or their number is not K.
            SolverFailed: if the solver gave up or its answer does not hold when recomputed.
        """
        return self._solve(alpha, go_on=False)

    def along(self, path: Iterable[ArrayLike]) -> list[Solution]:
        """Returns a solution for each thresholds of a path, faster than one by one.

        Each solve goes on from the one before, so where several optima are equally good the
        weights may differ from those of :meth:`solve`; the same path gives the same weights.

        Raises:
            Infeasible: as :meth:`solve`.
        """
        return [self._solve(alpha, go_on=step > 0) for step, alpha in enumerate(path)]

    def _solve(self, alpha: ArrayLike, go_on: bool) -> Solution:
        alpha = np.asarray(alpha, dtype=np.float64)
        if alpha.shape != self.attainable.shape or not np.isfinite(alpha).all():
            raise RefusedInput(
                f"the thresholds are {alpha.tolist()}",
                f"{len(self.attainable)} finite numbers, one a class",
                "Set each threshold",
            )
        required = required_gains(alpha, self.settings.thresholds, self._totals, self.attainable)
        shifts = self._model.maximise(required, go_on)
        if shifts is None:
            amounts = self._model.smallest_relaxation(required)
            beyond = self._beyond(required, amounts)
            feasible = eased(alpha, beyond, self.settings.thresholds, self._totals, self.attainable)
            raise Infeasible(alpha, amounts, feasible, self.class_names)
        return self._solution(shifts, required)

    def _beyond(self, required: Floats, amounts: Floats) -> Floats:
        """Returns the amounts and a little more, so that what is left of the demands is seen to be met."""
        # On the boundary the solver's tolerance decides; the relaxation is rounded as well.
        for margin in (_TOLERANCE, 10 * _TOLERANCE, 100 * _TOLERANCE):
            beyond = np.where(required > 0, np.minimum(amounts + margin, required), 0.0)
            if self._model.maximise(required - beyond) is not None:
                break
        return beyond

    def changed(self, **settings: Any) -> "ReweightProgramme":
        """Returns the programme of the same vectors and variables under other settings.

        Args:
            **settings: fields of :class:`ProgrammeSettings` that are to differ.

        Raises:
            RefusedInput: as for a new programme.
        """
        changed = dataclasses.replace(self.settings, **settings)
        return ReweightProgramme(self._vectors, changed, self._groups, self.class_names)

    def repaired(self, alpha: ArrayLike) -> tuple[Floats, Solution] | None:
        """Returns thresholds that can be met, with their solution, or ``None``.

        Thresholds that can be met come back as they are; of the others the positive demands
        are lowered, together by as little as possible.
        """
        alpha = np.asarray(alpha, dtype=np.float64)
        for _ in range(2):
            try:
                return alpha, self.solve(alpha)
            except Infeasible as refusal:
                alpha = refusal.eased
        return None

    @property
    def samples(self) -> int:
        """N, the number of weights."""
        return len(self._vectors)

    def predicted(self, weights: Floats) -> Floats:
        """Returns the predicted decrease of what each class is judged by under any weights ``(N,)``, ``(K,)``."""
        return (weights - 1) @ self._vectors / self.samples

    def _importance(self) -> Floats | None:
        if self.settings.objective == "max_min":
            return None
        if self.settings.thresholds == "attainable":
            return np.ones(len(self.attainable))
        # The paper adds up gains as they are; the scale leaves the optimum where it is.
        return self.attainable / self.attainable[list(self.settings.targets)].mean()

    def _solution(self, shifts: Floats, required: Floats) -> Solution:
        low, high = self.settings.bounds
        shifts = np.clip(shifts, low - 1, high - 1)
        relative = shifts @ self._relative
        shortfall = float(np.max(required - relative))
        drift = abs(float(self._sizes @ shifts)) / self._sizes.sum() if self.settings.balanced else 0.0
        spent = float(self._sizes @ np.abs(shifts)) / self._sizes.sum()
        excess = spent - self.settings.budget if self.settings.budget is not None else 0.0
        if not max(shortfall, drift, excess) <= _TOLERANCE:
            raise SolverFailed(
                f"the solution misses a threshold by {shortfall:.3g}, the mean weight by {drift:.3g}"
                f" and the budget by {max(excess, 0.0):.3g}"
            )
        gains = relative * self.attainable
        targets = list(self.settings.targets)
        if self.settings.objective == "max_min":
            objective = relative[targets].min()
        elif self.settings.thresholds == "attainable":
            objective = relative[targets].sum()
        else:
            objective = (gains + self._totals)[targets].sum() * self._sizes.sum()
        # 1 + (lo - 1) need not be lo to the last bit.
        return Solution(np.clip(1 + shifts, low, high)[self._member], gains, relative, float(objective))


def sweep(programme: ReweightProgramme, levels: Iterable[float]) -> list[Solution]:
    """Returns the predicted frontier: one solution for each loss the other classes may take.

    Args:
        programme: the programme whose targets are traded against the other classes.
        levels: how much every class but the targets may lose, at least 0: a share of its
            attainable gain, or in the paper's form of its total influence.
    """
    settings, classes = programme.settings, len(programme.attainable)
    return programme.along(with_slack(settings.thresholds, settings.targets, classes, level) for level in levels)


def trade(programme: ReweightProgramme, other: int, alpha: ArrayLike, levels: Iterable[float]) -> list[Solution]:
    """Returns the predicted frontier between the targets, usually one class, and one other class.

    Args:
        programme: whose targets are traded against the other class.
        other: index of the class that is none of the targets.
        alpha: thresholds of all other classes, ``(K,)``; that of ``other`` is moved.
        levels: what ``other`` is to gain at least, shares of what it could gain alone, ascending.

    Returns:
        Solutions, one a level up to the last that can be met.
    """
    alpha = np.array(alpha, dtype=np.float64)
    found: list[Solution] = []
    for level in levels:
        alpha[other] = level
        try:
            found.append(programme._solve(alpha, go_on=bool(found)))
        except Infeasible:
            break
    return found


def _check(vectors: NDArray[np.floating], settings: ProgrammeSettings, groups: NDArray[np.integer] | None) -> None:
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise RefusedInput(
            f"the influence vectors have shape {vectors.shape}",
            "samples x classes",
            "Compute the influence vectors again",
        )
    broken = ~np.isfinite(vectors).all(axis=1)
    if broken.any():
        raise RefusedInput(
            f"{broken.sum()} influence vectors are not finite, the first is that of sample {np.argmax(broken)}",
            "finite influence vectors",
            "Check the model's weights, or set [influence] damping to a number",
        )
    classes = vectors.shape[1]
    unknown = [target for target in settings.targets if not 0 <= target < classes]
    if unknown or not settings.targets or len(set(settings.targets)) != len(settings.targets):
        raise RefusedInput(
            f"the targets are {list(settings.targets)}",
            f"at least one of the classes 0 to {classes - 1}, each once",
            "Choose the targets",
        )
    low, high = settings.bounds
    if not (0 <= low <= 1 <= high and low < high <= LARGEST_WEIGHT):
        raise RefusedInput(
            f"the weight bounds are [{low:g}, {high:g}]",
            f"0 <= lo <= 1 <= hi with lo < hi, and hi at most {LARGEST_WEIGHT:,.0f}",
            "Change [reweight] weight_bounds",
        )
    if settings.budget is not None and not 0 < settings.budget <= 1:
        raise RefusedInput(
            f"the budget is {settings.budget:g}",
            "a mean |weight - 1| above 0 and at most 1",
            "Change [reweight] budget",
        )
    if groups is not None and groups.shape != vectors.shape[:1]:
        raise RefusedInput(
            f"the group numbers have shape {groups.shape}",
            f"one for each of {len(vectors)} samples",
            "Group the samples again",
        )
