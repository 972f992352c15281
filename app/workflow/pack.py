"""The use-case behind ``pack``: a study with its results in one folder, to be taken to another machine.

The folder holds ``study/`` (the study file, its data and its checkpoints, all named from beside the study file),
``runs/KEY/`` (the parts of each finished run that the study finds) and ``pack.json`` with the SHA-256 of every file.
The key of a run covers contents and settings and not where files lie, so the study finds its runs wherever it is
unpacked.
"""

import json
import shutil
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomlkit

from app.workflow.needed_runs import found_by, made_from, manifests_of, with_sources
from cache.fingerprints import RESULT_VERSION, file_sha256
from cache.run_folder import HASHES, RunFolder
from cache.store import Store
from engine.architecture_names import FILE, TRANSFORMERS, builder_name, transformers_folder
from engine.checkpoints import HISTORY, list_checkpoints, optimizer_path
from engine.errors import RefusedInput
from engine.study import SPLITS, Study
from engine.text_folder import text_folder_files
from engine.text_settings import ENCODER
from engine.whole_files import PARTIAL, write_whole

MANIFEST, STUDY, RUNS = "pack.json", "study", "runs"
STUDY_FILE = "study.toml"
FORMAT = 1


def pack_study(path: Path, study: Study, store: Store, out: Path, with_data: bool = True) -> dict[str, Any]:
    """Puts a study, its data, its checkpoints and its finished runs into a new folder.

    Args:
        path: of the study file.
        study: as the file says.
        store: where its runs are.
        out: the folder to make; it is there whole or not at all.
        with_data: whether the data go along; without them they have to be put in their places by hand.

    Returns:
        The object that ``pack --json`` prints: ``folder``, ``files``, ``bytes``, ``runs`` and ``left_out``, the places
        in the study's folder where data are still to be put.

    Raises:
        RefusedInput: if the folder is there, a file of the study is missing, a run is damaged, or there is no room.
    """
    out = out.resolve()
    if out.exists():
        raise RefusedInput(f"{out} is there already", "a name that is free", "Give another one with --out")
    runs = _runs_of(study, store)
    copies, text, left_out = _study_files(path, study, with_data)
    for run in runs:
        names = [*run.parts, *([HASHES] if (run.path / HASHES).is_file() else [])]
        copies |= {f"{RUNS}/{run.key}/{name}": run.path / name for name in names}
    aside = out.with_name(f"{PARTIAL}{uuid.uuid4().hex[:8]}-{out.name}")
    try:
        files = {f"{STUDY}/{STUDY_FILE}": _written(aside / STUDY / STUDY_FILE, text)}
        files |= {name: _copied(source, aside / name) for name, source in copies.items()}
        told = {
            "format": FORMAT,
            "result_version": RESULT_VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "name": study.name,
            "runs": [run.key for run in runs],
            "left_out": left_out,
            "files": files,
        }
        write_whole(aside / MANIFEST, (json.dumps(told, indent=1) + "\n").encode())
        aside.rename(out)
    except OSError as error:
        raise RefusedInput(
            f"the study cannot be packed to {out}: {error.strerror or error}",
            "a folder that has room and may be written",
            "Give another one with --out",
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return {
        "folder": str(out),
        "files": len(files),
        "bytes": sum(file["bytes"] for file in files.values()),
        "runs": told["runs"],
        "left_out": left_out,
        "notices": [f"put {source} at study/{place} before it is used" for place, source in left_out.items()],
    }


def _runs_of(study: Study, store: Store) -> list[RunFolder]:
    """Returns the finished runs that a study finds as it is now, and those that they were made from.

    Raises:
        RefusedInput: if one of them is not as it was written.
    """
    folders = {run.key: run for run in store.finished_runs()}
    manifests = manifests_of(folders.values())
    found = made_from(found_by(study, manifests) & folders.keys(), manifests)
    runs = [folders[key] for key in sorted(with_sources(found, manifests) & folders.keys())]
    for run in runs:
        if damaged := run.damaged_parts():
            raise RefusedInput(
                f"run {run.key} is not as it was written: {', '.join(damaged[:3])}",
                "runs that are whole",
                "Delete the run on the Studies page and compute it again",
            )
    return runs


def _study_files(path: Path, study: Study, with_data: bool) -> tuple[dict[str, Path], str, dict[str, str]]:
    """Returns what is copied, by its place in the pack; the study file as it reads there; and what is left out."""
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    data, model = document["data"], document["model"]
    placed: dict[str, Path] = {}
    left_out: dict[str, str] = {}

    def put(here: str, file: Path) -> None:
        name = f"{STUDY}/{here}"
        if placed.setdefault(name, file) != file or here == STUDY_FILE:
            raise RefusedInput(
                f"{file} and another file would both be {here}", "files of their own", "Rename one of them"
            )

    def place(named: str, aside: str, files: Callable[[Path], list[Path]], wanted: bool = True) -> str:
        """Finds a place below the study's folder for what a key names, and returns what the key is to say."""
        source = study.path(named)
        here = _inside(study, named) or f"{aside}/{source.name}"
        if not wanted:
            left_out[here] = str(source)
            return here
        for file in files(source):
            put(here if file == source else f"{here}/{file.relative_to(source).as_posix()}", file)
        return here

    for split in SPLITS:
        if split in study.data_paths:
            data[split] = place(str(getattr(study.data, split)), f"data/{split}", _below, with_data)
    if study.data.root is not None:
        files = [file for of_split in study.set_files.values() for file in of_split]
        data["root"] = place(study.data.root, "data", lambda _: files, with_data)
    features = study.data.features
    if features is not None and features.encoder is not None:
        data["features"]["kind"] = f"{ENCODER}{place(features.encoder, 'encoder', text_folder_files)}"
    if (folder := transformers_folder(study.model.architecture)) is not None:
        model["architecture"] = f"{TRANSFORMERS}{place(folder, 'transformer', text_folder_files)}"
    if builder := builder_name(study.model.architecture):
        model["architecture"] = f"{FILE}{place(builder.path, 'model', _below)}:{builder.function}"
    checkpoints = place(study.model.checkpoints, "model", lambda source: _checkpoints(study, source))
    model["checkpoints"] = checkpoints
    momentum = optimizer_path(study.checkpoints_path)
    if study.checkpoints_path.is_file() and momentum.is_file():
        # Beside a single file, and so not below it.
        put(optimizer_path(Path(checkpoints)).as_posix(), momentum)
    return placed, tomlkit.dumps(document), left_out


def _checkpoints(study: Study, source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    found = list(list_checkpoints(study).values())
    beside = [*map(optimizer_path, found), source / HISTORY]
    return [*found, *(file for file in beside if file.is_file())]


def _inside(study: Study, named: str) -> str | None:
    """Returns a path as it is from beside the study file, where it stays below it; links lead where they lead."""
    path = Path(named)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        return None
    return path.as_posix()


def _below(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    return sorted(file for file in source.rglob("*") if file.is_file())


def _written(target: Path, text: str) -> dict[str, Any]:
    write_whole(target, text.encode())
    return {"bytes": len(text.encode()), "sha256": file_sha256(target)}


def _copied(source: Path, target: Path) -> dict[str, Any]:
    if not source.is_file():
        raise RefusedInput(f"no file at {source}", "a regular file", "Check the path in the study file")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    # Of the copy: what is told is what is there.
    return {"bytes": target.stat().st_size, "sha256": file_sha256(target)}
