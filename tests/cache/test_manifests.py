from typing import Any

import pytest

from cache.harmful_manifest import HarmfulManifest
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

DETRIMENTAL = {"epoch": 4, "classes": [1], "drops": [0.25], "p_values": [0.01]}
BY_EPOCH = {"validation": [[0.5, 1.0], [0.5, 0.75]], "test": [[None, 1.0], [None, 0.5]]}
EPOCHS = {
    "kind": "epochs",
    "study": {"name": "digits"},
    "class_names": ["a", "b"],
    "epochs": [3, 4],
    "accuracy": BY_EPOCH,
    "detrimental": [DETRIMENTAL],
}

MAP = [[0.5, None]]
MAPS: dict[str, Any] = {"predicted": MAP, "loss": MAP, "accuracy": MAP}
REMOVAL: dict[str, Any] = {
    "kind": "removal",
    "study": {"name": "digits"},
    "influence": "abc",
    "class_names": ["a", "b"],
    "classes": [1],
    "seeds": 2,
    "share": 0.1,
    "heatmaps": {"beneficial": MAPS, "detrimental": MAPS},
}
HALVES = {"kind": "halves", "study": {"name": "digits"}, "class_names": ["a", "b"], "subsets": 8, "seeds": 2}
CANDIDATE: dict[str, Any] = {"strategy": "ekfac", "damping": 0.1, "scores": [0.5, None], "mean": 0.5}
DATAMODELLING: dict[str, Any] = {
    "kind": "datamodelling",
    "study": {"name": "digits"},
    "halves": "abc",
    "class_names": ["a", "b"],
    "candidates": [CANDIDATE, CANDIDATE | {"damping": "training", "scores": [None, None], "mean": None}],
}

MARGIN = INFLUENCE | {"measurement": "margin", "scale": {"train": [1, 2], "validation": [2.5, 3], "test": None}}


@pytest.mark.parametrize("manifest", [INFLUENCE, MARGIN, REWEIGHT, CLIMB, EPOCHS, REMOVAL, HALVES, DATAMODELLING])
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
        (EPOCHS | {"epochs": [4, 3]}, "epochs do not rise"),
        (EPOCHS | {"epochs": [3, 4, 5]}, "accuracy on validation is not 3 rows of 2"),
        (EPOCHS | {"accuracy": BY_EPOCH | {"test": [[0.5]]}}, "accuracy on test is not 2 rows of 2"),
        (EPOCHS | {"accuracy": {"validation": [[0.5, 50.0]] * 2, "test": None}}, "accuracy.validation.0.1: "),
        (EPOCHS | {"detrimental": [DETRIMENTAL | {"epoch": 3}]}, "epoch 3 and the one before are not both in epochs"),
        (EPOCHS | {"detrimental": [DETRIMENTAL | {"classes": [2]}]}, "of epoch 4 do not agree"),
        (EPOCHS | {"detrimental": [DETRIMENTAL | {"drops": []}]}, "of epoch 4 do not agree"),
        (EPOCHS | {"detrimental": [DETRIMENTAL | {"classes": []}]}, "detrimental.0.classes: "),
        (EPOCHS | {"study": None}, "study: "),
        (REMOVAL | {"classes": []}, "classes: "),
        (REMOVAL | {"classes": [2]}, "class 2 of 2"),
        (REMOVAL | {"classes": [-1]}, "classes.0: Input should be greater"),
        (REMOVAL | {"classes": [0, 1]}, "heatmaps.beneficial.predicted is not 2 rows of 2"),
        (REMOVAL | {"heatmaps": {"beneficial": MAPS}}, "heatmaps has no detrimental"),
        (REMOVAL | {"heatmaps": REMOVAL["heatmaps"] | {"harmful": MAPS}}, "heatmaps.harmful"),
        (
            REMOVAL | {"heatmaps": REMOVAL["heatmaps"] | {"detrimental": MAPS | {"loss": [[0.5]]}}},
            "heatmaps.detrimental.loss is not 1 rows of 2",
        ),
        (
            REMOVAL | {"heatmaps": REMOVAL["heatmaps"] | {"detrimental": {"loss": MAP, "accuracy": MAP}}},
            "heatmaps.detrimental.predicted: Field required",
        ),
        (
            REMOVAL | {"heatmaps": REMOVAL["heatmaps"] | {"detrimental": MAPS | {"loss": [["much", 0]]}}},
            "heatmaps.detrimental.loss.0.0: Input should be a valid number",
        ),
        (REMOVAL | {"heatmaps": None}, "heatmaps: "),
        (REMOVAL | {"share": 0}, "share: Input should be greater"),
        (REMOVAL | {"seeds": 0}, "seeds: Input should be greater"),
        (REMOVAL | {"influence": None}, "influence: "),
        (HALVES | {"subsets": 0}, "subsets: Input should be greater"),
        (HALVES | {"seeds": None}, "seeds: "),
        (HALVES | {"class_names": ["a"]}, "class_names: "),
        (DATAMODELLING | {"candidates": []}, "candidates: "),
        (DATAMODELLING | {"candidates": [CANDIDATE | {"scores": [0.5]}]}, "candidates.0 has 1 scores for 2 classes"),
        (DATAMODELLING | {"candidates": [{"strategy": "ekfac"}]}, "candidates.0.damping: Field required"),
        (DATAMODELLING | {"halves": None}, "halves: "),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused_with_the_key(tmp_path, manifest, told):
    RunFolder(tmp_path / "run").finish(manifest)
    with pytest.raises(RefusedInput, match=f"run run: run.json is not valid.*{told}"):
        read_manifest(RunFolder(tmp_path / "run"))


@pytest.mark.parametrize("text", ["NaN", "Infinity"])
def test_a_change_that_is_no_number_is_refused_though_json_readers_take_it(tmp_path, text):
    folder = RunFolder(tmp_path / "run")
    folder.finish(REMOVAL)
    file = tmp_path / "run" / "run.json"
    file.write_text(file.read_text().replace("0.5", text))
    with pytest.raises(RefusedInput, match=r"heatmaps.beneficial.predicted.0.0: Input should be a finite number"):
        read_manifest(folder)


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


HARMFUL = {
    "kind": "harmful",
    "study": {"name": "digits"},
    "influence": "abc",
    "class_names": ["a", "b"],
    "samples": 5,
    "trainings": 5,
    "suggested": 2,
    "known_errors": None,
}


def test_a_search_for_label_errors_is_read_by_its_kind(tmp_path):
    folder = RunFolder(tmp_path / "xyz")
    folder.finish(HARMFUL | {"known_errors": 5})
    manifest = read_manifest(folder)
    assert isinstance(manifest, HarmfulManifest)
    assert (manifest.influence, manifest.known_errors) == ("abc", 5)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"suggested": 6}, "more than 5 samples"),
        ({"known_errors": 6}, "more than 5 samples"),
        ({"known_errors": -1}, "known_errors"),
        ({"samples": 0}, "samples"),
        ({"class_names": ["a"]}, "class_names"),
        ({"trainings": 0}, "trainings"),
        ({"influence": None}, "influence"),
    ],
)
def test_a_search_for_label_errors_that_contradicts_itself_is_refused(tmp_path, changes, told):
    folder = RunFolder(tmp_path / "xyz")
    folder.finish(HARMFUL | changes)
    with pytest.raises(RefusedInput, match=told):
        read_manifest(folder)
