"""Names of classes as names of columns, of which no two may be the same."""

from collections import Counter
from collections.abc import Sequence


def class_columns(class_names: Sequence[str]) -> list[str]:
    """Returns how the columns of the classes end: by name, and by index where a name is not the only one."""
    times = Counter(class_names)
    columns = [name if times[name] == 1 else f"{name}_{k}" for k, name in enumerate(class_names)]
    if len(set(columns)) < len(columns):
        # A class is called as another one is told apart: with its index behind each name no two are the same.
        columns = [f"{name}_{k}" for k, name in enumerate(class_names)]
    return columns
