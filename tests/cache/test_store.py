import os
import subprocess
import sys
from pathlib import Path

import pytest

import cache
import cache.cache
from cache.store import Store, StoreBusy, default_store_root
from engine.errors import RefusedInput

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def samples(tmp_path) -> Path:
    folder = tmp_path / "samples" / "digits"
    (folder / "runs" / "shipped").mkdir(parents=True)
    (folder / "runs" / "shipped" / "run.json").write_text("{}")
    (folder / "study.toml").write_text("")
    return tmp_path / "samples"


def test_a_store_makes_nothing_before_something_is_written(tmp_path):
    store = Store(tmp_path / "store")
    assert store.finished_runs() == []
    assert store.studies() == []
    assert not store.run("abc").is_finished
    assert not store.root.exists()


def test_runs_are_found_in_the_store_and_in_the_shipped_samples(tmp_path, samples):
    store = Store(tmp_path / "store", samples)
    store.run("own").finish({})
    store.run("begun").write_json("state.json", 1)
    assert [folder.key for folder in store.finished_runs()] == ["own", "shipped"]
    assert [folder.key for folder in store.unfinished_runs()] == ["begun"]
    assert store.run("shipped").readonly
    assert not store.run("own").readonly


def test_the_finished_one_of_two_runs_with_one_key_is_taken(tmp_path, samples):
    store = Store(tmp_path / "store", samples)
    (store.runs_folder / "shipped").mkdir(parents=True)
    assert store.run("shipped").readonly
    (store.runs_folder / "shipped" / "run.json").write_text("{}")
    assert not store.run("shipped").readonly
    assert [folder.readonly for folder in store.finished_runs()] == [False]


@pytest.mark.parametrize("key", ["", "../escape", "a/b", ".lock", "a b", "'; DROP TABLE runs", "k" * 65])
def test_a_key_that_is_a_path_is_refused(tmp_path, key):
    with pytest.raises(RefusedInput, match="is not the key of a run"):
        Store(tmp_path).run(key)


def test_registered_studies_are_listed_once_before_the_shipped(tmp_path, samples):
    store = Store(tmp_path / "store", samples)
    files = [tmp_path / name for name in ("z.toml", "a.toml", "gone.toml")]
    for file in [*files, files[0], samples / "digits" / "study.toml"]:
        file.touch()
        store.register_study(file)
    files[2].unlink()
    (store.studies_folder / "damaged.json").write_text("{")
    assert [path.name for path in store.studies()] == ["z.toml", "a.toml", "study.toml"]
    with pytest.raises(RefusedInput, match="no study file"):
        store.register_study(tmp_path / "nowhere.toml")


def test_the_store_is_named_by_the_environment_or_lies_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARETOSCOPE_STORE", raising=False)
    assert default_store_root() == tmp_path / ".paretoscope"
    monkeypatch.setenv("PARETOSCOPE_STORE", str(tmp_path / "elsewhere"))
    assert default_store_root() == tmp_path / "elsewhere"


def test_a_store_in_use_says_by_whom(tmp_path):
    store = Store(tmp_path)
    with (
        store.lock("http://127.0.0.1:8501"),
        pytest.raises(StoreBusy, match=r"in use by process \d+ at http://127.0.0.1:8501"),
        store.lock(),
    ):
        pass
    with store.lock():
        pass


def test_commands_and_workers_load_neither_duckdb_nor_torch():
    script = "import sys, cache, cache.store, cache.run_folder, cache.fingerprints; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY
    ).stdout.split()
    assert not {"duckdb", "torch", "streamlit"} & set(loaded)
    assert "cache.store" in loaded


def test_the_database_is_reached_through_the_package_too():
    assert cache.Cache is cache.cache.Cache
    assert not hasattr(cache, "nothing")


def test_a_deleted_run_is_gone_with_all_its_parts(tmp_path):
    store = Store(tmp_path)
    store.run("one").write_json("part.json", 1)
    store.run("one").finish({})
    store.run("two").finish({})

    store.delete_run("one")

    assert [folder.key for folder in store.finished_runs()] == ["two"]
    assert [path.name for path in store.runs_folder.iterdir()] == ["two"]


def test_an_interrupted_deletion_is_no_run_and_goes_with_the_next(tmp_path):
    store = Store(tmp_path)
    store.run("one").finish({})
    left = store.runs_folder / ".deleted-gone-12345678"
    left.mkdir()
    (left / "run.json").write_text("{}")

    assert [folder.key for folder in store.finished_runs()] == ["one"]
    store.delete_run("one")
    assert not left.exists()


def test_shipped_missing_and_running_runs_are_not_deleted(tmp_path, samples):
    store = Store(tmp_path / "store", samples)
    with pytest.raises(RefusedInput, match="was shipped"):
        store.delete_run("shipped")
    with pytest.raises(RefusedInput, match="there is no run nothing"):
        store.delete_run("nothing")
    store.run("own").write_json("part.json", 1)
    with store.run("own").lock(), pytest.raises(RefusedInput, match="is being computed"):
        store.delete_run("own")
    assert store.run("shipped").is_finished
    assert store.run("own").parts == ("part.json",)


def test_a_forgotten_study_is_off_the_list_and_its_files_stay(tmp_path, samples):
    store = Store(tmp_path / "store", samples)
    file = tmp_path / "study.toml"
    file.touch()
    store.register_study(file)
    shipped = (samples / "digits" / "study.toml").resolve()

    store.forget_study(file)

    assert store.studies() == [shipped]
    assert file.is_file()
    with pytest.raises(RefusedInput, match="is on the list"):
        store.forget_study(file)
    with pytest.raises(RefusedInput, match="was shipped"):
        store.forget_study(shipped)
    assert store.is_shipped_study(shipped)
    assert not store.is_shipped_study(file)


def test_a_study_in_a_folder_whose_name_is_no_text_is_refused(tmp_path):
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    (folder / "study.toml").touch()
    with pytest.raises(RefusedInput, match="is no text in UTF-8"):
        Store(tmp_path / "store").register_study(folder / "study.toml")


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, "[]", '{"registered": 1}', '{"registered": 1, "file": 2}'],
    ids=["too deep", "a list", "no file", "a number for a file"],
)
def test_a_damaged_entry_of_the_list_costs_its_own_line_alone(tmp_path, content):
    store = Store(tmp_path / "store")
    (tmp_path / "study.toml").touch()
    store.register_study(tmp_path / "study.toml")
    (store.studies_folder / "damaged.json").write_text(content)
    assert (store.studies(), store.lost_studies()) == ([tmp_path / "study.toml"], [])


def test_an_entry_with_a_name_that_no_disk_takes_is_a_lost_study(tmp_path):
    store = Store(tmp_path / "store")
    store.studies_folder.mkdir(parents=True)
    name = f"/{'n' * 300}/study.toml"
    (store.studies_folder / "long.json").write_text(f'{{"registered": 1, "file": "{name}"}}')
    assert (store.studies(), store.lost_studies()) == ([], [Path(name)])


def test_a_study_whose_file_was_moved_is_known_as_lost_and_can_be_forgotten(tmp_path):
    store = Store(tmp_path / "store")
    file = tmp_path / "study.toml"
    file.touch()
    store.register_study(file)
    assert store.lost_studies() == []
    file.unlink()

    assert (store.studies(), store.lost_studies()) == ([], [file])
    store.forget_study(file)
    assert store.lost_studies() == []
