import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file

import app.__main__
import app.running
import app.workflow.influence
from cache import Cache
from cache.store import Store
from engine.errors import Cancelled
from engine.influence import FOLDS
from tests.app.command_line import answer, refusal, run

REPOSITORY = Path(__file__).parents[2]
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture(autouse=True)
def _without_shipped_runs(tmp_path, monkeypatch, restored_signals) -> None:
    """What is shipped is neither ingested here nor found in place of what a test computes."""
    monkeypatch.setattr(app.running, "SAMPLES", tmp_path / "no samples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARETOSCOPE_STORE", raising=False)


def nothing_left(store: Store) -> bool:
    """Whether a refused command left neither a run nor a part of one, nor a study in the list."""
    return not [path for path in store.root.rglob("*") if path.is_file()]


def test_train_tells_what_it_trained(digits, empty_store):
    result = answer("train", digits, "--overwrite", "--cache", empty_store.root)

    assert result.keys() >= {"checkpoints", "class_names", "per_class_accuracy", "epoch_seconds"}
    assert result["class_names"] == NAMES
    assert [sorted(epoch) for epoch in result["per_class_accuracy"]] == [["test", "validation"]] * 4
    assert {len(accuracy) for epoch in result["per_class_accuracy"] for accuracy in epoch.values()} == {10}
    assert len(list(Path(result["checkpoints"]).glob("epoch-*.safetensors"))) == 4


def test_influence_tells_how_it_was_computed(trained_digits, empty_store):
    result = answer("influence", trained_digits, "--cache", empty_store.root)

    assert (result["samples"], result["classes"], result["folds"]) == (200, 10, FOLDS)
    assert result["class_names"] == NAMES
    assert result["strategy"] == "diagonal"
    assert result["seconds"].keys() == {"factors", "scores"}
    assert result["cached"] is False
    assert result["tracked_parameters"] == 1.0
    assert result["refused_modules"] == {}
    assert [folder.key for folder in empty_store.finished_runs()] == [result["run"]]


def test_ceiling_tells_verdict_gain_spectrum_and_regions(trained_digits, digits_store):
    result = answer("ceiling", trained_digits, "--cache", digits_store.root)

    assert result["verdict"] in ("improvable", "at_ceiling", "inconclusive")
    assert result["class_names"] == NAMES
    gain = result["gain"]
    assert [len(gain[name]) for name in ("in_sample", "held_out", "interval")] == [10, 10, 10]
    assert result["classes"] == NAMES
    assert len(result["evidence"]) == 10
    assert len(result["spectrum"]["explained_variance_ratio"]) == 10
    assert [len(row) for row in result["regions"]["joint_negative"]] == [10] * 10


def test_ceiling_of_some_classes_names_them_and_what_the_others_pay(trained_digits, digits_store):
    result = answer("ceiling", trained_digits, "--classes", "eight, 1", "--cache", digits_store.root)

    assert result["classes"] == ["one", "eight"]
    assert result["class_names"] == NAMES
    assert result["evidence"][0].startswith("Improving only one and eight costs")
    words = run("ceiling", trained_digits, "--classes", "1,8", "--cache", digits_store.root).stdout
    assert " ".join(result["evidence"][0].split()) in " ".join(words.split())


@pytest.mark.parametrize(("classes", "problem"), [("nin", "Write 'nine'"), ("10", "10"), (" , ", "no class is named")])
def test_classes_to_judge_that_are_none_are_refused(trained_digits, digits_store, classes, problem):
    assert problem in refusal("ceiling", trained_digits, "--classes", classes, "--cache", digits_store.root)
    assert len(digits_store.finished_runs()) == 4


def test_reweight_tells_before_after_control_and_where_the_weights_are(trained_digits, digits_store):
    result = answer("reweight", trained_digits, "--cache", digits_store.root)

    assert result["class_names"] == NAMES
    assert result["targets"] == [1, 8]
    for name in ("before", "after", "control", "interval"):
        assert [len(result[name][split]) for split in ("validation", "test")] == [10, 10]
    assert result["candidates"][0].keys() >= {"number", "origin", "alpha", "fitness", "accuracy"}
    assert pq.read_table(result["weights"]).column_names == ["index", "label", "weight"]
    assert load_file(result["checkpoint"])


