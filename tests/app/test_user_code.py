"""A study whose model the user's own code builds, from the command line to the run."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import app.running
from app.__main__ import cli
from cache.store import Store
from engine.models.builder_file import CODE_ROOT

STUDY = """
name = "own code"
[data]
format = "npz"
train = "train.npz"
validation = 0.5
modality = "tabular"
input = "x"
label = "y"
[model]
architecture = "file:model.py:build"
[training]
epochs = 2
batch_size = 8
[influence]
strategy = "identity"
[compute]
device = "cpu"
threads = 1
"""
BUILDER = """
from torch import nn

print("loading")

class Net(nn.Module):
    def __init__(self, features, num_classes):
        super().__init__()
        self.body = nn.Linear(features, 5)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(5, num_classes)

    def forward(self, inputs):
        print("forward")
        return self.head(self.drop(self.body(inputs).relu()))

def build(input_shape, num_classes):
    print("building")
    return Net(input_shape[0], num_classes)
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restored_signals: None) -> Path:
    """A folder with two classes of twenty rows and a builder; nothing may run its code yet."""
    monkeypatch.setattr(app.running, "SAMPLES", tmp_path / "no samples")
    monkeypatch.delenv(CODE_ROOT, raising=False)
    folder = tmp_path / "study"
    folder.mkdir()
    labels = np.arange(40) % 2
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32) + labels[:, None]
    np.savez(folder / "train.npz", x=rows, y=labels)
    (folder / "model.py").write_text(BUILDER)
    (folder / "study.toml").write_text(STUDY)
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)


def answer(*arguments: object) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    # One line: what the user's code prints goes elsewhere.
    (line,) = result.stdout.splitlines()
    return json.loads(line)


def test_it_trains_and_its_influence_is_computed_where_its_code_may_run(
    study: Path, empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CODE_ROOT, str(study.parent))
    cache = ("--cache", empty_store.root)

    assert len(answer("train", study, *cache)["epoch_seconds"]) == 2
    first = answer("influence", study, *cache)

    assert (first["samples"], first["classes"], first["tracked_parameters"]) == (20, 2, 1.0)
    assert answer("influence", study, *cache)["cached"]
    # A comment is another file, and so another run.
    (study / "model.py").write_text(BUILDER + "# changed\n")
    second = answer("influence", study, *cache)
    assert not second["cached"]
    assert second["run"] != first["run"]


def test_it_is_refused_where_its_code_may_not_run(
    study: Path, empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CODE_ROOT, str(study))
    answer("train", study, "--cache", empty_store.root)
    monkeypatch.delenv(CODE_ROOT)
    before = sorted((study / "checkpoints").iterdir())

    for command in (["influence"], ["ceiling"], ["train", "--overwrite"]):
        result = run(command[0], study, *command[1:], "--cache", empty_store.root)
        assert result.exit_code == 2
        assert "this runs the code of" in result.stderr
        assert "loading" not in result.stdout + result.stderr
    assert sorted((study / "checkpoints").iterdir()) == before
    assert not empty_store.finished_runs()


def test_a_stored_result_is_found_without_running_the_code(
    study: Path, empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CODE_ROOT, str(study))
    for command in ("train", "influence"):
        answer(command, study, "--cache", empty_store.root)
    monkeypatch.delenv(CODE_ROOT)

    result = run("influence", study, "--json", "--cache", empty_store.root)

    assert json.loads(result.stdout)["cached"]
    assert "loading" not in result.stderr
