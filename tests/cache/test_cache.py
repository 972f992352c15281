import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cache.cache import Cache, ingest_if_free, rebuild
from cache.store import StoreBusy
from engine.errors import RefusedInput

REPOSITORY = Path(__file__).parents[2]
VECTORS = np.random.default_rng(0).normal(size=(200, 3))

# A server: opens the cache, and at each line it is sent ingests and tells what came in.
SERVER = """
import sys
from cache.cache import Cache
from cache.store import Store

with Cache.open(Store(sys.argv[1]), "http://127.0.0.1:8501") as cache:
    print("open", flush=True)
    for line in sys.stdin:
        print(*cache.ingest(), flush=True)
"""


def test_a_second_process_is_refused_and_leaves_ingestion_to_the_first(store, write_influence):
    command = [sys.executable, "-c", SERVER, str(store.root)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == "open\n"
        with pytest.raises(StoreBusy, match=rf"in use by process {server.pid} at http://127.0.0.1:8501"):
            Cache.open(store)
        write_influence(store.run("abc"), VECTORS)
        assert ingest_if_free(store) is None
        with pytest.raises(StoreBusy):
            rebuild(store)
        server.stdin.write("ingest\n")
        assert server.stdout.readline() == "abc\n"
        server.stdin.close()
    assert ingest_if_free(store) == []
    with Cache.open(store) as cache:
        assert [run["key"] for run in cache.runs()] == ["abc"]


def test_a_second_cache_in_one_process_is_refused_too_and_closing_frees_the_store(store):
    first = Cache.open(store)
    with pytest.raises(StoreBusy):
        Cache.open(store)
    first.close()
    first.close()
    Cache.open(store).close()


def test_a_cache_that_cannot_be_opened_leaves_the_store_free(store):
    store.root.mkdir()
    store.database_path.write_bytes(b"not a database")
    for _ in range(2):
        with pytest.raises(RefusedInput, match="doctor --rebuild"):
            Cache.open(store)
    with store.lock():
        pass


def test_a_damaged_cache_is_moved_aside_and_built_again_from_the_run_folders(store, write_influence):
    expected = write_influence(store.run("abc"), VECTORS)
    ingest_if_free(store)
    damaged = store.database_path.read_bytes()[:5000]
    store.database_path.write_bytes(damaged)
    store.database_path.with_name("cache.duckdb.wal").write_bytes(b"damaged too")
    assert rebuild(store) == ["abc"]
    with Cache.open(store) as cache:
        np.testing.assert_array_equal(cache.vectors("abc"), expected)
    aside = [path for path in store.root.glob("cache-aside-*") if path.suffix == ".duckdb"]
    assert [path.read_bytes() for path in aside] == [damaged]
    assert len(list(store.root.glob("cache-aside-*.wal"))) == 1


def test_rebuilding_where_there_is_no_cache_builds_one(store, write_influence):
    write_influence(store.run("abc"), VECTORS)
    assert rebuild(store) == ["abc"]
    assert not list(store.root.glob("cache-aside-*"))


def test_threads_share_one_cache_while_runs_come_in(store, write_influence):
    expected = write_influence(store.run("first"), VECTORS)
    with Cache.open(store) as cache, ThreadPoolExecutor(8) as pool:
        cache.ingest()

        def look(number: int) -> bool:
            if number % 10 == 0:
                write_influence(store.run(f"run{number}"), VECTORS)
                cache.ingest()
            counts = cache.region_counts("first", 0, number % 3)
            return np.array_equal(cache.vectors("first"), expected) and sum(counts.values()) == len(VECTORS)

        assert all(pool.map(look, range(40)))
        cache.ingest()
        assert len(cache.runs()) == 5


def test_what_the_last_ingestion_refused_is_told_and_logged_once(store, write_influence, caplog):
    write_influence(store.run("abc"), VECTORS, samples=7)
    with Cache.open(store) as cache:
        assert cache.ingest() == cache.ingest() == []
        assert "not a permutation" in str(cache.refused["abc"])
        assert len(caplog.records) == 1
        write_influence(store.run("abc"), VECTORS)
        assert cache.ingest() == ["abc"]
        assert cache.refused == {}


def test_a_deleted_run_is_gone_from_the_store_and_from_every_table(store, write_influence):
    vectors = np.random.default_rng(0).normal(size=(20, 3))
    for key in ("one", "two"):
        write_influence(store.run(key), vectors)
    with Cache.open(store) as cache:
        cache.ingest()

        cache.delete_run("one")

        assert not store.run("one").path.exists()
        assert not cache.has_run("one")
        assert cache.ingest() == []
        assert [run["key"] for run in cache.runs()] == ["two"]
        np.testing.assert_allclose(cache.vectors("two"), vectors, rtol=1e-6)
        # Computed again, it comes in again, and once.
        write_influence(store.run("one"), vectors[:5])
        assert cache.ingest() == ["one"]
        assert cache.vectors("one").shape == (5, 3)


def test_a_run_that_cannot_be_deleted_keeps_its_rows(store, write_influence):
    write_influence(store.run("one"), np.ones((4, 2)))
    with Cache.open(store) as cache:
        cache.ingest()
        with store.run("one").lock(), pytest.raises(RefusedInput, match="is being computed"):
            cache.delete_run("one")
        assert cache.vectors("one").shape == (4, 2)
