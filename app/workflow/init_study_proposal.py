"""What is proposed where no file tells it: an architecture for data of some kind and size, and how it is trained."""

import math
from contextlib import suppress
from pathlib import Path

from app.workflow.init_study_data import DataFound
from app.workflow.init_study_findings import Findings
from app.workflow.init_study_model import ModelFound
from engine.architecture_names import SKLEARN, TRANSFORMERS
from engine.checkpoints import epoch_of
from engine.errors import RefusedInput
from engine.text_settings import TFIDF


def propose_model(input_shape: tuple[int, ...], samples: int, findings: Findings) -> None:
    """Tells an architecture that fits data of this kind and size, where there is no checkpoint.

    Args:
        input_shape: of one sample, ``(C, H, W)`` or ``(D,)``.
        samples: of the training data.
        findings: that are added to.
    """
    if len(input_shape) == 1:
        if samples < 10 * input_shape[0]:
            why = f"a proposal: {samples:,} samples of {input_shape[0]} numbers are few for a larger network"
            findings.infer("model.architecture", "logistic_regression", why)
            return
        findings.infer("model.architecture", "mlp", f"a proposal for {samples:,} rows of {input_shape[0]} numbers")
        findings.infer("model.hidden", [64], "a proposal: one layer is enough for most tables")
        return
    side = min(input_shape[1:])
    shown = f"{samples:,} pictures of {input_shape[2]} x {input_shape[1]} pixels"
    if side < 8:
        findings.infer("model.architecture", "mlp", f"a proposal: {shown} are too small for convolutions")
    elif side < 24 or samples < 5000:
        findings.infer("model.architecture", "cnn", f"a proposal for {shown}: a small network trains in minutes")
    else:
        findings.infer("model.architecture", "resnet9", f"a proposal for {shown}")


def tell_text_model(data: DataFound, model: ModelFound, findings: Findings) -> None:
    """Tells the model on texts that have become numbers, by words or by an encoder."""
    if model.checkpoint is None:
        if findings.get("model.architecture") is None:
            why = "a proposal: one layer on weighted counts of words does well on most texts"
            if findings.get("data.features.kind") != TFIDF:
                why = "a proposal: one layer on an encoder's embeddings does well on most texts"
            findings.infer("model.architecture", "logistic_regression", why)
        return
    findings.leave_open(
        "how texts became numbers in training",
        f"{model.checkpoint.name} was trained on numbers, and no file says how they were made of the texts",
        "If not by this study, train a model on these features by `python -m app train`, with another place for "
        "checkpoints in [model]",
    )
    network = model.network
    if network is not None and network.num_classes != len(data.labels):
        problem = f"the checkpoint was trained for {network.num_classes} classes, and {len(data.labels)} labels differ"
        findings.leave_open("the classes", problem, "Check label in [data]")


def tell_text_training(data: DataFound, checkpoint: Path | None, findings: Findings) -> None:
    """Tells ``[training]`` of texts.

    Args:
        data: with the number of texts.
        checkpoint: of a model on features, if there is one.
        findings: with the architecture.
    """
    if not str(findings.get("model.architecture")).startswith(TRANSFORMERS):
        tell_training(findings, data.rows, checkpoint)
        return
    findings.infer("training.learning_rate", 0.01, "a proposal: at much larger rates the loss of a transformer leaps")
    findings.infer("training.weight_decay", 0.001, "a proposal: a little keeps influence well-behaved")
    findings.infer("training.batch_size", 32, "a proposal that fits into the memory of most machines")
    findings.infer("training.epochs", 3, "a proposal: a transformer that was trained before has learnt by then")
    findings.infer("training.schedule", "one_cycle", "a proposal: warms up, then cools down")
    _ask_for_recipe(findings)


def tell_training(findings: Findings, samples: int, checkpoint: Path | None) -> None:
    """Tells ``[training]``: proposed, since no checkpoint says how it was trained.

    Args:
        findings: with the architecture.
        samples: of the training data.
        checkpoint: of the model, if there is one.
    """
    is_large = findings.get("model.architecture") not in ("logistic_regression", "mlp", SKLEARN)
    batch = min(128, max(16, 2 ** round(math.log2(max(samples, 1) / 16))))
    steps = math.ceil(samples / batch)
    epochs = min(100, max(10, math.ceil(1500 / steps)))
    why = f"a proposal: about {epochs * steps:,} steps"
    number = None if checkpoint is None else epoch_of(checkpoint)
    if number:
        epochs, why = number, f"the number of {checkpoint.name if checkpoint else ''}"
    findings.infer("training.learning_rate", 0.05, "a proposal that suits inputs of about this scale")
    findings.infer("training.weight_decay", *_weight_decay(findings, samples, checkpoint))
    findings.infer("training.batch_size", batch, f"a proposal for {samples:,} samples")
    findings.infer("training.epochs", epochs, why)
    if is_large:
        findings.infer("training.schedule", "one_cycle", "a proposal: warms up, then cools down")
    if checkpoint is not None:
        _ask_for_recipe(findings)


def _weight_decay(findings: Findings, samples: int, checkpoint: Path | None) -> tuple[float, str]:
    """Returns the weight decay, and why: what scikit-learn fitted a model under, else a proposal."""
    if checkpoint is not None and findings.get("model.architecture") == SKLEARN:
        # scikit-learn takes seconds to import.
        from engine.models.sklearn_models import SklearnModel

        with suppress(RefusedInput):
            penalty = SklearnModel.read(checkpoint).weight_decay(samples)
            if penalty is not None:
                return float(f"{penalty:.3g}"), "as strong as the penalty that scikit-learn fitted the model under"
    return 0.001, "a proposal: a little keeps influence well-behaved"


def _ask_for_recipe(findings: Findings) -> None:
    if isinstance(findings.get("data.validation"), float):
        findings.leave_open(
            "whether the model has seen the validation samples",
            "they are drawn from the training data, and a checkpoint does not say which of these it was trained on",
            "Name data that it was not trained on as validation in [data], or train it anew by `python -m app train` "
            "with another place for checkpoints in [model]: what it has seen tells too good a ceiling",
        )
    findings.leave_open(
        "how the model was trained",
        "a checkpoint does not say it, and influence follows the same recipe",
        "Set learning_rate, momentum, weight_decay, batch_size, epochs and schedule in [training] to what was used",
    )
