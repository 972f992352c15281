"""The recipes of the paper, at a size that takes seconds; the benchmark itself takes longer and needs real data."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import recipes
from benchmarks.recipes import RECIPES, Trial, run_rate, run_recipe, written_study
from benchmarks.recipes_data import _pictures, write_emotion
from engine.data import load_data
from engine.study import load_study

EMOTION = next(trial for trial in recipes._FULL if trial.recipe == "emotion-bert")


def small(trial: Trial) -> Trial:
    counts = dict.fromkeys(("train", "validation", "test"), 10)
    return replace(trial, counts=counts, training={**trial.training, "epochs": 1})


def test_every_recipe_is_tried() -> None:
    assert sorted(file.stem for file in RECIPES.glob("*.toml")) == sorted(trial.recipe for trial in recipes._FULL)


def test_a_trial_keeps_what_it_does_not_say(tmp_path) -> None:
    recipe = load_study(RECIPES / "emotion-bert.toml")

    study = written_study(small(EMOTION), tmp_path / "small")

    assert (study.model, study.data) == (recipe.model, recipe.data)
    assert study.training == recipe.training.model_copy(update={"epochs": 1})
    assert np.bincount(load_data(study).train.labels).tolist() == [10] * 6


def test_a_recipe_runs_to_its_verdict(tmp_path) -> None:
    told = run_recipe(small(EMOTION), tmp_path / "small")

    assert told["samples"] == 60
    assert told["verdict"] in ("improvable", "at_ceiling", "inconclusive")
    assert told["chance"] == pytest.approx(1 / 6)
    assert len(told["train_loss"]) == len(told["validation"]) == 1
    assert told["influence_seconds"] > 0


def test_a_rate_at_which_the_training_diverges_is_told_as_such(tmp_path) -> None:
    told = run_rate(small(EMOTION), 1e30, tmp_path / "fast")

    assert "diverged" in told["diverged"]
    assert told["train_loss"] == []


def test_the_lines_are_those_of_emotion(tmp_path) -> None:
    write_emotion(tmp_path, {"train": 2, "validation": 1})

    lines = (tmp_path / "data" / "emotion" / "train.txt").read_text().splitlines()
    assert len(lines) == 12
    assert {line.rpartition(";")[2] for line in lines} == {"anger", "fear", "joy", "love", "sadness", "surprise"}
    assert (tmp_path / "data" / "emotion" / "val.txt").is_file()


@pytest.mark.parametrize(("recipe", "side"), [("cifar10-resnet9", 32), ("stl10-resnet9", 96)])
def test_real_pictures_are_read_from_files_of_the_sets_own_format(
    external_data, monkeypatch, tmp_path, recipe, side
) -> None:
    monkeypatch.setenv("PARETOSCOPE_DATA", str(external_data))
    trial = next(trial for trial in recipes._FULL if trial.recipe == recipe)

    study = written_study(replace(trial, counts={"train": 10, "test": 2}), tmp_path / "small")

    assert study.data.transform.resize == (None if side == 32 else 48)
    data = load_data(study.with_changes(data={"transform": {"resize": side}}))
    assert data.test is not None
    assert (len(data.train), len(data.validation), len(data.test)) == (90, 10, 20)
    assert (data.class_names[0], data.train.inputs.shape[1:]) == ("airplane", (3, side, side))
    # The same pictures in both: enlarged they keep the means of their halves, and lie as they lay.
    stored = torch.from_numpy(_pictures("test", 2)[0]).float()
    read, half = data.test.inputs.float(), side // 2
    assert torch.allclose(read[..., :half, :].mean((1, 2, 3)), stored[..., :16, :].mean((1, 2, 3)), atol=1.5)
    assert torch.allclose(read[..., :half].mean((1, 2, 3)), stored[..., :16].mean((1, 2, 3)), atol=1.5)
