"""The stored runs of a study as a list shows them, and what is lost when one is deleted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from app.figures.wording import size_in_words
from app.workflow.job_list import JobRow
from cache.run_folder import RunFolder
from cache.store import Store
from engine.errors import RefusedInput

KINDS = {
    "influence": "influence of every training sample on every class",
    "ceiling": "verdict",
    "reweight": "search for weights",
    "probe": "probe epochs",
    "climb": "climb to the ceiling",
    "epochs": "evaluation of the checkpoints",
    "removal": "trainings without what helps or harms a class",
    "halves": "trainings on random halves of the data",
    "datamodelling": "predictions compared with trainings on halves",
    "harmful": "label quality and self-influence of every training sample",
}
"""The kinds of runs, and what each holds in words."""
_VERDICTS = {"improvable": "room to improve", "at_ceiling": "at the ceiling", "inconclusive": "not enough evidence"}


@dataclass(frozen=True)
class RunRow:
    """A run in a list.

    Attributes:
        key: of the run.
        kind: one of :data:`KINDS`.
        epoch: of the checkpoint that it starts from; ``None`` where it trains its own models or takes all.
        targets: names of its target classes.
        created: when it was finished, as it is written down; empty where that is not known.
        result: in one phrase.
        bytes: that its folder takes on the disk.
        shipped: whether it came with the samples, and so cannot be deleted.
    """

    key: str
    kind: str
    epoch: int | None
    targets: tuple[str, ...]
    created: str
    result: str
    bytes: int
    shipped: bool

    @property
    def title(self) -> str:
        """What a list of choices calls it."""
        about = [f"epoch {self.epoch}"] if self.epoch is not None else []
        about += [f"for {', '.join(self.targets)}"] if self.targets else []
        when = [self.created[:16].replace("T", " ")] if self.created else []
        return " · ".join([self.kind, *about, *when, self.key[:6]])


def run_rows(store: Store, manifests: Iterable[dict[str, Any]]) -> list[RunRow]:
    """Returns the runs as rows, in the order given.

    Args:
        store: where their folders are.
        manifests: of the runs, as the cache keeps them.
    """
    known = {manifest["key"]: manifest for manifest in manifests}
    # What is made from an influence run starts from the same checkpoint.
    epochs = {key: known.get(manifest.get("influence", ""), manifest).get("epoch") for key, manifest in known.items()}
    return [_row(store.run(key), {"epoch": epochs[key], **manifest}) for key, manifest in known.items()]


def as_table(rows: Sequence[RunRow]) -> pd.DataFrame:
    """Returns the rows as a table; sizes are in bytes, times are in UTC."""
    return pd.DataFrame(
        {
            "kind": [row.kind for row in rows],
            "checkpoint": pd.array([row.epoch for row in rows], dtype="Int64"),
            "targets": [", ".join(row.targets) for row in rows],
            "created": pd.to_datetime([row.created or None for row in rows], utc=True, errors="coerce"),
            "result": [row.result for row in rows],
            "size": [row.bytes for row in rows],
            "shipped": [row.shipped for row in rows],
            "run": [row.key for row in rows],
        }
    )


def dependents(key: str, manifests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the manifests of the runs that were made from one, whether straight from it or by way of another."""
    known = list(manifests)
    found: dict[str, dict[str, Any]] = {}
    sources = {key}
    while sources:
        new = {
            manifest["key"]: manifest
            for manifest in known
            if manifest["key"] not in found and sources & {manifest.get("influence"), manifest.get("search")}
        }
        found |= new
        sources = set(new)
    return list(found.values())


def deletion_words(row: RunRow, made_from_it: Sequence[dict[str, Any]]) -> str:
    """Says what is lost with a run, and what becomes of the runs that were made from it.

    Args:
        row: the run.
        made_from_it: manifests of its dependents.
    """
    lost = f"This removes {size_in_words(row.bytes)} from the disk: the {KINDS.get(row.kind, row.kind)}"
    again = "It cannot be brought back, only computed again from the study's files."
    if not made_from_it:
        return f"{lost}. {again} No other run depends on it."
    kinds = [manifest["kind"] for manifest in made_from_it]
    told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    which, stay = ("1 run", "stays") if len(kinds) == 1 else (f"{len(kinds)} runs", "stay")
    return (
        f"{lost}. {again} {which} made from it ({told}) {stay} in the store, but the pages cannot show"
        f" {'it' if len(kinds) == 1 else 'them'} until this run is computed again."
    )


