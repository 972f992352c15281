from pathlib import Path

import pytest

import app.running
from cache.store import Store
from engine.study import load_study
from tests.app.command_line import answer, refusal, run


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch, restored_signals) -> None:
    monkeypatch.setattr(app.running, "SAMPLES", tmp_path / "no samples")
    monkeypatch.setenv("PARETOSCOPE_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)


def test_it_tells_the_study_and_what_is_in_it(tmp_path):
    result = answer("synthetic", "separable", "--out", tmp_path / "mine")

    assert result["study"] == str(tmp_path / "mine" / "study.toml")
    assert result["class_names"] == ["blue", "orange"]
    assert result["samples"] == {"train": 600, "validation": 600, "test": 600}
    assert len(result["flipped"]) == 70
    assert [len(result["accuracy"][split]) for split in ("validation", "test")] == [2, 2]


def test_what_it_made_goes_straight_through_ceiling(tmp_path):
    study = answer("synthetic", "frontier")["study"]

    result = answer("ceiling", study)

    assert Path(study) == tmp_path / "frontier" / "study.toml"
    assert result["verdict"] == "at_ceiling"
    assert result["correlation"][0][1] <= -0.95


def test_the_study_is_in_the_list_of_the_dashboard(tmp_path):
    made = answer("synthetic", "frontier", "--cache", tmp_path / "other")

    assert Store(tmp_path / "other").studies() == [Path(made["study"])]
    assert not (tmp_path / "store").exists()


def test_seed_and_intercept_are_those_that_were_asked_for(tmp_path):
    plain = answer("synthetic", "separable", "--out", "a")
    origin = answer("synthetic", "separable", "--out", "b", "--seed", "0", "--through-origin")
    other = answer("synthetic", "separable", "--out", "c", "--seed", "1", "--intercept")

    assert (tmp_path / "a" / "train.csv").read_bytes() == (tmp_path / "b" / "train.csv").read_bytes()
    assert (tmp_path / "a" / "study.toml").read_text() == (tmp_path / "b" / "study.toml").read_text()
    assert plain["flipped"] == origin["flipped"] != other["flipped"]
    studies = [load_study(tmp_path / name) for name in "abc"]
    assert [(study.seed, study.model.bias) for study in studies] == [(0, False), (0, False), (1, True)]
    checkpoints = [(tmp_path / name / "checkpoints" / "epoch-100.safetensors").read_bytes() for name in "ab"]
    assert checkpoints[0] == checkpoints[1]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("seperable",), "Write 'separable'"),
        (("frontier", "--seed", "-1"), "seed is -1"),
        (("frontier", "--out", "full"), "not empty"),
        (("frontier", "--out", "full/file"), "is there already"),
        (("frontier", "--cache", "full/file"), "is a file"),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_name_and_leaves_nothing(tmp_path, arguments, named):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("kept")

    assert named in refusal("synthetic", *arguments)

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full"]


def test_without_json_a_reader_is_told_the_same_in_words(tmp_path):
    separable = run("synthetic", "separable").stdout
    frontier = run("synthetic", "frontier").stdout

    assert "600 training samples, 70 of them with a flipped label" in separable
    assert f"Study: {tmp_path / 'separable' / 'study.toml'}" in separable
    assert "orange" in separable
    assert "100.0%" in separable
    assert "700 training samples, none mislabelled" in frontier