def test_reweight_of_all_classes_tells_losses_and_the_step_as_well(trained_digits, digits_store):
    result = answer("reweight", trained_digits, "--setting", "all_classes", "--cache", digits_store.root)

    assert result["targets"] == list(range(10))
    for name in ("before", "after", "control", "change", "interval"):
        for key in (name, f"loss_{name}"):
            assert [len(result[key][split]) for split in ("validation", "test")] == [10, 10]
    assert result.keys() >= {"run", "sentence", "notices", "seeds", "step", "classes_improved"}
    assert [candidate["step"] for candidate in result["candidates"]] == [0.1, 0.25, 0.5, 1.0]
    assert pq.read_table(result["weights"]).column_names == ["index", "label", "weight"]
    assert load_file(result["checkpoint"])


def test_targets_of_all_classes_and_an_unknown_setting_are_refused(trained_digits, digits_store):
    options = ("reweight", trained_digits, "--cache", digits_store.root, "--setting")

    assert "target classes are named" in refusal(*options, "all_classes", "--targets", "one")
    assert "'all_classes'" in refusal(*options, "all_clases")


def test_samples_tells_source_label_and_influence(trained_digits, digits_store):
    result = answer("samples", trained_digits, "--cache", digits_store.root)

    assert result["class_names"] == NAMES
    assert len(result["samples"]) == 20
    first = result["samples"][0]
    assert first.keys() == {"index", "source", "label", "influence"}
    assert first["source"] == f"train.npz#{first['index']}"
    assert first["label"] in NAMES
    assert sum(first["influence"]) < 0


def test_sign_limit_and_classes_choose_the_samples(trained_digits, digits_store):
    options = ("--cache", digits_store.root, "--sign", "helpful", "--limit", 3, "--classes", "eight, 1")

    result = answer("samples", trained_digits, *options)

    assert result["sign"] == "helpful"
    assert result["classes"] == [1, 8]
    assert [len(sample["influence"]) for sample in result["samples"]] == [2, 2, 2]
    assert min(sum(sample["influence"]) for sample in result["samples"]) > 0


@pytest.mark.parametrize("command", ["influence", "ceiling", "reweight"])
def test_asking_again_computes_nothing(trained_digits, digits_store, contents, command):
    before = contents(digits_store.runs_folder)

    result = answer(command, trained_digits, "--cache", digits_store.root)

    assert result["cached"] is True
    assert contents(digits_store.runs_folder) == before


def test_the_store_is_the_one_of_the_option_else_of_the_environment_else_beside(
    trained_digits, digits_store, tmp_path, monkeypatch
):
    assert answer("influence", trained_digits)["cached"] is False
    assert len(Store(tmp_path / ".paretoscope").finished_runs()) == 1
    monkeypatch.setenv("PARETOSCOPE_STORE", str(digits_store.root))
    assert answer("influence", trained_digits)["cached"] is True
    assert answer("influence", trained_digits, "--cache", tmp_path / "other")["cached"] is False
    assert len(Store(tmp_path / "other").finished_runs()) == 1


def test_epoch_and_seed_ask_for_other_runs(trained_digits, digits_store):
    told = [
        answer("ceiling", trained_digits, "--cache", digits_store.root, *options)
        for options in ((), ("--epoch", 4), ("--epoch", 1), ("--seed", 7))
    ]

    assert [result["cached"] for result in told] == [True, True, False, False]
    assert len({result["run"] for result in told}) == 3


@pytest.mark.parametrize("targets", ["one,eight", "8, 1", "eight,1"])
def test_targets_are_names_or_numbers(trained_digits, digits_store, targets):
    result = answer("reweight", trained_digits, "--targets", targets, "--cache", digits_store.root)

    assert result["targets"] == [1, 8]
    assert result["cached"] is True


def test_targets_replace_those_of_the_study(trained_digits, digits_store):
    result = answer("reweight", trained_digits, "--targets", "3", "--cache", digits_store.root)

    assert result["targets"] == [3]
    assert result["cached"] is False


