"""The ``[model]`` of a study: what its checkpoint is of, by the names and shapes of its tensors.

No code of the folder runs: Python files are parsed and never imported, and checkpoints are
read as they are for every study.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

from app.workflow.init_study_files import entries_of
from app.workflow.init_study_findings import Findings
from app.workflow.init_study_sklearn import find_sklearn
from engine.architecture_names import FILE
from engine.checkpoints import SUFFIXES, epoch_of
from engine.errors import RefusedInput
from engine.models import read_tensors
from engine.models.builder_file import CODE_ROOT
from engine.models.recognition import Recognised, recognised

_PLACES = ("checkpoints", "", "checkpoint", "models", "weights")
_MOST_READ = 5
_BUILDERS = ("build", "build_model", "make_model", "create_model", "get_model")
_LARGEST_SOURCE = 1 << 20
_FOREIGN = {
    ".ckpt": "a checkpoint of a training framework, or of TensorFlow",
    ".bin": "a checkpoint by an ending that says nothing",
    ".onnx": "a program without its parameters' names",
    ".h5": "a model of Keras",
    ".keras": "a model of Keras",
}


@dataclass(frozen=True)
class ModelFound:
    """What is known of the model beyond what is told in the findings.

    Attributes:
        network: what the checkpoint's tensors say; ``None`` without a checkpoint, or where nothing knows them.
        checkpoint: that was looked at.
        is_ours: whether the model can be built without running code of the user's.
    """

    network: Recognised | None = None
    checkpoint: Path | None = None
    is_ours: bool = False


def find_model(root: Path, findings: Findings, transformer: Path | None = None) -> ModelFound:
    """Tells architecture and checkpoints as far as the files in a folder tell them.

    Args:
        root: the folder, resolved.
        transformer: a folder that embeds the texts: what is in it is no checkpoint of the study.
        findings: that are added to; without a checkpoint and without a builder no architecture is.
    """
    checkpoint, shapes = _checkpoint(root, findings, transformer)
    if checkpoint is None and (fitted := find_sklearn(root, findings)) is not None:
        return ModelFound(*fitted, is_ours=True)
    builder = _builder(root, findings, is_needed=checkpoint is not None)
    if checkpoint is None:
        if findings.get("model.checkpoints") is None:
            findings.infer("model.checkpoints", "checkpoints", "there is none yet: training writes them there")
        if builder is not None:
            _tell_builder(builder, f"{builder.partition(':')[0]} has such a function", root, findings)
        return ModelFound()
    network = recognised(shapes)
    if network is not None and network.architectures:
        _tell_known(network, checkpoint, builder, findings)
        return ModelFound(network, checkpoint, is_ours=True)
    names = ", ".join(f"{ascii(name)[1:-1][:60]} {shape}" for name, shape in list(shapes.items())[:6])
    names += f" and {len(shapes) - 6} more" if len(shapes) > 6 else ""
    if builder is not None:
        _tell_builder(
            builder,
            f"the checkpoint is of no known network, and {builder.partition(':')[0]} has such a function",
            root,
            findings,
        )
    else:
        findings.infer("model.architecture", f"{FILE}model.py:build", "the checkpoint is of no network that is known")
        findings.leave_open(
            f"the network of {checkpoint.name}",
            f"{_resembles(network)}: {names}",
            "Write model.py beside the study file, with your network and `def build(input_shape, num_classes)` that "
            f"returns it, and set {CODE_ROOT}={root}" + _or_renamed(network),
        )
    return ModelFound(network, checkpoint)


def _tell_known(network: Recognised, checkpoint: Path, builder: str | None, findings: Findings) -> None:
    name, *others = network.architectures
    findings.infer("model.architecture", name, f"the tensors of {checkpoint.name} have its names and shapes")
    if name == "mlp":
        findings.infer("model.hidden", list(network.hidden), "the rows of all layers but the last")
        findings.leave_open(
            "the function between the layers",
            "it leaves no trace in a checkpoint, and that of 'mlp' is ReLU",
            "Nothing is to be done if it was ReLU; else write your network into a file, see docs/architectures.md",
        )
    if name in ("mlp", "logistic_regression") and not network.bias:
        findings.infer("model.bias", False, "no layer has an intercept")
    if others:
        findings.leave_open(
            "which architecture it is", f"{', '.join(others)} have the same tensors", "Check architecture in [model]"
        )
    if builder is not None:
        findings.leave_open(
            "whether your own code is needed",
            f"{builder} could build the network, but a known one has the tensors, which needs no trust",
            f"Write architecture = '{FILE}{builder}' if the network computes something else",
        )


def _tell_builder(builder: str, why: str, root: Path, findings: Findings) -> None:
    findings.infer("model.architecture", f"{FILE}{builder}", why)
    findings.leave_open(
        f"whether {builder} builds the network",
        "that would run its code, which is off until you allow it",
        f"Read the file, and set {CODE_ROOT}={root} if you trust it",
    )


def _resembles(network: Recognised | None) -> str:
    if network is None:
        return "no known network has its tensors"
    hidden = f" with hidden layers of {', '.join(map(str, network.hidden))}" if network.hidden else ""
    return f"linear layers one behind the other{hidden}, whose tensors are not called as ours"


def _or_renamed(network: Recognised | None) -> str:
    if network is None:
        return ""
    last = 1 + 2 * len(network.hidden)
    like = (
        "'logistic_regression'" if not network.hidden else f"'mlp' with hidden = {list(network.hidden)}, if it has ReLU"
    )
    return (
        "; or save the tensors under the names "
        + ", ".join(f"{place}.weight" for place in range(1, last + 1, 2))
        + f" (and .bias), and write architecture = {like}"
    )


def _checkpoint(
    root: Path, findings: Findings, left_out: Path | None
) -> tuple[Path | None, dict[str, tuple[int, ...]]]:
    for place in _PLACES:
        folder = root / place
        if folder == left_out or (place and (folder.is_symlink() or not folder.is_dir())):
            continue
        entries = entries_of(folder, root)
        for file in entries.files:
            if (what := _FOREIGN.get(file.suffix.lower())) is not None:
                findings.leave_open(
                    f"what is in {file.name!a}",
                    f"it is {what}, which is not read",
                    "In a program that you trust, load it and write "
                    "`safetensors.torch.save_file(model.state_dict(), 'model.safetensors')`",
                )
        files = [file for file in entries.files if file.suffix.lower() in SUFFIXES]
        files.sort(key=lambda file: (epoch_of(file) is not None, epoch_of(file) or 0, file.name), reverse=True)
        for file in files[:_MOST_READ]:
            try:
                tensors, _ = read_tensors(file)
            except RefusedInput as refusal:
                findings.leave_refused(f"what is in {file.name!a}", refusal)
                continue
            shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
            if shapes:
                _tell_place(root, folder, file, files, findings)
                return file, shapes
    return None, {}


def _tell_place(root: Path, folder: Path, file: Path, files: list[Path], findings: Findings) -> None:
    numbered = [one for one in files if epoch_of(one) is not None]
    clash = len({(one.suffix, epoch_of(one)) for one in numbered}) < len(numbered)
    if len(numbered) > 1 and not clash:
        findings.infer(
            "model.checkpoints",
            folder.relative_to(root).as_posix(),
            f"{len(numbered)} checkpoints with a number are there; the last, {file.name}, is analysed",
        )
        return
    others = [one.name for one in files if one != file]
    findings.infer(
        "model.checkpoints",
        file.relative_to(root).as_posix(),
        "the only checkpoint" if not others else "the first by its name of those that can be read",
    )
    if others:
        findings.leave_open(
            "which checkpoint is the trained model",
            f"{', '.join(map(ascii, others[:5]))} could be it as well as {file.name}",
            "Check checkpoints in [model]; names like epoch-007.pt say which is the last",
        )


def _builder(root: Path, findings: Findings, is_needed: bool) -> str | None:
    """Returns ``FILE:FUNCTION`` of the function that likeliest builds the model, by parsing the Python files alone."""
    found, classes = [], []
    for path in entries_of(root, root).files:
        if path.suffix != ".py":
            continue
        tree = _parsed(path)
        for node in tree.body if tree is not None else ():
            if isinstance(node, ast.FunctionDef) and _is_builder(node):
                found.append(
                    (_BUILDERS.index(node.name) if node.name in _BUILDERS else len(_BUILDERS), path.name, node.name)
                )
            elif isinstance(node, ast.ClassDef) and any(_ends_in_module(base) for base in node.bases):
                classes.append(f"{node.name} in {path.name}")
    if found:
        (rank, file, function), *others = sorted(found)
        equals = [f"{other_file}:{name}" for other_rank, other_file, name in others if other_rank == rank]
        if equals:
            findings.leave_open(
                "which function builds the model",
                f"{', '.join(equals)} could as well as {file}:{function}",
                "Check architecture in [model]",
            )
        return f"{file}:{function}"
    if classes and is_needed:
        findings.leave_open(
            "how your class is built",
            f"there is {', '.join(map(ascii, classes[:3]))}, and no function that a study can name",
            "If no known network has the tensors, add `def build(input_shape, num_classes)` to the file to return it",
        )
    return None


def _parsed(path: Path) -> ast.Module | None:
    try:
        if path.stat().st_size > _LARGEST_SOURCE:
            return None
        return ast.parse(path.read_bytes())
    # What is no Python builds no model; deeply nested text exhausts the parser.
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_builder(node: ast.FunctionDef) -> bool:
    arguments = node.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    required = len(names) - len(arguments.defaults)
    takes_two = len(names) >= 2 >= required and not any(default is None for default in arguments.kw_defaults)
    return takes_two and (node.name in _BUILDERS or names[:2] == ["input_shape", "num_classes"])


def _ends_in_module(base: ast.expr) -> bool:
    return (isinstance(base, ast.Attribute) and base.attr == "Module") or (
        isinstance(base, ast.Name) and base.id == "Module"
    )
