"""Fitted models of scikit-learn out of skops files, of a few kinds and no other.

A skops file is a zip archive with a ``schema.json`` that names every class of the model
and how it is put together. All of these names are compared with a short list before
skops itself is asked, which has a list of its own; so only a logistic regression, a
multi-layer perceptron, a standardisation before either, and what these are made of are
ever built.
"""

import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skops import io as skops

from engine.architecture_names import SKLEARN_CONVERSION, SKLEARN_SUFFIX
from engine.errors import RefusedInput, first_line

EXPECTED = "a LogisticRegression or MLPClassifier, alone or in a Pipeline behind a StandardScaler, in a .skops file"
REMEDY = "Fit one of these and write it with skops.io.dump"
_SCHEMA = "schema.json"
_MOST_BYTES = 1 << 30
_OPTIMISERS = tuple(f"sklearn.neural_network._stochastic_optimizers.{name}Optimizer" for name in ("Adam", "SGD"))
_PLAIN = ("builtins.str", "builtins.bool", "builtins.int", "builtins.float", "builtins.complex")
_NUMBERS = (
    "bool",
    "bool_",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "str_",
)
# By the part that skops gives a piece of the model: the classes that the piece may be of.
_ALLOWED = {
    "ObjectNode": (
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._label.LabelBinarizer",
        *_OPTIMISERS,
    ),
    "DictNode": ("builtins.dict",),
    "ListNode": ("builtins.list",),
    "TupleNode": ("builtins.tuple",),
    "JsonNode": _PLAIN,
    "TypeNode": _PLAIN,
    "NdArrayNode": ("numpy.ndarray", *(f"numpy.{number}" for number in _NUMBERS)),
    "RandomStateNode": ("numpy.random.mtrand.RandomState",),
}


@dataclass(frozen=True, eq=False)
class SklearnFile:
    """What a file holds.

    Args:
        classifier: that was fitted.
        scaler: whose output it was fitted on, or None.
        notices: what was accepted but should be known.
    """

    classifier: LogisticRegression | MLPClassifier
    scaler: StandardScaler | None
    notices: tuple[str, ...]


def read_sklearn(path: Path) -> SklearnFile:
    """Returns the fitted model of a skops file.

    Raises:
        RefusedInput: if the file is missing, damaged, no skops file, would unpack to too much, or holds anything
            but the models that are known; what it holds is named.
    """
    content = _content(path)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            _check_schema(path, content)
            beyond = set(skops.get_untrusted_types(data=content)) - set(_OPTIMISERS)
            if beyond:
                raise _holds(path, sorted(beyond)[0])
            model = skops.loads(content, trusted=list(_OPTIMISERS))
        except RefusedInput:
            raise
        # A damaged archive can make the readers fail in any way.
        except Exception as error:
            why = f"{type(error).__name__}: {first_line(error)}"
            raise RefusedInput(f"{path.name} is damaged or cut off ({why})", EXPECTED, "Copy the file again") from None
    other_version = any("version" in type(warning.message).__name__.lower() for warning in warned)
    notices = (f"{path.name} was written by another version of scikit-learn",) if other_version else ()
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    return _known(path, [step for step in steps if step not in ("passthrough", None)], notices)


def _known(path: Path, steps: list[Any], notices: tuple[str, ...]) -> SklearnFile:
    kinds = " → ".join(type(step).__name__ for step in steps) or "nothing"
    *before, last = steps or [None]
    # Exactly these: a subclass may compute something else.
    if type(last) not in (LogisticRegression, MLPClassifier) or any(
        type(step) is not StandardScaler for step in before
    ):
        raise RefusedInput(f"{path.name} holds {kinds}", EXPECTED, REMEDY)
    if len(before) > 1:
        raise RefusedInput(f"{path.name} standardises {len(before)} times", EXPECTED, REMEDY)
    return SklearnFile(last, before[0] if before else None, notices)


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise RefusedInput(f"there is no file {path}", EXPECTED, "Check [model] checkpoints in the study file")
    if path.stat().st_size > _MOST_BYTES:
        raise RefusedInput(f"{path.name} is larger than {_MOST_BYTES >> 30} GB", EXPECTED, REMEDY)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RefusedInput(f"{path.name} cannot be read: {error.strerror}", EXPECTED, "Check its permissions") from None
    # Joblib's files are pickles, zipped by themselves or not at all.
    if content[:1] == b"\x80" or content[:2] in (b"x\x9c", b"x^", b"\x1f\x8b", b"BZ"):
        problem = f"{path.name} is a pickle or joblib file, which runs whatever code is in it when it is loaded"
        raise RefusedInput(problem, f"the fitted model in a {SKLEARN_SUFFIX} file", SKLEARN_CONVERSION)
    if not content:
        raise RefusedInput(f"{path.name} is empty", EXPECTED, "Copy the file again")
    if content[:4] != b"PK\x03\x04":
        raise RefusedInput(f"{path.name} is no skops file", EXPECTED, REMEDY)
    return content


def _check_schema(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        total = sum(member.file_size for member in archive.infolist())
        if total > _MOST_BYTES:
            raise RefusedInput(f"{path.name} would unpack to {total:,} bytes", EXPECTED, REMEDY)
        if _SCHEMA not in archive.namelist():
            raise RefusedInput(f"{path.name} is a zip archive without a model", EXPECTED, REMEDY)
        schema = json.loads(archive.read(_SCHEMA))
    for loader, name in _pieces(schema):
        if name not in _ALLOWED.get(loader, ()):
            raise _holds(path, name)


def _pieces(schema: Any) -> Iterator[tuple[str, str]]:
    """Yields of every piece of a model how skops puts it together, and its class."""
    waiting = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if "__loader__" in item or "__class__" in item:
                yield str(item.get("__loader__")), f"{item.get('__module__')}.{item.get('__class__')}"
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _holds(path: Path, name: str) -> RefusedInput:
    return RefusedInput(f"{path.name} holds {name[:120]}, which is not loaded", EXPECTED, REMEDY)
