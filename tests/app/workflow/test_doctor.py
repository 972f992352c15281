"""What ``doctor`` finds, and what it mends."""

from app.workflow.doctor import examine
from cache import Cache
from cache.store import Store


def told(result):
    return {check["name"]: check for check in result["checks"]}


def test_a_new_store_is_in_order(tmp_path):
    checks = told(examine(Store(tmp_path / "store")))
    assert set(checks) == {"store", "cache", "environment"}
    assert all(check["ok"] for check in checks.values())


def test_a_damaged_run_is_named_and_the_others_are_counted(finished_store, tmp_path):
    store = Store(tmp_path)
    store.run("broken").write_json("run.json", {"kind": "no such kind"})
    checks = told(examine(store))
    assert not checks["run broken"]["ok"]
    assert "no such kind" in checks["run broken"]["message"]
    assert checks["cache"]["message"].startswith("0 runs")


def test_a_damaged_cache_is_told_with_the_way_to_mend_it_and_is_mended(tmp_path):
    store = Store(tmp_path)
    store.database_path.write_bytes(b"no database at all" * 500)
    broken = told(examine(store))["cache"]
    assert not broken["ok"]
    assert "doctor --rebuild" in broken["message"]
    assert told(examine(store, rebuilding=True))["rebuild"]["ok"]
    assert told(examine(store))["cache"]["ok"]


def test_a_store_in_use_is_left_alone(tmp_path):
    with Cache.open(Store(tmp_path), address="http://127.0.0.1:1"):
        checks = told(examine(Store(tmp_path)))
    assert checks["cache"]["ok"]
    assert "http://127.0.0.1:1" in checks["cache"]["message"]