def refuse_shipped(row: RunRow) -> None:
    """Refuses what cannot be deleted, before anyone is asked to confirm it.

    Raises:
        RefusedInput: if the run came with the samples.
    """
    if row.shipped:
        raise RefusedInput(
            f"run {row.key[:6]} was shipped with the samples",
            "a run of your own store",
            "Leave it: it takes no room here",
        )


def refuse_in_use(study: str, jobs: Iterable[JobRow]) -> None:
    """Refuses to delete runs that a job may work from, which would be left without them at its next step.

    Args:
        study: name of the study whose run is to be deleted.
        jobs: of the store.

    Raises:
        RefusedInput: if one of the study is at work; a preview works from no run.
    """
    for job in jobs:
        if job.is_active and job.command != "preview" and job.study_name == study:
            raise RefusedInput(
                f"{job.command} is at work on '{study}' and may need this run",
                "a study that no job is at work on",
                "Wait until the job ends, or cancel it in the list of jobs",
            )


def _row(folder: RunFolder, manifest: dict[str, Any]) -> RunRow:
    names = manifest.get("class_names", ())
    targets = tuple(
        names[target] if isinstance(target, int) and target < len(names) else str(target)
        for target in manifest.get("targets", ())
    )
    return RunRow(
        key=manifest["key"],
        kind=manifest["kind"],
        epoch=manifest.get("epoch"),
        targets=targets,
        created=manifest.get("created") or "",
        result=_phrase(manifest),
        bytes=_size(folder),
        shipped=folder.readonly,
    )


def _size(folder: RunFolder) -> int:
    total = 0
    for name in folder.parts:
        try:
            total += (folder.path / name).stat().st_size
        except OSError:
            continue  # Deleted since it was listed.
    return total


def _phrase(manifest: dict[str, Any]) -> str:
    match manifest["kind"]:
        case "influence":
            mean = _mean(manifest.get("accuracy", {}).get("validation"))
            of = f"{manifest['samples']:,} samples, {manifest['classes']} classes"
            return of if mean is None else f"{of}; mean accuracy {mean:.1%} (validation)"
        case "ceiling":
            judged, every = manifest.get("classes", ()), manifest["class_names"]
            of = f" (of {len(judged)} chosen classes)" if judged and len(judged) < len(every) else ""
            return _VERDICTS[manifest["verdict"]] + of
        case "probe":
            return f"classes move {manifest['factor']:.2f} times as far as predicted"
        case "climb":
            how = "reweighting" if manifest["how"] == "reweight" else "removing"
            return f"{how}, best round {manifest['best_round']} of {len(manifest['rounds'])}"
        case "removal" | "halves" | "datamodelling":
            return _validation_phrase(manifest)
        case "harmful":
            return f"another label suggested for {manifest['suggested']:,} of {manifest['samples']:,} samples"
        case "epochs":
            count = len(manifest["detrimental"])
            told = f"{count} detrimental {'epoch' if count == 1 else 'epochs'}"
            return f"{len(manifest['epochs'])} checkpoints, {told if count else 'no detrimental epoch'}"
    return _reweight_phrase(manifest)


def _validation_phrase(manifest: dict[str, Any]) -> str:
    match manifest["kind"]:
        case "removal":
            return f"{manifest['trainings']:,} trainings, without samples for {len(manifest['classes'])} classes"
        case "halves":
            return f"{manifest['subsets']} halves, {manifest['seeds']} trainings of each"
    own = manifest["candidates"][manifest["own"]]["mean"]
    return "no score" if own is None else f"mean score {own:.2f} over classes ({manifest['strategy']})"


def _reweight_phrase(manifest: dict[str, Any]) -> str:
    changes = manifest.get("change") or {}
    split = "test" if "test" in changes else "validation"
    values = changes.get(split)
    if not values:
        return ""
    chosen = [values[k] for k in manifest.get("targets", ()) if isinstance(k, int) and k < len(values)]
    whom, mean = ("targets", _mean(chosen)) if chosen else ("classes", _mean(values))
    return "" if mean is None else f"{whom} {100 * mean:+.1f} points against the control on average ({split})"


def _mean(values: Sequence[float | None] | None) -> float | None:
    known = [value for value in values or () if value is not None]
    return sum(known) / len(known) if known else None
