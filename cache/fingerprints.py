"""Keys of runs: hashes of all that a result depends on, and of nothing else.

A key covers the bytes of data and checkpoint and the settings that enter the
computation. It does not cover where files lie, what the study is called, or which
machine computes: the same model on the same data is the same run everywhere.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from engine.architecture_names import SKLEARN, builder_name, transformers_folder
from engine.checkpoints import chosen_checkpoint, optimizer_path
from engine.errors import RefusedInput
from engine.experiments.halves_options import DAMPINGS
from engine.study import SPLITS, Study
from engine.text_folder import text_folder_files
from engine.torchvision_sets import refuse_missing

RESULT_VERSION = 5
"""Raised by hand when the same inputs give another result than before."""
_KEY_LENGTH = 20


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        RefusedInput: if it is missing, is not a regular file, or cannot be read.
    """
    try:
        # A pipe or device would never end; it is refused before it is opened.
        if not Path(path).is_file():
            raise RefusedInput(f"no file at {path}", "a regular file", "Check the path in the study file")
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RefusedInput(
            f"{path} cannot be read: {error.strerror}", "a file that may be read", "Check its permissions"
        ) from error


def data_fingerprint(study: Study) -> str:
    """Returns the hash of a study's data: the bytes of each split and how they are read.

    Raises:
        RefusedInput: if a file or folder of a split is missing or empty.
    """
    settings = json.loads(study.canonical("data"))["data"]
    paths = study.data_paths
    settings |= {split: None for split in SPLITS if split in paths}
    contents: dict[str, Any] = {split: _contents(path) for split, path in paths.items()}
    if study.data.dataset is not None and study.data.root is not None:
        refuse_missing(study.data.dataset, study.path(study.data.root), study.data.download)
        # Where the set lies and how it came there make no other run.
        settings = {name: value for name, value in settings.items() if name not in ("root", "download")}
        for split, files in study.set_files.items():
            contents[split] = {file.name: file_sha256(file) for file in files}
    if study.data.features is not None and study.data.features.encoder is not None:
        # An encoder is told by its bytes as well, and not by where it lies.
        settings["features"] |= {"kind": "encoder", "files": _text_folder(study)}
    return _digest({"contents": contents, "read": settings})


def checkpoint_fingerprint(path: Path) -> str:
    """Returns the hash of the state that training goes on from: weights, and momentum where it was stored.

    The file's name is part of it, since the number in the name is the epoch, and the
    epoch decides which learning rates come next.

    Raises:
        RefusedInput: if there is no such file.
    """
    path = Path(path)
    momentum = optimizer_path(path)
    return _digest(
        {
            "name": path.stem,
            "weights": file_sha256(path),
            "momentum": file_sha256(momentum) if momentum.exists() else None,
        }
    )


def influence_key(study: Study, checkpoint: Path) -> str:
    """Returns the key of the influence run of one checkpoint.

    Raises:
        RefusedInput: if a file that the run depends on is missing.
    """
    return influence_keys(study, [checkpoint])[0]


def influence_keys(study: Study, checkpoints: Iterable[Path]) -> list[str]:
    """Returns the keys of influence runs that differ in their checkpoint alone; the data are read once.

    Raises:
        RefusedInput: if a file that the runs depend on is missing.
    """
    contents = {
        **_trained_and_influenced(study),
        # The next epoch's length decides the epoch operator, and the paper's preset has its own.
        "preset": study.reweight.preset,
    }
    return [_key("influence", {**contents, "checkpoint": checkpoint_fingerprint(path)}) for path in checkpoints]


def ceiling_key(influence_key: str, study: Study, classes: Sequence[int] | None = None) -> str:
    """Returns the key of a verdict on an influence run.

    Args:
        influence_key: covers data, checkpoint, training and seed already.
        study: whose bounds on weights say what a reweighting may do.
        classes: indices of the classes that alone are judged, in any order; by default all.
    """
    judged = {} if classes is None else {"classes": sorted(set(classes))}
    return _key("ceiling", {"influence": influence_key, **_bounds(study), **judged})


def reweight_key(influence_key: str, study: Study) -> str:
    """Returns the key of a reweighting that starts from an influence run.

    Args:
        influence_key: covers data, checkpoint, training and seed already.
        study: whose ``[reweight]`` table is used; of it, all classes at once need the bounds alone.
    """
    table = json.loads(study.canonical("reweight"))["reweight"]
    if study.reweight.setting == "all_classes":
        table = {name: table[name] for name in ("setting", "weight_bounds", "mean_preserving")}
    return _key("reweight", {"influence": influence_key, "reweight": table})


def choice_key(search_key: str, number: int) -> str:
    """Returns the key of the result that one candidate of a search gives."""
    return _key("choice", {"search": search_key, "candidate": number})


def probe_key(influence_key: str) -> str:
    """Returns the key of the probe epochs of an influence run, which covers all that they depend on."""
    return _key("probe", {"influence": influence_key})


def harmful_key(influence_key: str) -> str:
    """Returns the key of the search for label errors beside an influence run, which covers all that it depends on."""
    return _key("harmful", {"influence": influence_key})


def removal_key(influence_key: str, settings: dict[str, Any]) -> str:
    """Returns the key of a removal study.

    Args:
        influence_key: of the run that says which samples are left out.
        settings: classes, share, seeds and epochs.
    """
    return _key("removal", {"influence": influence_key, **settings})


def halves_key(study: Study, subsets: int, seeds: int) -> str:
    """Returns the key of trainings on random halves of the data, which depend on no checkpoint and no influence.

    Raises:
        RefusedInput: if a file that the run depends on is missing.
    """
    contents = _trained_and_influenced(study)
    # Nothing of influence enters a training; what classes are judged by is measured in it.
    contents |= {"influence": study.influence.measurement, "precision": None}
    return _key("halves", {**contents, "subsets": subsets, "seeds": seeds})


