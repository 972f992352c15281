import pytest

from cache.manifests import class_scale, measurement_of, read_manifest
from cache.run_folder import RunFolder
from engine.errors import RefusedInput

INFLUENCE = {
    "kind": "influence",
    "study": {"name": "digits", "file": "study.toml"},
    "class_names": ["a", "b"],
    "classes": 2,
    "samples": 5,
    "folds": 2,
    "fold_counts": [[1, 2], [0, 2]],
    "epoch": 3,
}
REWEIGHT = {"kind": "reweight", "influence": "abc", "targets": ["a", 1]}

ROUNDS = [{"round": 0, "samples": 5, "removed": 2}, {"round": 1, "samples": 3, "removed": 0}]
CLIMB = {
    "kind": "climb",
    "study": {"name": "digits"},
    "how": "remove",
    "class_names": ["a", "b"],
    "rounds": ROUNDS,
    "best_round": 1,
    "most_rounds": 8,
}

MARGIN = INFLUENCE | {"measurement": "margin", "scale": {"train": [1, 2], "validation": [2.5, 3], "test": None}}


@pytest.mark.parametrize("manifest", [INFLUENCE, MARGIN, REWEIGHT, CLIMB])
def test_a_manifest_is_read_by_its_kind(tmp_path, manifest):
    RunFolder(tmp_path / "run").finish(manifest)
    assert read_manifest(RunFolder(tmp_path / "run")).kind == manifest["kind"]


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ({}, "kind is None"),
        ({"kind": ["influence"]}, "kind is"),
        (INFLUENCE | {"class_names": ["a"]}, "1 class_names for 2 classes"),
        (INFLUENCE | {"fold_counts": [[1, 2]]}, "fold_counts is not 2 rows of 2"),
        (INFLUENCE | {"fold_counts": [[0, 2], [0, 2]]}, "a class without validation samples"),
        (INFLUENCE | {"fold_counts": [[-1, 2], [3, 2]]}, "fold_counts.0.0: Input should be greater"),
        (INFLUENCE | {"samples": 0}, "samples: Input should be greater"),
        (INFLUENCE | {"study": None}, "study: "),
        (INFLUENCE | {"measurement": "accuracy"}, "measurement: Input should be 'loss'"),
        (INFLUENCE | {"measurement": "margin"}, "no scale for measurement margin"),
        (INFLUENCE | {"scale": {"validation": [1.0]}}, "1 scales for 2 classes"),
        (INFLUENCE | {"scale": {"validation": [1.0, -1.0]}}, "scale.validation.1: Input should be greater"),
        (INFLUENCE | {"scale": {"validation": [1.0, None]}}, "scale.validation.1: Input should be a valid number"),
        (INFLUENCE | {"result_version": 999}, "result_version: "),
        (REWEIGHT | {"targets": []}, "targets: "),
        ({"kind": "reweight", "targets": [1]}, "influence: Field required"),
        (CLIMB | {"how": "search"}, "how: Input should be 'reweight'"),
        (CLIMB | {"rounds": []}, "rounds: "),
        (CLIMB | {"rounds": ROUNDS[1:]}, "rounds are not numbered from 0"),
        (CLIMB | {"best_round": 2}, "best_round is 2 of 2 rounds"),
        (CLIMB | {"most_rounds": None}, "most_rounds: "),
        (CLIMB | {"class_names": ["a"]}, "class_names: "),
        (CLIMB | {"study": None}, "study: "),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused_with_the_key(tmp_path, manifest, told):
    RunFolder(tmp_path / "run").finish(manifest)
    with pytest.raises(RefusedInput, match=f"run run: run.json is not valid.*{told}"):
        read_manifest(RunFolder(tmp_path / "run"))


def test_a_run_from_before_there_was_a_choice_is_judged_by_its_loss():
    old = INFLUENCE | {"loss": {"train": [9, 9], "validation": [0.5, 0.25], "test": None}}
    assert measurement_of(old) == "loss"
    assert class_scale(old).tolist() == [0.5, 0.25]
    assert measurement_of(MARGIN) == "margin"
    assert class_scale(MARGIN | {"loss": old["loss"]}).tolist() == [2.5, 3.0]


def test_a_run_that_was_copied_under_another_key_is_refused(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.write_json("run.json", REWEIGHT | {"key": "other"})
    with pytest.raises(RefusedInput, match="it names run other"):
        read_manifest(folder)
