"""What the Trust page and the report show of real trainings beside what influence says of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.figures import Removal
from app.workflow.removal_plan import SEEDS as SEEDS_OF_SET
from app.workflow.removal_plan import SETS
from app.workflow.sentences import calibration_sentence, datamodelling_sentence
from cache.fingerprints import datamodelling_key, halves_key
from cache.manifests import measurement_of
from cache.run_folder import RunFolder
from engine.checkpoints import chosen_checkpoint
from engine.experiments.halves_options import SEEDS, SUBSETS
from engine.experiments.removal import SHARE, SIGNS, Agreement, Sign
from engine.judged_by import WORDS
from engine.study import Study

FIGURES = ("loss", "accuracy")
"""What changes are of: what the classes are judged by, or accuracy."""
Manifest = dict[str, Any]


def removal_studies(manifests: Iterable[Manifest], influence: str) -> list[Manifest]:
    """Returns the removal studies of an influence run, the whole ones first and of those the newest.

    Args:
        manifests: of removal studies.
        influence: key of the run.
    """
    found = [manifest for manifest in manifests if manifest["influence"] == influence]
    # Sorting keeps the order of equals, so the newest of a size come first.
    found.sort(key=lambda manifest: manifest.get("created") or "", reverse=True)
    return sorted(found, key=lambda manifest: bool(manifest.get("quick")))


def removal_title(manifest: Manifest) -> str:
    """Returns what a list of choices calls a removal study."""
    classes, every = len(manifest["classes"]), len(manifest["class_names"])
    which = f"all {every} classes" if classes == every else f"{classes} of {every} classes"
    when = (manifest.get("created") or "")[:16].replace("T", " ")
    parts = (
        f"without {manifest['share']:.0%} of the samples of a sign for {which}",
        f"{manifest['seeds']} trainings of {manifest['epochs']} epochs each",
        when,
    )
    return " · ".join(part for part in parts if part)


def removal_options(manifest: Manifest, study: Study) -> dict[str, Any]:
    """Returns the options under which ``validate`` finds a removal study again.

    Args:
        manifest: of the removal study.
        study: whose epochs are trained unless others are asked for.
    """
    names = manifest["class_names"]
    options: dict[str, Any] = {"what": "removal"}
    if len(manifest["classes"]) < len(names):
        options["classes"] = [names[k] for k in manifest["classes"]]
    usual = {"share": SHARE, "seeds": SEEDS_OF_SET, "epochs": study.training.epochs}
    return options | {name: manifest[name] for name, value in usual.items() if manifest[name] != value}


def removal_of(manifest: Manifest, split: str, sign: Sign, figure: str) -> Removal:
    """Returns what was left out and what came of it, as the figures take it.

    Args:
        manifest: of a removal study.
        split: ``validation`` or ``test``, whose samples it is measured on.
        sign: which samples were left out.
        figure: one of FIGURES.
    """
    maps = manifest["heatmaps" if split == "validation" else "heatmaps_test"][sign]
    return Removal(
        class_names=manifest["class_names"],
        classes=manifest["classes"],
        sign=sign,
        predicted=np.array(maps["predicted"], dtype=np.float64),
        measured=np.array(maps[figure], dtype=np.float64),
        figure="accuracy" if figure == "accuracy" else "loss",
        sizes=manifest["sizes"][sign],
        measurement=measurement_of(manifest),
    )


def agreement_of(manifest: Manifest, split: str, sign: Sign, figure: str) -> Agreement:
    """Returns how well the changes of :func:`removal_of` rank as predicted."""
    return Agreement(**manifest["agreement" if split == "validation" else "agreement_test"][sign][figure])


def random_of(
    manifest: Manifest, split: str, sign: Sign, figure: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Returns predicted and measured changes without random sets of the same sizes, ``(T, K)`` each.

    ``None`` where they are not stored: of accuracy, and on test samples.
    """
    if split != "validation" or figure != "loss":
        return None
    first = SIGNS.index(sign) * len(manifest["classes"])
    rows = slice(first, first + len(manifest["classes"]))
    predicted, measured = (np.array(manifest["random"][name], dtype=np.float64)[rows] for name in ("predicted", "loss"))
    return predicted, measured


