"""The data sets of torchvision that a study can name, and the files that torchvision keeps of each.

Without torch, since the study file is read before every page: what is in the files is
told by :mod:`engine.data.torchvision_reader`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.errors import RefusedInput
from engine.refusals import contradiction

FORMAT = "torchvision"
DatasetName = Literal["CIFAR10", "CIFAR100", "STL10", "MNIST", "FashionMNIST", "SVHN"]
DEFAULTS: Mapping[str, Any] = {"train": "train", "test": "test", "validation": 0.1, "modality": "image"}
"""What a study of such a set need not say: its splits are the set's own, by their names there."""

_DIGITS = tuple(map(str, range(10)))
_CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@dataclass(frozen=True)
class TorchvisionSet:
    """How torchvision lays a data set out below its root.

    Args:
        kind: of the files: ``cifar``, ``stl``, ``idx`` or ``mat``.
        folder: below the root that holds them, ``""`` for the root itself.
        train: names of the files of the training split, in order.
        test: those of the test split.
        names_file: names of the classes, or None.
        class_names: where no file holds them.
        archive: that torchvision downloads, for one who has it and has not unpacked it.
    """

    kind: Literal["cifar", "stl", "idx", "mat"]
    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    names_file: str | None = None
    class_names: tuple[str, ...] | None = None
    archive: str | None = None

    def files(self, root: Path, split: str) -> tuple[Path, ...]:
        """Returns the files of a split, and that of the class names where there is one."""
        names = (*(self.train if split == "train" else self.test), *((self.names_file,) if self.names_file else ()))
        return tuple(root / self.folder / name for name in names)


def _idx(name: str, class_names: tuple[str, ...]) -> TorchvisionSet:
    train, test = ((f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte") for part in ("train", "t10k"))
    return TorchvisionSet("idx", f"{name}/raw", train, test, class_names=class_names)


SETS: Mapping[str, TorchvisionSet] = {
    "CIFAR10": TorchvisionSet(
        "cifar",
        "cifar-10-batches-py",
        tuple(f"data_batch_{number}" for number in range(1, 6)),
        ("test_batch",),
        names_file="batches.meta",
        archive="cifar-10-python.tar.gz",
    ),
    "CIFAR100": TorchvisionSet(
        "cifar", "cifar-100-python", ("train",), ("test",), names_file="meta", archive="cifar-100-python.tar.gz"
    ),
    "STL10": TorchvisionSet(
        "stl",
        "stl10_binary",
        ("train_X.bin", "train_y.bin"),
        ("test_X.bin", "test_y.bin"),
        names_file="class_names.txt",
        archive="stl10_binary.tar.gz",
    ),
    "MNIST": _idx("MNIST", _DIGITS),
    "FashionMNIST": _idx("FashionMNIST", _CLOTHES),
    "SVHN": TorchvisionSet("mat", "", ("train_32x32.mat",), ("test_32x32.mat",), class_names=_DIGITS),
}


def check_keys(written: Mapping[str, Any]) -> None:
    """Checks what ``[data]`` says about a set of torchvision; called where pydantic validates the table.

    Args:
        written: the keys that were written or have been filled in, and their values.

    Raises:
        PydanticCustomError: if a key is missing or belongs to another format; the parts are those of a refusal.
    """
    own = ("dataset", "root", "download")
    if written["format"] != FORMAT:
        for key in own:
            if written.get(key):
                problem = f"{key} is given for format = '{written['format']}'"
                raise contradiction(problem, f"it only for format = '{FORMAT}'", f"Remove {key}, or mend format")
        return
    for key, example in (("dataset", "CIFAR10"), ("root", "data")):
        if written.get(key) is None:
            problem = f"{key} is missing for format = '{FORMAT}'"
            raise contradiction(problem, f"{key}, for instance {key} = '{example}'", "Add it to [data]")
    for split in ("train", "test"):
        if written.get(split) != split:
            raise contradiction(
                f"{split} is {written.get(split)!r} for format = '{FORMAT}'",
                f"no {split}: the set has its own split of that name",
                f"Remove {split}; root says where the files are",
            )
    if isinstance(written.get("validation"), str):
        expected = "the fraction of the training split that is set aside, 0.1 by default"
        raise contradiction(f"validation is a path for format = '{FORMAT}'", expected, "Write a number")
    for key in ("input", "label", "delimiter"):
        if key in written:
            problem = f"{key} is given for format = '{FORMAT}'"
            raise contradiction(problem, "none: the set says what its inputs and labels are", f"Remove {key}")


def missing_files(name: str, root: Path) -> tuple[Path, ...]:
    """Returns the files of a set that are not below a root."""
    files = (file for split in ("train", "test") for file in SETS[name].files(root, split))
    return tuple(dict.fromkeys(file for file in files if not _is_file(file)))


def refuse_missing(name: str, root: Path, download: bool) -> None:
    """Refuses a set of which files are missing.

    Raises:
        RefusedInput: if one is; says how they are come by.
    """
    missing = missing_files(name, root)
    if not missing:
        return
    known, shown = SETS[name], ", ".join(file.name for file in missing[:3])
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    archive = next((path for path in (root / (known.archive or ""),) if _is_file(path)), None)
    if archive is not None:
        remedy = f"Unpack {archive.name} where it lies: tar -xf {archive.name}"
    elif download:
        remedy = "Train or compute influence once: with download = true that fetches them"
    else:
        remedy = "Mend [data] root, or set download = true to let torchvision fetch them"
    where = (root / known.folder) if known.folder else root
    raise RefusedInput(
        f"[data] dataset = '{name}': {where} has no {shown}{more}",
        f"the files as torchvision keeps them, {', '.join(known.train)} and {', '.join(known.test)}",
        remedy,
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # A name that no disk takes, or a folder that may not be looked into.
