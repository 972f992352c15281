"""The use-case behind ``prune``: making room in a store, by age and by size, and saying what goes.

What killed processes left, and what was uploaded or previewed for a study that never came to be, goes in any case once
it is old enough. Runs, jobs and features go only where an age or a size asks for it, the oldest first. Never removed is
what a process works on, what was shipped, and every run that a study of the store's list finds by its files and
settings as they are now. A run goes together with the runs that were made from it, and no sooner than the youngest of
them: without it the pages could not show them.
"""

import re
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.figures.wording import size_in_words
from app.jobs import lock
from app.workflow import store_contents as contents
from app.workflow.job_list import job_rows
from app.workflow.needed_runs import made_from, manifests_of, needed_runs, sources, with_sources
from app.workflow.store_contents import Stored, stored
from cache import ingest_if_free
from cache.run_folder import RunFolder
from cache.store import Store, StoreBusy
from engine.errors import RefusedInput

SPARED_DAYS = 7.0
"""For so long what is left over may still be meant for something, unless another age is asked for."""
_DAY = 86400.0
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class _Group:
    """Things that go together or not at all."""

    members: tuple[Stored, ...]

    @property
    def changed(self) -> float:
        return max(member.changed for member in self.members)

    @property
    def bytes(self) -> int:
        return sum(member.bytes for member in self.members)


def prune(
    store: Store,
    older_than: float | None = None,
    keep: int | None = None,
    dry_run: bool = False,
    now: float | None = None,
) -> dict[str, Any]:
    """Removes what is not needed any more.

    Args:
        store: that is to become smaller.
        older_than: days; what is not needed and has not changed for so long goes.
        keep: bytes; the oldest of what is not needed goes until the store is no larger.
        dry_run: whether nothing is removed, and only told.
        now: the time to judge by, in seconds since 1970.

    Returns:
        The object that ``prune --json`` prints: ``removed``, a list of ``kind``, ``name``, ``bytes`` and ``days`` since
        it changed; ``bytes`` that are freed; ``left``, the bytes of the store after it; ``dry_run`` and ``notices``.
    """
    now = time.time() if now is None else now
    before = stored("store", store.root).bytes
    optional, notices = _optional(store)
    notices += [f"{folder} is a link, so what is in it is not removed" for folder in contents.linked_folders(store)]
    spared = SPARED_DAYS if older_than is None else older_than
    chosen = [group for group in _rubbish(store) if now - group.changed >= spared * _DAY]
    if older_than is not None:
        chosen += [group for group in optional if now - group.changed >= older_than * _DAY]
    if keep is not None:
        left = before - sum(group.bytes for group in chosen)
        for group in sorted(optional, key=lambda group: group.changed):
            if left <= keep:
                break
            if group not in chosen:
                chosen.append(group)
                left -= group.bytes
        if left > keep:
            notices.append(
                f"the store still holds more than {size_in_words(keep)}: the rest is in use, or its studies need it"
            )
    removed = []
    for group in chosen:
        for member in group.members:
            try:
                if not dry_run:
                    _remove(store, member)
            except RefusedInput as refusal:
                notices.append(str(refusal))
                break  # What was made from it goes first, so the rest can still be shown.
            removed.append(member)
    if not dry_run and any(member.kind == "run" for member in removed):
        ingest_if_free(store)
    freed = sum(member.bytes for member in removed)
    return {
        "removed": [
            {"kind": m.kind, "name": m.name, "bytes": m.bytes, "days": round(max(0.0, now - m.changed) / _DAY, 2)}
            for m in removed
        ],
        "bytes": freed,
        "left": before - freed,
        "dry_run": dry_run,
        "notices": notices,
    }


def bytes_of(text: str) -> int:
    """Returns the bytes of a size as people write it: ``20GB``, ``500 MB``, ``0``.

    Raises:
        RefusedInput: if it is none.
    """
    told = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", text)
    unit = _UNITS.get(told[2].upper()) if told else None
    if told is None or unit is None:
        raise RefusedInput(f"'{text[:40]}' is no size", "a number with a unit, such as 20GB or 500MB", "Write it so")
    return int(float(told[1]) * unit)


