"""Bad places, rows 33 to 36: files that lie elsewhere, lead elsewhere or are none."""

import os
import zipfile
from functools import partial
from pathlib import Path

from skops import io as skops

from tests.engine.data.vision_sets import write_set
from tests.hostile.case import Case
from tests.hostile.small_study import as_csv, as_image_folders, as_set, edit, split_of

_SAVEZ = "Expected a file written by numpy.savez"
_OUTSIDE = ("lies outside of the allowed folders", "a path below", "PARETOSCOPE_ROOTS")


def _leading_out(member: str, folder: Path) -> None:
    with zipfile.ZipFile(folder / "train.npz", "a") as archive:
        archive.writestr(member, b"out of here")


def _skops(folder: Path) -> None:
    """Makes the model one of scikit-learn, in an archive with a member that leads out of it."""
    from sklearn.linear_model import LogisticRegression

    pictures, labels = split_of("train")
    fitted = LogisticRegression(max_iter=3000).fit(pictures.reshape(len(pictures), -1) / 255, labels)
    skops.dump(fitted, folder / "model.skops")
    with zipfile.ZipFile(folder / "model.skops") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    moved = {name if name == "schema.json" else f"../{name}": content for name, content in members.items()}
    with zipfile.ZipFile(folder / "model.skops", "w") as archive:
        for name, content in moved.items():
            archive.writestr(name, content)
    edit(folder, 'architecture = "mlp"\nhidden = [8]', 'architecture = "sklearn"\ncheckpoints = "model.skops"')


def _elsewhere(folder: Path) -> Path:
    """Returns a folder beside that of the study, which is no allowed one."""
    place = folder.parent / f"{folder.name}-elsewhere"
    place.mkdir(exist_ok=True)
    return place


def _train_outside(folder: Path) -> None:
    (folder / "train.npz").rename(_elsewhere(folder) / "train.npz")
    edit(folder, 'train = "train.npz"', f'train = "../{folder.name}-elsewhere/train.npz"')


def _checkpoints_outside(folder: Path) -> None:
    (folder / "checkpoints").rename(_elsewhere(folder) / "checkpoints")
    edit(folder, "hidden = [8]", f'hidden = [8]\ncheckpoints = "../{folder.name}-elsewhere/checkpoints"')


def _linked(folder: Path, name: str = "train.npz", target: str = "/etc/passwd") -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(target)


def _linked_table(folder: Path) -> None:
    as_csv(folder)
    _linked(folder, "train.csv")


def _linked_checkpoint(folder: Path) -> None:
    _linked(folder, "checkpoints/epoch-002.safetensors")


def _linked_picture(folder: Path) -> None:
    as_image_folders(folder)
    (folder / "train" / "1-one" / "extra.png").symlink_to("/etc/passwd")


def _linked_in_a_circle(folder: Path) -> None:
    _linked(folder, target="train.npz")


def _pipe(name: str, folder: Path) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)


def _pipe_among_pictures(folder: Path) -> None:
    as_image_folders(folder)
    os.mkfifo(folder / "train" / "1-one" / "extra.png")


def _set_of_pipes(folder: Path) -> None:
    write_set("MNIST", folder / "sets")
    file = folder / "sets" / "MNIST" / "raw" / "train-images-idx3-ubyte"
    file.unlink()
    os.mkfifo(file)
    as_set(folder)


CASES = (
    Case(
        33,
        "a member that leads out of the archive",
        partial(_leading_out, "../out.npy"),
        ("train.npz cannot be read: a member's name leads out of the archive", _SAVEZ),
    ),
    Case(
        33,
        "a member with a full path",
        partial(_leading_out, "/tmp/out.npy"),
        ("train.npz cannot be read: a member's name leads out of the archive", _SAVEZ),
    ),
    Case(
        33,
        "a model whose members lead out",
        _skops,
        ("model.skops is damaged or cut off", ".skops file", "Copy the file again"),
    ),
    Case(34, "data beside the allowed folder", _train_outside, ("[data] train", *_OUTSIDE), roots=True),
    Case(
        34,
        "checkpoints beside the allowed folder",
        _checkpoints_outside,
        ("[model] checkpoints", *_OUTSIDE),
        roots=True,
    ),
    Case(
        34,
        "data that are not there",
        lambda folder: edit(folder, 'train = "train.npz"', 'train = "../../nowhere.npz"'),
        ("no file at", "a regular file", "Check the path in the study file"),
    ),
    Case(35, "a link to a system file as data", _linked, ("[data] train", "/etc/passwd", *_OUTSIDE), roots=True),
    Case(
        35, "a link to a system file as a table", _linked_table, ("[data] train", "/etc/passwd", *_OUTSIDE), roots=True
    ),
    Case(
        35,
        "a link to a system file as a checkpoint",
        _linked_checkpoint,
        ("[model] checkpoints", "/etc/passwd", *_OUTSIDE),
        roots=True,
    ),
    Case(
        35,
        "a link to a system file among pictures",
        _linked_picture,
        (
            "1-one/extra.png is not a file in train",
            "regular files inside the folder",
            "Copy the picture there or take it out",
        ),
    ),
    Case(
        35, "a link to a system file as an array", _linked, ("train.npz cannot be read: it is no NumPy archive", _SAVEZ)
    ),
    Case(35, "a link to itself", _linked_in_a_circle, ("train.npz", "Check the path")),
    Case(36, "a pipe as data", partial(_pipe, "train.npz"), ("no file at", "train.npz", "a regular file")),
    Case(
        36,
        "a pipe as a checkpoint",
        partial(_pipe, "checkpoints/epoch-002.safetensors"),
        ("has no checkpoint of epoch 2", "one of 1"),
        options={"epoch": 2},
    ),
    Case(
        36,
        "a pipe among pictures",
        _pipe_among_pictures,
        ("1-one/extra.png is not a file in train", "Copy the picture there or take it out"),
    ),
    Case(36, "a pipe among the files of a set", _set_of_pipes, ("train-images-idx3-ubyte", "Mend [data] root")),
    Case(
        36,
        "a device as data",
        lambda folder: _linked(folder, target="/dev/zero"),
        ("no file at", "train.npz", "a regular file"),
    ),
    Case(
        36,
        "a device as the study",
        lambda folder: _linked(folder, "study.toml", "/dev/zero"),
        ("there is no file", "a study.toml, or a folder with one"),
    ),
)
