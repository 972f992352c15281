"""The use-case behind ``unpack``: taking in a folder that :mod:`app.workflow.pack` made, all of it or nothing.

The folder may come from anywhere, so nothing in it is believed: what it lists is bounded and stays below the two
folders it may have, each file must be a regular one with no link on the way to it, and have the size and the SHA-256
that are told; the study file must be valid and name nothing outside of its folder, and each run must be what its
manifest says. Only then anything appears under the names that it is to have.
"""

import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.workflow.command_text import file_name
from app.workflow.disk_room import nearest_existing
from app.workflow.pack import FORMAT, MANIFEST, RUNS, STUDY, STUDY_FILE
from cache.fingerprints import RESULT_VERSION
from cache.manifests import read_manifest
from cache.run_folder import HASHES, RunFolder
from cache.store import Store
from engine.architecture_names import builder_name
from engine.errors import RefusedInput
from engine.study import Study, load_study
from engine.whole_files import PARTIAL

_LARGEST_MANIFEST = 256 * 2**20
_MOST_FILES = 5_000_000
_LONGEST_NAME, _DEEPEST = 255, 40
_CHUNK = 2**20
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REMEDY = "Pack the study again and bring the whole folder"
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    bytes: int = Field(ge=0, lt=2**50)
    sha256: _Sha256


class _Pack(BaseModel):
    """What ``pack.json`` says; more keys may come with later versions of the same format."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1]
    result_version: int = Field(ge=1, le=10_000)
    name: str = Field(min_length=1, max_length=1000)
    left_out: dict[str, str] = Field(max_length=100)
    files: dict[str, _File] = Field(max_length=_MOST_FILES)


def unpack_study(folder: Path, store: Store, out: Path | None = None) -> dict[str, Any]:
    """Takes in a packed study with its runs.

    Args:
        folder: that was packed.
        store: that the runs are taken into; the study is put on its list.
        out: folder to make for the study; by default one of its name in the working directory.

    Returns:
        The object that ``unpack --json`` prints: ``study`` (its file), ``runs`` that were taken in, ``present``: those
        that were there, and ``notices``.

    Raises:
        RefusedInput: if anything of it is not as it was packed or may not be taken in; then nothing is.
    """
    pack = _read(folder)
    files = {PurePosixPath(name): file for name, file in pack.files.items()}
    keys = _checked(files)
    out = (Path(file_name(pack.name)) if out is None else out).resolve()
    if out.exists():
        raise RefusedInput(f"{out} is there already", "a name that is free", "Give another one with --out")
    _refuse_without_room(sum(file.bytes for file in pack.files.values()), out, store)
    mark = f"{PARTIAL}unpack-{uuid.uuid4().hex[:8]}"
    aside, runs = out.with_name(mark), store.runs_folder / mark
    try:
        for name, file in files.items():
            target = (runs if name.parts[0] == RUNS else aside).joinpath(*name.parts[1:])
            _take(folder, name, file, target)
        study = _checked_study(aside)
        for key in keys:
            _check_run(RunFolder(runs / key))
        taken = _put_in_place(store, {key: runs / key for key in keys}, aside, out)
    except OSError as error:
        raise RefusedInput(
            f"the study cannot be taken in: {error.strerror or error}",
            "a store and a folder that have room and may be written",
            "Free some space, or give another place with --out and --cache",
        ) from error
    finally:
        for left in (aside, runs):
            shutil.rmtree(left, ignore_errors=True)
    return {
        "study": str(out / STUDY_FILE),
        "runs": taken,
        "present": [key for key in keys if key not in taken],
        "notices": _notices(pack, study, out),
    }


def _read(folder: Path) -> _Pack:
    """Returns what the folder says of itself.

    Raises:
        RefusedInput: if it says nothing that can be used.
    """
    if not folder.is_dir() or folder.is_symlink():
        raise RefusedInput(f"{folder} is no folder", "a folder that `python -m app pack` made", "Check the path")
    try:
        with _opened(folder, PurePosixPath(MANIFEST)) as file:
            text = file.read(_LARGEST_MANIFEST + 1)
        if len(text) > _LARGEST_MANIFEST:
            raise ValueError(f"it has more than {_LARGEST_MANIFEST} bytes")
        return _Pack.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:80] for part in first["loc"]) or "contents"
        if where == "format":
            raise _refusal(f"{MANIFEST} is of a format that is not known here", f"format {FORMAT}") from None
        raise _refusal(f"{MANIFEST} is not valid ({where}: {first['msg']})", "one as it was packed") from None
    except ValueError as error:
        raise _refusal(f"{MANIFEST} cannot be read: {error}", "one as it was packed") from None


def _checked(files: dict[PurePosixPath, _File]) -> list[str]:
    """Returns the keys of the runs, after every name was found to stay where it belongs.

    Raises:
        RefusedInput: if one does not, or the study file is missing.
    """
    keys: dict[str, None] = {}
    for path in files:
        parts = path.parts
        is_run = len(parts) == 3 and parts[0] == RUNS and _KEY.fullmatch(parts[1]) is not None
        sound = all(len(part.encode()) <= _LONGEST_NAME and part.isprintable() and "\\" not in part for part in parts)
        if is_run and (not parts[2].startswith(".") or parts[2] == HASHES):
            keys[parts[1]] = None
        elif not (len(parts) >= 2 and parts[0] == STUDY):
            sound = False
        if not sound or ".." in parts or path.is_absolute() or len(parts) > _DEEPEST:
            raise _refusal(f"{MANIFEST} names {str(path)[:120]!r}", f"files below {STUDY}/ and {RUNS}/KEY/")
    if PurePosixPath(STUDY, STUDY_FILE) not in files:
        raise _refusal(f"{MANIFEST} names no {STUDY}/{STUDY_FILE}", "a study")
    return list(keys)


def _refuse_without_room(size: int, out: Path, store: Store) -> None:
    for place in (out.parent, store.root):
        existing = nearest_existing(place)
        free = shutil.disk_usage(existing).free
        if size > free:
            raise RefusedInput(
                f"the study has {size:,} bytes, and the disk of {existing} has {free:,} free",
                "room for all of it",
                "Free some space, or give another place with --out and --cache",
            )


@contextmanager
def _opened(folder: Path, name: PurePosixPath) -> Iterator[Any]:
    """Opens a file of the folder that is a regular one, with no link on the way to it.

    Raises:
        RefusedInput: if it is not.
    """
    at = folder
    try:
        for part in name.parts[:-1]:
            at = at / part
            if not stat.S_ISDIR(at.lstat().st_mode):
                raise _refusal(f"{at.relative_to(folder)} is a link, or no folder", "folders as they were packed")
        # Without waiting for a pipe; a link is refused by the system itself.
        descriptor = os.open(at / name.parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _refusal(f"{name} cannot be opened: {error.strerror}", "a regular file as it was packed") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _refusal(f"{name} is no regular file", "a regular file as it was packed")
    with os.fdopen(descriptor, "rb") as file:
        yield file


def _take(folder: Path, name: PurePosixPath, told: _File, target: Path) -> None:
    """Copies a file, and refuses it where it is not what is told of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, left = sha256(), told.bytes
    with _opened(folder, name) as source, target.open("xb") as copy:
        # One byte more than there should be is asked for, and not all that there may be.
        while chunk := source.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                break
            digest.update(chunk)
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    if left or digest.hexdigest() != told.sha256:
        raise _refusal(f"{name} is not as it was packed", f"{told.bytes:,} bytes of the SHA-256 in {MANIFEST}")


