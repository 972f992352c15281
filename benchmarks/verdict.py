"""How often the verdict is right, against the paper's test and others, on a bank of cases whose truth is measured.

Every case is trained, judged as ``python -m app ceiling`` judges, and then retrained from
scratch with the certificate's weights (:mod:`benchmarks.verdict_truth`). A third of the cases,
drawn by seed, is used for the final figures alone. Beside the bank: the paper's synthetic sets,
all classes at once, headroom against single classes really raised, and the time of one certificate.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.certificate_time import certificate_seconds
from benchmarks.report import Figure, Report, say
from benchmarks.verdict_bank import Case, bank, kept_for_the_end
from benchmarks.verdict_claims import (
    all_classes_together,
    frontier_correlation,
    headroom_agreement,
    joint_negative_flips,
)
from benchmarks.verdict_truth import STEPS, measured_truth
from engine.data import StudyData
from engine.frontier import (
    Ceiling,
    FoldedInfluence,
    WeightRange,
    ceiling_verdict,
    pool_folds,
    region_shares,
    spectrum,
)
from engine.influence import Horizon, prepare_influence, sample_gains
from engine.study import Study
from engine.training import evaluate, trained_from_scratch

PREDICTORS = ("held_out", "in_sample", "pc1", "joint_negative")
"""What is asked whether it tells improvable cases from those at the ceiling; higher speaks for room."""


@dataclass(frozen=True)
class Judged:
    """What is known of a classifier before anything is retrained.

    Attributes:
        ceiling: the verdict with all that it rests on.
        folded: influence by fold, and the folds' samples.
        pc1: the paper's first explained-variance ratio.
        joint_negative: share of joint negatives, mean over the pairs of classes.
    """

    ceiling: Ceiling
    folded: FoldedInfluence
    pc1: float
    joint_negative: float


@dataclass(frozen=True)
class Told:
    """One line of the bank's table."""

    case: str
    fault: str
    kept: bool
    truth: str | None
    verdict: str
    held_out: float
    interval: tuple[float, float]
    in_sample: float
    certificate: float
    pc1: float
    joint_negative: float
    step: float
    better: int
    worse: int
    classes: int
    accuracy_points: float

    @property
    def held_out_lower_end(self) -> float:
        """Lower end of the 95% interval of the smallest gain."""
        return self.interval[0]


def measure(quick: bool) -> Report:
    """Measures the figures of ``verdict``."""
    cases = bank(quick)
    kept = np.zeros(len(cases), bool) if quick else kept_for_the_end(cases)
    lines = []
    with tempfile.TemporaryDirectory(prefix="paretoscope-benchmark-") as name:
        folder = Path(name)
        for number, case in enumerate(cases):
            say(f"case {number + 1} of {len(cases)}: {case.name}")
            lines.append(_told(case, bool(kept[number]), folder))
        say("all classes at once")
        together = all_classes_together(folder / "digits")
    say("headroom")
    headroom = headroom_agreement(judge)
    say("synthetic sets")
    flips, correlation = joint_negative_flips(judge), frontier_correlation(judge)
    say("the time of certificates")
    ten, hundred = certificate_seconds(10), certificate_seconds(100, runs=1 if quick else 3)
    final = lines if quick else [line for line in lines if line.kept]
    scored = [line for line in final if line.truth]
    figures = [
        Figure("auc_held_out", auc(scored, "held_out"), "AUC", ">= 0.90", ">= 0.97", len(scored)),
        Figure("auc_in_sample", auc(scored, "in_sample"), "AUC", runs=len(scored)),
        Figure("auc_pc1", auc(scored, "pc1"), "AUC", runs=len(scored)),
        Figure("auc_margin_over_pc1", _margin(scored), "AUC", ">= 0.25", ">= 0.40", len(scored)),
        Figure("auc_joint_negative", auc(scored, "joint_negative"), "AUC", runs=len(scored)),
        *_shares(scored),
        Figure("flips_in_joint_negative", min(flips), "share, worst of the draws", ">= 0.95", "1", len(flips)),
        Figure("frontier_correlation", max(correlation), "worst of the draws", "<= -0.95", "", len(correlation)),
        Figure("all_classes_improved", together.classes, "classes of 10", "10"),
        Figure("all_classes_accuracy_points", together.points, "points, test", ">= 1.5", ">= 3"),
        Figure("headroom_spearman", headroom.spearman, "Spearman over classes", ">= 0.6", ">= 0.8"),
        Figure("seconds_k10", ten.worst, "s, worst of three kinds", "<= 2", "<= 0.7", ten.runs),
        Figure("seconds_k100", hundred.worst, "s, worst of three kinds", "<= 15", "<= 7", hundred.runs),
    ]
    which = "all of them" if quick else f"the third of them that was kept for this ({len(final)} cases)"
    described = (
        f"{len(lines)} cases, figures of {which}; {len(scored)} scored, of which"
        f" {sum(line.truth == 'improvable' for line in scored)} improvable;"
        f" truth by 16 (pictures: 8) paired trainings at each of {len(STEPS)} steps"
    )
    details = {
        "all_cases": summary(lines),
        "not_kept": summary([line for line in lines if not line.kept]),
        "headroom": asdict(headroom),
        "certificate_seconds": {"k10": asdict(ten), "k100": asdict(hundred)},
        "cases": [asdict(line) for line in lines],
    }
    return Report(described, quick, figures, details)


