"""Which studies a dashboard knows, and which stored runs answer for them."""

from dataclasses import dataclass
from pathlib import Path

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
class RunKeys:
    """Keys of the runs that belong to a study as it is now."""

    influence: str
    ceiling: str


def study_entries(store: Store) -> list[StudyEntry]:
    """Returns the studies of the store, the shipped ones last."""
    return [_entry(path) for path in store.studies()]


def open_study(store: Store, path: Path) -> StudyEntry:
    """Adds a study to the store's list after all that can be checked at once was checked.

    Raises:
        RefusedInput: if the study file, its data files or its checkpoint cannot be used.
    """
    study = load_study(path)
    run_keys(study)
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


def _entry(path: Path) -> StudyEntry:
    try:
        return StudyEntry(path, load_study(path).name)
    except RefusedInput as refusal:
        return StudyEntry(path, path.parent.name, str(refusal))