def random_sentence(removal: Removal, random: tuple[NDArray[np.float64], NDArray[np.float64]] | None) -> str:
    """Says how far classes move by chance, beside how far the classes move that samples were chosen for; or nothing."""
    if random is None:
        return ""
    chosen, by_chance = (
        np.abs(changes[np.isfinite(changes)]) for changes in (removal.measured[removal.own], random[1])
    )
    if not len(chosen) or not len(by_chance):
        return ""
    name = WORDS[removal.measurement].name
    return (
        f"Without as many random samples, in one training each, the {name} of a class changes by"
        f" {by_chance.mean():.2g} on average, either way; without the chosen ones, that of their own class by"
        f" {chosen.mean():.2g}."
    )


def alone_sentence(manifest: Manifest, split: str, sign: Sign, figure: str) -> str:
    """Says how well the influence of the one checkpoint ranks the changes; empty where that is not known."""
    found = manifest["agreement_checkpoint"][sign][figure]["spearman"] if split == "validation" else None
    return "" if found is None else f"This checkpoint's influence alone: {found:.2f}."


def removal_table(manifest: Manifest, split: str, sign: Sign) -> pd.DataFrame:
    """Returns what became of each class that samples were left out for.

    Returns:
        ``class``, ``left_out`` (samples), ``predicted`` and ``measured`` rise of what it is judged by, ``accuracy``
        (change in points) and ``right``: whether it got worse without what helps it, or better without what harms it;
        missing where nothing was left out or the class cannot be measured.
    """
    removals = {figure: removal_of(manifest, split, sign, figure) for figure in FIGURES}
    loss, accuracy = (removals[figure] for figure in FIGURES)
    predicted, measured = loss.predicted[loss.own], loss.measured[loss.own]
    right = measured > 0 if sign == "beneficial" else measured < 0
    judged = np.isfinite(measured) & (np.asarray(loss.sizes) > 0)
    return pd.DataFrame(
        {
            "class": [loss.class_names[k] for k in loss.classes],
            "left_out": list(loss.sizes),
            "predicted": predicted,
            "measured": measured,
            "accuracy": accuracy.shown[accuracy.own],
            "right": pd.Series(right, dtype="boolean").where(judged),
        }
    )


def left_out_for(folder: RunFolder, sign: Sign, k: int) -> NDArray[np.int64]:
    """Returns the samples that a removal study left out for a class, the strongest first.

    Args:
        folder: of the study.
        sign: which of its samples.
        k: index of the class.

    Raises:
        RefusedInput: if the part is damaged or gone.
    """
    rows = folder.read_table(SETS).to_pylist()
    found = (row["samples"] for row in rows if row["sign"] == sign and row["class"] == k)
    return np.array(next(found, []), dtype=np.int64)


def left_out_table(frame: pd.DataFrame, vectors: NDArray[np.floating], names: Sequence[str], k: int) -> pd.DataFrame:
    """Returns some samples with their influence on a class.

    Args:
        frame: the samples as the cache describes them.
        vectors: their influence on every class, ``(n, K)``.
        names: of the classes.
        k: index of the class.
    """
    known = np.asarray(names, dtype=object)
    return pd.DataFrame(
        {
            "sample": frame["index"],
            "label": known[frame["label"].to_numpy(dtype=int)],
            "model says": known[frame["predicted"].to_numpy(dtype=int)],
            "confidence": frame["confidence"],
            "influence": vectors[:, k],
            "from": frame["source"],
        }
    )


def comparison_key(study: Study, subsets: int, seeds: int, strategies: Sequence[str]) -> str:
    """Returns the key that a comparison of predictions with trainings on halves has for the study's files as they are.

    Args:
        study: the study.
        subsets: halves.
        seeds: trainings of each.
        strategies: that are compared, the study's own first.

    Raises:
        RefusedInput: if a file that it depends on is missing.
    """
    return datamodelling_key(study, chosen_checkpoint(study)[1], halves_key(study, subsets, seeds), strategies)


