"""``--ray`` of the command line: which commands have it, what they are handed, and who is refused at once."""

import importlib.util
import subprocess
import sys

import pytest

import app.running
import app.workflow.commands
from app.workflow.options import ON_A_CLUSTER, options_of_result
from tests.app.command_line import answer, refusal, run
from tests.conftest import REPOSITORY


@pytest.fixture(autouse=True)
def _without_shipped_runs(tmp_path, monkeypatch, restored_signals) -> None:
    monkeypatch.setattr(app.running, "SAMPLES", tmp_path / "no samples")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def handed(monkeypatch) -> list[dict]:
    """The options that a use-case is handed in place of doing its work."""
    options: list[dict] = []

    def use_case(study, store, given, progress) -> dict:
        options.append(given)
        return {}

    for command in app.workflow.commands.COMMANDS:
        monkeypatch.setitem(app.workflow.commands.COMMANDS, command, use_case)
    monkeypatch.setattr(app.running, "print_result", lambda *_: None)
    return options


@pytest.mark.parametrize("command", ON_A_CLUSTER)
def test_the_address_is_handed_on_where_it_is_given_and_nothing_is_where_not(
    trained_digits, empty_store, handed, command
):
    where = (trained_digits, "--cache", empty_store.root)
    for address in ((), ("--ray", "10.0.0.1:6379"), ("--ray", "auto")):
        assert run(command, *where, *address).exit_code == 0

    here, there, on_this = handed
    assert "ray" not in here
    assert (there["ray"], on_this["ray"]) == ("10.0.0.1:6379", "auto")
    assert options_of_result(there) == options_of_result(on_this) == here


@pytest.mark.parametrize("command", ["train", "epochs", "export", "init", "doctor", "prune"])
def test_commands_without_work_for_a_cluster_do_not_have_it(trained_digits, command):
    result = run(command, *(() if command in ("doctor", "prune") else (trained_digits,)), "--ray", "auto")

    assert result.exit_code == 2
    assert "No such option" in result.stderr


@pytest.mark.parametrize("command", ON_A_CLUSTER)
def test_what_is_no_address_is_refused_before_anything_is_read(trained_digits, empty_store, handed, command):
    message = refusal(command, trained_digits, "--ray", "ray://head:10001", "--cache", empty_store.root)

    assert "the address of the Ray cluster is 'ray://head:10001'" in message
    assert handed == []
    assert not empty_store.root.exists()


def test_without_ray_everything_works_and_a_cluster_is_refused_with_the_way_to_add_it(
    trained_digits, digits_store, empty_store, monkeypatch
):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ray" else find(name, *more))

    message = refusal("ceiling", trained_digits, "--ray", "auto", "--cache", empty_store.root)

    assert "Ray is not installed" in message
    assert "`pip install -r requirements-ray.txt`" in message
    assert not empty_store.root.exists()
    assert answer("ceiling", trained_digits, "--cache", digits_store.root)["verdict"]


def test_a_refused_address_is_told_without_waiting_for_torch(trained_digits):
    report = (
        "import runpy, sys\n"
        "try:\n"
        "    runpy.run_module('app', run_name='__main__')\n"
        "finally:\n"
        "    print('torch' in sys.modules)\n"
    )
    arguments = [sys.executable, "-c", report, "influence", str(trained_digits), "--ray", "nowhere"]
    told = subprocess.run(arguments, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert (told.returncode, told.stdout) == (2, "False\n")
    assert "'nowhere'" in told.stderr


def test_a_cluster_that_does_not_answer_is_told_before_data_are_fetched_or_read(
    trained_digits, empty_store, monkeypatch
):
    monkeypatch.setattr(app.workflow.commands, "fetch_missing", lambda *_: pytest.fail("data are asked for"))

    # The port of no service, on this machine.
    message = refusal("influence", trained_digits, "--ray", "127.0.0.1:1", "--cache", empty_store.root)

    assert "no Ray cluster lets us in at 127.0.0.1:1" in message
    assert "docs/scaling.md" in message
    assert not empty_store.runs_folder.exists()


def test_before_a_command_it_is_refused_and_not_passed_over(trained_digits):
    result = run("--ray", "auto", "influence", trained_digits)

    assert result.exit_code == 2
    assert "COMMAND ... --ray ADDRESS" in " ".join(result.stderr.replace("│", " ").split())
