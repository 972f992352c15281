"""How a study file names its architecture: one of ours, one of torchvision's, or a function in the user's own file.

Only the form is looked at here, without torch and without opening anything, since the
study file is read before every page. Whether torchvision has such a model, and whether
the file may be run, is told by :mod:`engine.models` when the model is built.
"""

import keyword
import re
from dataclasses import dataclass

from engine.classes import did_you_mean
from engine.refusals import contradiction

OURS = ("logistic_regression", "mlp", "cnn", "resnet9")
TORCHVISION = "torchvision:"
FILE = "file:"
TRANSFORMERS = "transformers:"
"""A folder of Hugging Face's layout: configuration, tokenizer, and weights in safetensors."""
SKLEARN = "sklearn"
"""A fitted model of scikit-learn: what it is made of is told by the file of its checkpoint."""
SKLEARN_SUFFIX = ".skops"
SKLEARN_CONVERSION = (
    "In a program that you trust: import joblib, skops.io; model = joblib.load('model.joblib'); "
    "skops.io.dump(model, 'model.skops') (for a .pkl file pickle.load in place of joblib.load)"
)
"""The way from the files that are refused, three lines."""

_PICKLES = (".pkl", ".pickle", ".joblib")
_EXPECTED = (
    "'logistic_regression', 'mlp', 'cnn' or 'resnet9', or a model of torchvision ('torchvision:resnet18'), "
    "or a folder of Hugging Face's transformers ('transformers:FOLDER'), "
    "or a function in a file of yours ('file:model.py:build'), or a model of scikit-learn ('sklearn')"
)
# The families of torchvision's classification models, so that one who writes 'resnet18' is told
# the prefix. The list itself would need torchvision, which takes seconds to import.
_OF_TORCHVISION = re.compile(
    r"alexnet|convnext_|densenet\d|efficientnet_|googlenet|inception_v3|maxvit_|mnasnet\d|mobilenet_v\d|regnet_[xy]_"
    r"|resnet\d\d|resnext\d|shufflenet_v2|squeezenet\d|swin_|vgg\d|vit_|wide_resnet\d",
)


@dataclass(frozen=True)
class BuilderName:
    """What ``file:PATH.py:FUNCTION`` names."""

    path: str
    """Relative to the study file, or in full."""
    function: str


def torchvision_name(architecture: str) -> str | None:
    """Returns NAME of ``torchvision:NAME``; None for another form."""
    return architecture.removeprefix(TORCHVISION) if architecture.startswith(TORCHVISION) else None


def transformers_folder(architecture: str) -> str | None:
    """Returns FOLDER of ``transformers:FOLDER``; None for another form."""
    return architecture.removeprefix(TRANSFORMERS) if architecture.startswith(TRANSFORMERS) else None


def builder_name(architecture: str) -> BuilderName | None:
    """Returns file and function of ``file:PATH.py:FUNCTION``; None for another form."""
    if not architecture.startswith(FILE):
        return None
    # From the right: a path may hold colons, the name of a function may not.
    path, _, function = architecture.removeprefix(FILE).rpartition(":")
    return BuilderName(path, function)


def check_form(architecture: str) -> None:
    """Checks a name as the study file has it; called where pydantic validates ``[model]``.

    Raises:
        PydanticCustomError: if it has no known form; the parts are those of a refusal.
    """
    if architecture in (*OURS, SKLEARN):
        return
    expected, remedy = _EXPECTED, None
    name, builder = torchvision_name(architecture), builder_name(architecture)
    if name is not None:
        if re.fullmatch(r"\w+", name, re.ASCII):
            return
        expected = "'torchvision:' and a name of letters, digits and underscores"
        plain = re.sub(r"\W", "", name, flags=re.ASCII)
        remedy = _meant(TORCHVISION + plain) if plain else "Name one of its models, for instance 'torchvision:resnet18'"
    elif transformers_folder(architecture) is not None:
        if transformers_folder(architecture) and "\0" not in architecture:
            return
        expected = "'transformers:' and a folder"
        remedy = "Write it like 'transformers:my-bert'"
    elif builder is not None:
        if _is_file(builder.path) and _is_function(builder.function):
            return
        expected = "'file:', a path that ends in .py, a colon and the name of a function in it"
        remedy = _meant_builder(architecture.removeprefix(FILE))
    elif _OF_TORCHVISION.match(architecture.lower()):
        remedy = _meant(TORCHVISION + architecture.lower())
    elif ".py" in architecture:
        remedy = _meant_builder(architecture)
    remedy = remedy or did_you_mean(architecture, (*OURS, SKLEARN)) or "Change [model] architecture"
    shown = architecture if len(architecture) <= 80 else f"{architecture[:70]} … {architecture[-7:]}"
    raise contradiction(f"architecture is {shown!r}", expected, remedy)


def check_sklearn(architecture: str, checkpoints: str) -> None:
    """Checks that a model of scikit-learn, and nothing else, comes in a file of skops.

    Args:
        architecture: of ``[model]``.
        checkpoints: its path, as written.

    Raises:
        PydanticCustomError: if the two do not go together; the parts are those of a refusal.
    """
    is_skops, name = checkpoints.lower().endswith(SKLEARN_SUFFIX), checkpoints.rpartition("/")[2][-80:]
    if architecture != SKLEARN:
        if is_skops:
            problem = f"checkpoints is {name!r} for architecture = '{architecture}'"
            raise contradiction(problem, "architecture = 'sklearn' for a file of skops", "Change architecture")
    elif checkpoints.lower().endswith(_PICKLES):
        problem = f"checkpoints is {name!r}: pickle and joblib files run whatever code is in them when they are loaded"
        raise contradiction(problem, "the fitted model in a .skops file", SKLEARN_CONVERSION)
    elif not is_skops:
        problem = f"checkpoints is {name!r} for architecture = 'sklearn'"
        raise contradiction(problem, "the fitted model in a .skops file", "Write it with skops.io.dump and name it")


def _is_file(path: str) -> bool:
    return path.endswith(".py") and "\0" not in path


def _is_function(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _meant(architecture: str) -> str:
    return f"Write '{architecture}' if that is what was meant"


def _meant_builder(written: str) -> str | None:
    """Returns the remedy for a path with its function missing, or with another word in its place."""
    path, separator, function = written.partition(".py")
    if separator and path and not function.strip(":"):
        return f"Write 'file:{path}.py:build' if its function is called build"
    if separator and path and _is_function(function.removeprefix(":")):
        return _meant(f"file:{path}.py:{function.removeprefix(':')}")
    return "Write it like 'file:model.py:build'"
