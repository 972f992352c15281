import shutil
from contextlib import contextmanager

import pytest

from app.workflow.commands import COMMANDS
from cache.run_folder import RunFolder
from engine.errors import RefusedInput


@pytest.mark.parametrize("kind", ["influence", "ceiling", "reweight"])
def test_a_run_that_another_process_finished_meanwhile_is_taken_as_it_is(
    trained_digits, finished_store, digits_store, run_use_case, contents, monkeypatch, kind
):
    (theirs,) = [run for run in finished_store.finished_runs() if run.manifest()["kind"] == kind]
    shutil.rmtree(digits_store.runs_folder / theirs.key)
    lock = RunFolder.lock

    @contextmanager
    def lock_that_was_waited_for(folder: RunFolder):
        with lock(folder):
            shutil.copytree(theirs.path, folder.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
            before.update(contents(folder.path))
            yield

    before: dict = {}
    monkeypatch.setattr(RunFolder, "lock", lock_that_was_waited_for)

    result = run_use_case(kind, trained_digits, digits_store)

    assert result["run"] == theirs.key
    assert before.keys() >= {"run.json"}
    after = contents(digits_store.run(theirs.key).path)
    assert {name: after[name] for name in before if not name.startswith(".")} == {
        name: told for name, told in before.items() if not name.startswith(".")
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_applies_its_options_to_the_study(trained_digits, finished_store, run_use_case, command):
    with pytest.raises(RefusedInput, match="seed"):
        run_use_case(command, trained_digits, finished_store, seed=-5)


def test_all_commands_are_known_by_the_names_that_users_type():
    assert list(COMMANDS) == [
        "train",
        "influence",
        "ceiling",
        "probe",
        "reweight",
        "climb",
        "validate",
        "calibrate",
        "epochs",
        "samples",
        "harmful",
        "preview",
    ]