def _rubbish(store: Store) -> list[_Group]:
    """Returns what nobody asked to keep."""
    _, previews = contents.ended_jobs(store)
    found = [*contents.left_overs(store), *previews, *contents.drafts(store), *contents.unnamed_uploads(store)]
    try:
        with store.lock():
            found += [*contents.left_by_cache(store), *contents.earlier_caches(store)]
    except StoreBusy:
        pass  # A dashboard has the cache open, and may be writing to these.
    return [_Group((one,)) for one in found]


def _optional(store: Store) -> tuple[list[_Group], list[str]]:
    """Returns what may go when room is asked for, and what is to be said about it."""
    jobs, _ = contents.ended_jobs(store)
    runs, notices = _unneeded_runs(store)
    # A page that shows some has their files open, which the disk keeps for so long.
    single = [*jobs, *contents.shown_samples(store)]
    if any(row.is_active for row in job_rows(store)):
        # Nobody works on them at this moment; but a job that waits, or is at another step, goes on from them.
        notices.append("a job is at work or waits, so no unfinished run and no kept features are removed")
    else:
        single += [*contents.unfinished_runs(store), *contents.features(store)]
    return [*runs, *(_Group((one,)) for one in single)], notices


def _unneeded_runs(store: Store) -> tuple[list[_Group], list[str]]:
    """Returns finished runs that no study needs, each with those that were made from it, and notices."""
    folders = {run.key: run for run in store.finished_runs()}
    own = {key: run for key, run in folders.items() if not run.readonly and contents.is_own(run.path)}
    if not own:
        return [], []
    manifests = manifests_of(folders.values())
    kept, notices = needed_runs(store, manifests)
    working = {row.study_name for row in job_rows(store) if row.is_active}
    kept |= {key for key, manifest in manifests.items() if (manifest.get("study") or {}).get("name") in working}
    kept |= folders.keys() - own.keys()
    if not working and any(contents.is_at_work(run) for run in store.unfinished_runs()):
        return [], [*notices, "a command is at work in the store, so no finished run is removed"]
    free = own.keys() - with_sources(kept, manifests)
    groups = []
    while free:
        # The roots first: what was made from one is in its group.
        root = next(key for key in sorted(free) if not sources(manifests[key]) & free)
        together = made_from([root], {key: manifests[key] for key in free})
        # Those that were made from others stand before them.
        ordered = sorted(together, key=lambda key: -len(with_sources({key}, manifests)))
        groups.append(_Group(tuple(stored("run", own[key].path) for key in ordered)))
        free -= together
    return groups, notices


def _remove(store: Store, one: Stored) -> None:
    """Removes one thing, unless somebody has begun to work on it since it was looked at.

    Raises:
        RefusedInput: if somebody has, or it may not be removed.
    """
    try:
        if one.kind in ("run", "unfinished run"):
            store.remove(RunFolder(one.path))
        elif one.kind in ("job", "preview"):
            _remove_job(one.path)
        elif one.path.is_dir() and not one.path.is_symlink():
            shutil.rmtree(one.path)
        else:
            one.path.unlink(missing_ok=True)
    except OSError as error:
        raise RefusedInput(
            f"{one.kind} {one.name} cannot be removed: {error.strerror}", "a store that may be written", "Mend it"
        ) from error


def _remove_job(folder: Path) -> None:
    descriptor = lock.acquire(folder / "lock")
    if descriptor is None:
        raise RefusedInput(f"job {folder.name} is at work again", "a job that has ended", "Leave it")
    try:
        aside = folder.with_name(f".deleted-{folder.name}-{uuid.uuid4().hex[:8]}")
        folder.rename(aside)
        shutil.rmtree(aside)
    finally:
        lock.release(descriptor)
