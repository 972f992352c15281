"""What the introduction tells of a synthetic study: its points, their regions, the model's line, the removal."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import load_file

from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.errors import RefusedInput
from engine.experiments.synthetic import FLIPPED
from engine.frontier import REGIONS, region_of
from engine.study import Study


@dataclass(frozen=True)
class Line:
    """The boundary of a linear model of two classes: ``normal · (x, y) + offset > 0`` is class 1."""

    normal: tuple[float, float]
    offset: float


def told_points(study: Study, vectors: NDArray[np.floating]) -> pd.DataFrame:
    """Returns the training samples of a synthetic study with what their presence does.

    Args:
        study: made by ``python -m app synthetic``.
        vectors: influence vectors of its samples, ``(N, 2)``.

    Returns:
        A row a sample, in their order: ``x``, ``y``, ``label`` (class index), ``flipped`` (bool), ``region``.

    Raises:
        RefusedInput: if the file of the training samples is not that of a synthetic study.
    """
    path = study.path(study.data.train)
    try:
        table = pd.read_csv(path)
        names = list(study.data.class_names or ())
        points = pd.DataFrame(
            {
                "x": table["x"].astype(float),
                "y": table["y"].astype(float),
                "label": [names.index(label) for label in table["label"]],
                "flipped": table[FLIPPED].astype(bool),
            }
        )
        return points.assign(region=np.array(REGIONS)[region_of(vectors, 0, 1)])
    except (OSError, ValueError, KeyError) as error:
        raise RefusedInput(
            f"{path} is not the training data of a synthetic study ({error!r})",
            "columns x, y, label and flipped, a row a sample of its run",
            "Make the study again with `python -m app synthetic`",
        ) from error


def model_line(study: Study) -> Line:
    """Returns the boundary of the study's logistic regression, from the checkpoint that is analysed.

    Raises:
        RefusedInput: if there is no checkpoint, or it is not of such a model.
    """
    _, path = chosen_checkpoint(study)
    try:
        state = load_file(path)
        # The last layer of the flattened inputs; logits of two classes, of which the difference decides.
        weight = state["1.weight"]
        bias = state.get("1.bias", np.zeros(2))
        (x, y), offset = weight[1] - weight[0], bias[1] - bias[0]
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise RefusedInput(
            f"{path} is not the checkpoint of a synthetic study ({error!r})",
            "a logistic regression of two inputs and two classes",
            "Make the study again with `python -m app synthetic`",
        ) from error
    return Line((float(x), float(y)), float(offset))


def removal_of(study: Study, store: Store) -> dict[str, Any] | None:
    """Returns the manifest of the study's finished climb by removal, the newest; None where there is none."""
    told = [run.manifest() for run in store.finished_runs()]
    climbs = [
        manifest
        for manifest in told
        if manifest.get("kind") == "climb"
        and manifest.get("how") == "remove"
        and manifest.get("study", {}).get("name") == study.name
    ]
    return max(climbs, key=lambda manifest: manifest.get("created") or "", default=None)
