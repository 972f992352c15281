"""What a few samples of a folder's data tell: classes, shapes, and whether the checkpoint fits.

The samples are read by the study's own readers, with all of their checks, and drawn by its seed.
"""

import itertools
import math
from pathlib import Path

from app.workflow.init_study_data import DataFound
from app.workflow.init_study_findings import Findings
from app.workflow.init_study_pictures import picture_paths
from engine.data import Excerpt, load_excerpt
from engine.errors import RefusedInput
from engine.models.recognition import Recognised
from engine.study import Study, study_of
from engine.training.inputs import prepared_shape

MOST_BYTES = 1 << 30
"""Data files that are larger are not read for a first look."""
MOST_PICTURES = 100_000
"""In folders; more are not listed for a first look."""
_ROWS, _PICTURES, _JUDGED = 10_000, 500, 500


def read_sample(root: Path, data: DataFound, findings: Findings) -> Excerpt | None:
    """Reads a few samples as the study would, tells the classes; ``None``, and why, where that cannot be done.

    Args:
        root: the folder, resolved.
        data: what was found there.
        findings: with ``[data]``.
    """
    try:
        study = study_so_far(root, findings)
        if _is_large(study):
            findings.leave_open(
                "mean and std of the inputs, and the classes",
                f"the data are larger than {MOST_BYTES >> 20:,} MB or {MOST_PICTURES:,} pictures, and were not read",
                "Set mean and std in [data.transform] to what the model was trained with",
            )
            return None
        most = _PICTURES if data.modality == "image" else _ROWS
        return load_excerpt(study, {"train": most, "validation": _JUDGED})
    except RefusedInput as refusal:
        findings.leave_refused("whether all of the data can be used", refusal)
        return None


def check_fit(excerpt: Excerpt, data: DataFound, network: Recognised, findings: Findings) -> bool:
    """Compares what the checkpoint's tensors expect with what the data are; tells each difference.

    Returns:
        Whether nothing differs.
    """
    classes, shape = excerpt.data.num_classes, prepared_shape(excerpt.data.train, excerpt.data.transform)
    fits = True
    if network.num_classes != classes:
        fits = False
        findings.leave_open(
            "the classes",
            f"the checkpoint was trained for {network.num_classes} classes, and the labels have {classes}: "
            f"{', '.join(map(ascii, excerpt.data.class_names[:8]))}",
            "Check label in [data], or list all classes in their order as class_names",
        )
    if network.features is not None and network.features != math.prod(shape):
        fits = False
        findings.leave_open(
            "the inputs",
            f"the checkpoint's first layer takes {network.features:,} numbers, and a sample has {math.prod(shape):,}",
            "Check input in [data]" if len(shape) == 1 else "Check resize in [data.transform], and grey or colour",
        )
    if network.channels is not None and len(shape) == 3 and network.channels != shape[0]:
        fits = False
        findings.leave_open(
            "grey or colour",
            f"the checkpoint takes pictures of {network.channels} channels, and these have {shape[0]}",
            "Store the pictures as they were in training",
        )
    if network.channels is not None and len(shape) == 1:
        fits = False
        findings.leave_open("the inputs", "the checkpoint takes pictures, and the data are a table", "Check [data]")
    return fits


def use_indices(data: DataFound, network: Recognised, findings: Findings) -> None:
    """Takes columns that only number the rows in again, where the checkpoint's first layer needs them."""
    without = len(data.numbers) - len(data.indices)
    if data.indices and network.features == len(data.numbers) != without:
        findings.infer(
            "data.input", list(data.numbers), f"the first layer of the checkpoint takes {network.features} numbers"
        )


def use_side(excerpt: Excerpt | None, network: Recognised, findings: Findings) -> bool:
    """Sets ``resize`` to the side that the checkpoint's tensors tell; says whether that changed anything."""
    side, why = network.side, "a tensor of the checkpoint has a place for each part of such a picture"
    if side is None and network.features is not None and excerpt is not None and excerpt.data.train.inputs.ndim == 4:
        channels = excerpt.data.train.inputs.shape[1]
        root = math.isqrt(network.features // channels)
        side = root if root * root * channels == network.features else None
        why = f"the checkpoint's first layer takes {network.features:,} numbers, and a picture has {channels} channels"
    if side is None or not 4 <= side <= 1024:
        return False
    if findings.get("data.transform.resize") == side:
        return False
    if excerpt is not None and tuple(excerpt.data.train.inputs.shape[2:]) == (side, side):
        return False
    findings.infer("data.transform.resize", side, why)
    return True


def study_so_far(root: Path, findings: Findings) -> Study:
    """Returns the study as far as it is told; the model stands for any where there is none yet."""
    values = findings.values()
    values.setdefault("name", "study")
    values.setdefault("model", {}).setdefault("architecture", "mlp")
    return study_of(values, root)


def _is_large(study: Study) -> bool:
    if study.data.format == "image_folder":
        pictures = itertools.chain.from_iterable(picture_paths(path) for path in study.data_paths.values())
        return next(itertools.islice(pictures, MOST_PICTURES, None), None) is not None
    sizes = (path.stat().st_size for path in study.data_paths.values() if path.is_file())
    return sum(sizes) > MOST_BYTES
