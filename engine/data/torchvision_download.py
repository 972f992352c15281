"""Fetching a data set with torchvision, where a study says that it may be."""

from pathlib import Path
from typing import Any
from urllib.error import URLError

from engine.errors import RefusedInput, first_line
from engine.progress import Progress, silent
from engine.study import Study
from engine.torchvision_sets import missing_files


def fetch_missing(study: Study, progress: Progress = silent) -> None:
    """Lets torchvision fetch the files of a study's set, if some are missing and the study says ``download = true``.

    Torchvision compares each archive with the checksum that it knows before it unpacks it.

    Args:
        study: any; of other formats nothing is fetched.
        progress: told before the download, which cannot be cancelled half-way.

    Raises:
        RefusedInput: if it cannot be fetched or written.
    """
    data = study.data
    if not data.download or data.dataset is None or data.root is None:
        return
    root = study.path(data.root)
    if not missing_files(data.dataset, root):
        return
    progress("data", 0, 1, f"fetching {data.dataset}")
    try:
        root.mkdir(parents=True, exist_ok=True)
        for split in ("train", "test"):
            _download(data.dataset, root, split)
    except (OSError, RuntimeError, URLError, ValueError) as error:
        raise RefusedInput(
            f"torchvision could not fetch {data.dataset}: {first_line(error).rstrip('.')}",
            "a network that reaches where the set is published, and a [data] root that may be written to",
            "Fetch it on another machine and copy its files below [data] root",
        ) from error
    progress("data", 1, 1, f"fetched {data.dataset}")


def _download(name: str, root: Path, split: str) -> None:
    # Imported only where it is asked for: it takes as long to import as torch.
    from torchvision import datasets

    by_name = {"STL10": {"split": split}, "SVHN": {"split": split}}
    options: dict[str, Any] = by_name.get(name, {"train": split == "train"})
    getattr(datasets, name)(root, download=True, **options)