@dataclass(frozen=True)
class Comparisons:
    """The stored comparisons of a study with trainings on halves.

    Attributes:
        best: one that compares strategies, and of those the one of most trainings; ``None`` without any.
        whole: whether it compares strategies on no fewer trainings than are usual.
        calibration: one that a damping can be chosen by, or ``None``.
    """

    best: Manifest | None
    whole: bool
    calibration: Manifest | None


def comparisons_of(
    manifests: Iterable[Manifest],
    study: Study,
    strategy: str,
    key_of: Callable[[Study, int, int, Sequence[str]], str],
) -> Comparisons:
    """Returns the comparisons that belong to a study as its files are now.

    Args:
        manifests: of comparisons.
        study: the study.
        strategy: that its influence was computed with.
        key_of: :func:`comparison_key`, which may keep what it found.

    Raises:
        RefusedInput: if a file of the study is missing.
    """
    measurement = study.influence.measurement
    found = [
        manifest
        for manifest in manifests
        # What is cheap to see comes first: for a key the data are read.
        if manifest["strategy"] == strategy
        and manifest["measurement"] == measurement
        and key_of(study, manifest["subsets"], manifest["seeds"], manifest["strategies"]) == manifest["key"]
    ]
    best = max(found, key=lambda one: (len(one["strategies"]) > 1, _trainings(one), one["created"]), default=None)
    whole = best is not None and len(best["strategies"]) > 1 and _trainings(best) >= SUBSETS * SEEDS
    usual = [one for one in found if (one["subsets"], one["seeds"]) == (SUBSETS, SEEDS)]
    return Comparisons(best, whole, max(usual, key=lambda one: one["created"], default=None))


def _trainings(manifest: Manifest) -> int:
    return int(manifest["subsets"] * manifest["seeds"])


def comparison_options(manifest: Manifest) -> dict[str, Any]:
    """Returns the options under which ``validate`` finds a comparison again; ``calibrate`` made one of one strategy."""
    usual = {"subsets": SUBSETS, "seeds": SEEDS}
    return {"what": "lds"} | {name: manifest[name] for name, value in usual.items() if manifest[name] != value}


def own_candidate(manifest: Manifest, study: Study) -> int:
    """Returns the number of the study's own damping among those that were compared with its strategy.

    The run may have been computed when the study had another one.
    """
    damping = study.influence.damping
    if damping == "calibrated":
        return int(manifest["calibrated"]["candidate"])
    dampings = [one["damping"] for one in manifest["candidates"] if one["strategy"] == manifest["strategy"]]
    return dampings.index(damping) if damping in dampings else 0


def score_sentence(manifest: Manifest, study: Study) -> str:
    """Says how well the study's influence ranks trainings on halves, with its damping as it is now."""
    own = own_candidate(manifest, study)
    # That of another damping than the run's is not told by runs from before each candidate had its own.
    interval = manifest["interval"] if own == manifest["own"] else manifest["candidates"][own].get("interval")
    return datamodelling_sentence({**manifest, "own": own, "interval": interval})


def gain_sentence(manifest: Manifest) -> str:
    """Says which damping predicts trainings best, and what that gains over the heuristic."""
    sentence, gain = calibration_sentence(manifest), manifest["calibrated"]["gain"]
    return sentence if gain is None or gain > 0 else f"{sentence} So there may be nothing to gain by choosing."


def score_table(manifest: Manifest, study: Study) -> pd.DataFrame:
    """Returns the score of each class: ``class``, ``score`` and ``ceiling``, NaN where there is none."""
    own = manifest["candidates"][own_candidate(manifest, study)]
    scores, ceiling = (np.array(values, dtype=np.float64) for values in (own["scores"], manifest["ceiling"]))
    return pd.DataFrame({"class": manifest["class_names"], "score": scores, "ceiling": ceiling})
