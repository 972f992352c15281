import json

import pandas as pd
import pytest

import app.running
from app.terminal import describe
from cache import Cache
from cache.store import Store
from engine.study import load_study
from tests.app.command_line import answer, refusal, run


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch, restored_signals) -> None:
    monkeypatch.setattr(app.running, "SAMPLES", tmp_path / "no samples")
    monkeypatch.setenv("PARETOSCOPE_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)


def test_it_ranks_writes_the_file_and_leaves_the_run_to_the_dashboard(digits, tmp_path):
    result = answer("harmful", digits, "--limit", 3, "--out", "suspects.csv")

    assert (result["cached"], result["ranking"], len(result["samples"])) == (False, "combined", 3)
    rows = pd.read_csv(tmp_path / "suspects.csv")
    assert len(rows) == 200
    assert rows["index"][0] == result["samples"][0]["index"]
    some = answer("harmful", digits, "--classes", "one,8", "--ranking", "influence", "--limit", 2)
    assert (some["cached"], some["classes"], some["run"]) == (True, [1, 8], result["run"])
    assert len(some["samples"][0]["influence"]) == 2
    with Cache.open(Store(tmp_path / "store")) as cache:
        assert [entry["key"] for entry in cache.runs("harmful", load_study(digits).name)] == [result["run"]]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--ranking", "worst"), "combined or influence or label_quality"),
        (("--limit", 0), "--limit is 0"),
        (("--classes", "eleven"), "no class of this study"),
        (("--out", "."), "is a folder"),
        (("--seed", -1), "seed"),
    ],
)
def test_an_impossible_option_is_refused_before_the_long_work(digits, tmp_path, options, told):
    assert told in refusal("harmful", digits, *options)
    assert not (tmp_path / "store").exists()


def test_without_json_a_reader_is_told_the_samples(digits):
    shown = run("harmful", digits, "--limit", 2).stdout

    assert "harm to all classes" in shown
    assert "known to be wrong" not in shown


def test_a_reader_is_told_suggestions_and_how_well_each_ranking_finds_known_errors(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    sample = {"index": 7, "label": "[cat]", "suggested": "dog", "quality": 0.0123, "harm": 1.25, "joint": True}
    result = {
        "class_names": ["[cat]", "dog", "bird"],
        "classes": [0, 1],
        "samples": [
            {**sample, "self_influence": 12.5, "source": "train.npz#7"},
            {**sample, "index": 9, "suggested": None, "joint": False, "self_influence": 0.5, "source": "train.npz#9"},
        ],
        "precision": {
            "limit": 2,
            "known_errors": 1,
            "rankings": {"label_quality": {"precision": 0.5, "auc": 0.9, "average_precision": None}},
        },
        "file": "/somewhere/suspects.csv",
        "notices": ["'dog' has 2 training samples"],
    }

    describe("harmful", result)

    out = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in out.splitlines()]
    assert ["7", "[cat]", "dog", "1.2%", "+1.25", "yes", "12.5", "train.npz#7"] in rows
    assert ["9", "[cat]", "-", "1.2%", "+1.25", "no", "0.5", "train.npz#9"] in rows
    assert ["label quality", "50%", "0.900", "-"] in rows
    assert "harm to the chosen classes" in out
    assert "1 labels are known to be wrong" not in out
    assert "1 label is known to be wrong" in out
    assert "All samples in this order: /somewhere/suspects.csv" in out
    assert "Note: 'dog' has 2 training samples" in out


def test_its_object_has_no_number_that_json_lacks(digits):
    result = run("harmful", digits, "--json")
    assert json.loads(result.stdout)["precision"] is None
