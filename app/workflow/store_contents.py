"""What lies in a store beside its registered studies, each thing with its size and when it last changed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.jobs import list_jobs
from app.jobs.lock import is_held
from app.workflow.drafts import drafts_folder
from app.workflow.upload_folder import uploads_folder
from cache.database import old_copies, write_ahead_log
from cache.locks import NamedLock
from cache.run_folder import LOCK, RunFolder
from cache.store import SHOWN_LOCK, Store
from engine.errors import RefusedInput
from engine.study import load_study
from engine.whole_files import PARTIAL

_GENERATED = re.compile(r"[0-9a-f]{20}")


@dataclass(frozen=True)
class Stored:
    """A file or folder of the store.

    Attributes:
        kind: what it is, in words.
        name: its run, its job or its file.
        path: where it lies.
        bytes: that it takes on the disk, with all below it.
        changed: when anything of it changed last, in seconds since 1970.
    """

    kind: str
    name: str
    path: Path
    bytes: int
    changed: float


def stored(kind: str, path: Path, name: str | None = None) -> Stored:
    """Returns one thing with its size and its last change; what goes meanwhile counts as nothing."""
    size, changed = 0, 0.0
    for item in [path, *(path.rglob("*") if path.is_dir() and not path.is_symlink() else ())]:
        # A lock that is asked for changes its folder, and nothing of the run in it.
        if item.name == LOCK:
            continue
        try:
            status = item.lstat()
        except OSError:
            continue
        size += 0 if item.is_dir() and not item.is_symlink() else status.st_size
        changed = max(changed, 0.0 if item.is_dir() else status.st_mtime)
    return Stored(kind, name or path.name, path, size, changed or _changed(path))


def is_at_work(folder: RunFolder) -> bool:
    """Says whether a process computes a run now."""
    return NamedLock(folder.path / LOCK).current_holder() is not None


def is_own(path: Path) -> bool:
    """Says whether what is in one of the store's folders lies in the store; what is linked there is somebody's."""
    return not (path.is_symlink() or path.parent.is_symlink())


def linked_folders(store: Store) -> list[Path]:
    """Returns the store's folders that lead elsewhere: what lies there may look like ours, as another store's does."""
    folders = (store.runs_folder, store.jobs_folder, store.features_folder, store.shown_folder)
    return [path for path in folders if path.is_symlink()]


def unfinished_runs(store: Store) -> list[Stored]:
    """Returns the runs that were begun and that nobody works on."""
    begun = (run for run in store.unfinished_runs() if is_own(run.path) and not is_at_work(run))
    return [stored("unfinished run", run.path) for run in begun]


def ended_jobs(store: Store) -> tuple[list[Stored], list[Stored]]:
    """Returns the jobs that nobody works on: those of studies, and the previews of studies being filled in."""
    jobs: list[Stored] = []
    previews: list[Stored] = []
    for job in list_jobs(store):
        if not is_own(job.path) or is_held(job.lock_path):
            continue
        try:
            of_draft = job.request().study.is_relative_to(drafts_folder(store.root.resolve()))
        except RefusedInput:
            of_draft = False
        (previews if of_draft else jobs).append(stored("preview" if of_draft else "job", job.path))
    return jobs, previews


def drafts(store: Store) -> list[Stored]:
    """Returns the studies that were written for previews."""
    return [stored("draft of a study", path) for path in _generated(drafts_folder(store.root))]


def unnamed_uploads(store: Store) -> list[Stored]:
    """Returns the uploaded files that no study of the store's list names."""
    named = {path.resolve() for file in store.studies() for path in _named_by(file)}
    found = []
    for folder in _generated(uploads_folder(store)):
        resolved = folder.resolve()
        if not any(path == resolved or path.is_relative_to(resolved) for path in named):
            names = ", ".join(file.name for file in _entries(folder))
            found.append(stored("upload", folder, names or folder.name))
    return found


def features(store: Store) -> list[Stored]:
    """Returns the kept features of texts, which are made again when they are missed."""
    kept = filter(is_own, _entries(store.features_folder))
    whole = (path for path in kept if not path.name.startswith(PARTIAL))
    return [stored("features of texts", path) for path in whole]


def shown_samples(store: Store) -> list[Stored]:
    """Returns the samples that are kept for pages, which are read again when somebody looks at one."""
    return [stored("samples for pages", path) for path in filter(is_own, _generated(store.shown_folder))]


def left_overs(store: Store) -> list[Stored]:
    """Returns what killed processes left behind: half-written files, and folders that were being deleted."""
    half = [path for path in store.root.rglob(f"{PARTIAL}*") if not _is_being_written(store, path)]
    deleted = [path for folder in (store.runs_folder, store.jobs_folder) for path in folder.glob(".deleted-*")]
    return [stored("left over", path) for path in [*half, *(path for path in deleted if not path.parent.is_symlink())]]


def left_by_cache(store: Store) -> list[Stored]:
    """Returns what the cache has no use for while it is closed: its overflow, and half of a new one."""
    new, overflow = store.database_path.with_name(f"{store.database_path.name}.new"), store.root / "cache-overflow"
    # A folder in the place of one of the files was not made by us.
    files = [path for path in (new, write_ahead_log(new)) if path.is_file()]
    return [stored("left over", path) for path in [*([overflow] if overflow.exists() else []), *files]]


def earlier_caches(store: Store) -> list[Stored]:
    """Returns the caches that were moved aside to be rebuilt, and the one from before the last change of schema."""
    aside = [*store.root.glob("cache-aside-*"), *old_copies(store.database_path)]
    return [stored("earlier cache", path) for path in sorted(aside)]


def _named_by(file: Path) -> Iterator[Path]:
    try:
        study = load_study(file)
        yield from [file, *study.data_paths.values(), study.checkpoints_path, *study.input_paths]
    except (RefusedInput, OSError):
        return  # What is left of it can still be named by hand; its uploads go by age.


def _is_being_written(store: Store, path: Path) -> bool:
    """Says whether a process that works now may be writing a half-written file."""
    if path.is_relative_to(store.runs_folder):
        return is_at_work(RunFolder(store.runs_folder / path.relative_to(store.runs_folder).parts[0]))
    if path.is_relative_to(store.jobs_folder):
        return is_held(store.jobs_folder / path.relative_to(store.jobs_folder).parts[0] / "lock")
    readers = [is_held(path) for path in store.shown_folder.glob(SHOWN_LOCK.format(key="*"))]
    if path.is_relative_to(store.shown_folder):
        return any(readers)
    of_jobs = any(is_held(job.lock_path) for job in list_jobs(store))
    if path.parent == store.root and path.is_dir():
        # What a cluster's machines read while a command or a job waits for their work, at times for longer than a week.
        return of_jobs or any(is_at_work(run) for run in store.unfinished_runs())
    # Of texts that are read for a page, features are kept as well.
    return path.is_relative_to(store.features_folder) and (any(readers) or of_jobs)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _generated(folder: Path) -> list[Path]:
    """Returns the entries whose names we made; what somebody put or linked there is somebody's."""
    return [path for path in _entries(folder) if _GENERATED.fullmatch(path.name) and not path.is_symlink()]


def _changed(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0