@pytest.mark.parametrize(
    ("targets", "problem"), [("", "no target class is named"), (" , ", "no target class"), ("nin", "Write 'nine'")]
)
def test_targets_that_are_none_are_refused(trained_digits, influence_store, targets, problem):
    assert problem in refusal("reweight", trained_digits, "--targets", targets, "--cache", influence_store.root)
    assert len(influence_store.finished_runs()) == 1


def test_a_finished_command_is_in_the_cache_and_its_study_in_the_list(trained_digits, digits_store):
    result = answer("ceiling", trained_digits, "--cache", digits_store.root)

    assert digits_store.studies() == [trained_digits / "study.toml"]
    with Cache.open(digits_store) as cache:
        assert cache.has_run(result["run"])
        assert cache.has_run(result["influence"])


def test_a_study_file_that_is_a_link_is_as_good(trained_digits, digits_store, tmp_path):
    (tmp_path / "link.toml").symlink_to(trained_digits / "study.toml")

    assert answer("ceiling", tmp_path / "link.toml", "--cache", digits_store.root)["cached"] is True
    assert digits_store.studies() == [trained_digits / "study.toml"]


def test_a_command_leaves_ingestion_to_who_holds_the_store(trained_digits, digits_store):
    with Cache.open(digits_store) as cache:
        result = answer("influence", trained_digits, "--epoch", 3, "--cache", digits_store.root)
        assert not cache.has_run(result["run"])
        assert result["run"] in cache.ingest()
        assert cache.has_run(result["run"])


def test_a_damaged_cache_costs_a_warning_and_not_the_result(trained_digits, digits_store):
    digits_store.database_path.write_bytes(b"no database" * 1000)

    result = run("ceiling", trained_digits, "--json", "--cache", digits_store.root)

    assert result.exit_code == 0
    assert json.loads(result.stdout)["cached"] is True
    (message,) = result.stderr.strip().splitlines()
    assert "The result is kept" in message
    assert "doctor --rebuild" in message


def test_doctor_mends_a_damaged_cache(digits_store):
    digits_store.database_path.write_bytes(b"no database" * 1000)

    before = answer("doctor", "--cache", digits_store.root)["checks"]
    after = answer("doctor", "--rebuild", "--cache", digits_store.root)["checks"]

    assert [check["name"] for check in before if not check["ok"]] == ["cache"]
    assert all(check["ok"] for check in after)
    with Cache.open(digits_store) as cache:
        assert len(cache.runs()) == 4


def test_doctor_is_told_in_words(digits_store):
    digits_store.database_path.write_bytes(b"no database" * 1000)

    lines = run("doctor", "--cache", digits_store.root).stdout.splitlines()

    assert any(line.startswith("ok    store: ") for line in lines)
    assert any(line.startswith("MEND  cache: ") for line in lines)


def test_a_store_that_is_named_before_the_command_is_not_passed_over(trained_digits, digits_store, tmp_path):
    result = run("--cache", digits_store.root, "influence", trained_digits)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "--cache" in result.stderr
    assert not (tmp_path / ".paretoscope").exists()


def missing_file(study: Path) -> None:
    (study / "study.toml").unlink()


def unknown_key(study: Path) -> None:
    file = study / "study.toml"
    file.write_text(file.read_text().replace("batch_size", "batchsize"))


def missing_data(study: Path) -> None:
    (study / "validation.npz").unlink()


def broken_data(study: Path) -> None:
    (study / "train.npz").write_bytes(b"no archive")


def missing_checkpoint(study: Path) -> None:
    for checkpoint in (study / "checkpoints").glob("epoch-*"):
        checkpoint.unlink()


def checkpoint_of_another_shape(study: Path) -> None:
    file = study / "checkpoints" / "epoch-004.safetensors"
    save_file({name: tensor[..., :-1].contiguous() for name, tensor in load_file(file).items()}, file)


