"""Which studies a dashboard knows, and which stored runs answer for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.workflow.job_list import RESUMABLE
from app.workflow.study_roots import allowed_study
from cache.fingerprints import ceiling_key, influence_key
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.errors import RefusedInput
from engine.study import Study, load_study


@dataclass(frozen=True)
class StudyEntry:
    """A study as a list shows it.

    Attributes:
        path: of the study file.
        name: of the study; the file's folder where it cannot be read.
        problem: why it cannot be opened, or ``None``.
    """

    path: Path
    name: str
    problem: str | None = None


@dataclass(frozen=True)
class StudyCard:
    """A study as its card shows it.

    Attributes:
        facts: what it is, each in a few words.
        verdict: one of ``improvable``, ``at_ceiling`` and ``inconclusive``; ``None`` where none is stored.
        sentence: the verdict in short, or what is missing before there can be one.
    """

    facts: tuple[str, ...]
    verdict: str | None
    sentence: str


@dataclass(frozen=True)
class RunKeys:
    """Keys of the runs that belong to a study as it is now."""

    influence: str
    ceiling: str


def study_entries(store: Store) -> list[StudyEntry]:
    """Returns the studies of the store, the shipped ones last."""
    return [_entry(path) for path in store.studies()]


def study_labels(entries: Iterable[StudyEntry]) -> dict[str, str]:
    """Returns what a list calls each study, by its path: its name, with its folder where the name is not its alone.

    A list box tells its choices apart by what it shows: of two that read alike it would take the wrong one.
    """
    entries = list(entries)
    names = [entry.name for entry in entries]
    return {
        str(entry.path): entry.name if names.count(entry.name) == 1 else f"{entry.name} ({entry.path})"
        for entry in entries
    }


def lost_entries(store: Store) -> list[StudyEntry]:
    """Returns the studies that were opened once and whose files are there no more."""
    problem = "There is no file any more: it was moved or deleted. Open it from where it is now, or forget it"
    return [StudyEntry(path, path.parent.name, f"{problem}.") for path in store.lost_studies()]


def study_card(study: Study, influence: dict[str, Any] | None, ceiling: dict[str, Any] | None) -> StudyCard:
    """Returns what the card of a study says.

    Args:
        study: its settings.
        influence: manifest of its influence run, or ``None`` where none is stored.
        ceiling: manifest of its verdict, likewise.
    """
    modality = {"image": "pictures", "tabular": "tables of numbers", "text": "texts"}[study.data.modality]
    facts = [f"{modality} ({study.data.format})", study.model.architecture]
    names = study.data.class_names or (influence or {}).get("class_names")
    if names:
        facts.append(f"{len(names)} classes")
    if influence is not None:
        facts += [f"{influence['samples']:,} training samples", f"checkpoint of epoch {influence['epoch']}"]
    if ceiling is None:
        missing = "Influence is stored, the verdict is not" if influence is not None else "Nothing is stored"
        return StudyCard(tuple(facts), None, f"{missing} for its data, checkpoint and settings as they are now.")
    return StudyCard(tuple(facts), ceiling["verdict"], _in_short(ceiling["sentence"]))


def jobs_in_words(states: Iterable[tuple[str, str]]) -> str:
    """Says how the jobs of a study stand, those at work first; empty where there is none to tell of.

    Args:
        states: of each job its command and its state, the latest first.
    """
    told = []
    for wanted in ("running", "waiting", *(state for state in RESUMABLE if state != "cancelled")):
        commands = [command for command, state in states if state == wanted]
        if commands:
            told.append(f"{wanted}: {', '.join(dict.fromkeys(commands))}")
    return "; ".join(told)


def open_study(store: Store, path: Path) -> StudyEntry:
    """Adds a study to the store's list after all that can be checked at once was checked.

    Raises:
        RefusedInput: if the study file, its data files or its checkpoint cannot be used, or lie where this server
            may not look.
    """
    run_keys(study := allowed_study(path, store))
    file = path / "study.toml" if path.is_dir() else path
    store.register_study(file)
    return StudyEntry(file.resolve(), study.name)


def run_keys(study: Study) -> RunKeys:
    """Returns the keys under which the study's results are stored.

    Raises:
        RefusedInput: if a data file or the checkpoint is missing.
    """
    _, checkpoint = chosen_checkpoint(study)
    influence = influence_key(study, checkpoint)
    return RunKeys(influence, ceiling_key(influence, study))


def has_checkpoint(study: Study) -> bool:
    """Says whether there is anything where the checkpoints are to be; whether it can be used is told elsewhere.

    Raises:
        RefusedInput: if it may not be looked at.
    """
    path = study.checkpoints_path
    try:
        return path.is_file() or (path.is_dir() and any(path.iterdir()))
    except OSError as error:
        raise RefusedInput(
            f"[model] checkpoints: {path.name[:80]} cannot be looked at: {error.strerror}",
            "a file or a folder that may be read",
            "Check the path and its permissions",
        ) from error


def _in_short(sentence: str) -> str:
    """Returns a verdict without the figures behind it, which its page tells."""
    return f"{sentence.partition(';')[0].rstrip('.')}."


def _entry(path: Path) -> StudyEntry:
    try:
        return StudyEntry(path, load_study(path).name)
    except RefusedInput as refusal:
        return StudyEntry(path, path.parent.name, str(refusal))