def _checked_study(folder: Path) -> Study:
    """Returns the study, of which everything lies below its folder."""
    study = load_study(folder / STUDY_FILE)
    named = [*study.data_paths.values(), study.checkpoints_path, *study.input_paths]
    named += [study.path(study.data.root)] if study.data.root is not None else []
    named += [study.text_folder] if study.text_folder is not None else []
    for path in named:
        if not Path(os.path.normpath(path)).is_relative_to(folder):
            raise _refusal(f"the study names {str(path)[:200]!r}", "files of its own folder alone")
    return study


def _check_run(run: RunFolder) -> None:
    if not run.is_finished:
        raise _refusal(f"run {run.key} is not finished", "finished runs")
    read_manifest(run)
    if damaged := run.damaged_parts():
        raise _refusal(f"run {run.key} is not as it was written: {', '.join(damaged[:3])}", "runs that are whole")


def _put_in_place(store: Store, runs: dict[str, Path], aside: Path, out: Path) -> list[str]:
    """Gives everything its name and puts the study on the list; takes back what has a name already if something fails.

    Returns:
        Keys of the runs that were not there before.
    """
    placed: list[Path] = []
    try:
        for key, run in runs.items():
            if store.run(key).is_finished:
                continue
            own = RunFolder(store.runs_folder / key)
            if own.path.exists():
                # Begun here, and now there is a finished one.
                store.remove(own)
            run.rename(own.path)
            placed.append(own.path)
        aside.rename(out)
        try:
            store.register_study(out / STUDY_FILE)
        except BaseException:
            shutil.rmtree(out, ignore_errors=True)
            raise
    except BaseException:
        for path in placed:
            shutil.rmtree(path, ignore_errors=True)
        raise
    return [path.name for path in placed]


def _notices(pack: _Pack, study: Study, out: Path) -> list[str]:
    told = [f"put the data at {out / place}: they were left out" for place in pack.left_out]
    if pack.result_version < RESULT_VERSION:
        told.append("its runs are of an earlier version of Paretoscope, so the study does not find them")
    if builder := builder_name(study.model.architecture):
        told.append(
            f"its model is built by {builder.path}, which is run only if PARETOSCOPE_CODE_ROOT names its folder: read"
            " it first"
        )
    return told


def _refusal(problem: str, expected: str) -> RefusedInput:
    return RefusedInput(f"the packed study cannot be used: {problem}", expected, _REMEDY)
