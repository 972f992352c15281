"""A fitted model of scikit-learn as the equal torch network.

Logits ``z = f(x)`` of K classes whose softmax is ``predict_proba``. For more than two classes
the weights are the model's own. For two, scikit-learn has one number ``s`` with
``p_1 = 1 / (1 + e^-s)``; the network has the logits ``(-s/2, s/2)``, of all pairs that give
these probabilities the one with the least weights, so the one that weight decay keeps.

A StandardScaler stays a layer of its own, ``(x - mean) / scale``, with nothing to train:
folded into the weights it would change what weight decay and a step of SGD do.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn

from engine.classes import listed
from engine.errors import RefusedInput
from engine.models.sklearn_files import EXPECTED, SklearnFile, read_sklearn

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
    "identity": nn.Identity,
}
_SOLVES_ONE_AGAINST_REST = ("ovr", "multinomial", "crammer_singer")


class Standardise(nn.Module):
    """Computes ``(x - mean) / scale`` of rows ``(N, D)``; nothing of it is trained."""

    mean: Tensor
    scale: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def forward(self, inputs: Tensor) -> Tensor:
        """Returns the rows, standardised."""
        return (inputs - self.mean) / self.scale


@dataclass(frozen=True, eq=False)
class SklearnModel:
    """The numbers of a fitted model, checked.

    Args:
        weights: of each linear layer ``(out, in)``, float64; the last has K rows.
        biases: of each ``(out,)``, or None throughout.
        activation: between the layers, as scikit-learn calls it.
        scaling: ``mean`` and ``scale`` of the inputs ``(D,)``, or None.
        classes: as the model numbers them.
        file: what else the file said.
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...] | None
    activation: str
    scaling: tuple[np.ndarray, np.ndarray] | None
    classes: np.ndarray
    file: SklearnFile

    @classmethod
    def read(cls, path: Path) -> "SklearnModel":
        """Reads a skops file.

        Raises:
            RefusedInput: if it is refused by :func:`read_sklearn`, the model is not fitted, predicts several
                labels at once, or computes its probabilities one class against the rest.
        """
        file = read_sklearn(path)
        try:
            weights, biases = _layers(file.classifier)
            classes = np.asarray(file.classifier.classes_)
            scaling = _scaling(file)
        except (AttributeError, TypeError, IndexError, ValueError) as error:
            raise RefusedInput(f"{path.name} holds a model that is not fitted ({error})", EXPECTED, "Fit it") from None
        activation = getattr(file.classifier, "activation", "identity")
        found = cls(weights, biases, activation, scaling, classes, file)
        found._check(path)
        return found

    def _check(self, path: Path) -> None:
        classifier = self.file.classifier
        rows = self.weights[-1].shape[0]
        one_by_one = rows > 2 and getattr(classifier, "solver", "") == "liblinear"
        kind = getattr(classifier, "multi_class", "auto")
        if one_by_one or (kind in _SOLVES_ONE_AGAINST_REST and not (kind == "multinomial" and rows > 2)):
            problem = f"{path.name} was fitted with multi_class = '{kind}', solver = '{classifier.solver}'"
            raise RefusedInput(problem, "probabilities by softmax over all classes", "Fit it with solver = 'lbfgs'")
        # Several numbers, each by a sigmoid of its own, are several labels at once.
        at_once = getattr(classifier, "out_activation_", None) == "logistic" and classifier.n_outputs_ != 1
        if (
            at_once
            or getattr(classifier, "out_activation_", "softmax") not in ("softmax", "logistic")
            or (self.classes.ndim != 1 or len(self.classes) != rows or rows < 2 or self.activation not in _ACTIVATIONS)
        ):
            problem = f"{path.name} predicts {rows} numbers for classes of the shape {self.classes.shape}"
            raise RefusedInput(problem, "one class of two or more for each sample", "Fit it on single labels")
        widths = [self.features, *(len(weight) for weight in self.weights)]
        shapes = [weight.shape for weight in self.weights]
        fits = shapes == [(out, width) for width, out in pairwise(widths)]
        fits &= self.biases is None or [bias.shape for bias in self.biases] == [(out,) for out in widths[1:]]
        fits &= self.scaling is None or all(part.shape == (self.features,) for part in self.scaling)
        values = (*self.weights, *(self.biases or ()), *(self.scaling or ()))
        if not fits or not all(np.isfinite(part).all() for part in values) or (self._scale() == 0).any():
            raise RefusedInput(f"{path.name} holds layers of shapes {shapes} that do not fit", EXPECTED, "Fit it again")

    def _scale(self) -> np.ndarray:
        return np.ones(1) if self.scaling is None else self.scaling[1]

    @property
    def features(self) -> int:
        """D, the numbers of a sample."""
        return self.weights[0].shape[1]

    def network(self) -> nn.Sequential:
        """Returns the network with weights drawn from torch's generator; the file's are in :meth:`tensors`.

        Without a scaler and with ReLU it is the ``logistic_regression`` or ``mlp`` of a study, name for name.
        """
        layers: list[nn.Module] = [nn.Flatten()]
        layers += [Standardise(self.features)] if self.scaling is not None else []
        for number, weight in enumerate(self.weights):
            layers += [_ACTIVATIONS[self.activation]()] if number else []
            layers.append(nn.Linear(weight.shape[1], weight.shape[0], bias=self.biases is not None))
        return nn.Sequential(*layers)

    def tensors(self) -> dict[str, Tensor]:
        """Returns the weights by their names in :meth:`network`, float64."""
        first = 1 if self.scaling is None else 2
        named: dict[str, np.ndarray] = {}
        if self.scaling is not None:
            named |= {"1.mean": self.scaling[0], "1.scale": self.scaling[1]}
        for number, weight in enumerate(self.weights):
            named[f"{first + 2 * number}.weight"] = weight
            if self.biases is not None:
                named[f"{first + 2 * number}.bias"] = self.biases[number]
        return {name: torch.from_numpy(np.array(value, dtype=np.float64)) for name, value in named.items()}

    def fit_notices(self, samples: int, weight_decay: float, name: str) -> tuple[str, ...]:
        """Returns how the model was fitted, where that is not how trainings here go.

        Args:
            samples: N, that it is taken to have been fitted on.
            weight_decay: of ``[training]``.
            name: of the file.
        """
        classifier = self.file.classifier
        told = f"{name}: fitted by scikit-learn's {classifier.solver}; trainings here, the next epoch too, are SGD"
        told += " as [training] says"
        penalty = self.weight_decay(samples)
        if penalty is None:
            told += "; its penalty is no weight decay"
        elif abs(penalty - weight_decay) > 0.01 * max(penalty, weight_decay):
            told += f"; its penalty is about weight_decay = {penalty:.3g} there, which says {weight_decay:g}"
        notices = (*self.file.notices, told)
        if getattr(classifier, "class_weight", None) is not None:
            notices += (f"{name}: fitted with class_weight, which trainings here do not have",)
        return notices

    def weight_decay(self, samples: int) -> float | None:
        """Returns the weight decay that does what the model's penalty did; None where none does.

        ``1 / (C N)`` of the mean loss for a logistic regression, twice that with two classes, whose two rows have half
        the penalty of its one; ``alpha / B`` for a perceptron with batches of B, or of all samples with ``lbfgs``.

        Args:
            samples: N, that it is taken to have been fitted on.
        """
        classifier = self.file.classifier
        try:
            if isinstance(classifier, MLPClassifier):
                batch = classifier.batch_size
                size = samples if classifier.solver == "lbfgs" else min(200 if batch == "auto" else int(batch), samples)
                return float(classifier.alpha) / size
            if getattr(classifier, "penalty", "l2") is None:
                return 0.0
            ratio: object = getattr(classifier, "l1_ratio", 0.0)
            if getattr(classifier, "penalty", "l2") in ("l1", "elasticnet") or ratio not in (None, 0):
                return None
            return (2 if len(self.classes) == 2 else 1) / (float(classifier.C) * samples)
        except (TypeError, ValueError, ZeroDivisionError, AttributeError):
            return None

    def check_classes(self, names: tuple[str, ...], path: Path) -> None:
        """Checks that the model numbers its classes as the data do.

        Args:
            names: of the study's classes, in order.
            path: of the file, for the message.

        Raises:
            RefusedInput: if not.
        """
        own = tuple(f"{value:g}" if isinstance(value, float) else str(value) for value in self.classes.tolist())
        # Places of the classes, unless the data call them by these same numbers and order them as words: 0, 1, 10, 2.
        are_places = own == tuple(map(str, range(len(names)))) and sorted(own) != sorted(names)
        if own != names and not are_places:
            raise RefusedInput(
                f"{path.name} has the classes {listed(own)} and the data {listed(names)}",
                "the same classes in the same order",
                "Set class_names in [data] to the order of the model's classes_, or fit it on the labels of the data",
            )


