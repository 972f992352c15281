import numpy as np
import pytest

from app.workflow.sentences import (
    all_classes_sentence,
    calibration_sentence,
    climb_sentence,
    damping_words,
    datamodelling_sentence,
    influence_notices,
    probe_sentence,
    removal_sentence,
    reweight_sentence,
)
from engine.study import load_study

NAMES = ("cat", "dog", "ship")


def sentence(changes: list[float], half: float = 0.01, split: str = "test", targets: tuple[int, ...] = (0,)) -> str:
    change = np.array(changes)
    interval = np.stack([change - half, change + half], axis=1)
    return reweight_sentence(NAMES, targets, {split: change}, {split: interval}, {split: change + 0.03})


def test_targets_and_the_worst_other_class_are_told_in_points():
    assert sentence([0.052, -0.01, -0.034]) == (
        "On unseen test data: cat +8.2 points, 5.2 more than the same epoch unweighted (95% +4.2 to +6.2);"
        " worst other class ship -3.4 against that epoch (95% -4.4 to -2.4)."
    )


def test_a_target_that_gains_less_than_unweighted_is_told_so():
    assert "cat +2.0 points, 1.0 less than the same epoch unweighted" in sentence([-0.01, 0.0, 0.0])


def test_probes_tell_the_factor_the_correlation_and_the_error():
    told = {"factor": 0.71, "error": 0.034, "spearman": 0.86, "pairs": 6}
    assert probe_sentence(told) == (
        "In 6 pairs of probe epochs classes moved 0.71 times as far as predicted (rank correlation 0.86); predictions"
        " are shown with this factor, and miss by 3% of a class's loss, typically."
    )
    assert "do not rely on predictions" in probe_sentence({**told, "factor": -0.1})


def test_a_gain_that_may_be_chance_is_said_to_be():
    assert sentence([0.005, 0.0, 0.0]).endswith("A gain whose interval reaches below zero may be chance.")
    assert "may be chance" not in sentence([0.02, 0.0, 0.0])


def test_without_a_test_split_the_reader_is_told_what_was_searched_on():
    assert "On the validation data that was searched on: cat" in sentence([0.05, 0.0, 0.0], split="validation")


def test_the_test_split_is_told_where_both_are_there():
    change = {"validation": np.array([0.5, 0.0, 0.0]), "test": np.array([0.1, 0.0, 0.0])}
    interval = {split: np.stack([values, values], axis=1) for split, values in change.items()}

    assert "10.0 more than" in reweight_sentence(NAMES, (0,), change, interval, change)


def test_a_class_without_samples_is_said_to_have_none_and_is_never_the_worst():
    assert "dog has no sample" in sentence([0.05, np.nan, -0.01], targets=(0, 1))
    assert "worst other class ship" in sentence([0.05, np.nan, -0.01])


def test_where_every_class_is_a_target_no_other_is_told():
    assert "other class" not in sentence([0.05, 0.04, 0.03], targets=(0, 1, 2))


def all_classes(losses: list[float], half: float = 0.01, split: str = "test", step: float | None = 0.5) -> str:
    change = np.array(losses)
    compared = {
        "change": {split: np.where(np.isnan(change), np.nan, 0.02)},
        "loss_change": {split: change},
        "loss_interval": {split: np.stack([change - half, change + half], axis=1)},
    }
    return all_classes_sentence(NAMES, compared, step)


def test_all_classes_are_counted_and_the_one_that_gains_least_is_named():
    assert all_classes([-0.2, -0.005, -0.1]) == (
        "Against the same training from scratch unweighted, on unseen test data: the loss of all 3 classes falls (2 of"
        " them beyond chance), and accuracy changes by +2.0 points on average over classes; dog gains least, its loss"
        " changes by -0.005 (95% -0.015 to +0.005)."
    )
    assert "the loss of 2 of 3 classes falls" in all_classes([-0.2, 0.1, -0.1])


def test_classes_without_samples_are_not_counted():
    assert "the loss of all 2 classes falls" in all_classes([-0.2, np.nan, -0.1])


def test_all_classes_without_a_test_split_are_told_to_be_judged_on_what_was_searched_on():
    assert "on the validation data that was searched on: the loss" in all_classes([-0.1] * 3, split="validation")


def test_where_no_step_was_chosen_the_result_is_said_to_be_plain_training():
    assert all_classes([0.0] * 3, step=None).endswith("so the result is plain training.")


def climbed(*accuracies: list[float], best: int, split: str = "test", half: float = 0.03) -> str:
    rounds = [
        {"accuracy": {split: list(values)}, "loss": {split: [1.0 / (1 + number)] * 3}}
        for number, values in enumerate(accuracies)
    ]
    change = np.array(accuracies[best], dtype=float) - np.array(accuracies[0], dtype=float)
    return climb_sentence(
        NAMES, rounds, best, {split: change}, {split: np.stack([change - half, change + half], axis=1)}
    )


def test_a_climb_is_told_by_its_mean_its_classes_and_the_lowest():
    assert climbed([0.8, 0.7, 0.9], [0.85, 0.72, 0.89], [0.8, 0.7, 0.9], best=1) == (
        "Estimated ceiling: 82.0% mean accuracy over classes on unseen test data, in round 1, against 80.0% of plain"
        " training (+2.0 points): it rises for 2 of 3 classes, for 1 beyond chance, and falls for 1; the lowest class"
        " is dog at 72.0%."
    )


