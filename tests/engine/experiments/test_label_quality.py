"""Label quality: folds, models that did not see what they judge, and what cleanlab makes of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.data import InputTransform, Samples, StudyData
from engine.errors import Cancelled
from engine.experiments import label_quality
from engine.experiments.harm_ranking import FOLDS
from engine.experiments.label_quality import (
    NONE,
    FoldTrainings,
    class_probabilities,
    label_opinion,
    small_classes,
    training_folds,
)
from engine.study import Study
from engine.training import trained_from_scratch

COUNT, CLASSES = 90, 3


def a_study(architecture: str = "mlp", **training) -> Study:
    told = {"learning_rate": 0.2, "batch_size": 16, "epochs": 12, "momentum": 0.9} | training
    data = {"format": "npz", "train": "train.npz", "validation": "validation.npz"}
    model = {"architecture": architecture} | ({"hidden": [8]} if architecture == "mlp" else {})
    tables = {"data": data, "model": model, "training": told}
    return Study.model_validate({"name": "clouds", "seed": 3, "folder": Path(), **tables})


@pytest.fixture(scope="module")
def clouds() -> StudyData:
    """Three clouds of points far apart; every tenth label is wrong."""
    generator = np.random.default_rng(0)
    truth = np.arange(COUNT) % CLASSES
    inputs = np.eye(CLASSES)[truth] * 4 + generator.normal(size=(COUNT, CLASSES))
    labels = np.where(np.arange(COUNT) % 10 == 0, (truth + 1) % CLASSES, truth)
    sources = tuple(f"train.npz#{j}" for j in range(COUNT))
    samples = Samples(torch.tensor(inputs, dtype=torch.float32), torch.tensor(labels), sources)
    names = ("left", "middle", "right")
    return StudyData(samples, samples, None, class_names=names, transform=InputTransform(), notices=())


def out_of_fold(study: Study, data: StudyData) -> np.ndarray:
    trainings = FoldTrainings(study, data)
    probabilities = np.full((len(data.train), data.num_classes), np.nan, np.float32)
    for _, part in trainings.run(range(len(trainings.groups))):
        assert np.isnan(probabilities[part.index]).all(), "no sample is judged twice"
        probabilities[part.index] = part.probabilities
    return probabilities


def test_folds_hold_equal_shares_of_each_class_and_follow_the_seed():
    labels = np.repeat([0, 1, 2], [50, 23, 4])
    folds = training_folds(labels, 7)
    for k, most in ((0, 10), (1, 5), (2, 1)):
        counts = np.bincount(folds[labels == k], minlength=FOLDS)
        assert counts.max() == most
        assert counts.min() >= most - 1
    np.testing.assert_array_equal(folds, training_folds(labels, 7))
    assert (folds != training_folds(labels, 8)).any()


def test_many_small_classes_fill_the_folds_evenly():
    counts = np.bincount(training_folds(np.arange(100), 0), minlength=FOLDS)
    assert counts.tolist() == [20] * FOLDS


def test_every_model_judges_only_what_it_was_trained_without(clouds):
    study = a_study()
    probabilities = out_of_fold(study, clouds)
    folds = training_folds(clouds.train.labels.numpy(), study.seed)
    weights = np.array([folds != fold for fold in range(FOLDS)], dtype=np.float32)
    for fold, model in enumerate(trained_from_scratch(study, clouds, weights, [study.seed] * FOLDS)):
        inside = np.flatnonzero(folds == fold)
        expected = class_probabilities(model, clouds.train.take(inside), clouds.transform)
        np.testing.assert_array_equal(probabilities[inside], expected)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_a_label_has_no_say_in_its_own_probability(clouds):
    study, labels = a_study(), clouds.train.labels.clone()
    before = out_of_fold(study, clouds)
    chosen = int(np.flatnonzero(training_folds(labels.numpy(), study.seed) == 2)[0])
    probabilities = class_probabilities(*(_without(study, clouds, 2), clouds.train.take([chosen]), clouds.transform))
    np.testing.assert_array_equal(before[chosen], probabilities[0])


def _without(study: Study, data: StudyData, fold: int) -> torch.nn.Module:
    """The model of a fold, trained on labels that are nonsense in that fold, beside the same four others."""
    folds = training_folds(data.train.labels.numpy(), study.seed)
    labels = data.train.labels.clone()
    labels[folds == fold] = 0
    weights = np.array([folds != number for number in range(FOLDS)], dtype=np.float32)
    changed = replace(data, train=replace(data.train, labels=labels))
    return trained_from_scratch(study, changed, weights, [study.seed] * FOLDS)[fold]


def test_models_that_are_trained_in_turn_are_groups_of_their_own(clouds, monkeypatch):
    monkeypatch.setattr(label_quality, "trained_as_one", lambda models, *_: [[m] for m in range(len(models))])
    trainings = FoldTrainings(a_study(epochs=2), clouds)
    told = []
    parts = list(trainings.run([1, 4], lambda stage, done, total, note="": told.append((done, total, note))))

    assert [number for number, _ in parts] == [1, 4]
    folds = training_folds(clouds.train.labels.numpy(), 3)
    for number, part in parts:
        np.testing.assert_array_equal(part.index, np.flatnonzero(folds == number))
    steps = 2 * -(-COUNT // 16)
    assert told[-1] == (FOLDS * steps, FOLDS * steps, "training 5 of 5, epoch 2 of 2")
    assert {total for _, total, _ in told} == {FOLDS * steps}


def test_progress_stops_the_trainings(clouds):
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        next(FoldTrainings(a_study(), clouds).run([0], stop))


def test_wrong_labels_have_the_lowest_quality_and_get_the_right_suggestion(clouds):
    labels = clouds.train.labels.numpy()
    opinion = label_opinion(labels, out_of_fold(a_study(), clouds))
    wrong = np.arange(0, COUNT, 10)
    assert set(np.argsort(opinion.quality)[: len(wrong)]) == set(wrong)
    np.testing.assert_array_equal(opinion.suggested[wrong], (labels[wrong] - 1) % CLASSES)
    assert (np.delete(opinion.suggested, wrong) == NONE).all()


def test_quality_is_the_probability_of_the_given_label():
    probabilities = np.array([[0.7, 0.3], [0.4, 0.6], [0.9, 0.1], [0.2, 0.8]], np.float32)
    labels = np.array([0, 0, 1, 1])
    opinion = label_opinion(labels, probabilities)
    np.testing.assert_allclose(opinion.quality, [0.7, 0.4, 0.1, 0.8], rtol=1e-6)
    # The first class is given at 0.55 on average: 0.9 exceeds it. The second at 0.45: 0.6 does.
    assert opinion.suggested.tolist() == [NONE, 1, 0, NONE]


def test_without_confidence_nothing_is_suggested():
    # 0.55 is the likeliest, and less than what samples of that label have on average.
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.55, 0.45], [0.1, 0.9]])
    assert label_opinion(np.array([0, 0, 1, 1]), probabilities).suggested.tolist() == [NONE] * 4


@pytest.mark.parametrize("labels", [[0, 2, 2, 0], [2, 2, 2, 0], [0, 1, 2, 0]])
def test_classes_without_or_with_single_samples_break_nothing(labels):
    probabilities = np.array([[0.6, 0.1, 0.3], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [0.4, 0.3, 0.3]])
    opinion = label_opinion(np.array(labels), probabilities)
    assert np.isfinite(opinion.quality).all()
    assert ((opinion.suggested >= NONE) & (opinion.suggested < 3)).all()


def test_classes_of_fewer_samples_than_folds_are_named():
    labels = np.repeat([0, 1, 2], [5, 4, 1])
    told = small_classes(labels, ("cat", "dog", "bird"))
    assert len(told) == 2
    assert "'dog' has 4 training samples" in told[0]
    assert "at most 3 others" in told[0]
    assert "'bird' has 1 training sample: the models that judge its labels were trained on no other" in told[1]


def test_folds_work_where_there_are_fewer_samples_than_folds(clouds):
    few = replace(clouds, train=clouds.train.take([1, 2, 3]))
    probabilities = out_of_fold(a_study(), few)
    assert np.isfinite(probabilities).all()