def sklearn_network(path: Path, input_shape: tuple[int, ...], num_classes: int) -> nn.Sequential:
    """Returns the untrained network of a skops file, for data of a shape and a number of classes.

    Raises:
        RefusedInput: if the file is refused, or was fitted on other data.
    """
    model = SklearnModel.read(path)
    features = int(np.prod(input_shape))
    if model.features != features:
        raise RefusedInput(
            f"{path.name} was fitted on {model.features} numbers a sample, the data have {features}",
            "the columns or pixels that it was fitted on",
            "Check [data] input, and resize for pictures",
        )
    if len(model.classes) != num_classes:
        raise RefusedInput(
            f"{path.name} was trained for {len(model.classes)} classes, but the data have {num_classes}",
            f"a model for {num_classes} classes",
            "Use the data that it was fitted on, or check [data] label and class_names",
        )
    return model.network()


def _layers(
    classifier: LogisticRegression | MLPClassifier,
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...] | None]:
    if isinstance(classifier, MLPClassifier):
        weights = [_numbers(weight).T for weight in classifier.coefs_]
        biases = [_numbers(bias) for bias in classifier.intercepts_]
        has_bias = True
    else:
        weights, has_bias = [_numbers(classifier.coef_)], bool(classifier.fit_intercept)
        biases = [np.broadcast_to(_numbers(classifier.intercept_), weights[0].shape[:1])]
    if len(weights[-1]) == 1:
        weights[-1] = np.concatenate([-weights[-1], weights[-1]]) / 2
        biases[-1] = np.concatenate([-biases[-1], biases[-1]]) / 2
    return tuple(weights), tuple(biases) if has_bias else None


def _scaling(file: SklearnFile) -> tuple[np.ndarray, np.ndarray] | None:
    if file.scaler is None:
        return None
    count = int(file.scaler.n_features_in_)
    if not 0 < count <= 1 << 27:
        raise ValueError("a standardisation of no columns")
    mean, scale = file.scaler.mean_, file.scaler.scale_
    return (
        np.zeros(count) if mean is None or not file.scaler.with_mean else _numbers(mean),
        np.ones(count) if scale is None or not file.scaler.with_std else _numbers(scale),
    )


def _numbers(value: object) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        raise TypeError("its weights are no arrays of numbers")
    return value.astype(np.float64)