@pytest.mark.parametrize("command", ["influence", "ceiling", "reweight", "samples"])
@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (missing_file, "study.toml"),
        (unknown_key, "batchsize"),
        (missing_data, "validation.npz"),
        (broken_data, "train.npz"),
        (missing_checkpoint, "no checkpoint in checkpoints"),
        (checkpoint_of_another_shape, "epoch-004.safetensors"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_name_and_leaves_nothing(digits, empty_store, command, damage, named):
    damage(digits)

    message = refusal(command, digits, "--cache", empty_store.root, "--json")

    assert named in message
    assert "Expected" in message
    assert nothing_left(empty_store)


def test_training_is_refused_where_a_training_is(digits, empty_store):
    assert "already holds a finished training" in refusal("train", digits, "--cache", empty_store.root)


@pytest.mark.parametrize("options", [("--sign", "evil"), ("--limit", "0"), ("--seed", "-1"), ("--epoch", "9")])
def test_an_impossible_option_is_refused_by_its_name(trained_digits, empty_store, options):
    name, value = options

    message = refusal("samples", trained_digits, *options, "--cache", empty_store.root)

    assert name.strip("-") in message
    assert value in message
    assert nothing_left(empty_store)


def test_a_setting_that_is_not_there_is_refused(trained_digits, empty_store):
    assert "setting" in refusal("reweight", trained_digits, "--setting", "magic", "--cache", empty_store.root)


@pytest.mark.parametrize("command", ["influence", "reweight"])
def test_a_store_that_is_a_file_is_refused(trained_digits, tmp_path, monkeypatch, command):
    (tmp_path / "file").write_text("no folder")

    assert str(tmp_path / "file") in refusal(command, trained_digits, "--cache", tmp_path / "file")
    monkeypatch.setenv("PARETOSCOPE_STORE", str(tmp_path / "file"))
    assert str(tmp_path / "file") in refusal(command, trained_digits)
    assert (tmp_path / "file").read_text() == "no folder"


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, evidence: Path) -> None:
        self._evidence = evidence

    def __reduce__(self):
        return os.mkdir, (str(self._evidence),)


@pytest.mark.parametrize("write", [torch.save, lambda payload, path: path.write_bytes(pickle.dumps(payload))])
def test_a_checkpoint_that_would_run_code_is_refused_and_does_not_run(digits, empty_store, tmp_path, write):
    evidence = tmp_path / "evidence"
    state = {**load_file(digits / "checkpoints" / "epoch-004.safetensors"), "payload": Payload(evidence)}
    write(state, digits / "checkpoints" / "epoch-005.pt")

    message = refusal("ceiling", digits, "--cache", empty_store.root)

    assert "epoch-005.pt" in message
    assert "code" in message
    assert not evidence.exists()
    assert nothing_left(empty_store)
    with (digits / "checkpoints" / "epoch-005.pt").open("rb") as file:
        torch.load(file, weights_only=False) if write is torch.save else pickle.load(file)
    assert evidence.exists(), "the payload of this test does nothing"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Cancelled])
def test_a_stopped_command_says_so_and_keeps_what_was_finished(trained_digits, empty_store, monkeypatch, stop):
    def interrupted(*arguments: object) -> None:
        raise stop

    monkeypatch.setattr(app.workflow.influence, "pool_folds", interrupted)
    result = run("influence", trained_digits, "--cache", empty_store.root, "--json")

    assert result.exit_code == 130
    assert result.stdout == ""
    assert result.stderr.strip() == "Stopped. What was finished is kept; the same command goes on from there."
    (folder,) = empty_store.unfinished_runs()
    assert folder.parts == ("arithmetic.json", "samples.parquet", "validation.parquet", "vectors-00000.parquet")
    monkeypatch.undo()
    assert answer("influence", trained_digits, "--cache", empty_store.root)["run"] == folder.key


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("influence", ["influence of 200 samples on 10 classes", "from the store"]),
        ("ceiling", ["held-out gain", "seven", "first principal component"]),
        ("reweight", ["control", "accuracy on test", "than the same epoch unweighted", "improved.safetensors"]),
        ("samples", ["index", "train.npz#"]),
    ],
)
def test_without_json_a_reader_is_told_the_same_in_words(trained_digits, digits_store, command, told):
    result = run(command, trained_digits, "--cache", digits_store.root)

    assert result.exit_code == 0
    assert all(words in result.stdout for words in told)
    with pytest.raises(json.JSONDecodeError):
        json.loads(result.stdout)


def test_a_training_is_told_in_words(digits, empty_store):
    result = run("train", digits, "--overwrite", "--cache", empty_store.root)

    assert "validation" in result.stdout
    assert f"4 checkpoints in {digits / 'checkpoints'}" in result.stdout


