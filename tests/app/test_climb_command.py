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


def test_it_climbs_and_leaves_the_run_to_the_dashboard(digits, tmp_path):
    result = answer("climb", digits, "--rounds", 1)

    assert (result["how"], result["most_rounds"], result["best_round"]) == ("reweight", 1, 0)
    assert len(result["ceiling"]["test"]) == 10
    assert result["cached"] is False
    assert answer("climb", digits, "--rounds", 1)["cached"] is True
    with Cache.open(Store(tmp_path / "store")) as cache:
        assert [run["key"] for run in cache.runs("climb", load_study(digits).name)] == [result["run"]]


def test_way_and_seed_ask_for_other_runs(digits):
    results = [answer("climb", digits, "--rounds", 1, *options) for options in ((), ("--how", "remove"), ("--seed", 1))]

    assert len({result["run"] for result in results}) == 3
    assert [result["how"] for result in results] == ["reweight", "remove", "reweight"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--how", "reweigh"), "Write 'reweight' if that is what was meant"),
        (("--rounds", 0), "--rounds is 0"),
        (("--rounds", 101), "--rounds is 101"),
        (("--seed", -1), "seed"),
    ],
)
def test_an_impossible_option_is_refused_by_its_name(digits, tmp_path, options, told):
    assert told in refusal("climb", digits, *options)
    assert not (tmp_path / "store").exists()


def test_without_json_a_reader_is_told_rounds_classes_and_sentence(digits):
    shown = run("climb", digits, "--rounds", 1).stdout

    assert "Estimated ceiling: " in shown
    assert "0 (best)" in shown


def test_the_tables_are_of_the_test_split_where_there_is_one(capsys):
    result = {
        "class_names": ["cat", "[dog]", "bird"],
        "rounds": [
            {
                "round": number,
                "samples": 1200,
                "verdict": "at_ceiling",
                "accuracy": {"validation": [0.1, 0.1, 0.1], "test": [0.5, value, 0.625]},
                "loss": {"validation": [9.0, 9.0, 9.0], "test": [0.25, loss, 0.375]},
            }
            for number, value, loss in ((0, 0.75, 0.5), (1, None, None))
        ],
        "best_round": 1,
        "ceiling": {"validation": [0.1, 0.1, 0.1], "test": [0.5, None, 0.75]},
        "change": {"test": [0.125, None, 0.125]},
        "interval": {"test": [[-0.01, 0.2], [None, None], [None, None]]},
        "sentence": "It rose.",
        "stopped": "It ended.",
        "weights": "/store/weights.parquet",
        "checkpoint": "/store/improved.safetensors",
    }

    describe("climb", result)

    shown = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in shown.splitlines()]
    assert ["0", "1,200", "at ceiling", "62.5%", "50.0%", "0.375"] in rows
    assert ["1 (best)", "1,200", "at ceiling", "56.2%", "50.0%", "0.312"] in rows
    assert ["cat", "50.0%", "50.0%", "+12.5 (-1.0 to +20.0)"] in rows
    assert ["[dog]", "75.0%", "-", "-"] in rows
    assert ["bird", "62.5%", "75.0%", "+12.5"] in rows
    assert "on test" in shown
    assert "It rose. It ended." in shown
    assert "Weights: /store/weights.parquet" in shown