def datamodelling_key(study: Study, checkpoint: Path, halves: str, strategies: Sequence[str]) -> str:
    """Returns the key of a comparison of predictions with trainings on halves.

    Args:
        study: its influence settings but for strategy and damping, which are compared.
        checkpoint: whose influence is compared.
        halves: key of the trainings.
        strategies: that are compared.

    Raises:
        RefusedInput: if a file that the run depends on is missing.
    """
    contents = _trained_and_influenced(study)
    compared = {name: value for name, value in contents["influence"].items() if name not in ("strategy", "damping")}
    # A damping of the study's own is a candidate more; those that are candidates in any case make no other run.
    damping = study.influence.damping
    own = None if damping == "calibrated" or damping in DAMPINGS else damping
    return _key(
        "datamodelling",
        {
            **contents,
            "influence": compared,
            "damping": own,
            "checkpoint": checkpoint_fingerprint(checkpoint),
            "halves": halves,
            "strategies": list(strategies),
        },
    )


def climb_key(study: Study, how: str, rounds: int) -> str:
    """Returns the key of a climb, which trains its own models and so depends on no checkpoint.

    But for a calibrated damping, which is chosen by the influence of one.

    Args:
        study: its data, model, training, influence, bounds on weights and seed are used.
        how: ``reweight`` or ``remove``.
        rounds: most of them.

    Raises:
        RefusedInput: if a file that the run depends on is missing.
    """
    return climb_keys(study, how, [rounds])[0]


def climb_keys(study: Study, how: str, rounds: Iterable[int]) -> list[str]:
    """Returns the keys of climbs that differ in their most rounds alone; the files are read once.

    Raises:
        RefusedInput: if a file that the run depends on is missing.
    """
    contents = {**_trained_and_influenced(study), **_bounds(study), "how": how}
    if study.influence.damping == "calibrated":
        contents["checkpoint"] = _chosen_checkpoint(study)
    return [_key("climb", {**contents, "rounds": most}) for most in rounds]


def epochs_key(study: Study, checkpoints: Iterable[Path]) -> str:
    """Returns the key of the evaluation of a study's checkpoints, which depends on no training.

    Args:
        study: its data, model and seed are used; the seed draws the samples of a limited or split-off validation.
        checkpoints: all of them, in the order of their epochs, which their names tell.

    Raises:
        RefusedInput: if a file that the run depends on is missing.
    """
    return _key(
        "epochs",
        {
            "data": data_fingerprint(study),
            "model": _model(study),
            "seed": study.seed,
            # Not the momentum: what is evaluated does not depend on how training would go on.
            "checkpoints": [(path.stem, file_sha256(path)) for path in checkpoints],
        },
    )


def _chosen_checkpoint(study: Study) -> str | None:
    """Returns the hash of the analysed checkpoint; ``None`` without one, where nothing can be calibrated."""
    try:
        checkpoint = chosen_checkpoint(study)[1]
    except RefusedInput:
        return None
    return checkpoint_fingerprint(checkpoint)


def _model(study: Study) -> dict[str, Any]:
    # Which checkpoint is analysed is told by its bytes, not by how the study finds it.
    table = json.loads(study.canonical("model"))["model"]
    model = {name: value for name, value in table.items() if name not in ("checkpoints", "epoch")}
    builder = builder_name(study.model.architecture)
    if builder is not None:
        # The user's code is told by its bytes as well, and not by where it lies.
        model |= {"architecture": builder.function, "builder": file_sha256(study.path(builder.path))}
    if transformers_folder(study.model.architecture) is not None:
        # Its weights are what training from scratch starts from, its tokenizer what the model sees of a text.
        model |= {"architecture": "transformers", "files": _text_folder(study)}
    if study.model.architecture == SKLEARN:
        # Layers and kind of a model of scikit-learn are told by the file of its weights alone.
        model |= {"builder": file_sha256(study.checkpoints_path)}
    return model


def _trained_and_influenced(study: Study) -> dict[str, Any]:
    """Returns what influence depends on beside the checkpoint: data, model, training and settings."""
    tables = json.loads(study.canonical("training", "influence"))
    return {
        "data": data_fingerprint(study),
        "model": _model(study),
        "training": tables["training"],
        "influence": tables["influence"],
        "seed": study.seed,
        # "auto" ranks as fp32 does; what was chosen, threads and device are recorded with the run.
        "precision": study.compute.precision if study.compute.precision in ("bf16", "tf32") else "fp32",
    }


def _bounds(study: Study) -> dict[str, Any]:
    return {"weight_bounds": study.reweight.weight_bounds, "mean_preserving": study.reweight.mean_preserving}


def _text_folder(study: Study) -> dict[str, str]:
    folder = study.text_folder
    return {} if folder is None else {file.name: file_sha256(file) for file in text_folder_files(folder)}


def _contents(path: Path) -> Any:
    """Returns a file's hash, or the hashes of a folder's files by their place in it."""
    try:
        is_folder = path.is_dir()
    except OSError:
        is_folder = False  # Told as what it is where it is read.
    if not is_folder:
        return file_sha256(path)
    files = sorted(item for item in path.rglob("*") if item.is_file())
    if not files:
        raise RefusedInput(f"the folder {path} is empty", "a folder of class folders with pictures", "Check the path")
    return {item.relative_to(path).as_posix(): file_sha256(item) for item in files}


def _key(kind: str, contents: dict[str, Any]) -> str:
    return _digest({"kind": kind, "result_version": RESULT_VERSION, **contents})[:_KEY_LENGTH]


def _digest(contents: Any) -> str:
    canonical = json.dumps(contents, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
