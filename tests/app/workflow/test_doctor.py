"""What ``doctor`` finds in the store, and what it mends."""

import shutil
from pathlib import Path

import pytest

from app.workflow.doctor import examine
from cache import Cache
from cache.store import Store


@pytest.fixture(autouse=True)
def _nothing_is_set_up(tmp_path, monkeypatch):
    """The machine that runs the tests may have a login of its own."""
    monkeypatch.setenv("HOME", str(tmp_path / "nobody's home"))
    for name in ("PARETOSCOPE_ROOTS", "PARETOSCOPE_CODE_ROOT", "PARETOSCOPE_DATA", "PARETOSCOPE_STORE"):
        monkeypatch.delenv(name, raising=False)


def told(result):
    return {check["name"]: check for check in result["checks"]}


def test_a_new_store_is_in_order(tmp_path):
    checks = told(examine(Store(tmp_path / "store")))
    names = "store disk runs cache environment gpu packages ray memory loading settings login address"
    assert set(checks) == set(names.split())
    assert [check for check in checks.values() if not check["ok"]] == []
    assert all(set(check) == {"name", "ok", "message"} for check in checks.values())


def test_a_finished_study_is_in_order(digits_store):
    checks = told(examine(digits_store))
    assert [check for check in checks.values() if not check["ok"]] == []
    count = len(digits_store.finished_runs())
    assert checks["runs"]["message"] == f"{count} of {count} finished runs are as they were written"
    assert checks["cache"]["message"] == f"{count} runs are in the cache, all as in their folders"


def test_a_damaged_run_is_named_and_the_others_are_counted(tmp_path):
    store = Store(tmp_path)
    store.run("broken").write_json("run.json", {"kind": "no such kind"})
    checks = told(examine(store))
    assert not checks["run broken"]["ok"]
    assert "no such kind" in checks["run broken"]["message"]
    assert checks["cache"]["message"].startswith("0 runs")
    assert "of 1 that was not written down" in checks["runs"]["message"]


def test_a_byte_of_a_tensor_that_changed_is_found_by_the_name_of_its_part(digits_store):
    (run,) = [run for run in digits_store.finished_runs() if "improved.safetensors" in run.parts]
    tensors = run.path / "improved.safetensors"
    contents = bytearray(tensors.read_bytes())
    contents[-9] ^= 1
    tensors.write_bytes(contents)
    checks = told(examine(digits_store))
    assert not checks["runs"]["ok"]
    assert "not as it was written: improved.safetensors. Delete the run" in checks[f"run {run.key}"]["message"]


def test_a_damaged_cache_is_told_with_the_way_to_mend_it_and_is_mended(tmp_path):
    store = Store(tmp_path)
    store.database_path.write_bytes(b"no database at all" * 500)
    broken = told(examine(store))["cache"]
    assert not broken["ok"]
    assert "doctor --rebuild" in broken["message"]
    assert told(examine(store, rebuilding=True))["rebuild"]["ok"]
    assert told(examine(store))["cache"]["ok"]


def test_a_cache_that_is_not_what_the_folders_say_is_told_and_mended(digits_store):
    with Cache.open(digits_store) as cache:
        cache.ingest()
        with cache._cursor() as cursor:
            cursor.execute("DELETE FROM samples WHERE idx = 7")
    broken = told(examine(digits_store))["cache"]
    assert not broken["ok"]
    assert "the cache has 199 samples of 200" in broken["message"]
    assert broken["message"].endswith("Rebuild it with: python -m app doctor --rebuild")
    assert told(examine(digits_store, rebuilding=True))["cache"]["ok"]


def test_a_store_in_use_is_left_alone(tmp_path):
    with Cache.open(Store(tmp_path), address="http://127.0.0.1:1"):
        checks = told(examine(Store(tmp_path)))
    assert checks["cache"]["ok"]
    assert "http://127.0.0.1:1" in checks["cache"]["message"]
    assert "this machine alone is let in" in checks["address"]["message"]


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=10**6))
    disk = told(examine(Store(tmp_path)))["disk"]
    assert not disk["ok"]
    assert "1.0 MB are free" in disk["message"]
    assert "app prune" in disk["message"]


def test_a_store_that_may_not_be_written_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, _: Path(path) != tmp_path)
    store = told(examine(Store(tmp_path / "store")))["store"]
    assert not store["ok"]
    assert f"{tmp_path / 'store'} may not be written: mend its permissions" in store["message"]