def test_a_climb_that_no_round_bettered_is_plain_training():
    assert climbed([0.8, 0.7, 0.9], [0.7] * 3, [0.7] * 3, best=0).endswith(
        "that of plain training; none of the 2 further rounds was better; the lowest class is dog at 70.0%."
    )
    assert climbed([0.8, 0.7, 0.9], best=0).endswith("plain training; the lowest class is dog at 70.0%.")


def test_where_accuracy_stays_the_loss_is_told():
    assert "no class's accuracy changes, the mean loss goes from 1 to 0.5;" in climbed([1.0] * 3, [1.0] * 3, best=1)


def test_a_climb_without_test_samples_names_what_it_was_judged_on_and_passes_over_missing_classes():
    assert "on the validation data that chose the best round, in" in climbed(
        [0.5] * 3, [0.6] * 3, best=1, split="validation"
    )
    told = climbed([0.5, np.nan, 0.7], [0.6, np.nan, 0.8], best=1)
    assert "70.0% mean accuracy" in told
    assert "rises for 2 of 2 classes" in told


def removed(right: tuple[float | None, float | None], found: float | None, alone: float | None = 0.5) -> str:
    def agreements(value: float | None) -> dict:
        loss = {"spearman": value, "interval": None if value is None else [value - 0.1, value + 0.1]}
        return {sign: {"loss": loss} for sign in ("beneficial", "detrimental")}

    return removal_sentence(
        {
            "measurement": "loss",
            "seeds": 5,
            "sizes": {"beneficial": [3, 1, 4], "detrimental": [2, 0, 0 if right[1] is None else 5]},
            "diagonal_right": dict(zip(("beneficial", "detrimental"), right, strict=True)),
            "agreement": agreements(found),
            "agreement_checkpoint": agreements(alone),
        }
    )


def test_a_removal_study_is_told_by_the_classes_that_moved_as_said_and_the_ranks():
    assert removed((2 / 3, 0.5), 0.823) == (
        "Without the most beneficial samples of a class, its loss rose for 2 of 3 classes; without the most detrimental"
        " samples of a class, its loss fell for 1 of 2 classes. Over all classes, what the mean influence of 5 models"
        " predicts and what was measured have a Spearman correlation of 0.82 and 0.82 (influence of the checkpoint"
        " alone: 0.50 and 0.50)."
    )


def test_what_a_removal_study_does_not_know_is_left_out():
    assert "(influence of the checkpoint alone: - and -)" in removed((1.0, 1.0), 0.8, None)
    assert removed((1.0, None), None) == (
        "Without the most beneficial samples of a class, its loss rose for 3 of 3 classes;"
        " no class has any detrimental samples."
    )


def comparison(**changes) -> dict:
    return {
        "subsets": 32,
        "candidates": [{"mean": 0.756}],
        "own": 0,
        "interval": [0.7, 0.8],
        "mean_ceiling": 0.9,
        "strategy": "ekfac",
        "calibrated": {"damping": 0.03, "score": 0.79, "heuristic": 0.76, "gain": -0.0123},
    } | changes


def test_a_comparison_is_told_with_its_interval_and_what_chance_leaves():
    ranks = "Over 32 random halves of the training data, influence ranks how well each class does with a correlation of"
    assert datamodelling_sentence(comparison()) == (
        f"{ranks} 0.76 (95% 0.70 to 0.80), mean over classes. Chance between trainings leaves about 0.90 to be reached."
    )
    assert datamodelling_sentence(comparison(interval=None, mean_ceiling=None)) == (
        f"{ranks} 0.76, mean over classes. Two trainings of each half would show how much of the rest is chance."
    )
    alike = comparison(candidates=[{"mean": None}], interval=None)
    assert datamodelling_sentence(alike) == "These trainings came out alike, so there is nothing to rank."


def test_a_calibration_is_told_against_the_heuristic_and_on_what_did_not_choose():
    assert calibration_sentence(comparison()) == (
        "Damping 0.03 predicts these trainings best: score 0.79, against 0.76 with the heuristic; on trainings that did"
        " not choose, choosing gains -0.012 over it."
    )
    same = {"damping": "heuristic", "score": 0.76, "heuristic": 0.76, "gain": -0.01}
    assert calibration_sentence(comparison(calibrated=same)) == (
        "No damping predicts these trainings better than the heuristic: score 0.76."
    )
    found = {"damping": "training", "score": 0.79, "heuristic": None, "gain": None}
    assert calibration_sentence(comparison(calibrated=found)) == (
        "Damping 'training' predicts these trainings best: score 0.79."
    )
    assert "no curvature to damp" in calibration_sentence(comparison(strategy="identity"))
    assert "came out alike" in calibration_sentence(comparison(calibrated=found | {"score": None}))
    assert [damping_words(damping) for damping in (1e-4, 0.1, "heuristic")] == ["0.0001", "0.1", "'heuristic'"]


@pytest.mark.parametrize(("accuracy", "told"), [([0.0, 1.0, 0.0], True), ([0.9, 1.0, 0.6], False)])
def test_a_checkpoint_that_guesses_is_told_with_every_result(tmp_path, accuracy, told):
    (tmp_path / "study.toml").write_text(
        'name = "a"\n[data]\nformat = "csv"\ntrain = "a.csv"\nvalidation = 0.2\n[model]\narchitecture = "mlp"\n'
        "[training]\nepochs = 3\nlearning_rate = 0.1\n"
    )
    manifest = {"notices": [], "accuracy": {"validation": accuracy}, "counts": {"validation": [30, 30, 30]}}

    notices = influence_notices(load_study(tmp_path), manifest)

    assert (
        any("no better than guessing (mean accuracy of its classes 33%, 33% by chance)" in one for one in notices)
        is told
    )
    assert len(notices) == told
