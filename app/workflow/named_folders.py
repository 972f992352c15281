"""Folders that an answer of a form names, of which a study reads some files: these must lie below the roots as well."""

from app.workflow.folder_browser import Roots
from engine.text_folder import FILES, checked_folder
from engine.torchvision_sets import SETS, refuse_missing


def check_transformer(text: str, roots: Roots, needs_weights: bool) -> None:
    """Checks the folder of a transformer.

    Args:
        text: the path, as it was written.
        roots: where the folder and its files may lie.
        needs_weights: whether it is of no use untrained, as an encoder is.

    Raises:
        RefusedInput: if it, or a file in it, leads out of the roots, or it cannot be used.
    """
    folder = roots.existing(text, folder=True)
    for name in FILES:
        roots.resolved(str(folder / name))
    checked_folder(folder, needs_weights)


def check_set(dataset: str, text: str, download: bool, roots: Roots) -> None:
    """Checks the folder of a data set of torchvision.

    Args:
        dataset: its name; what is no such name is not looked for.
        text: the path, as it was written.
        download: whether files may be missing.
        roots: where the folder and its files may lie.

    Raises:
        RefusedInput: if it, or a file of the set, leads out of the roots, or a file is missing and may not be fetched.
    """
    folder = roots.resolved(text)
    if dataset not in SETS:
        return
    for split in ("train", "test"):
        for file in SETS[dataset].files(folder, split):
            roots.resolved(str(file))
    if not download:
        refuse_missing(dataset, roots.existing(text, folder=True), download=False)