def judge(study: Study, data: StudyData) -> Judged:
    """Trains the study's model and judges it as the command ``ceiling`` does, without storing anything."""
    (model,) = trained_from_scratch(study, data, np.ones((1, len(data.train))), [study.seed])
    scale = evaluate(model, data.validation, data.transform, data.num_classes).scale
    # The verdict uses the operator of the ceiling alone, which the horizon has no part in.
    prepared = prepare_influence(study, data, model, Horizon(1.0, study.training.weight_decay))
    rows = np.concatenate([part.ceiling for part in prepared.all_parts()])
    folded = FoldedInfluence(rows, prepared.fold_counts, prepared.fold_of, data.validation.labels.numpy())
    ceiling = ceiling_verdict(
        folded,
        scale,
        data.class_names,
        WeightRange.from_study(study.reweight),
        lambda changes: sample_gains(prepared, data, changes, study.influence.measurement),
        seed=study.seed,
    )
    vectors = pool_folds(rows, prepared.fold_counts)
    pairs = region_shares(vectors)["joint_negative"][~np.eye(data.num_classes, dtype=bool)]
    return Judged(ceiling, folded, spectrum(vectors).first_ratio, float(pairs.mean()))


def auc(lines: Sequence[Told], predictor: str) -> float | None:
    """Returns the area under the ROC curve of a predictor of :data:`PREDICTORS`; ``None`` if all are of one kind."""
    truth = [line.truth == "improvable" for line in lines]
    if len(set(truth)) < 2:
        return None
    return float(roc_auc_score(truth, [getattr(line, predictor) for line in lines]))


def _margin(scored: Sequence[Told]) -> float | None:
    ours, theirs = auc(scored, "held_out"), auc(scored, "pc1")
    return None if ours is None or theirs is None else ours - theirs


def summary(lines: Sequence[Told]) -> dict[str, Any]:
    """Returns the bank's figures of some of its cases, by name; those without a truth only count."""
    scored = [line for line in lines if line.truth]
    return {
        "cases": len(lines),
        "improvable": sum(line.truth == "improvable" for line in lines),
        "ceiling": sum(line.truth == "ceiling" for line in lines),
        **{f"auc_{predictor}": auc(scored, predictor) for predictor in (*PREDICTORS, "held_out_lower_end")},
        **{figure.name: figure.value for figure in _shares(scored)},
        "inconclusive_of_unscored": sum(line.verdict == "inconclusive" for line in lines if not line.truth),
    }


def _shares(scored: Sequence[Told]) -> list[Figure]:
    """Returns how often each verdict is wrong, of the cases that it is wrong for, and how often there is none."""

    def share(verdict: str, truth: str) -> tuple[float | None, int]:
        of = [line for line in scored if line.truth == truth]
        return (sum(line.verdict == verdict for line in of) / len(of) if of else None), len(of)

    ceiling, improvable = share("at_ceiling", "improvable"), share("improvable", "ceiling")
    none = sum(line.verdict == "inconclusive" for line in scored) / len(scored) if scored else None
    return [
        Figure("false_ceiling_share", ceiling[0], "of the improvable", "<= 0.10", "<= 0.03", ceiling[1]),
        Figure("false_improvable_share", improvable[0], "of those at the ceiling", "<= 0.10", "<= 0.03", improvable[1]),
        Figure("inconclusive_share", none, "of the scored", "<= 0.25", "<= 0.10", len(scored)),
    ]


def _told(case: Case, kept: bool, folder: Path) -> Told:
    study, data = case.study(folder), case.data()
    judged = judge(study, data)
    truth = measured_truth(study, data, judged.ceiling.certificate.weights, case.pairs)
    return Told(
        case=case.name,
        fault=case.fault,
        kept=kept,
        truth=truth.label,
        verdict=judged.ceiling.verdict,
        held_out=judged.ceiling.minimum.value,
        interval=judged.ceiling.minimum.interval,
        in_sample=float(judged.ceiling.gain.in_sample.min()),
        certificate=judged.ceiling.certificate.value,
        pc1=judged.pc1,
        joint_negative=judged.joint_negative,
        step=truth.step,
        better=truth.better,
        worse=truth.worse,
        classes=data.num_classes,
        accuracy_points=100 * truth.accuracy,
    )
