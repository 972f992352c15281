import pytest

import app.running
from app.terminal import describe
from cache import Cache
from cache.store import Store
from engine.study import load_study
from tests.app.command_line import answer, refusal, run
from tests.app.detrimental_epoch import add_detrimental_epoch


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch, restored_signals) -> None:
    monkeypatch.setattr(app.running, "SAMPLES", tmp_path / "no samples")
    monkeypatch.setenv("PARETOSCOPE_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)


def test_it_judges_the_epochs_and_leaves_the_run_to_the_dashboard(digits, tmp_path):
    add_detrimental_epoch(digits)

    result = answer("epochs", digits)

    assert [entry["epoch"] for entry in result["detrimental"]] == [5]
    assert answer("epochs", digits)["cached"] is True
    with Cache.open(Store(tmp_path / "store")) as cache:
        assert [entry["key"] for entry in cache.runs("epochs", load_study(digits).name)] == [result["run"]]


def test_a_reader_is_told_a_sentence_for_each_detrimental_epoch(digits):
    assert "no epoch cost a class more than noise" in run("epochs", digits).stdout
    add_detrimental_epoch(digits)
    assert "epoch 5 cost zero 100.0 points, six 91.7 points" in run("epochs", digits).stdout


def test_a_single_checkpoint_is_refused(digits):
    for epoch in (1, 2, 3):
        (digits / "checkpoints" / f"epoch-00{epoch}.safetensors").unlink()

    assert "two consecutive checkpoints" in refusal("epochs", digits)


def test_epochs_are_told_worst_first_and_with_the_accuracy_at_both_ends(capsys):
    result = {
        "class_names": ["cat", "[dog]", "horse"],
        "epochs": [14, 15, 16],
        "accuracy": {"validation": [[0.5, None, 0.25], [0.0, None, 0.0], [0.625, None, 0.75]], "test": None},
        "detrimental": [
            {"epoch": 16, "classes": [1, 2], "drops": [0.0361, 0.048]},
            {"epoch": 15, "classes": [0], "drops": [0.02]},
        ],
        "notices": ["Epoch 14 is odd."],
    }

    describe("epochs", result)

    shown = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in shown.splitlines()]
    assert ["cat", "50.0%", "62.5%"] in rows
    assert ["[dog]", "-", "-"] in rows
    first, second = shown.strip().splitlines()[-2:]
    assert first == "epoch 16 cost [dog] 3.6 points, horse 4.8 points"
    assert second == "epoch 15 cost cat 2.0 points"
    assert "Note: Epoch 14 is odd." in shown
