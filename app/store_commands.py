"""Commands on the store as a whole, and on studies that move from one machine to another."""

from pathlib import Path
from typing import Annotated

import typer

from app.command_options import AsJson, StoreRoot, StudyFile
from app.running import opened_store, print_result, refusals_told


def prune(
    older_than: Annotated[
        float | None, typer.Option(min=0, help="Days: what no study needs and has not changed for so long goes.")
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(help="A size such as 20GB: the oldest of what no study needs goes until the store is no larger."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, and say what would go.")] = False,
    as_json: AsJson = False,
    cache: StoreRoot = None,
) -> None:
    """Makes room in the store: what was left over goes, and by age or size what no study needs as it is now."""
    with refusals_told():
        from app.workflow.prune import bytes_of, prune

        size = None if keep is None else bytes_of(keep)
        result = prune(opened_store(cache), older_than, size, dry_run)
    print_result("prune", result, as_json)


def pack(
    study: StudyFile,
    out: Annotated[Path | None, typer.Option(help="Folder to make; by default ./NAME-packed.")] = None,
    without_data: Annotated[
        bool, typer.Option("--without-data", help="Leave the data out; they are put in their places by hand.")
    ] = False,
    as_json: AsJson = False,
    cache: StoreRoot = None,
) -> None:
    """Puts a study, its data, checkpoints and results into a folder, to be taken to another machine."""
    with refusals_told():
        from app.workflow.command_text import file_name
        from app.workflow.pack import pack_study
        from engine.study import load_study

        read = load_study(study)
        file = study / "study.toml" if study.is_dir() else study
        folder = Path(f"{file_name(read.name)}-packed") if out is None else out
        result = pack_study(file, read, opened_store(cache), folder, not without_data)
    print_result("pack", result, as_json)


def unpack(
    folder: Annotated[Path, typer.Argument(help="That `pack` made.")],
    out: Annotated[Path | None, typer.Option(help="Folder to make for the study; by default ./NAME.")] = None,
    as_json: AsJson = False,
    cache: StoreRoot = None,
) -> None:
    """Takes in a packed study with its results: all of it, after everything was checked, or nothing."""
    with refusals_told():
        from app.workflow.unpack import unpack_study
        from cache import ingest_if_free

        store = opened_store(cache)
        result = unpack_study(folder, store, out)
        ingest_if_free(store)
    print_result("unpack", result, as_json)
