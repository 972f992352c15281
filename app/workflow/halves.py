"""Trainings on random halves of the data: what any prediction of this study can be compared with.

They depend on no checkpoint and no setting of influence, so they are a run of their own that comparisons share.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from app.workflow.arithmetic import keep_parts_of
from app.workflow.retrained_parts import retrained
from app.workflow.unchanged import finish_unchanged
from cache.fingerprints import RESULT_VERSION, halves_key
from cache.run_folder import RunFolder
from cache.store import Store
from engine.data import StudyData
from engine.device import resolve_device
from engine.errors import RefusedInput
from engine.experiments.datamodelling import half_subsets, half_weights
from engine.experiments.halves_options import SEEDS, SUBSETS
from engine.progress import Progress, silent
from engine.study import Study

MOST_SUBSETS, MOST_SEEDS, FEWEST_SUBSETS = 1000, 50, 8


def checked(subsets: Any, seeds: Any) -> tuple[int, int]:
    """Returns how many halves are trained on, and how often each; by default SUBSETS and SEEDS.

    Raises:
        RefusedInput: if one is out of its range.
    """
    subsets, seeds = SUBSETS if subsets is None else subsets, SEEDS if seeds is None else seeds
    for name, value, low, high in (
        ("subsets", subsets, FEWEST_SUBSETS, MOST_SUBSETS),
        ("seeds", seeds, 1, MOST_SEEDS),
    ):
        if type(value) is not int or not low <= value <= high:
            raise RefusedInput(
                f"--{name} is {value}", f"a whole number from {low} to {high:,}", "Leave it out for the usual number"
            )
    return subsets, seeds


def halves_run(
    study: Study, store: Store, data: StudyData, subsets: int, seeds: int, progress: Progress = silent
) -> tuple[RunFolder, bool]:
    """Returns the finished trainings on halves, and whether they were there already.

    Args:
        study: what is trained, and how.
        store: where runs are kept.
        data: of the study.
        subsets: M.
        seeds: S, trainings of each half.
        progress: called after every step; may raise to cancel.

    Raises:
        RefusedInput: if a training diverges, or the data change meanwhile.
        Cancelled: when ``progress`` raises it; finished trainings are kept.
    """
    folder = store.run(halves_key(study, subsets, seeds))
    cached = folder.is_finished
    if not cached:
        with folder.lock():
            if not folder.is_finished:
                keep_parts_of(folder, {"device": resolve_device(study.compute).type})
                result = _trained(study, folder, data, subsets, seeds, progress)
                finish_unchanged(
                    folder,
                    result,
                    folder.key,
                    lambda: halves_key(study, subsets, seeds),
                    "the data changed during the trainings on halves of it",
                )
    return folder, cached


def halves_of(samples: int, subsets: int, study: Study) -> NDArray[np.bool_]:
    """Returns which samples each half of a study holds, ``(M, N)``."""
    return half_subsets(samples, subsets, study.seed)


def measured(folder: RunFolder, split: str) -> NDArray[np.float64]:
    """Returns what classes come to after each training of a finished run, ``(M, S, K)``; lower is better."""
    return np.array(folder.manifest()["value"][split], dtype=np.float64)


def _trained(
    study: Study, folder: RunFolder, data: StudyData, subsets: int, seeds: int, progress: Progress
) -> dict[str, Any]:
    halves = halves_of(len(data.train), subsets, study)

    def weights(numbers: Sequence[int]) -> NDArray[np.float32]:
        return half_weights(halves[[number // seeds for number in numbers]])

    own = [study.seed + number for number in range(seeds)] * subsets
    found = retrained(folder, "trained", study, data, own, weights, progress)
    return {
        "kind": "halves",
        "study": {"name": study.name},
        "class_names": list(data.class_names),
        "measurement": study.influence.measurement,
        "subsets": subsets,
        "seeds": seeds,
        "value": {split: means.value.reshape(subsets, seeds, -1) for split, means in found.items()},
        "accuracy": {split: means.accuracy.reshape(subsets, seeds, -1) for split, means in found.items()},
        "result_version": RESULT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": {
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "device": resolve_device(study.compute).type,
        },
    }
