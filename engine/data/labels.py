"""Which classes there are and what they are called, and labels as indices of them.

Names come from the study's ``class_names``, else from the training file, else they are
the distinct values of the training labels, sorted.
"""

from dataclasses import dataclass

import numpy as np

from engine.classes import did_you_mean, listed, names_in_order
from engine.data.reader import RawLabels
from engine.errors import RefusedInput


@dataclass(frozen=True)
class Classes:
    """The classes of a study.

    Args:
        names: the K names, in class order.
        numbered: whether a whole number in a file is a class index; otherwise it is a name like any other.
        chosen: whether the study itself names them, so that files may call them otherwise.
        file_names: what the training file itself calls the classes 0, 1, ..., or None.
    """

    names: tuple[str, ...]
    numbered: bool
    chosen: bool
    file_names: tuple[str, ...] | None = None

    @classmethod
    def of(cls, chosen: tuple[str, ...] | None, train: RawLabels, file: str) -> "Classes":
        """Returns the classes of a study.

        Args:
            chosen: the study's ``class_names``, or None.
            train: the labels of the training file.
            file: that file, for messages.

        Raises:
            RefusedInput: if there are no samples, fewer than two classes, or two of one name.
        """
        if not len(train.values):
            raise RefusedInput(f"{file} has no samples", "at least one sample of each class", "Check the file")
        named = chosen or train.names
        names = named or tuple(map(str, np.unique(train.values)))
        classes = cls(names, numbered=bool(named), chosen=bool(chosen), file_names=train.names)
        if len(classes.names) < 2:
            raise RefusedInput(
                f"{file} has one class only, '{classes.names[0]}'",
                "samples of two classes or more",
                "Check [data] label",
            )
        twice = [name for name in classes.names if classes.names.count(name) > 1]
        if twice:
            raise RefusedInput(
                f"two classes of {file} are called '{twice[0]}'", "names that differ", "Set class_names in [data]"
            )
        return classes

    def encode(self, labels: RawLabels, file: str) -> np.ndarray:
        """Returns labels as class indices ``(N,)`` int64.

        Args:
            labels: of any split.
            file: for messages.

        Raises:
            RefusedInput: if a label is no class of the training data, or the file numbers its classes otherwise.
        """
        numbers = labels.values.dtype.kind == "i"
        if numbers and self.numbered:
            if not self.chosen and labels.names is not None and labels.names != self.names:
                raise RefusedInput(
                    f"{file} numbers its classes {listed(labels.names)}",
                    f"the training file's order, {listed(self.names)}",
                    "Write the files with one order, or set class_names in [data]",
                )
            unknown = (labels.values < 0) | (labels.values >= len(self.names))
            indices = self._places(labels.names or self.file_names)[np.where(unknown, 0, labels.values)]
        else:
            places = {name: place for place, name in enumerate(self.names)}
            distinct, inverse = np.unique(labels.values, return_inverse=True)
            indices = np.array([places.get(str(value), -1) for value in distinct], dtype=np.int64)[inverse]
            unknown = indices < 0
        if unknown.any():
            raise self._unknown(labels.values, int(np.flatnonzero(unknown)[0]), file, numbers and self.numbered)
        return indices

    def _places(self, order: tuple[str, ...] | None) -> np.ndarray:
        """Returns the class index ``(K,)`` that each number of a file stands for.

        Args:
            order: what the file calls its classes. Are these the study's in another order, that of a model for
                instance, its numbers are the file's; are they others, the study has given its own names to them.
        """
        ordered = None if order is None else names_in_order(order, self.names)
        return np.array([self.names.index(name) for name in ordered or self.names], dtype=np.int64)

    def _unknown(self, values: np.ndarray, row: int, file: str, numbered: bool) -> RefusedInput:
        value = str(values[row])
        return RefusedInput(
            f"{file}: row {row} has the label '{value}', which is no class of the training data",
            f"0 to {len(self.names) - 1}" if numbered else f"one of {listed(self.names)}",
            (None if numbered else did_you_mean(value, self.names)) or "Mend the row, or class_names in [data]",
        )