def test_the_dashboard_is_refused_where_another_one_holds_the_store(digits_store):
    with Cache.open(digits_store, address="http://127.0.0.1:8501"):
        message = refusal("--cache", digits_store.root)

    assert f"process {os.getpid()} at http://127.0.0.1:8501" in message


def test_the_dashboard_is_served_where_no_command_is_named(tmp_path, monkeypatch):
    served: list[tuple[Path, int, str, str | None]] = []
    monkeypatch.setattr(app.__main__, "serve", lambda *told: served.append(told))

    assert run().exit_code == run("--cache", "here", "--port", 9000, "--address", "0.0.0.0").exit_code == 0
    assert served == [(tmp_path / ".paretoscope", 8501, "127.0.0.1", None), (tmp_path / "here", 9000, "0.0.0.0", None)]


@pytest.fixture
def as_process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command as a script does: in a process of its own, with its real streams."""

    def start(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app", *map(str, arguments)]
        return subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )

    return start


def test_a_process_prints_one_object_and_nothing_else_whatever_libraries_greet_with(
    trained_digits, influence_store, as_process
):
    finished = as_process("reweight", trained_digits, "--json", "--cache", influence_store.root)

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("\n") == 1
    assert json.loads(finished.stdout)["cached"] is False
    assert "HiGHS" in finished.stderr, "the solver no longer greets, and this test has lost its subject"


def test_a_process_works_beside_a_server_that_holds_the_store(trained_digits, influence_store, as_process):
    with Cache.open(influence_store, address="http://127.0.0.1:8501") as cache:
        finished = as_process("ceiling", trained_digits, "--json", "--cache", influence_store.root)
        result = json.loads(finished.stdout)
        assert finished.returncode == 0
        assert result["cached"] is False
        assert not cache.has_run(result["run"])

        assert result["run"] in cache.ingest()

        assert cache.run(result["run"])["verdict"] == result["verdict"]


def test_export_writes_vectors_weights_and_a_report(trained_digits, digits_store, tmp_path, contents):
    before = contents(digits_store.runs_folder)

    result = answer("export", trained_digits, "--out", tmp_path / "out", "--cache", digits_store.root)

    names = [Path(file).name for file in result["files"]]
    assert (names[0], names[-1]) == ("vectors.parquet", "report.html")
    assert all(Path(file).stat().st_size == size for file, size in zip(result["files"], result["bytes"], strict=True))
    assert contents(digits_store.runs_folder) == before
    again = refusal("export", trained_digits, "--out", tmp_path / "out", "--cache", digits_store.root)
    assert "already has vectors.parquet" in again
    assert run("export", trained_digits, "--out", tmp_path / "out", "--overwrite", "--cache", digits_store.root)


def test_export_runs_beside_a_dashboard_and_opens_no_database(trained_digits, digits_store, tmp_path):
    with Cache.open(digits_store):
        result = answer("export", trained_digits, "--out", tmp_path / "out", "--cache", digits_store.root)

    assert len(result["files"]) == 3


def test_export_of_a_study_without_a_verdict_says_how_to_get_one(trained_digits, empty_store, tmp_path):
    told = refusal("export", trained_digits, "--out", tmp_path / "out", "--cache", empty_store.root)

    assert f"python -m app ceiling {trained_digits}" in told
    assert not (tmp_path / "out").exists()


def test_slack_and_iterations_of_the_command_line_are_those_of_the_search(trained_digits, digits_store):
    result = answer(
        *("reweight", trained_digits, "--targets", "one", "--slack", "two=0.25,three=0", "--iterations", "1"),
        *("--cache", digits_store.root),
    )

    assert result["settings"]["slack"] == {"two": 0.25, "three": 0.0}
    assert result["settings"]["search"]["iterations"] == 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--slack", "two"], "--slack has 'two'"),
        (["--slack", "two=3"], "slack"),
        (["--slack", "elephant=0.1"], "elephant"),
        (["--targets", '"one" two'], "follows the name in quotes"),
    ],
)
def test_a_slack_or_a_list_that_cannot_be_used_is_refused(trained_digits, digits_store, options, problem):
    assert problem in refusal("reweight", trained_digits, *options, "--cache", digits_store.root)
