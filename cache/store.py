"""Where runs, jobs and registered studies lie: one folder, and the samples that are shipped.

Commands and workers know only this module and run folders. They never open the
DuckDB file: that is for whoever holds the store's lock (:mod:`cache.cache`).
"""

import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cache.locks import Holder, NamedLock
from cache.run_folder import RunFolder
from engine.errors import RefusedInput

SHOWN_LOCK = "{key}.lock"
"""In the folder of samples for pages: held by who writes those of a run."""
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


class StoreBusy(RefusedInput):
    """Another process holds the store's lock.

    Args:
        holder: who it is, in words.
    """

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(
            f"the store is in use by {holder}",
            "a store that no other process has open",
            "Use the dashboard that is running, or stop it first",
        )


class Store:
    """The folder of everything that was computed. Nothing is made before it is needed.

    Args:
        root: the folder.
        samples: the shipped samples: read-only runs in ``*/runs/<key>`` and studies in ``*/study.toml``.
    """

    def __init__(self, root: Path, samples: Path | None = None) -> None:
        self.root = Path(root).absolute()
        self.samples = None if samples is None else Path(samples).absolute()
        self.runs_folder = self.root / "runs"
        self.jobs_folder = self.root / "jobs"
        self.studies_folder = self.root / "studies"
        self.features_folder = self.root / "features"
        self.shown_folder = self.root / "shown"
        self.lock_path = self.root / "lock"
        self.database_path = self.root / "cache.duckdb"

    def run(self, key: str) -> RunFolder:
        """Returns a run's folder: the store's own, or else the shipped one if only that is finished.

        Raises:
            RefusedInput: if the key is not one, such as a path.
        """
        _refuse_no_key(key)
        own = RunFolder(self.runs_folder / key)
        if own.is_finished:
            return own
        shipped = (folder for folder in self._shipped_runs() if folder.key == key and folder.is_finished)
        return next(shipped, own)

    def shown(self, key: str) -> list[Path]:
        """Returns the folders that may keep the samples of an influence run for pages, the store's own first.

        Raises:
            RefusedInput: if the key is not one, such as a path.
        """
        _refuse_no_key(key)
        shipped = [] if self.samples is None else sorted(self.samples.glob(f"*/shown/{key}"))
        return [self.shown_folder / key, *shipped]

    def finished_runs(self) -> list[RunFolder]:
        """Returns every finished run, the store's own before the shipped, one of each key."""
        folders = [*self._own_runs(), *self._shipped_runs()]
        finished: dict[str, RunFolder] = {}
        for folder in folders:
            if folder.is_finished:
                finished.setdefault(folder.key, folder)
        return list(finished.values())

    def unfinished_runs(self) -> list[RunFolder]:
        """Returns the store's own runs that are being computed or were interrupted."""
        return [folder for folder in self._own_runs() if not folder.is_finished]

    def delete_run(self, key: str) -> None:
        """Removes a run's folder with all its parts, finished or not; the runs that were made from it stay.

        Raises:
            RefusedInput: if there is none, if it was shipped, or if it is being computed.
        """
        folder = self.run(key)
        if not folder.path.is_dir():
            raise RefusedInput(f"there is no run {key}", "a run of this store", "Choose a run from the list")
        self.remove(folder)

    def remove(self, folder: RunFolder) -> None:
        """Removes one of the store's own run folders, whether or not a finished run of its key was shipped as well.

        Raises:
            RefusedInput: if it was shipped, or is being computed.
        """
        # A name that no run can have: whoever looks sees the whole run or none, also if this process is killed.
        aside = self.runs_folder / f".deleted-{folder.key}-{uuid.uuid4().hex[:8]}"
        with folder.lock():
            folder.path.rename(aside)
        for left in self.runs_folder.glob(".deleted-*"):
            shutil.rmtree(left, ignore_errors=True)
        # Nobody finds its samples any more.
        shutil.rmtree(self.shown_folder / folder.key, ignore_errors=True)
        (self.shown_folder / SHOWN_LOCK.format(key=folder.key)).unlink(missing_ok=True)

    def register_study(self, path: Path) -> None:
        """Remembers a study file, so that the dashboard lists it; twice is once.

        Args:
            path: the TOML file.

        Raises:
            RefusedInput: if there is no such file, or its name is no text.
        """
        path = Path(path).resolve()
        if not path.is_file():
            raise RefusedInput(f"no study file at {path}", "a study.toml", "Check the path")
        try:
            name = self._entry_name(path)
        except UnicodeEncodeError:
            raise RefusedInput(
                f"the path {str(path)!a} is no text in UTF-8", "names in UTF-8", "Rename its folders"
            ) from None
        # A folder of studies is written like a folder of parts: whole or not at all.
        if not (self.studies_folder / name).is_file():
            RunFolder(self.studies_folder).write_json(name, {"file": path, "registered": time.time()})

    def forget_study(self, path: Path) -> None:
        """Takes a study off the list; its files, its runs and its jobs stay.

        Raises:
            RefusedInput: if it was shipped, or is not on the list.
        """
        if path in self._shipped_studies():
            raise RefusedInput(
                f"the study at {path} was shipped with the samples",
                "a study that was opened or created here",
                "Leave it",
            )
        entry = self.studies_folder / self._entry_name(path)
        if not entry.is_file():
            raise RefusedInput(f"no study at {path} is on the list", "a study of the list", "Look at the list again")
        entry.unlink(missing_ok=True)

    def is_shipped_study(self, path: Path) -> bool:
        """Says whether a study file is one of the samples."""
        return path in self._shipped_studies()

    def studies(self) -> list[Path]:
        """Returns the study files that exist: the registered ones as they came, then the shipped."""
        files = self._registered_studies() + self._shipped_studies()
        return [path for path in dict.fromkeys(files) if _is_file(path)]

    def lost_studies(self) -> list[Path]:
        """Returns the registered study files that are there no more."""
        return [path for path in self._registered_studies() if not _is_file(path)]

    def _registered_studies(self) -> list[Path]:
        entries = []
        for entry in self.studies_folder.glob("*.json"):
            try:
                told = json.loads(entry.read_text(encoding="utf-8"))
                entries.append((float(told["registered"]), Path(told["file"])))
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                continue  # A damaged entry costs its own line in a list, not the list.
        return [path for _, path in sorted(entries)]

    def _shipped_studies(self) -> list[Path]:
        found = [] if self.samples is None else sorted(self.samples.glob("*/study.toml"))
        return [path.resolve() for path in found]

    @staticmethod
    def _entry_name(path: Path) -> str:
        return f"{hashlib.sha256(str(path).encode()).hexdigest()[:20]}.json"

    @contextmanager
    def lock(self, address: str | None = None) -> Iterator[None]:
        """Holds the store's lock: the right to open the DuckDB file.

        Args:
            address: where the holder serves, told to those who are refused.

        Raises:
            StoreBusy: if another process, or another holder in this one, has it.
            RefusedInput: if the store's folder cannot be written to.
        """
        lock = NamedLock(self.lock_path)
        try:
            taken = lock.acquire(address)
        except OSError as error:
            raise RefusedInput(
                f"the store {self.root} cannot be written to: {error.strerror or error}",
                "a folder that has room and may be written",
                "Free some space or mend its permissions, or name another with --cache",
            ) from error
        if not taken:
            raise StoreBusy(str(lock.holder() or "another process"))
        try:
            yield
        finally:
            lock.release()

    def holder(self) -> Holder | None:
        """Returns who holds the store's lock, without taking it; ``None`` where nobody does."""
        return NamedLock(self.lock_path).current_holder()

    def _own_runs(self) -> list[RunFolder]:
        return [RunFolder(path) for path in sorted(self.runs_folder.glob("*")) if _is_run(path)]

    def _shipped_runs(self) -> list[RunFolder]:
        if self.samples is None:
            return []
        return [RunFolder(path, readonly=True) for path in sorted(self.samples.glob("*/runs/*")) if _is_run(path)]


def default_store_root() -> Path:
    """Returns the store that ``PARETOSCOPE_STORE`` names, else ``.paretoscope`` in the working directory."""
    return Path(os.environ.get("PARETOSCOPE_STORE") or ".paretoscope").absolute()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # A name that no disk takes, or a folder that may not be looked into.


def _refuse_no_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise RefusedInput(f"'{key}' is not the key of a run", "letters and digits", "Choose a run from the list")


def _is_run(path: Path) -> bool:
    return path.is_dir() and _KEY.fullmatch(path.name) is not None
