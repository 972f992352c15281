"""Results by class as tables: figures stay figures, so that they can be sorted and taken away.

Accuracies are shares from 0 to 1, changes of them points of 100; what is not known is NaN.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from app.workflow.epochs_view import class_changes


def improvement_table(result: Mapping[str, Any], split: str) -> pd.DataFrame:
    """Returns what a reweighting did to each class.

    Args:
        result: manifest of the run.
        split: whose samples it is judged on.

    Returns:
        ``class``, ``target``, ``before``, ``control``, ``after`` and, against the control, ``change`` with its 95%
        interval ``from`` and ``to``, in points.
    """
    names = result["class_names"]
    accuracies = {name: np.array(result[name][split], dtype=float) for name in ("before", "control", "after")}
    targets = [k in result["targets"] for k in range(len(names))]
    return pd.DataFrame({"class": names, "target": targets, **accuracies, **_changes(result, split)})


def climb_table(result: Mapping[str, Any], split: str) -> pd.DataFrame:
    """Returns the estimated ceiling of each class beside plain training, with the change between the two.

    Args:
        result: manifest of a climb.
        split: whose samples it is judged on.
    """
    plain, ceiling = (
        np.array(values, dtype=float) for values in (result["rounds"][0]["accuracy"][split], result["ceiling"][split])
    )
    return pd.DataFrame({"class": result["class_names"], "plain": plain, "ceiling": ceiling, **_changes(result, split)})


def epoch_table(result: Mapping[str, Any], epoch: int) -> pd.DataFrame:
    """Returns what a judged epoch did to each class that has validation samples, the largest drop first.

    Args:
        result: manifest of an epochs run.
        epoch: the later of two consecutive ones.

    Returns:
        ``class``, ``before``, ``after``, ``change`` in points, ``p_value`` of a drop, ``is_cost`` (more than noise),
        and, where there are test samples, ``on_test``, the change on them in points.
    """
    changes = class_changes(result, epoch)
    columns: dict[str, Any] = {
        "class": [change.name for change in changes],
        "before": [change.before for change in changes],
        "after": [change.after for change in changes],
        "change": [100 * (change.after - change.before) for change in changes],
        "p_value": [change.p_value for change in changes],
        "is_cost": [change.is_cost for change in changes],
    }
    if result["accuracy"]["test"] is not None:
        columns["on_test"] = 100 * np.array([change.on_test for change in changes], dtype=float)
    return pd.DataFrame(columns)


def steps_table(result: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the steps that were tried for all classes at once, with their means over classes.

    Args:
        result: manifest of the run.

    Returns:
        ``step``, ``improved`` (classes), ``accuracy`` in points and ``value``, the change of what classes are judged
        by, in per cent.
    """
    tried = result["candidates"]
    return pd.DataFrame(
        {
            "step": [one["step"] for one in tried],
            "improved": [one["classes_improved"] for one in tried],
            "accuracy": [100 * float(np.mean(one["change"])) for one in tried],
            "value": [float(np.mean(one["value_change_percent"])) for one in tried],
        }
    )


def _changes(result: Mapping[str, Any], split: str) -> dict[str, np.ndarray]:
    interval = 100 * np.array(result["interval"][split], dtype=float)
    return {
        "change": 100 * np.array(result["change"][split], dtype=float),
        "from": interval[:, 0],
        "to": interval[:, 1],
    }
