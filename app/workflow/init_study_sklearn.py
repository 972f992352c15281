"""A fitted model of scikit-learn in a folder, in a file of skops."""

from pathlib import Path

from app.workflow.init_study_files import entries_of
from app.workflow.init_study_findings import Findings
from engine.architecture_names import SKLEARN, SKLEARN_CONVERSION, SKLEARN_SUFFIX
from engine.errors import RefusedInput
from engine.models.recognition import Recognised

_PLACES = ("", "checkpoints", "models")
_PICKLES = (".pkl", ".pickle", ".joblib")


def find_sklearn(root: Path, findings: Findings) -> tuple[Recognised, Path] | None:
    """Tells architecture and checkpoint of the first file of skops that holds a model that is known.

    Args:
        root: the folder, resolved.
        findings: that are added to, also with the files that are not read.

    Returns:
        What the model is of, and its file.
    """
    places = [root / place for place in _PLACES if (root / place).is_dir() and not (root / place).is_symlink()]
    files = [file for place in places for file in entries_of(place, root).files]
    for file in files:
        if file.suffix.lower() in _PICKLES:
            why = "pickle and joblib files run whatever code is in them when they are loaded, so they are not read"
            findings.leave_open(f"what is in {file.name!a}", why, SKLEARN_CONVERSION)
    models = [file for file in files if file.suffix.lower() == SKLEARN_SUFFIX]
    for file in models:
        # scikit-learn takes seconds to import.
        from engine.models.sklearn_files import read_sklearn

        try:
            classifier = read_sklearn(file).classifier
        except RefusedInput as refusal:
            findings.leave_refused(f"what is in {file.name!a}", refusal)
            continue
        findings.infer("model.checkpoints", file.relative_to(root).as_posix(), "a fitted model of scikit-learn")
        findings.infer("model.architecture", SKLEARN, f"{file.name} holds a {type(classifier).__name__}")
        others = [other.name for other in models if other != file]
        if others:
            findings.leave_open(
                "which checkpoint is the trained model",
                f"{', '.join(map(ascii, others[:5]))} could be it as well as {file.name}",
                "Check checkpoints in [model]",
            )
        network = Recognised((SKLEARN,), num_classes=len(classifier.classes_), features=int(classifier.n_features_in_))
        return network, file
    return None
