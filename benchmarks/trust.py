"""Whether influence predicts reality: removal studies, class-wise datamodelling scores, label errors.

Each study is made and trained anew, and asked by the use-cases behind ``validate`` and ``harmful``. Digits are the
shipped ones; news and pictures come from outside the repository. All in this run: nothing is read from an earlier one.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.workflow.commands import COMMANDS
from benchmarks.report import Figure, Report, say
from benchmarks.trust_cases import FLIPPED, Pictures, ag_news, cifar10, digits, trained
from cache.store import Store
from engine.experiments.harm_ranking import RANKINGS
from engine.progress import silent
from engine.study import Study

SUBSETS, SUBSET_SEEDS = 60, 4
DRAWS = {"digits": 5, "cifar10": 3}
"""Draws of flipped labels, of which the median is told."""
SEEDS = {"digits": 5, "ag_news": 5, "cifar10": 3}
"""Trainings of every set that is left out."""
_SPEARMAN = {"digits": ("0.80", "0.90"), "ag_news": ("0.80", "0.90"), "cifar10": ("0.70", "0.85")}
_AUC = {"digits": "0.92", "cifar10": "0.75"}


def measure(quick: bool) -> Report:
    """Measures every claim; a quick run takes fewer pictures, draws and halves."""
    figures: list[Figure] = []
    details: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        store, root = Store(Path(folder) / "store"), Path(folder)
        for name, study in _studies(root, quick):
            say(f"removal study of {name}")
            trained(study, store)
            found, seconds = _removal(study, store, SEEDS[name], quick and name == "cifar10")
            figures += _removal_figures(name, found)
            details[name] = _told(found)
            if name == "digits":
                figures.append(Figure("removal_seconds_digits", seconds, "s", "<= 90", "<= 30"))
                say("scores of digits on halves")
                figures += _halves_figures(study, store, quick, details)
        for name, made in (("digits", digits), ("cifar10", _pictures(quick))):
            say(f"label errors of {name}")
            figures += _label_errors(name, root, store, made, 1 if quick else DRAWS[name], details)
    scaled = (
        "a quick run: half of the pictures a class, 2 seeds there, 4 classes left out, 24 halves, one draw of flips"
    )
    described = (
        "digits: 900 samples, an MLP of 2,410 parameters; AG News: 4,500 texts, TF-IDF of 128 components, a linear"
        " head; CIFAR-10: 200 pictures a class at 16 x 16, a CNN of 56,714 parameters, 12 epochs;"
        f" a tenth of each class's beneficial, or detrimental, samples left out; {FLIPPED:.0%} of labels flipped"
        + (f"; {scaled}" if quick else "")
    )
    return Report(described, quick, figures, details)


def _studies(root: Path, quick: bool) -> list[tuple[str, Study]]:
    return [
        ("digits", digits(root / "digits")),
        ("ag_news", ag_news(root / "ag_news")),
        ("cifar10", _pictures(quick)(root / "cifar10")),
    ]


def _pictures(quick: bool) -> Callable[..., Study]:
    size = Pictures(train=100, validation=100) if quick else Pictures()

    def made(folder: Path, flipped: float = 0.0, seed: int = 0) -> Study:
        return cifar10(folder, size, flipped, seed)

    return made


def _removal(study: Study, store: Store, seeds: int, smaller: bool) -> tuple[dict[str, Any], float]:
    COMMANDS["influence"](study, store, {}, silent)
    options: dict[str, Any] = {"what": "removal", "seeds": 2 if smaller else seeds}
    if smaller:
        options["classes"] = [0, 1, 2, 3]
    began = time.perf_counter()
    found = COMMANDS["validate"](study, store, options, silent)
    return found, time.perf_counter() - began


def _removal_figures(name: str, found: dict[str, Any]) -> Sequence[Figure]:
    must, hoped = _SPEARMAN[name]
    trainings = found["trainings"]
    right = statistics.fmean(found["diagonal_right"].values())
    return [
        *(
            Figure(
                f"spearman_loss_{sign}_{name}",
                found["spearman"][sign]["loss"],
                "over classes x removals",
                f">= {must}",
                f">= {hoped}",
                trainings,
            )
            for sign in ("beneficial", "detrimental")
        ),
        Figure(f"diagonal_right_share_{name}", right, "share of classes", ">= 0.95", "1", trainings),
    ]


def _told(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "intervals": {sign: found["agreement"][sign]["loss"]["interval"] for sign in found["agreement"]},
        **{
            name: {sign: value["loss"][part] for sign, value in found[where].items()}
            for name, where, part in (
                ("diagonal", "agreement", "diagonal"),
                ("off_diagonal", "agreement", "off_diagonal"),
                ("checkpoint_alone", "agreement_checkpoint", "spearman"),
            )
        },
        "accuracy": {sign: found["spearman"][sign]["accuracy"] for sign in found["spearman"]},
        "test": found["agreement_test"] and {s: v["loss"]["spearman"] for s, v in found["agreement_test"].items()},
        "diagonal_right": found["diagonal_right"],
    }


def _halves_figures(study: Study, store: Store, quick: bool, details: dict[str, Any]) -> Sequence[Figure]:
    subsets = 24 if quick else SUBSETS
    options = {"what": "lds", "subsets": subsets, "seeds": SUBSET_SEEDS}
    lds = COMMANDS["validate"](study, store, options, silent)["lds"]
    details["lds"] = {
        "interval": lds["interval"],
        "ceiling": lds["mean_ceiling"],
        "calibrated": lds["calibrated"],
        "candidates": {f"{one['strategy']} {one['damping']}": one["mean"] for one in lds["candidates"]},
    }
    runs = subsets * SUBSET_SEEDS
    return [
        Figure("lds_digits", lds["score"], "mean over classes", ">= 0.70", ">= 0.85", runs),
        Figure("lds_ceiling_share_digits", lds["share_of_ceiling"], "share", ">= 0.72", ">= 0.90", runs),
    ]


def _label_errors(
    name: str, root: Path, store: Store, made: Callable[..., Study], draws: int, details: dict[str, Any]
) -> Sequence[Figure]:
    found: dict[str, list[dict[str, float]]] = {ranking: [] for ranking in RANKINGS}
    for seed in range(draws):
        study = trained(made(root / f"{name}-flipped-{seed}", FLIPPED, seed), store)
        told = COMMANDS["harmful"](study, store, {}, silent)["precision"]
        for ranking in RANKINGS:
            found[ranking].append(told["rankings"][ranking])
    auc = {ranking: statistics.median(one["auc"] for one in draws_of) for ranking, draws_of in found.items()}
    details[f"label_errors_{name}"] = found
    least = f">= {auc['label_quality'] - 0.01:.3f}"
    return [
        Figure(f"label_error_auc_{name}", auc["influence"], "AUC", f">= {_AUC[name]}", "", draws),
        Figure(
            f"label_error_auc_default_{name}", auc["combined"], "AUC", least, f"> {auc['label_quality']:.4f}", draws
        ),
        Figure(f"label_error_auc_cleanlab_{name}", auc["label_quality"], "AUC", "", "", draws),
    ]
