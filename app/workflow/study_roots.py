"""Whether all that a study names lies where a server may look.

A study file may name any path, and whoever can reach a server can have it read one. Where
``PARETOSCOPE_ROOTS`` says which folders are meant, nothing else is opened: each path is
followed to where it leads, links and ``..`` included, before anything asks what is there.
Without the variable paths are free, as they are for the commands of whoever sits at the machine.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.workflow.drafts import drafts_folder
from app.workflow.folder_browser import VARIABLE, Roots
from app.workflow.upload_folder import uploads_folder
from cache.store import Store
from engine.architecture_names import builder_name, transformers_folder
from engine.checkpoints import HISTORY, SUFFIXES, optimizer_path
from engine.errors import RefusedInput
from engine.study import Study, load_study
from engine.text_folder import FILES


def allowed_study(path: Path, store: Store) -> Study:
    """Returns the study of a file, where the file and all that it names lie where a server may look.

    Args:
        path: the study file, or the folder that holds its ``study.toml``.
        store: whose uploads, drafts and shipped samples are allowed as well.

    Raises:
        RefusedInput: if it is not a valid study, or leads elsewhere.
    """
    refuse_file_outside(path, store)
    study = load_study(path)
    refuse_outside(study, store)
    return study


def refuse_file_outside(path: Path, store: Store) -> None:
    """Refuses a study file out of the allowed folders before it is read: what is wrong with it would tell of it.

    Args:
        path: the study file, or the folder that holds its ``study.toml``.
        store: whose uploads, drafts and shipped samples are allowed as well.

    Raises:
        RefusedInput: if it leads elsewhere.
    """
    if os.environ.get(VARIABLE):
        _refuse_elsewhere([("the study file", path), ("the study file", path / "study.toml")], store)


def refuse_outside(study: Study, store: Store) -> None:
    """Refuses a study that leads out of the allowed folders, where the environment names these.

    Args:
        study: whose paths are followed.
        store: whose uploads, drafts and shipped samples are allowed as well.

    Raises:
        RefusedInput: if a path leads elsewhere; its key in the study file is told.
    """
    if os.environ.get(VARIABLE):
        _refuse_elsewhere(_named(study), store)


def _refuse_elsewhere(named: Iterable[tuple[str, Path]], store: Store) -> None:
    own = [uploads_folder(store), drafts_folder(store.root)]
    allowed = Roots.of_environment(*own, *([] if store.samples is None else [store.samples]))
    expected = f"a path below {' or '.join(map(str, allowed.folders)) or 'a folder that ' + VARIABLE + ' names'}"
    remedy = f"Copy what is meant there, or let who runs this server add its folder to {VARIABLE}"
    for key, path in named:
        leads_to = _resolved(path)
        if leads_to is None:
            raise RefusedInput(f"{key} is {path}, which leads nowhere that may be looked at", expected, remedy)
        if leads_to not in allowed:
            problem = f"{key} leads to {leads_to}, which lies outside of the allowed folders"
            raise RefusedInput(problem, expected, remedy)


def _resolved(path: Path) -> Path | None:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return None


def _named(study: Study) -> Iterator[tuple[str, Path]]:
    """Yields every path that may be read or written for a study, and what names it."""
    yield "the study file", study.folder
    for split, path in study.data_paths.items():
        yield f"[data] {split}", path
    for files in study.set_files.values():
        yield from (("[data] root", file) for file in files)
    checkpoints = study.checkpoints_path
    yield "[model] checkpoints", checkpoints
    yield "[model] checkpoints", optimizer_path(checkpoints)
    yield "[model] checkpoints", checkpoints / HISTORY
    for file in sorted(checkpoints.glob("*")):
        if file.suffix.lower() in SUFFIXES:
            yield "[model] checkpoints", file
            yield "[model] checkpoints", optimizer_path(file)
    builder = builder_name(study.model.architecture)
    if builder is not None:
        yield "[model] architecture", study.path(builder.path)
    folder = study.text_folder
    if folder is not None:
        key = "[model] architecture" if transformers_folder(study.model.architecture) else "[data.features] kind"
        yield key, folder
        yield from ((key, folder / name) for name in (*FILES, "tokenizer_config.json"))
