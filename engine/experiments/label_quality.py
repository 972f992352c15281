"""A second opinion on the labels: cleanlab's confident learning, on models that have not seen what they judge.

The training samples are dealt to five folds, class by class; for each fold a model is trained from scratch without
it and says how probable each class is for its samples. From these out-of-fold probabilities cleanlab (Northcutt et al.
2021, arXiv 1911.00068) tells how good each label is and which ones are probably wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engine.data import Samples, StudyData
from engine.data.transform import InputTransform
from engine.device import resolve_device
from engine.experiments.harm_ranking import FOLDS
from engine.progress import Progress, silent
from engine.study import Study
from engine.tasks import Told, task_pool
from engine.training.from_scratch import STAGE, Scratch
from engine.training.inputs import prepared_shape
from engine.training.schedule import steps_per_epoch
from engine.training.stacked import trained_as_one
from engine.training.stored_state import untrained_model

NONE = -1
"""Stands for a label that is not suggested."""
_BATCH = 256


@dataclass(frozen=True)
class OutOfFold:
    """What models say of samples that they were not trained on.

    Attributes:
        index: of the samples, ``(n,)``, rising.
        probabilities: of each class, ``(n, K)`` float32; rows sum to 1 up to rounding.
    """

    index: NDArray[np.int64]
    probabilities: NDArray[np.float32]


@dataclass(frozen=True)
class LabelOpinion:
    """What confident learning says of each label.

    Attributes:
        quality: probability of the given label, out of fold, ``(N,)``, 0 to 1; low = doubtful.
        suggested: the class to label the sample as, ``(N,)``; :data:`NONE` where the evidence supports none.
    """

    quality: NDArray[np.float64]
    suggested: NDArray[np.int64]


def training_folds(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Deals the samples of each class to the folds in turn, after a seeded shuffle.

    Args:
        labels: classes of the training samples, ``(N,)``.
        seed: of the shuffle.

    Returns:
        The fold of each sample, ``(N,)``. Classes begin at different folds, so that folds are of nearly equal size also
        where every class is small; one of fewer samples than folds is missing from some.
    """
    fold_of, begun = np.empty(len(labels), dtype=np.int64), 0
    for k in np.unique(labels).tolist():
        # A generator for each class: the number of samples of one must not move the draw of the next.
        members = np.random.default_rng((seed, k)).permutation(np.flatnonzero(labels == k))
        fold_of[members] = (begun + np.arange(len(members))) % FOLDS
        begun += len(members)
    return fold_of


def small_classes(labels: NDArray[np.int64], class_names: Sequence[str]) -> list[str]:
    """Returns a sentence for each class of fewer samples than there are folds: its label quality says little."""
    counts = np.bincount(labels, minlength=len(class_names))
    return [
        f"'{name}' has {count} training {'sample' if count == 1 else 'samples'}: the models that judge its labels were"
        f" trained on {'no other' if count == 1 else f'at most {count - 1} others'} of it, so its label quality says"
        " little"
        for name, count in zip(class_names, counts.tolist(), strict=True)
        if count < FOLDS
    ]


class FoldTrainings:
    """The trainings from scratch, each without one fold, in the groups that are trained as one.

    Args:
        study: what is trained and how; its seed is that of folds and trainings.
        data: its samples; the training split is used alone.
    """

    def __init__(self, study: Study, data: StudyData) -> None:
        self._study, self._data = study, data
        self._fold_of = training_folds(data.train.labels.numpy(), study.seed)
        model, shape = untrained_model(study, data), prepared_shape(data.train, data.transform)
        self.groups = trained_as_one([model] * FOLDS, study.training.batch_size, shape)
        """Folds of each group; they depend on the model and the data alone."""

    def run(self, groups: Sequence[int], progress: Progress = silent) -> Iterator[tuple[int, OutOfFold]]:
        """Trains the models of some groups and asks each for its fold.

        Args:
            groups: numbers of the groups that are wanted.
            progress: called after every step; may raise to stop.

        Yields:
            Number of a group, and what its models say.

        Raises:
            RefusedInput: if a training diverges.
            Cancelled: when ``progress`` raises it; groups already yielded stay valid.
        """
        if not groups:
            return
        device = resolve_device(self._study.compute)
        shared = _Folds(Scratch.of(self._study, self._data, device), self._data.train.numbers, self._fold_of)
        training = self._study.training
        steps = training.epochs * steps_per_epoch(len(self._data.train), training.batch_size)
        workers = self._study.compute.workers if len(self.groups) == FOLDS else 1
        told = Told(
            STAGE,
            [steps] * len(groups),
            before=steps * (len(self.groups) - len(groups)),
            name=lambda at: f"the training without fold {self.groups[groups[at]][0] + 1}",
        )
        with task_pool(_out_of_fold, shared, workers, device) as pool:
            for position, found in pool.completed([self.groups[number] for number in groups], told, progress):
                yield groups[position], found


@dataclass(frozen=True)
class _Folds:
    """What the trainings have in common."""

    scratch: Scratch
    train: Samples
    fold_of: NDArray[np.int64]


def _out_of_fold(shared: _Folds, folds: Sequence[int], progress: Progress) -> OutOfFold:
    scratch, fold_of = shared.scratch, shared.fold_of
    weights = np.array([fold_of != fold for fold in folds], dtype=np.float32)

    def report(stage: str, done: int, total: int, note: str = "") -> None:
        words = f"training {folds[0] + 1} of {FOLDS}, {note}" if len(folds) == 1 else note
        progress(stage, done, total, words)

    models = scratch.trained(weights, [scratch.study.seed] * len(folds), report)
    index = np.flatnonzero(np.isin(fold_of, folds))
    probabilities = np.empty((len(index), scratch.num_classes), dtype=np.float32)
    for fold, model in zip(folds, models, strict=True):
        inside = fold_of[index] == fold
        held_out = shared.train.take(index[inside])
        probabilities[inside] = class_probabilities(model, held_out, scratch.samples.transform)
    return OutOfFold(index, probabilities)


def class_probabilities(model: nn.Module, samples: Samples, transform: InputTransform) -> NDArray[np.float32]:
    """Returns a model's probability of each class for some samples, ``(n, K)``.

    Args:
        model: in evaluation mode, on its device.
        samples: of any split; may be none.
        transform: from stored to prepared inputs.
    """
    parameter = next(model.parameters())
    told = []
    with torch.no_grad():
        for batch in torch.arange(len(samples)).split(_BATCH):
            logits = model(transform.prepare(samples.inputs[batch]).to(parameter))
            told.append(logits.double().softmax(dim=1).float().cpu())
    return torch.cat(told).numpy()


def label_opinion(labels: NDArray[np.int64], probabilities: NDArray[np.floating]) -> LabelOpinion:
    """Asks cleanlab for the quality of each label, and for the labels to give in place of doubtful ones.

    A label is suggested where confident learning counts the sample as one of another class: that class is
    the most probable one, and at least as probable as it is on average for samples that carry its label.

    Args:
        labels: the given ones, ``(N,)``.
        probabilities: out of fold, ``(N, K)``.
    """
    # Loaded here: cleanlab brings scikit-learn along, which takes seconds.
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    told = np.asarray(probabilities, dtype=np.float64)
    quality = get_label_quality_scores(labels, told, method="self_confidence")
    issues = find_label_issues(labels, told, filter_by="confident_learning", n_jobs=1)
    likeliest = told.argmax(axis=1)
    suggested = np.where(np.asarray(issues) & (likeliest != labels), likeliest, NONE)
    return LabelOpinion(np.asarray(quality, dtype=np.float64), suggested.astype(np.int64))
